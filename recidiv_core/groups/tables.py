"""The tables of an audit: one attribute's estimates and comparison as data frames."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import Attribute
from recidiv_core.groups.estimates import GroupEstimates, ScoreStatistics
from recidiv_core.groups.metrics import METRICS
from recidiv_core.stats import CELLS, Comparison, ConfusionCounts, normal_quantile, ratio_bounds

FOUR_FIFTHS = 0.8
SPANS_TOLERANCE = "the interval of the range holds the tolerance"


def attribute_tables(
    attribute: Attribute,
    counts: ConfusionCounts,
    groups: GroupEstimates,
    comparison: Comparison,
    scores: ScoreStatistics | None,
    options: dict[str, Any],
    polarity: str,
    random: np.random.Generator,
) -> dict[str, pd.DataFrame]:
    """Every table of one attribute, by its name in :class:`GroupAudit`."""
    n_rows, reference = counts.n.sum(axis=1), options["reference"]
    reference_code = attribute.levels.index(reference) if reference else int(np.argmax(n_rows))
    return {
        "by_group": _by_group(attribute, counts, groups),
        "intervals": _intervals(attribute, groups, scores, options, random),
        "disparities": _disparities(attribute, groups, comparison, options["tolerance"]),
        "pairs": _pairs(attribute, groups, comparison),
        "references": _references(attribute, groups, comparison, reference_code),
        "four_fifths": _four_fifths(attribute, groups, comparison.critical, polarity),
        "left_out": _left_out(attribute, groups),
    }


def _grid(attribute: Attribute, metrics: tuple[str, ...]) -> dict[str, Any]:
    """Columns attribute, group, metric of a table with one row per (group, metric)."""
    return {
        "attribute": attribute.name,
        "group": np.repeat(np.array(attribute.levels, dtype=object), len(metrics)),
        "metric": np.tile(np.array(metrics, dtype=object), len(attribute.levels)),
    }


def _by_group(attribute: Attribute, counts: ConfusionCounts, groups: GroupEstimates) -> pd.DataFrame:
    cells = {cell: counts.weight[:, CELLS.index(cell)] for cell in ("tp", "fp", "fn", "tn")}
    positives = counts.n[:, CELLS.index("tp")] + counts.n[:, CELLS.index("fn")]
    columns = {
        "attribute": attribute.name,
        "group": attribute.levels,
        "n": counts.n.sum(axis=1),
        "n_positive": positives,
    }
    return pd.DataFrame(columns | cells | {name: groups.value[:, k] for k, name in enumerate(groups.metrics)})


def _intervals(
    attribute: Attribute,
    groups: GroupEstimates,
    scores: ScoreStatistics | None,
    options: dict[str, Any],
    random: np.random.Generator,
) -> pd.DataFrame:
    level = options["confidence_level"]
    with np.errstate(invalid="ignore"):
        low, high = groups.estimates.bounds(normal_quantile(level), np.arange(len(attribute.levels)))
    if scores is not None:
        interval = scores.calibration_interval(confidence_level=level, n_boot=options["n_boot"], random=random)
        low[:, -1], high[:, -1] = interval.T
    absent = groups.reason != ""
    low, high = np.where(absent, np.nan, low), np.where(absent, np.nan, high)
    reason = np.where(~absent & np.isnan(low), "no interval from a single row", groups.reason)
    methods = np.array([METRICS[name].method for name in groups.metrics], dtype=object)
    return pd.DataFrame(
        _grid(attribute, groups.metrics)
        | {
            "estimate": groups.value.ravel(),
            "low": low.ravel(),
            "high": high.ravel(),
            "n": groups.size.ravel(),
            "method": np.tile(methods, len(attribute.levels)),
            "reason": reason.ravel(),
        }
    )


def _disparities(attribute: Attribute, groups: GroupEstimates, found: Comparison, tolerance: float) -> pd.DataFrame:
    levels = np.array(attribute.levels, dtype=object)
    rows = []
    for k, name in enumerate(groups.metrics):
        verdict, reason = verdict_of(found.low[k], found.high[k], tolerance)
        if (groups.reason[:, k] == METRICS[name].undefined).all():
            reason = METRICS[name].undefined
        elif METRICS[name].not_compared:
            reason = METRICS[name].not_compared
        excluded = tuple(levels[~groups.estimates.usable[:, k]])
        rows.append(
            {
                "attribute": attribute.name,
                "metric": name,
                "range": found.range[k],
                "low": found.low[k],
                "high": found.high[k],
                "verdict": verdict,
                "detectable": found.detectable[k],
                "p_value": found.p_value[k],
                "worst_pair": tuple(levels[found.worst[k]]) if found.worst[k, 0] >= 0 else None,
                "excluded_groups": excluded,
                "reason": reason,
            }
        )
    return pd.DataFrame(rows)


def verdict_of(low: float, high: float, tolerance: float) -> tuple[str, str]:
    """The verdict on a range bounded by low and high, and the reason when there is none."""
    if math.isnan(low):
        return "cannot conclude", "fewer than two groups have enough rows to be compared"
    if low > tolerance:
        return "exceeds", ""
    if high < tolerance:
        return "within", ""
    return "cannot conclude", SPANS_TOLERANCE


def _pairs(attribute: Attribute, groups: GroupEstimates, found: Comparison) -> pd.DataFrame:
    levels, n_pairs = np.array(attribute.levels, dtype=object), len(found.pairs)
    n_metrics = len(groups.metrics)
    return pd.DataFrame(
        {
            "attribute": attribute.name,
            "metric": np.tile(np.array(groups.metrics, dtype=object), n_pairs),
            "group_a": np.repeat(levels[found.pairs[:, 0]], n_metrics),
            "group_b": np.repeat(levels[found.pairs[:, 1]], n_metrics),
            "difference": found.difference.ravel(),
            "low": found.pair_low.ravel(),
            "high": found.pair_high.ravel(),
            "p_value": found.pair_p.ravel(),
        }
    )


def _references(attribute: Attribute, groups: GroupEstimates, found: Comparison, reference: int) -> pd.DataFrame:
    """Difference and ratio of each group to the reference, simultaneous like the pairs."""
    others = np.array([g for g in range(len(attribute.levels)) if g != reference])
    base = np.full(len(others), reference)
    usable = groups.estimates.usable[others] & groups.estimates.usable[base]
    # Each pair stands once, lower code first: turn it round where the reference comes first.
    row = {tuple(pair): p for p, pair in enumerate(found.pairs)}
    index = np.array([row[min(g, reference), max(g, reference)] for g in others], dtype=int)
    turned = (others > reference)[:, None]
    difference = np.where(turned, -found.difference[index], found.difference[index])
    low = np.where(turned, -found.pair_high[index], found.pair_low[index])
    high = np.where(turned, -found.pair_low[index], found.pair_high[index])
    ratio, ratio_low, ratio_high = _ratios(groups, others, base, found.critical)
    mask = usable & (groups.value[base] > 0)
    reason = np.where(usable, np.where(mask, "", "ratio to a value of 0"), "not compared: too few rows")
    names = Attribute(attribute.name, tuple(attribute.levels[g] for g in others), attribute.codes)
    columns = {"difference": difference, "low": low, "high": high}
    columns |= {
        key: np.where(mask, values, np.nan)
        for key, values in (("ratio", ratio), ("ratio_low", ratio_low), ("ratio_high", ratio_high))
    }
    table = pd.DataFrame(_grid(names, groups.metrics) | {k: v.ravel() for k, v in columns.items()})
    table.insert(3, "reference", attribute.levels[reference])
    return table.assign(reason=reason.ravel())


def _ratios(
    groups: GroupEstimates, a: np.ndarray, b: np.ndarray, z: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with np.errstate(divide="ignore", invalid="ignore"):
        bounds = (*groups.estimates.bounds(z, a), *groups.estimates.bounds(z, b))
        low, high = ratio_bounds(groups.value[a], bounds[0], bounds[1], groups.value[b], bounds[2], bounds[3])
        return groups.value[a] / groups.value[b], low, high


def _four_fifths(attribute: Attribute, groups: GroupEstimates, z: float, polarity: str) -> pd.DataFrame:
    """Each group's rate of the favourable result over that of the group most favoured (29 CFR 1607.4 D)."""
    k = groups.metrics.index("selection_rate")
    rows = np.arange(len(attribute.levels))
    rate = groups.value[:, k]
    low, high = (limit[:, k] for limit in groups.estimates.bounds(z, rows))
    if polarity == "punitive":
        rate, low, high = 1 - rate, 1 - high, 1 - low
    usable = groups.estimates.usable[:, k]
    best = int(np.argmax(np.where(usable, rate, -1)))
    exists = usable & usable[best] & (rate[best] > 0)
    ratio_low, ratio_high = ratio_bounds(rate, low, high, rate[best], low[best], high[best])
    exact = rows == best
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(exists, rate / rate[best], np.nan)
    ratio_low, ratio_high = (np.where(exists, np.where(exact, 1.0, x), np.nan) for x in (ratio_low, ratio_high))
    reading = np.where(
        ratio_low >= FOUR_FIFTHS,
        "reaches 4/5",
        np.where(ratio_high < FOUR_FIFTHS, "falls below 4/5", "cannot conclude"),
    )
    return pd.DataFrame(
        {
            "attribute": attribute.name,
            "group": attribute.levels,
            "most_favoured": attribute.levels[best],
            "favourable_rate": rate,
            "ratio": ratio,
            "low": ratio_low,
            "high": ratio_high,
            "reading": reading,
            "reason": np.where(exists, "", np.where(usable, "nobody got the favourable result", "too few rows")),
        }
    )


def _left_out(attribute: Attribute, groups: GroupEstimates) -> pd.DataFrame:
    reason = np.where(groups.support != "", groups.support, groups.reason)
    table = pd.DataFrame(_grid(attribute, groups.metrics) | {"reason": reason.ravel()})
    return table[table["reason"] != ""].reset_index(drop=True)
