"""Closed-form intervals. All take a standard normal quantile z, so that a simultaneous one serves as well.

Sources: Wilson (1927); Newcombe (1998) for differences, in the general form of Zou and Donner (2008, "MOVER");
Donner and Zou (2012) for ratios; Newcombe (2006, method 5) for an AUC of 0 or 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit


def normal_quantile(confidence_level: float) -> float:
    """Two-sided standard normal quantile."""
    return float(ndtri(0.5 + confidence_level / 2))


def wilson_bounds(p: ArrayLike, n: ArrayLike, z: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Wilson score bounds of a proportion ``p`` out of ``n`` (which may be an effective size). NaN where n = 0."""
    p, n, z = np.asarray(p, float), np.asarray(n, float), np.asarray(z, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        shrink = 1 + z**2 / n
        centre = (p + z**2 / (2 * n)) / shrink
        half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / shrink
    low, high = np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
    # Exact at the boundary, where rounding would leave 1e-17.
    return np.where(p <= 0, np.where(n > 0, 0.0, np.nan), low), np.where(p >= 1, np.where(n > 0, 1.0, np.nan), high)


def wilson(p: ArrayLike, n: ArrayLike, *, confidence_level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Wilson interval of a proportion."""
    return wilson_bounds(p, n, normal_quantile(confidence_level))


def wilson_of_people(values: np.ndarray, person: np.ndarray, *, confidence_level: float = 0.95) -> tuple[float, float]:
    """Wilson's bounds of a mean of zeros and ones, at n divided by the design effect of people as clusters (at least
    1), with Student's quantile.
    """
    n = len(values)
    if n == 0:
        return np.nan, np.nan
    rate = values.mean()
    n_people = len(np.unique(person))
    effective = float(n_people)
    if 0 < rate < 1 and n_people > 1:
        sums = np.bincount(np.unique(person, return_inverse=True)[1], weights=values - rate)
        variance = (sums**2).sum() / n**2 * n_people / (n_people - 1)
        # Where everybody has the same share the variance between people is 0, and only n is left to go by.
        effective = min(rate * (1 - rate) / variance, n) if n_people < n and variance > 0 else n
    z = normal_quantile(confidence_level)
    # With few people the variance between them is itself uncertain.
    low, high = wilson_bounds(rate, effective, z if n_people == n else student(z, n_people - 1))
    return float(low), float(high)


def mean_bounds(values: np.ndarray, *, confidence_level: float = 0.95) -> tuple[float, float]:
    """Student's bounds of a mean; NaN for fewer than two values."""
    n = len(values)
    if n < 2:
        return float("nan"), float("nan")
    half = stdtrit(n - 1, 0.5 + confidence_level / 2) * values.std(ddof=1) / np.sqrt(n)
    return float(values.mean() - half), float(values.mean() + half)


def difference_bounds(
    a: ArrayLike, low_a: ArrayLike, high_a: ArrayLike, b: ArrayLike, low_b: ArrayLike, high_b: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of a − b from the bounds of each. With Wilson bounds this is Newcombe's method 10."""
    difference = np.asarray(a) - np.asarray(b)
    low = difference - np.hypot(np.asarray(a) - low_a, np.asarray(high_b) - b)
    high = difference + np.hypot(np.asarray(high_a) - a, np.asarray(b) - low_b)
    return low, high


def ratio_bounds(
    a: ArrayLike, low_a: ArrayLike, high_a: ArrayLike, b: ArrayLike, low_b: ArrayLike, high_b: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of a / b for non-negative a and positive b. The upper one is infinite when b may be 0."""
    a, low_a, high_a, b, low_b, high_b = (np.asarray(x, float) for x in (a, low_a, high_a, b, low_b, high_b))
    product = a * b
    with np.errstate(divide="ignore", invalid="ignore"):
        inner_low = product**2 - low_a * high_b * (2 * a - low_a) * (2 * b - high_b)
        inner_high = product**2 - high_a * low_b * (2 * a - high_a) * (2 * b - low_b)
        low = (product - np.sqrt(np.maximum(inner_low, 0))) / (high_b * (2 * b - high_b))
        high = (product + np.sqrt(np.maximum(inner_high, 0))) / (low_b * (2 * b - low_b))
    # Where the upper bound of b passes 2b the quadratic turns over and bounds nothing: fall back to the corner.
    low = np.where(high_b < 2 * b, low, low_a / high_b)
    high = np.where(low_b > 0, high, np.inf)
    return np.maximum(low, 0), high


def student(z: ArrayLike, degrees: ArrayLike) -> np.ndarray:
    """Student quantile with the tail probability of the normal quantile z (Cornish and Fisher, fourth order)."""
    z, v = np.asarray(z, float), np.maximum(np.asarray(degrees, float), 1.0)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    fourth = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160
    return z + first / v + second / v**2 + third / v**3 + fourth / v**4


def auc_bounds(
    auc: ArrayLike, se: ArrayLike, n_pos: ArrayLike, n_neg: ArrayLike, z: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of an AUC: DeLong's standard error on the logit scale; at 0 or 1 Newcombe's method 5."""
    auc, se, z = np.broadcast_arrays(*(np.asarray(x, float) for x in (auc, se, z)))
    with np.errstate(divide="ignore", invalid="ignore"):
        logit = np.log(auc / (1 - auc))
        half = z * se / (auc * (1 - auc))
        low, high = 1 / (1 + np.exp(-(logit - half))), 1 / (1 + np.exp(-(logit + half)))
    edge = ~(se > 0) | (auc <= 0) | (auc >= 1)
    if edge.any():
        reach = _boundary_reach(n_pos, n_neg, z)
        low = np.where(edge, np.maximum(auc - np.where(auc > 0, reach, 0), 0), low)
        high = np.where(edge, np.minimum(auc + np.where(auc < 1, reach, 0), 1), high)
    return np.where(np.isnan(auc), np.nan, low), np.where(np.isnan(auc), np.nan, high)


def _boundary_reach(n_pos: ArrayLike, n_neg: ArrayLike, z: np.ndarray) -> np.ndarray:
    """How far below 1 the AUC may be when 1 was observed: the u that solves u² = z² V(1 − u), by bisection."""
    m, n, z = np.broadcast_arrays(np.asarray(n_pos, float), np.asarray(n_neg, float), z)
    middle = (m + n) / 2 - 1
    low, high = np.zeros(z.shape), np.ones(z.shape)
    for _ in range(40):
        u = (low + high) / 2
        theta = 1 - u
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = theta * u * (1 + middle * u / (1 + u) + middle * theta / (1 + theta)) / (m * n)
        inside = u**2 <= z**2 * variance
        low, high = np.where(inside, u, low), np.where(inside, high, u)
    return high
