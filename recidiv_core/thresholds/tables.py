"""Tables behind the pictures: reduced from the curves, never from rows."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from recidiv_core.stats import ScoreCurve, ScoreCurves
from recidiv_core.thresholds.candidates import Options, prepare
from recidiv_core.thresholds.definitions import MEASURES, measure

POINTS = 250
POOLED = "all people"
N_BINS = 40
_STACK = 18
KINDS = ("flagged rightly", "flagged wrongly", "missed", "left alone")


def curve_table(curves: ScoreCurves, *, points: int = POINTS) -> pd.DataFrame:
    """group, threshold (falling), the metrics of all definitions and f1, at up to ``points`` thresholds a group."""
    parts = []
    for group, curve in curves.groups.items():
        thresholds, tp, fp = curve.falling
        places = _spread_out(tp + fp, points)
        counts = (tp[places], fp[places], *curve.total)
        f1 = measure("positive_predictive_value", 2 * counts[0], counts[1] - counts[0] + counts[2], *curve.total)
        columns = {name: measure(name, *counts) for name in MEASURES}
        parts.append(pd.DataFrame({"group": group, "threshold": thresholds[places], **columns, "f1": f1}))
    return pd.concat(parts, ignore_index=True)


def _spread_out(rising: np.ndarray, points: int) -> np.ndarray:
    """Positions of up to ``points`` values, evenly spread over what they amount to; first and last are among them."""
    if len(rising) <= points:
        return np.arange(len(rising))
    wanted = np.linspace(rising[0], rising[-1], points)
    return np.unique(np.concatenate([[0], np.searchsorted(rising, wanted[1:-1]), [len(rising) - 1]]))


def satisfying_thresholds(curves: ScoreCurves, options: Options, *, points: int = POINTS) -> pd.DataFrame:
    """group, threshold, value: every threshold that satisfies the definition with some threshold of each other group.

    F's set of Eq. 12, for a definition of one metric; up to ``points`` a group.
    """
    prepared = prepare(curves, options)
    pool = prepared.pool.ordered()
    value, group, n_groups = pool.values[-1], pool.group, pool.n_groups
    if not pool.has_all_groups:
        return pd.DataFrame({"group": [], "threshold": [], "value": []})
    # A window opening at i holds all groups when the furthest of their next candidates is within the tolerance.
    furthest = np.full(len(value), -np.inf)
    for g in range(n_groups):
        own = value[group == g]
        after = np.searchsorted(own, value, side="left")
        furthest = np.maximum(furthest, np.append(own, np.inf)[after])
    is_open = furthest - value < options.tolerance
    opens = np.concatenate([[-np.inf], value[is_open]])
    nearest = opens[np.searchsorted(opens, value, side="right") - 1]
    kept = pool.where(value - nearest < options.tolerance)
    parts = []
    for g, (name, curve) in enumerate(prepared.candidates.items()):
        own = kept.where(kept.group == g)
        places = np.sort(own.index)
        order = np.argsort(own.index)[_spread_out(np.arange(len(places)), points)] if len(places) else []
        thresholds = curve.falling[0][own.index[order] - prepared.offsets[g]]
        parts.append(pd.DataFrame({"group": name, "threshold": thresholds, "value": own.values[-1][order]}))
    return pd.concat(parts, ignore_index=True)


def people_dots(curve: ScoreCurve, threshold: float, *, low: float, high: float) -> tuple[pd.DataFrame, float]:
    """People as dots over the score axis: columns x, y and kind, and how many people one dot stands for.

    Dots stand in ``N_BINS`` bins of [low, high], or at each score where there are fewer; those with the outcome at the
    bottom. How many there are depends on the people alone; the threshold only decides which count as flagged.
    """
    edges, centres = _bins(curve, low, high)
    counts = np.array([curve.sums(side, edges) for side in (curve.positive, curve.negative)])
    above = np.where(curve.scores >= threshold, 1.0, 0.0)
    flagged = np.array([curve.sums(side * above, edges) for side in (curve.positive, curve.negative)])
    each = _round_up(counts.sum(axis=0).max() / _STACK)
    # Halves carried along the axis: rounding each bin by itself would lose all people of a thin tail.
    totals = np.diff(np.rint(np.cumsum(counts, axis=1) / each), axis=1, prepend=0).astype(int)
    share = np.divide(flagged, counts, out=np.zeros_like(counts), where=counts > 0)
    n_flagged = np.rint(totals * share).astype(int)
    xs, ys, kinds = [], [], []
    for i, centre in enumerate(centres):
        height = 0
        for outcome in (0, 1):
            n, flags = totals[outcome, i], n_flagged[outcome, i]
            xs += [centre] * n
            ys += range(height, height + n)
            kinds += [KINDS[outcome]] * flags + [KINDS[2 + outcome]] * (n - flags)
            height += n
    return pd.DataFrame({"x": xs, "y": ys, "kind": kinds}), each


def _bins(curve: ScoreCurve, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    if len(curve.scores) <= N_BINS:
        return curve.scores, curve.scores
    edges = low + (high - low) * np.arange(N_BINS) / N_BINS
    return edges, edges + (high - low) / N_BINS / 2


def _round_up(value: float) -> float:
    """The next number that reads well: 1, 2 or 5 times a power of ten; at least 1."""
    if value <= 1:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-12))
