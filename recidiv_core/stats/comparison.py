"""All pairs of groups and all metrics of one table, compared simultaneously.

The range of a metric over groups is the largest |difference| over pairs, so simultaneous intervals of the pairs
bound it from both sides. The critical value is that of the largest standardised difference in the whole
table (max-|t|; Westfall and Young 1993), drawn from the bootstrap; each pair's interval then is the closed-form one
(MOVER) at that critical value, which keeps its shape near 0 and 1 where a t-interval would not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from recidiv_core.stats.intervals import difference_bounds, normal_quantile

_MAX_Z = 12.0  # beyond it p is under 1e-32


@dataclass(frozen=True, eq=False)
class Estimates:
    """K metrics for each of G groups, and how they vary.

    Attributes
    ----------
    value : (G, K)
    usable : (G, K) bool
        Whether the estimate exists and rests on enough rows to be compared.
    family : (K,) bool
        Metrics that count in the maximum; a complement (FNR beside TPR) only repeats one.
    error : (G, K)
        Standard error on the scale of ``draws``.
    draws : (B, G, K)
        Bootstrap deviations from the estimate.
    bounds : callable (z, rows) -> low, high
        Interval of groups ``rows`` (R,) at normal quantiles z, a scalar or (R, K); returns (R, K) each.
    detectable : callable (worst, critical, tolerance) -> (K,)
        The smallest difference of groups ``worst[k]`` (higher, lower) that would be called *exceeds* with 80 % power.
    """

    value: np.ndarray
    usable: np.ndarray
    family: np.ndarray
    error: np.ndarray
    draws: np.ndarray
    bounds: Callable[[np.ndarray | float, np.ndarray], tuple[np.ndarray, np.ndarray]]
    detectable: Callable[[np.ndarray, float, float], np.ndarray]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Pairs (P, 2) of groups with difference, bounds and adjusted p-value (P, K); per metric (K,) the rest.

    ``low`` and ``high`` bound the range. ``worst`` (K, 2) is the pair furthest apart, the higher group first, −1 where
    fewer than two groups can be compared. ``detectable`` is the smallest difference of that pair that would have
    been called *exceeds* with 80 % power.
    """

    critical: float
    n_draws: int
    pairs: np.ndarray
    difference: np.ndarray
    pair_low: np.ndarray
    pair_high: np.ndarray
    pair_p: np.ndarray
    range: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p_value: np.ndarray
    worst: np.ndarray
    detectable: np.ndarray


def compare_groups(estimates: Estimates, *, tolerance: float, confidence_level: float) -> Comparison:
    """Compare every pair of groups in every metric, simultaneously at ``confidence_level``."""
    n_groups = len(estimates.value)
    first, second = np.triu_indices(n_groups, 1)
    comparable = estimates.usable[first] & estimates.usable[second]
    maxima = _maxima(estimates, first, second, comparable)
    critical = normal_quantile(confidence_level)
    if len(maxima):
        critical = max(critical, float(np.quantile(maxima, confidence_level, method="higher")))
    difference = np.where(comparable, estimates.value[first] - estimates.value[second], np.nan)
    low, high = _pair_bounds(estimates, first, second, critical)
    low, high = np.where(comparable, low, np.nan), np.where(comparable, high, np.nan)
    p = _adjusted_p(estimates, first, second, comparable, difference, maxima)
    worst, spread = _furthest(first, second, difference, comparable)
    excluded_zero = np.where((low > 0) | (high < 0), np.minimum(abs(low), abs(high)), 0.0)
    any_pair = comparable.any(axis=0)
    detectable = estimates.detectable(worst, critical, tolerance)
    return Comparison(
        critical=critical,
        n_draws=len(maxima),
        pairs=np.column_stack([first, second]),
        difference=difference,
        pair_low=low,
        pair_high=high,
        pair_p=p,
        range=spread,
        low=np.where(any_pair, _max(np.where(comparable, excluded_zero, -np.inf)), np.nan),
        high=np.where(any_pair, _max(np.where(comparable, np.maximum(abs(low), abs(high)), -np.inf)), np.nan),
        p_value=np.where(any_pair, -_max(np.where(comparable, -p, -np.inf)), np.nan),
        worst=worst,
        detectable=np.where(any_pair, detectable, np.nan),
    )


def _max(values: np.ndarray) -> np.ndarray:
    return values.max(axis=0, initial=-np.inf)


def _maxima(estimates: Estimates, first: np.ndarray, second: np.ndarray, comparable: np.ndarray) -> np.ndarray:
    """The largest |standardised difference| of each draw, sorted; empty when nothing can be compared."""
    largest = np.zeros(len(estimates.draws))
    for k in np.flatnonzero(estimates.family & comparable.any(axis=0)):
        i, j = first[comparable[:, k]], second[comparable[:, k]]
        error = np.hypot(estimates.error[i, k], estimates.error[j, k])
        drawn = estimates.draws[:, :, k]
        np.maximum(largest, (np.abs(drawn[:, i] - drawn[:, j]) / error).max(axis=1), out=largest)
    return np.sort(largest) if largest.any() else np.zeros(0)


def _pair_bounds(estimates: Estimates, first: np.ndarray, second: np.ndarray, z: np.ndarray | float) -> tuple:
    low_a, high_a = estimates.bounds(z, first)
    low_b, high_b = estimates.bounds(z, second)
    with np.errstate(invalid="ignore"):
        return difference_bounds(estimates.value[first], low_a, high_a, estimates.value[second], low_b, high_b)


def _adjusted_p(estimates, first, second, comparable, difference, maxima) -> np.ndarray:
    """Single-step adjusted p-value of "the two do not differ", the level at which the interval touches 0.

    From the bootstrap maxima; beyond their last one from Bonferroni's bound.
    """
    z_low, z_high = np.zeros(difference.shape), np.full(difference.shape, _MAX_Z)
    for _ in range(14):
        z = (z_low + z_high) / 2
        low, high = _pair_bounds(estimates, first, second, z)
        apart = (low > 0) | (high < 0)
        z_low, z_high = np.where(apart, z, z_low), np.where(apart, z_high, z)
    n_at_least = len(maxima) - np.searchsorted(maxima, z_low, side="left")
    drawn = (1 + n_at_least) / (1 + len(maxima))
    n_tests = (comparable & estimates.family).sum()
    p = np.where(n_at_least == 0, np.minimum(drawn, 2 * ndtr(-z_low) * n_tests), drawn)
    return np.where(comparable, p, np.nan)


def _furthest(first: np.ndarray, second: np.ndarray, difference: np.ndarray, comparable: np.ndarray) -> tuple:
    n_metrics = difference.shape[1]
    worst, spread = np.full((n_metrics, 2), -1), np.full(n_metrics, np.nan)
    for k in np.flatnonzero(comparable.any(axis=0)):
        row = int(np.nanargmax(np.abs(difference[:, k])))
        pair = (first[row], second[row])
        worst[k] = pair if difference[row, k] >= 0 else pair[::-1]
        spread[k] = abs(difference[row, k])
    return worst, spread
