"""Score curves: per group, everything there is to know at every threshold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class ScoreCurve:
    """One group: its unique scores in ascending order, and what lies at each.

    ``positive`` and ``negative`` are summed weights (counts, without weights) of rows with that exact score,
    ``*_squared`` the summed squared weights. All arrays have one shape, (unique scores,).
    """

    scores: np.ndarray
    positive: np.ndarray
    negative: np.ndarray
    positive_squared: np.ndarray
    negative_squared: np.ndarray

    @cached_property
    def total(self) -> tuple[float, float]:
        """Summed weight of the positives and of the negatives."""
        return float(self.positive.sum()), float(self.negative.sum())

    @cached_property
    def n_effective(self) -> float:
        """Rows; with weights, Kish's effective number of them."""
        weight = float((self.positive + self.negative).sum())
        squared = float((self.positive_squared + self.negative_squared).sum())
        return weight**2 / squared if squared else 0.0

    @cached_property
    def falling(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every threshold that matters in falling order, "flag nobody" (infinity) first, with its true and false
        positives.

        Each has the shape (unique scores + 1,).
        """
        tp, fp = (np.concatenate([[0.0], np.cumsum(side[::-1])]) for side in (self.positive, self.negative))
        return np.concatenate([[np.inf], self.scores[::-1]]), tp, fp

    def flagged_at(self, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """True and false positives when a row is flagged at score ≥ threshold, for each threshold."""
        _, true, false = self.falling
        place = len(self.scores) - np.searchsorted(self.scores, thresholds, side="left")
        return true[place], false[place]

    def sums(self, values: np.ndarray, edges: np.ndarray) -> np.ndarray:
        """Sums of ``values``, one for each unique score, over the bins [edge, next edge); the last has no end."""
        running = np.r_[0, np.cumsum(values)]
        starts = np.searchsorted(self.scores, edges, side="left")
        return np.diff(running[np.r_[starts, len(self.scores)]])

    def auc(self) -> tuple[float, float, float, float]:
        """AUC, DeLong's standard error, and the effective numbers of positives and negatives.

        DeLong, DeLong and Clarke-Pearson (1988); ties count one half. NaN when a class is empty.
        """
        positives, negatives = self.total
        n_pos, n_neg = (
            _effective(self.positive, self.positive_squared),
            _effective(self.negative, self.negative_squared),
        )
        if positives == 0 or negatives == 0:
            return float("nan"), float("nan"), n_pos, n_neg
        below = (np.cumsum(self.negative) - self.negative / 2) / negatives
        above = 1 - (np.cumsum(self.positive) - self.positive / 2) / positives
        auc = float((self.positive * below).sum() / positives)
        variance = _placement_variance(below, auc, self.positive_squared, positives, n_pos)
        variance += _placement_variance(above, auc, self.negative_squared, negatives, n_neg)
        return auc, float(np.sqrt(variance)), n_pos, n_neg

    def mean(self, of_positive: np.ndarray, of_negative: np.ndarray) -> tuple[float, float, float]:
        """Mean of a per-row value that depends on score and outcome, its standard error, and the effective n."""
        weight, squared = self.positive + self.negative, self.positive_squared + self.negative_squared
        n = _effective(weight, squared)
        total = weight.sum()
        if total == 0:
            return float("nan"), float("nan"), 0.0
        mean = (self.positive @ of_positive + self.negative @ of_negative) / total
        above, below = of_positive - mean, of_negative - mean
        spread = self.positive_squared @ (above * above) + self.negative_squared @ (below * below)
        correction = n / (n - 1) if n > 1 else float("nan")
        return float(mean), float(np.sqrt(spread * correction) / total), n


def _effective(weight: np.ndarray, squared: np.ndarray) -> float:
    total = float(squared.sum())
    return float(weight.sum()) ** 2 / total if total else 0.0


def _placement_variance(placement: np.ndarray, auc: float, squared: np.ndarray, total: float, n: float) -> float:
    if n <= 1:
        return float("nan")
    return float((squared @ (placement - auc) ** 2) / total**2 * n / (n - 1))


@dataclass(frozen=True, eq=False)
class ScoreCurves:
    """A :class:`ScoreCurve` for each group. Curves of two parts of the rows merge by addition."""

    groups: dict[str, ScoreCurve]

    @classmethod
    def from_arrays(
        cls,
        y_true: np.ndarray,
        y_score: np.ndarray,
        sensitive: np.ndarray,
        *,
        sample_weight: np.ndarray | None = None,
    ) -> ScoreCurves:
        """Reduce rows: outcome (bool), score, group and weight, each of shape (n,)."""
        found, values = pd.factorize(np.asarray(sensitive, dtype=object))
        # By their text, in its order: few values, so the many rows are neither sorted nor turned into text. A missing
        # value has the code −1 and so the last place.
        texts = [str(value) for value in values] + (["nan"] if (found < 0).any() else [])
        levels, places = np.unique(texts, return_inverse=True)
        codes = places.astype(np.int16)[found]
        return cls.from_codes(y_true, y_score, codes, tuple(map(str, levels)), sample_weight=sample_weight)

    @classmethod
    def from_codes(
        cls,
        y_true: np.ndarray,
        y_score: np.ndarray,
        codes: np.ndarray,
        levels: tuple[str, ...],
        *,
        sample_weight: np.ndarray | None = None,
    ) -> ScoreCurves:
        """As :meth:`from_arrays`, with the groups already encoded: row i is in ``levels[codes[i]]``."""
        order = np.argsort(codes, kind="stable")  # a radix sort for small integers: one pass instead of one a group
        scores, positive = np.asarray(y_score)[order], np.asarray(y_true, dtype=bool)[order]
        weight = None if sample_weight is None else sample_weight[order]
        ends = np.cumsum(np.bincount(codes, minlength=len(levels)))
        curves = {}
        for level, start, end in zip(levels, np.r_[0, ends], ends, strict=False):
            own = slice(start, end)
            curves[level] = _curve(scores[own], positive[own], None if weight is None else weight[own])
        return cls(curves)

    def merge(self, other: ScoreCurves) -> ScoreCurves:
        """The curves of both parts of the rows together."""
        names = dict.fromkeys((*self.groups, *other.groups))
        parts = {n: [c.groups[n] for c in (self, other) if n in c.groups] for n in names}
        return ScoreCurves({name: _added(curves) for name, curves in parts.items()})

    @cached_property
    def pooled(self) -> ScoreCurve:
        """All groups as one."""
        return _added(list(self.groups.values()))


def _curve(scores: np.ndarray, positive: np.ndarray, weight: np.ndarray | None) -> ScoreCurve:
    order = np.argsort(scores)
    scores, positive = scores[order], positive[order]
    starts = _starts(scores)

    def at_each(values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values, starts) if len(starts) else np.zeros(0)

    if weight is None:
        # As floats: everything that follows multiplies them with floats.
        n_positive = at_each(positive.astype(float))
        n_negative = np.diff(np.r_[starts, len(scores)]) - n_positive
        return ScoreCurve(scores[starts], n_positive, n_negative, n_positive, n_negative)
    weight = weight[order]
    parts = [at_each(np.where(side, weight**power, 0.0)) for power in (1, 2) for side in (positive, ~positive)]
    return ScoreCurve(scores[starts], *parts)


def _added(curves: list[ScoreCurve]) -> ScoreCurve:
    """Curves summed score by score."""
    scores = np.concatenate([curve.scores for curve in curves])
    if len(curves) == 1 or len(scores) == 0:
        return curves[0]
    order = np.argsort(scores, kind="stable")  # merges runs that are sorted already
    scores = scores[order]
    starts = _starts(scores)
    positive, negative = (
        np.add.reduceat(np.concatenate([getattr(c, side) for c in curves])[order], starts)
        for side in ("positive", "negative")
    )
    if all(curve.positive_squared is curve.positive for curve in curves):  # no weights: the squares are the counts
        return ScoreCurve(scores[starts], positive, negative, positive, negative)
    squares = (
        np.add.reduceat(np.concatenate([getattr(c, side) for c in curves])[order], starts)
        for side in ("positive_squared", "negative_squared")
    )
    return ScoreCurve(scores[starts], positive, negative, *squares)


def _starts(ordered: np.ndarray) -> np.ndarray:
    """Where each run of equal values begins."""
    return np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: len(ordered)])


def baseline_threshold(curve: ScoreCurve, *, min_precision: float = 0.85) -> float:
    """F's baseline (section 3.6): most recall with precision ≥ ``min_precision``, else most precision.

    Equal precision is settled by recall.
    """
    true, false = (side[:0:-1] for side in curve.falling[1:])  # at each score, in rising order
    # Where all that is flagged has the weight 0 there is no precision; −1 is never chosen.
    precision = np.divide(true, true + false, out=np.full(len(true), -1.0), where=true + false > 0)
    precise = np.flatnonzero(precision >= min_precision)
    # Recall grows as the threshold falls, so the lowest threshold of those that qualify has the most.
    best = precise[0] if len(precise) else np.flatnonzero(precision == precision.max())[0]
    return float(curve.scores[best])


def prevalence_threshold(curve: ScoreCurve) -> float:
    """The threshold at which the share of people flagged comes nearest to the share who had the outcome."""
    true, false = (side[:0:-1] for side in curve.falling[1:])
    return float(curve.scores[np.argmin(np.abs(true + false - curve.total[0]))])
