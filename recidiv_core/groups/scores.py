"""What the score does at every threshold: ROC, calibration, and all cut-points of a score with few values."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recidiv_core.groups.metrics import CONFUSION_METRICS, membership
from recidiv_core.stats import ScoreCurve, ScoreCurves, wilson_bounds

MAX_CUTPOINTS = 20
N_BINS = 10
_MAX_ROC_POINTS = 200


def few_values(curves: ScoreCurves) -> np.ndarray | None:
    """The score's values in ascending order when there are at most ``MAX_CUTPOINTS`` of them, else None."""
    if any(len(curve.scores) > MAX_CUTPOINTS for curve in curves.groups.values()):
        return None
    scores = curves.pooled.scores
    return scores if len(scores) <= MAX_CUTPOINTS else None


def roc_table(curves: ScoreCurves) -> pd.DataFrame:
    """group, threshold, false_positive_rate, true_positive_rate; at most 200 points a group, ends included.

    A group in which an outcome does not occur has no curve.
    """
    tables = []
    for group, curve in curves.groups.items():
        positives, negatives = curve.total
        if positives == 0 or negatives == 0:
            continue
        step = max(1, int(np.ceil(len(curve.scores) / _MAX_ROC_POINTS)))
        thresholds = np.r_[curve.scores[::step], np.inf]
        true, false = curve.flagged_at(thresholds)
        tables.append(
            pd.DataFrame(
                {
                    "group": group,
                    "threshold": thresholds,
                    "false_positive_rate": false / negatives,
                    "true_positive_rate": true / positives,
                }
            )
        )
    columns = ["group", "threshold", "false_positive_rate", "true_positive_rate"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def calibration_table(curves: ScoreCurves, *, z: float) -> pd.DataFrame:
    """group, bin, mean_score, n, n_positive, observed, low, high: the outcome's rate against the score.

    One bin per value when the score has few, else ten bins that hold equal shares of all rows. ``n`` is effective.
    """
    pooled = curves.pooled
    values = few_values(curves)
    edges = values if values is not None else _quantile_edges(pooled)
    tables = [_calibration_of(group, curve, edges, z) for group, curve in curves.groups.items()]
    return pd.concat(tables, ignore_index=True)


def _quantile_edges(pooled: ScoreCurve) -> np.ndarray:
    cumulative = np.cumsum(pooled.positive + pooled.negative)
    targets = np.arange(1, N_BINS) / N_BINS * cumulative[-1]
    return np.unique(np.r_[pooled.scores[0], pooled.scores[np.searchsorted(cumulative, targets)]])


def _calibration_of(group: str, curve: ScoreCurve, edges: np.ndarray, z: float) -> pd.DataFrame:
    weight, squared = curve.positive + curve.negative, curve.positive_squared + curve.negative_squared
    total, n_positive = curve.sums(weight, edges), curve.sums(curve.positive, edges)
    with np.errstate(divide="ignore", invalid="ignore"):
        n = total**2 / curve.sums(squared, edges)
        observed, mean = n_positive / total, curve.sums(weight * curve.scores, edges) / total
    low, high = wilson_bounds(observed, n, z)
    table = pd.DataFrame(
        {
            "group": group,
            "bin": np.arange(len(edges)) + 1,
            "mean_score": mean,
            "n": n,
            "n_positive": n_positive,
            "observed": observed,
            "low": low,
            "high": high,
        }
    )
    return table[total > 0].reset_index(drop=True)


def cutpoint_table(curves: ScoreCurves, *, z: float) -> pd.DataFrame:
    """threshold, group, metric, estimate, low, high, n at each value of a score with few values; else no rows."""
    values = few_values(curves)
    columns = ["threshold", "group", "metric", "estimate", "low", "high", "n"]
    if values is None:
        return pd.DataFrame(columns=columns)
    rates = [k for k, metric in enumerate(CONFUSION_METRICS) if metric.unit == "rate"]
    numerator, denominator = membership("numerator")[rates], membership("denominator")[rates]
    names = np.array([CONFUSION_METRICS[k].name for k in rates], dtype=object)
    tables = []
    for group, curve in curves.groups.items():
        cells = _cells_at(curve.positive, curve.negative, curve, values)
        squares = _cells_at(curve.positive_squared, curve.negative_squared, curve, values)
        with np.errstate(divide="ignore", invalid="ignore"):
            q = (cells @ numerator.T) / (cells @ denominator.T)
            n = np.nan_to_num((cells @ denominator.T) ** 2 / (squares @ denominator.T))
            low, high = wilson_bounds(q, n, z)
        grid = {"threshold": np.repeat(values, len(rates)), "group": group, "metric": np.tile(names, len(values))}
        numbers = {"estimate": q.ravel(), "low": low.ravel(), "high": high.ravel(), "n": n.ravel()}
        tables.append(pd.DataFrame(grid | numbers))
    return pd.concat(tables, ignore_index=True)


def _cells_at(positive: np.ndarray, negative: np.ndarray, curve: ScoreCurve, thresholds: np.ndarray) -> np.ndarray:
    """Cells (thresholds, 4) in the order tn, fp, fn, tp; sums from either end, so that an empty cell is exactly 0."""
    start = np.searchsorted(curve.scores, thresholds, side="left")
    below = [np.r_[0, np.cumsum(side)][start] for side in (negative, positive)]
    above = [np.r_[np.cumsum(side[::-1])[::-1], 0][start] for side in (negative, positive)]
    return np.column_stack([below[0], above[0], below[1], above[1]]).astype(float)
