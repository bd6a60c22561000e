"""From reduced rows to estimates: confusion metrics from the counts, score metrics from the curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from recidiv_core.groups.metrics import CONFUSION_METRICS, METRICS, PROPORTION, SCORE_METRICS, membership
from recidiv_core.stats import (
    ConfusionCounts,
    Estimates,
    ScoreCurves,
    auc_bounds,
    difference_bounds,
    student,
    wilson_bounds,
)

MIN_DENOMINATOR = 10
N_CALIBRATION_BINS = 10
POWER = 0.8
_BIN_EDGES = np.arange(N_CALIBRATION_BINS) / N_CALIBRATION_BINS
_NUMERATOR, _DENOMINATOR = membership("numerator"), membership("denominator")
_AUC, _LOG_LOSS, _BRIER, _CALIBRATION = range(len(SCORE_METRICS))
_N_CONFUSION = len(CONFUSION_METRICS)
_SHAPED = {k: metric.shape for k, metric in enumerate(CONFUSION_METRICS) if metric.shape is not PROPORTION}


@dataclass(frozen=True, eq=False)
class ScoreStatistics:
    """The score metrics of each group, shape (G, 4) in the order of ``SCORE_METRICS``.

    ``n_pos`` and ``n_neg`` (G,) are effective numbers of positives and negatives. ``spread`` (G, bins) are the
    variances of the summed gaps between outcome and score in each calibration bin.
    """

    value: np.ndarray
    error: np.ndarray
    n: np.ndarray
    n_pos: np.ndarray
    n_neg: np.ndarray
    spread: np.ndarray

    @classmethod
    def from_curves(cls, curves: ScoreCurves, *, probabilities: bool) -> ScoreStatistics:
        """``probabilities``: whether the scores can be read as such; otherwise only the AUC exists."""
        n_groups = len(curves.groups)
        value, error, n = (np.full((n_groups, len(SCORE_METRICS)), np.nan) for _ in range(3))
        n_pos, n_neg = np.zeros(n_groups), np.zeros(n_groups)
        spread = np.zeros((n_groups, N_CALIBRATION_BINS))
        for g, curve in enumerate(curves.groups.values()):
            value[g, _AUC], error[g, _AUC], n_pos[g], n_neg[g] = curve.auc()
            n[g] = n_pos[g] + n_neg[g]
            total = sum(curve.total)
            if not probabilities or total == 0:
                continue
            up, down = 1 - curve.scores, curve.scores
            tiny = np.finfo(float).eps  # as scikit-learn has it: a certain score that is wrong costs 36, not infinity
            logs = -np.log(np.maximum(down, tiny)), -np.log(np.maximum(up, tiny))
            value[g, _LOG_LOSS], error[g, _LOG_LOSS], n[g, _LOG_LOSS] = curve.mean(*logs)
            value[g, _BRIER], _, n[g, _BRIER] = curve.mean(up**2, down**2)
            gaps = curve.sums(curve.positive * up - curve.negative * down, _BIN_EDGES) / total
            squares = curve.positive_squared * up**2 + curve.negative_squared * down**2
            spread[g] = curve.sums(squares, _BIN_EDGES) / total**2
            value[g, _CALIBRATION] = np.abs(gaps).sum()
        # A value in [0, 1] with mean m has a variance of at most m(1 − m) (Bhatia and Davis 2000), so Wilson's interval
        # of a proportion covers. One from the rows seen would vanish where a rare mistake was not seen.
        brier = value[:, _BRIER]
        with np.errstate(invalid="ignore"):
            error[:, _BRIER] = np.sqrt(brier * (1 - brier) / n[:, _BRIER])
        return cls(value, error, n, n_pos, n_neg, spread)

    def bounds(self, z: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Interval of the groups ``rows`` (R,) at z (R, 4). The calibration error has none here."""
        value, error, n = self.value[rows], self.error[rows], self.n[rows]
        low, high = np.full(value.shape, np.nan), np.full(value.shape, np.nan)
        auc, loss, brier = value[:, _AUC], value[:, _LOG_LOSS], value[:, _BRIER]
        low[:, _AUC], high[:, _AUC] = auc_bounds(auc, error[:, _AUC], self.n_pos[rows], self.n_neg[rows], z[:, _AUC])
        half = student(z[:, _LOG_LOSS], n[:, _LOG_LOSS] - 1) * error[:, _LOG_LOSS]
        low[:, _LOG_LOSS], high[:, _LOG_LOSS] = np.maximum(loss - half, 0), loss + half
        low[:, _BRIER], high[:, _BRIER] = wilson_bounds(brier, n[:, _BRIER], z[:, _BRIER])
        return low, high

    def calibration_interval(self, *, confidence_level: float, n_boot: int, random: np.random.Generator) -> np.ndarray:
        """Interval (G, 2) of the calibration error: the estimate ± a quantile of the summed noise of the bins.

        Noise only adds to a sum of absolute values, so a percentile interval would sit too high; by the triangle
        inequality the estimate is never further from the truth than the noise's own sum. All groups share the
        draws: each interval is its group's own, whatever the others are.
        """
        noise = np.abs(random.standard_normal((n_boot, 1, N_CALIBRATION_BINS))) * np.sqrt(self.spread)
        reach = np.quantile(noise.sum(axis=2), confidence_level, axis=0)
        value = self.value[:, _CALIBRATION]
        return np.column_stack([np.maximum(value - reach, 0), np.minimum(value + reach, 1)])


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
        error = np.nan_to_num(scores.error)
        columns.append((scores.value, np.nan_to_num(scores.n), noise * error, error))
    value, size, draws, error = (np.concatenate(part, axis=-1) for part in zip(*columns, strict=True))
    metrics = tuple(m.name for m in (*CONFUSION_METRICS, *(SCORE_METRICS if scores is not None else ())))
    reason = _reasons(metrics, value, counts)
    support = _support(counts, size, scores, min_support)
    compared = np.array([not METRICS[name].not_compared for name in metrics])
    family = compared & np.array([METRICS[name].complement_of is None for name in metrics])

    def bounds(z: np.ndarray | float, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z = np.broadcast_to(z, (len(rows), len(metrics)))
        low, high = (_shaped(b) for b in wilson_bounds(q[rows], size[rows, :_N_CONFUSION], z[:, :_N_CONFUSION]))
        if scores is None:
            return low, high
        more_low, more_high = scores.bounds(z[:, _N_CONFUSION:], rows)
        return np.concatenate([low, more_low], axis=1), np.concatenate([high, more_high], axis=1)

    def detectable(worst: np.ndarray, critical: float, tolerance: float) -> np.ndarray:
        return _detectable(q, size, scores, worst, critical, tolerance)

    usable = (support == "") & (reason == "") & compared
    estimates = Estimates(
        value=value,
        usable=usable,
        family=family,
        error=np.maximum(error, 1e-300),
        draws=draws,
        bounds=bounds,
        detectable=detectable,
    )
    return GroupEstimates(metrics=metrics, value=value, size=size, reason=reason, support=support, estimates=estimates)


def _proportions(counts: ConfusionCounts) -> tuple[np.ndarray, np.ndarray]:
    """q and its effective denominator for every confusion metric, each (G, K)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        q = (counts.weight @ _NUMERATOR.T) / (counts.weight @ _DENOMINATOR.T)
    return q, counts.effective(_DENOMINATOR)


def _shaped(q: np.ndarray) -> np.ndarray:
    """Proportions (…, K) as the metrics they stand for."""
    value = q.copy()
    for k, shape in _SHAPED.items():
        value[..., k] = shape.value(q[..., k])
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


def _reasons(metrics: tuple[str, ...], value: np.ndarray, counts: ConfusionCounts) -> np.ndarray:
    """Why a value does not exist, "" where it does; ``value`` becomes NaN there, infinite ratios too."""
    undefined = np.array([METRICS[name].undefined for name in metrics], dtype=object)
    reason = np.where(np.isfinite(value), "", undefined)
    reason[counts.weight.sum(axis=1) == 0] = "every row has the weight 0"
    value[reason != ""] = np.nan
    return reason


def _support(counts: ConfusionCounts, size: np.ndarray, scores: ScoreStatistics | None, min_support: int) -> np.ndarray:
    """Why a group is left out of a comparison; "" where it is not."""
    support = np.full(size.shape, "", dtype=object)
    needed = size.copy()
    if scores is not None:
        needed[:, _N_CONFUSION + _AUC] = np.minimum(scores.n_pos, scores.n_neg)
    few = needed < MIN_DENOMINATOR
    support[few] = [f"fewer than {MIN_DENOMINATOR} rows in the denominator ({x:.0f})" for x in needed[few]]
    n = counts.n.sum(axis=1)
    for g in np.flatnonzero(n < min_support):
        support[g, :] = f"fewer than {min_support} rows ({n[g]})"
    return support


def _detectable(
    q: np.ndarray,
    size: np.ndarray,
    scores: ScoreStatistics | None,
    worst: np.ndarray,
    critical: float,
    tolerance: float,
) -> np.ndarray:
    """Smallest difference of each metric's worst pair that *exceeds* would be said of in four of five samples, (K,).

    The lower group has the pooled value, the higher one more by the difference: that difference at which its expected
    interval, less what chance takes off in one of five samples, still ends above the tolerance. NaN: there is none.
    """
    if scores is not None:
        q = np.concatenate([q, scores.value], axis=1)
    k = np.arange(q.shape[1])
    high, low = np.maximum(worst[:, 0], 0), np.maximum(worst[:, 1], 0)
    n_high, n_low = size[high, k], size[low, k]
    with np.errstate(divide="ignore", invalid="ignore"):
        counts = np.nan_to_num(q[high, k]) * n_high + np.nan_to_num(q[low, k]) * n_low
        pooled = (counts + 0.5) / (n_high + n_low + 1)
        found = _smallest_shown(pooled, n_high, n_low, critical, tolerance)
        if scores is not None:
            reach = np.hypot(scores.error[high[_N_CONFUSION], _AUC], scores.error[low[_N_CONFUSION], _AUC])
            auc = tolerance + (critical + ndtri(POWER)) * reach
            found[_N_CONFUSION + _AUC] = auc if reach > 0 and auc <= 1 else np.nan
    return found


def _smallest_shown(base, n_high, n_low, critical: float, tolerance: float) -> np.ndarray:
    """By bisection over the higher group's proportion; the first three are arrays (K,)."""

    def spread(proportion: np.ndarray, n: np.ndarray) -> np.ndarray:
        slope = np.ones_like(proportion)
        for k, shape in _SHAPED.items():
            slope[k] = shape.slope(proportion[k])
        return slope * np.sqrt(proportion * (1 - proportion) / n)

    bounds_low = [_shaped(limit) for limit in wilson_bounds(base, n_low, critical)]

    def is_shown(proportion: np.ndarray) -> np.ndarray:
        bounds_high = [_shaped(limit) for limit in wilson_bounds(proportion, n_high, critical)]
        ends = difference_bounds(_shaped(proportion), *bounds_high, _shaped(base), *bounds_low)[0]
        return ends - ndtri(POWER) * np.hypot(spread(proportion, n_high), spread(base, n_low)) > tolerance

    least, most = base.copy(), np.full(base.shape, 1 - 1e-9)
    reachable = is_shown(most)
    for _ in range(18):
        middle = (least + most) / 2
        shown = is_shown(middle)
        least, most = np.where(shown, least, middle), np.where(shown, middle, most)
    return np.where(reachable, _shaped(most) - _shaped(base), np.nan)
