"""Found slices on rows that the search did not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import betainccinv, betaincinv, ndtr, ndtri

from recidiv_core.stats import difference_bounds, holm, student

LEAST_ROWS = 10
_COLUMNS = [
    "n",
    "share",
    "mean_error",
    "rest_error",
    "excess",
    "low",
    "high",
    "p_value",
    "p_holm",
    "confirmed",
    "reason",
]


@dataclass(frozen=True)
class Moments:
    """Of the errors of some rows; ``n`` is their number or, with weights, Kish's effective one; ``rows`` counts
    them.
    """

    rows: int
    n: float
    mean: float
    deviation: float
    skewness: float

    @classmethod
    def of(cls, errors: np.ndarray, weight: np.ndarray | None) -> Moments:
        if len(errors) == 0 or (weight is not None and not weight.any()):
            return cls(len(errors), 0.0, np.nan, np.nan, np.nan)
        w = np.ones(len(errors)) if weight is None else weight
        n = float(w.sum() ** 2 / (w**2).sum())
        mean = float(w @ errors / w.sum())
        gap = errors - mean
        variance = float(w @ gap**2 / w.sum())
        skewness = float(w @ gap**3 / w.sum()) / variance**1.5 if variance > 0 else 0.0
        return cls(len(errors), n, mean, float(np.sqrt(variance * n / max(n - 1, 1))), skewness)


def mean_bounds(of: Moments, pool: Moments, z: float, *, is_binary: bool) -> tuple[float, float]:
    """Two-sided bounds of a mean at the standard normal quantile z; ``pool`` are the moments of all rows, these among
    them.

    Of 0/1 errors Clopper and Pearson's (1934), which never cover less than they say on either side. Of others
    Student's, on Hall's (1992) transformation, which takes out the skewness that errors have: with the rows' own spread
    and skewness or those of all rows, whichever reaches further on either side. A few rows that happen to hold no large
    error would otherwise seem to be known exactly.
    """
    if is_binary:
        tail = ndtr(-z)
        hits = of.mean * of.n
        low = float(betaincinv(hits, of.n - hits + 1, tail)) if hits > 0 else 0.0
        high = float(betainccinv(hits + 1, of.n - hits, tail)) if hits < of.n else 1.0
        return low, high
    t = float(student(z, of.n - 1))
    lows, highs = [], []
    for shape in (of, pool):
        step, tilt = shape.deviation / np.sqrt(of.n), shape.skewness / np.sqrt(of.n)
        lows.append(of.mean - step * _hall(t, tilt))
        highs.append(of.mean - step * _hall(-t, tilt))
    return max(min(lows), 0.0), max(highs)


def _hall(t: float, tilt: float) -> float:
    """Hall's cubic transformation, inverted, at t; ``tilt`` is the skewness over the root of n."""
    return t if abs(tilt) < 1e-9 else float(3 / tilt * (np.cbrt(1 + tilt * (t - tilt / 6)) - 1))


def confirm(
    errors: np.ndarray, weight: np.ndarray | None, slices: Sequence[np.ndarray], *, confidence_level: float
) -> pd.DataFrame:
    """Test each slice on rows that had no part in finding it.

    Parameters
    ----------
    errors : array, shape (n,)
    weight : array, shape (n,), or None
    slices : sequence of bool arrays, shape (n,)

    Returns
    -------
    DataFrame
        One row per slice: n (rows), share (of the weight), mean_error, rest_error (mean over all other rows), excess
        (mean_error less the mean over all rows), low and high, p_value (that there is no excess; two-sided), p_holm
        (Holm 1979, over the slices that could be tested), confirmed, reason. The interval is that of Holm's own step:
        above 0 exactly where the slice is confirmed, and never narrower than one at the confidence level alone.
    """
    is_binary = bool(np.isin(errors, (0.0, 1.0)).all())
    pool = Moments.of(errors, weight)
    pairs = [tuple(_moments(errors, weight, part) for part in (rows, ~rows)) for rows in slices]
    total = float(len(errors) if weight is None else weight.sum())
    shares = [float((rows if weight is None else weight[rows]).sum()) / total for rows in slices]
    kind = "held-out rows" if weight is None else "effective held-out rows"
    reasons = [_reason(own, rest, kind) for own, rest in pairs]
    alpha = 1 - confidence_level
    p_values = [
        np.nan if reason else _p_value(*pair, pool, is_binary) for pair, reason in zip(pairs, reasons, strict=True)
    ]
    adjusted, levels = holm(np.array(p_values, float), alpha)
    rows = []
    for i, (own, rest) in enumerate(pairs):
        row = dict.fromkeys(_COLUMNS, np.nan) | {
            "n": own.rows,
            "share": shares[i],
            "confirmed": False,
            "reason": reasons[i],
        }
        if own.n > 0:
            row["mean_error"] = own.mean
        if not reasons[i]:
            low, high = _bounds(own, rest, pool, float(-ndtri(levels[i] / 2)), is_binary)
            scale = 1 - shares[i]
            row |= {
                "rest_error": rest.mean,
                "excess": (own.mean - rest.mean) * scale,
                "low": low * scale,
                "high": high * scale,
                "p_value": p_values[i],
                "p_holm": adjusted[i],
                "confirmed": bool(adjusted[i] <= alpha and own.mean > rest.mean),
            }
        rows.append(row)
    return pd.DataFrame(rows, columns=_COLUMNS)


def _moments(errors: np.ndarray, weight: np.ndarray | None, rows: np.ndarray) -> Moments:
    return Moments.of(errors[rows], None if weight is None else weight[rows])


def _reason(own: Moments, rest: Moments, kind: str) -> str:
    """Why a slice cannot be tested; "" when it can."""
    for n, what in ((own.n, "in the slice"), (rest.n, "outside the slice")):
        if n < LEAST_ROWS:
            return f"fewer than {LEAST_ROWS} {kind} {what}"
    return ""


def _bounds(own: Moments, rest: Moments, pool: Moments, z: float, is_binary: bool) -> tuple[float, float]:
    """Of the slice's mean less the rest's (MOVER: Zou and Donner 2008)."""
    low, high = difference_bounds(
        own.mean,
        *mean_bounds(own, pool, z, is_binary=is_binary),
        rest.mean,
        *mean_bounds(rest, pool, z, is_binary=is_binary),
    )
    return float(low), float(high)


def _p_value(own: Moments, rest: Moments, pool: Moments, is_binary: bool) -> float:
    """The largest level at which the interval leaves out 0, by bisection."""
    least, most = 0.0, 38.0  # standard normal quantiles; beyond, a p-value is 0 in double precision
    for _ in range(60):
        z = (least + most) / 2
        low, high = _bounds(own, rest, pool, z, is_binary)
        least, most = (z, most) if low > 0 or high < 0 else (least, z)
    return float(2 * ndtr(-least))
