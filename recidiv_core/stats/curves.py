"""Score curves: per group, everything there is to know at every threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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

    @property
    def total(self) -> tuple[float, float]:
        """Summed weight of the positives and of the negatives."""
        return float(self.positive.sum()), float(self.negative.sum())

    def flagged_at(self, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """True and false positives when a row is flagged at score ≥ threshold, for each threshold."""
        start = np.searchsorted(self.scores, thresholds, side="left")
        above = [np.r_[np.cumsum(side[::-1])[::-1], 0] for side in (self.positive, self.negative)]
        return above[0][start], above[1][start]

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
        spread = self.positive_squared @ (of_positive - mean) ** 2 + self.negative_squared @ (of_negative - mean) ** 2
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
        levels, codes = np.unique(np.asarray(sensitive).astype(str), return_inverse=True)
        return cls.from_codes(y_true, y_score, codes, tuple(levels), sample_weight=sample_weight)

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
        y_true = np.asarray(y_true, dtype=bool)
        curves = {}
        for code, level in enumerate(levels):
            own = codes == code
            weight = None if sample_weight is None else sample_weight[own]
            curves[level] = _curve(np.asarray(y_score)[own], y_true[own], weight)
        return cls(curves)

    def merge(self, other: ScoreCurves) -> ScoreCurves:
        """The curves of both parts of the rows together."""
        merged = dict(self.groups)
        for level, curve in other.groups.items():
            merged[level] = _added(merged[level], curve) if level in merged else curve
        return ScoreCurves(merged)

    def pooled(self) -> ScoreCurve:
        """All groups as one."""
        curves = list(self.groups.values())
        total = curves[0]
        for curve in curves[1:]:
            total = _added(total, curve)
        return total


def _curve(scores: np.ndarray, positive: np.ndarray, weight: np.ndarray | None) -> ScoreCurve:
    order = np.argsort(scores)
    scores, positive = scores[order], positive[order]
    starts = np.flatnonzero(np.r_[True, scores[1:] != scores[:-1]][: len(scores)])

    def at_each(values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values, starts) if len(starts) else np.zeros(0)

    if weight is None:
        n_positive = at_each(positive.astype(np.int64))
        n_negative = np.diff(np.r_[starts, len(scores)]) - n_positive
        return ScoreCurve(scores[starts], n_positive, n_negative, n_positive, n_negative)
    weight = weight[order]
    parts = [at_each(np.where(side, weight**power, 0.0)) for power in (1, 2) for side in (positive, ~positive)]
    return ScoreCurve(scores[starts], *parts)


def _added(a: ScoreCurve, b: ScoreCurve) -> ScoreCurve:
    scores = np.union1d(a.scores, b.scores)
    parts = []
    for name in ("positive", "negative", "positive_squared", "negative_squared"):
        one, two = getattr(a, name), getattr(b, name)
        total = np.zeros(len(scores), dtype=np.result_type(one, two))
        total[np.searchsorted(scores, a.scores)] += one
        total[np.searchsorted(scores, b.scores)] += two
        parts.append(total)
    return ScoreCurve(scores, *parts)


def baseline_threshold(curve: ScoreCurve, *, min_precision: float = 0.85) -> float:
    """F's baseline (section 3.6): most recall with precision ≥ ``min_precision``, else most precision.

    Equal precision is settled by recall.
    """
    true, false = curve.flagged_at(curve.scores)
    precision = true / (true + false)
    precise = np.flatnonzero(precision >= min_precision)
    # Recall grows as the threshold falls, so the lowest threshold of those that qualify has the most.
    best = precise[0] if len(precise) else np.flatnonzero(precision == precision.max())[0]
    return float(curve.scores[best])
