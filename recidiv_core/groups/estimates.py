"""From reduced rows to estimates: confusion metrics from the counts, score metrics from the curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recidiv_core.groups.metrics import CONFUSION_METRICS, METRICS, SCORE_METRICS, membership
from recidiv_core.stats import ConfusionCounts, Estimates, ScoreCurves, auc_bounds, student, wilson_bounds

MIN_DENOMINATOR = 10
N_CALIBRATION_BINS = 10
_BIN_EDGES = np.arange(N_CALIBRATION_BINS) / N_CALIBRATION_BINS
_NUMERATOR, _DENOMINATOR = membership("numerator"), membership("denominator")
_FAMILY = np.array([metric.complement_of is None for metric in CONFUSION_METRICS])


@dataclass(frozen=True, eq=False)
class ScoreStatistics:
    """The score metrics of each group, shape (G, 4) in the order of ``SCORE_METRICS``.

    ``n_pos`` and ``n_neg`` (G,) are effective numbers of positives and negatives. ``residuals`` and ``spread``
    (G, bins) are the sums of outcome − score per calibration bin and their variances.
    """

    value: np.ndarray
    error: np.ndarray
    n: np.ndarray
    n_pos: np.ndarray
    n_neg: np.ndarray
    residuals: np.ndarray
    spread: np.ndarray

    @classmethod
    def from_curves(cls, curves: ScoreCurves, *, probabilities: bool) -> ScoreStatistics:
        """``probabilities``: whether the scores can be read as such; otherwise only the AUC exists."""
        n_groups = len(curves.groups)
        value, error, n = (np.full((n_groups, len(SCORE_METRICS)), np.nan) for _ in range(3))
        n_pos, n_neg = np.zeros(n_groups), np.zeros(n_groups)
        residuals = np.zeros((n_groups, N_CALIBRATION_BINS))
        spread = np.zeros_like(residuals)
        for g, curve in enumerate(curves.groups.values()):
            value[g, 0], error[g, 0], n_pos[g], n_neg[g] = curve.auc()
            n[g] = n_pos[g] + n_neg[g]
            if not probabilities:
                continue
            up, down = 1 - curve.scores, curve.scores
            tiny = np.finfo(float).eps  # as scikit-learn has it: a certain score that is wrong costs 36, not infinity
            value[g, 1], error[g, 1], n[g, 1] = curve.mean(
                -np.log(np.maximum(down, tiny)), -np.log(np.maximum(up, tiny))
            )
            value[g, 2], error[g, 2], n[g, 2] = curve.mean(up**2, down**2)
            n[g, 3] = n[g, 2]
            total = sum(curve.total)
            residuals[g] = curve.sums(curve.positive * up - curve.negative * down, _BIN_EDGES) / total
            spread[g] = (
                curve.sums(curve.positive_squared * up**2 + curve.negative_squared * down**2, _BIN_EDGES) / total**2
            )
            value[g, 3] = np.abs(residuals[g]).sum()
        return cls(value, error, n, n_pos, n_neg, residuals, spread)

    def bounds(self, z: np.ndarray | float, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Interval of the groups ``rows`` at z, a scalar or (rows, 4). The calibration error has none here."""
        z = np.broadcast_to(z, (len(rows), len(SCORE_METRICS)))
        value, error = self.value[rows], self.error[rows]
        half = student(z, self.n[rows] - 1) * error
        low, high = np.maximum(value - half, 0), value + half
        high[:, 2] = np.minimum(high[:, 2], 1)
        low[:, 0], high[:, 0] = auc_bounds(value[:, 0], error[:, 0], self.n_pos[rows], self.n_neg[rows], z[:, 0])
        return low, high

    def calibration_interval(self, *, confidence_level: float, n_boot: int, random: np.random.Generator) -> np.ndarray:
        """Percentile interval (G, 2) of the calibration error: each bin's residual sum redrawn.

        All groups share the draws: each interval is its group's own, whatever the others are.
        """
        noise = random.standard_normal((n_boot, 1, self.residuals.shape[1]))
        drawn = np.abs(self.residuals + noise * np.sqrt(self.spread)).sum(axis=2)
        tail = (1 - confidence_level) / 2
        return np.quantile(drawn, [tail, 1 - tail], axis=0).T


@dataclass(frozen=True, eq=False)
class GroupEstimates:
    """Every metric of every group of one attribute: value, effective denominator and reason, each (G, K)."""

    metrics: tuple[str, ...]
    value: np.ndarray
    size: np.ndarray
    reason: np.ndarray
    support: np.ndarray
    estimates: Estimates


def estimate_groups(
    counts: ConfusionCounts,
    scores: ScoreStatistics | None,
    *,
    min_support: int,
    n_boot: int,
    random: np.random.Generator,
) -> GroupEstimates:
    """Estimate all metrics, say which exist and which can be compared, and draw the bootstrap."""
    q, size = _proportions(counts)
    value = _shaped(q)
    # Groups draw in the order of their counts, so that another name, and so another place, draws the same.
    order = np.lexsort(counts.weight.T)
    columns = [(value, size, *_confusion_draws(counts, order, n_boot, random))]
    if scores is not None:
        noise = np.empty((n_boot, *scores.value.shape))
        noise[:, order] = random.standard_normal(noise.shape)
        noise *= np.nan_to_num(scores.error)
        columns.append((scores.value, np.nan_to_num(scores.n), noise, np.nan_to_num(scores.error)))
    value, size, draws, error = (np.concatenate(part, axis=-1) for part in zip(*columns, strict=True))
    metrics = tuple(m.name for m in (*CONFUSION_METRICS, *(SCORE_METRICS if scores is not None else ())))
    reason = _reasons(metrics, value)
    support = _support(counts, size, scores, min_support)
    # The calibration error of a small group is larger by chance alone: its differences say nothing about groups.
    compared = np.array([name != "calibration_error" for name in metrics])
    family = np.r_[_FAMILY, compared[len(_FAMILY) :]]

    def bounds(z: np.ndarray | float, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z = np.broadcast_to(z, (len(rows), len(metrics)))
        own = slice(0, len(CONFUSION_METRICS))
        low, high = (_shaped(limit) for limit in wilson_bounds(q[rows], size[rows, own], z[:, own]))
        if scores is None:
            return low, high
        more_low, more_high = scores.bounds(z[:, len(CONFUSION_METRICS) :], rows)
        return np.concatenate([low, more_low], axis=1), np.concatenate([high, more_high], axis=1)

    def pair_error(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return _null_error(q, size, error, first, second)

    usable = (support == "") & (reason == "") & compared
    estimates = Estimates(value, usable, family, np.maximum(error, 1e-300), draws, bounds, pair_error)
    return GroupEstimates(metrics, value, size, reason, support, estimates)


def _proportions(counts: ConfusionCounts) -> tuple[np.ndarray, np.ndarray]:
    """q and its effective denominator for every confusion metric, each (G, K)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        q = (counts.weight @ _NUMERATOR.T) / (counts.weight @ _DENOMINATOR.T)
    return q, counts.effective(_DENOMINATOR)


def _shaped(q: np.ndarray) -> np.ndarray:
    """Proportions (…, K) as the metrics they stand for."""
    value = q.copy()
    for k, metric in enumerate(CONFUSION_METRICS):
        if metric.unit != "rate":
            value[..., k] = metric.shape.value(q[..., k])
    return value


def _confusion_draws(
    counts: ConfusionCounts, order: np.ndarray, n_boot: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Bootstrap deviations of q (B, G, K) and their standard error (G, K).

    Resampling a group's rows is a multinomial draw over its four cells. Half a row is added to each cell, so that
    an empty one can be drawn at all; the draws only set the critical value, never an estimate.
    """
    n_effective = counts.effective(np.ones((1, 4)))[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nan_to_num(counts.weight / counts.weight.sum(axis=1, keepdims=True), nan=0.25)
    cells = share * n_effective[:, None] + 0.5
    share = cells / cells.sum(axis=1, keepdims=True)
    size = np.maximum(np.rint(n_effective).astype(int), 1)
    drawn = np.empty((n_boot, len(size), 4))
    drawn[:, order] = random.multinomial(size[order], share[order], size=(n_boot, len(size)))
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (share @ _NUMERATOR.T) / (share @ _DENOMINATOR.T)
        q = (drawn @ _NUMERATOR.T) / (drawn @ _DENOMINATOR.T)
        error = np.sqrt(centre * (1 - centre) / (size[:, None] * (share @ _DENOMINATOR.T)))
    # A resample without a single row in the denominator says nothing: it counts as no deviation.
    return np.nan_to_num(q - centre), error


def _reasons(metrics: Sequence[str], value: np.ndarray) -> np.ndarray:
    """Why a value does not exist, "" where it does; ``value`` becomes NaN there, infinite ratios too."""
    undefined = np.array([METRICS[name].undefined for name in metrics], dtype=object)
    reason = np.where(np.isfinite(value), "", undefined)
    value[reason != ""] = np.nan
    return reason


def _support(counts: ConfusionCounts, size: np.ndarray, scores: ScoreStatistics | None, min_support: int) -> np.ndarray:
    """Why a group is left out of a comparison; "" where it is not."""
    support = np.full(size.shape, "", dtype=object)
    needed = size.copy()
    if scores is not None:
        needed[:, len(CONFUSION_METRICS)] = np.minimum(scores.n_pos, scores.n_neg)
    few = needed < MIN_DENOMINATOR
    support[few] = [f"fewer than {MIN_DENOMINATOR} rows in the denominator ({x:.0f})" for x in needed[few]]
    n = counts.n.sum(axis=1)
    for g in np.flatnonzero(n < min_support):
        support[g, :] = f"fewer than {min_support} rows ({n[g]})"
    return support


def _null_error(
    q: np.ndarray, size: np.ndarray, error: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Standard error of a difference if both groups had their pooled value, per metric, in its own unit."""
    k = np.arange(len(first))
    result = np.hypot(error[first, k], error[second, k])
    own = slice(0, q.shape[1])
    i, j, c = first[own], second[own], k[own]
    n_i, n_j = size[i, c], size[j, c]
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (np.nan_to_num(q[i, c]) * n_i + np.nan_to_num(q[j, c]) * n_j + 0.5) / (n_i + n_j + 1)
        spread = np.sqrt(pooled * (1 - pooled) * (1 / n_i + 1 / n_j))
        slopes = np.array([m.shape.slope(p) for m, p in zip(CONFUSION_METRICS, pooled, strict=True)])
    result[own] = spread * slopes
    return result
