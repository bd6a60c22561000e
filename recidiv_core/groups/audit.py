"""How the model treats each group."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import Attribute, AuditDataset
from recidiv_core.errors import InputError, Problem
from recidiv_core.groups.estimates import GroupEstimates, ScoreStatistics, estimate_groups
from recidiv_core.groups.metrics import METRICS
from recidiv_core.groups.result import GroupAudit
from recidiv_core.groups.scores import calibration_table, cutpoint_table, roc_table
from recidiv_core.stats import (
    CELLS,
    Comparison,
    ConfusionCounts,
    ScoreCurves,
    baseline_threshold,
    compare_groups,
    normal_quantile,
    ratio_bounds,
)

FOUR_FIFTHS = 0.8
MIN_N_BOOT = 100
_NOT_COMPARED = "a small group's calibration error is larger by chance alone, so it is not compared"


def score_curves(dataset: AuditDataset, *, attribute: str) -> ScoreCurves:
    """The score curves of one attribute's groups, reduced at the first call."""
    groups = dataset.attributes[attribute]
    return dataset.reduced(
        ("curves", attribute),
        lambda: ScoreCurves.from_codes(
            dataset.y_true, dataset.y_score, groups.codes, groups.levels, sample_weight=dataset.weight
        ),
    )


def default_threshold(dataset: AuditDataset) -> float:
    """F's baseline threshold over all rows (most recall with precision ≥ 0.85, else most precision)."""
    attribute = dataset.roles.sensitive[0]
    return dataset.reduced("baseline", lambda: baseline_threshold(score_curves(dataset, attribute=attribute).pooled))


def audit_groups(
    dataset: AuditDataset,
    *,
    threshold: float | None = None,
    tolerance: float = 0.01,
    confidence_level: float = 0.95,
    n_boot: int = 1000,
    min_support: int = 30,
    reference: str | Mapping[str, str] | None = None,
    random_state: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> GroupAudit:
    """Audit how each group of each protected attribute is treated at one threshold.

    Parameters
    ----------
    threshold : float, optional
        Flag a row when its score ≥ threshold, in the score's own unit. None: the prediction column when there is
        one, else the baseline threshold of F, section 3.6.
    tolerance : float
        ε: a range of a metric over groups below it is *within* (F, section 3.6).
    min_support : int
        Groups with fewer rows, or fewer than 10 in a metric's denominator, are left out of comparisons.
    reference : str or mapping of attribute -> group, optional
        The group that differences and ratios are taken to; the largest by default.

    Raises
    ------
    InputError
        When an option is out of range or the reference does not exist.
    """
    options = {
        "threshold": threshold, "tolerance": tolerance, "confidence_level": confidence_level, "n_boot": n_boot,
        "min_support": min_support, "reference": reference, "random_state": random_state,
    }  # fmt: skip
    references = _checked_options(dataset, options)
    flagged, used, source = _flagged(dataset, threshold)
    joint = _joint_counts(dataset, flagged)
    parts, critical = [], {}
    for position, (name, attribute) in enumerate(dataset.attributes.items()):
        if progress:
            progress(position / len(dataset.attributes), f"Comparing the groups of {name}")
        counts = joint.counts.collapse(joint.combinations[:, position], attribute.levels)
        scores = _score_statistics(dataset, name)
        random = np.random.default_rng([random_state, position])
        groups = estimate_groups(counts, scores, min_support=min_support, n_boot=n_boot, random=random)
        comparison = compare_groups(groups.estimates, tolerance=tolerance, confidence_level=confidence_level)
        critical[name] = comparison.critical
        parts.append(_tables(attribute, counts, groups, comparison, scores, options, references[name], random, dataset))
    tables = {key: pd.concat([part[key] for part in parts], ignore_index=True) for key in parts[0]}
    tables |= _score_tables(dataset, confidence_level)
    if progress:
        progress(1.0, "Done")
    return GroupAudit(
        dataset={"name": dataset.name, "sha256": dataset.sha256, "digest": dataset.digest, "n": len(dataset)},
        roles=dataset.roles, options=options, threshold=used, threshold_source=source,
        cells=joint.table(dataset), ledger=dataset.ledger_table(), critical=critical, **tables,
    )  # fmt: skip


def _checked_options(dataset: AuditDataset, options: dict[str, Any]) -> dict[str, str | None]:
    """The reference group of each attribute (None: the largest); raises with every option out of range."""
    problems = []
    limits = {
        "tolerance": ("a number from 0 to 1", lambda x: 0 <= x <= 1),
        "confidence_level": ("a number between 0.5 and 1", lambda x: 0.5 < x < 1),
        "n_boot": (f"a whole number of at least {MIN_N_BOOT}", lambda x: x >= MIN_N_BOOT and x == int(x)),
        "min_support": ("a whole number of at least 1", lambda x: x >= 1 and x == int(x)),
    }
    for name, (expected, fits) in limits.items():
        if not fits(options[name]):
            problems.append(Problem(name, expected, f"{options[name]:g}"))
    if options["threshold"] is not None:
        if dataset.y_score is None:
            problems.append(Problem("threshold", "a score column to apply it to", "a prediction column only"))
        elif math.isnan(options["threshold"]):
            problems.append(Problem("threshold", "a number", "not a number"))
    reference = options["reference"]
    chosen: dict[str, str | None] = dict.fromkeys(dataset.attributes)
    if reference is not None:
        pairs = reference.items() if isinstance(reference, Mapping) else [(n, reference) for n in chosen]
        found = {n: g for n, g in pairs if n in chosen and g in dataset.attributes[n].levels}
        wrong = set(dict(pairs)) - set(found) if isinstance(reference, Mapping) else not found
        if wrong:
            problems.append(Problem("reference", "a group of a protected attribute", "a group that does not occur"))
        chosen |= found
    if problems:
        raise InputError(problems)
    return chosen


def _flagged(dataset: AuditDataset, threshold: float | None) -> tuple[np.ndarray, float | None, str]:
    if threshold is None and dataset.y_pred is not None:
        return dataset.y_pred, None, "prediction"
    used = default_threshold(dataset) if threshold is None else float(threshold)
    return dataset.y_score >= used, used, "baseline" if threshold is None else "given"


class _Joint:
    """Confusion counts of every combination of all attributes' groups: the one pass over the rows."""

    def __init__(self, counts: ConfusionCounts, combinations: np.ndarray):
        self.counts, self.combinations = counts, combinations

    def table(self, dataset: AuditDataset) -> pd.DataFrame:
        columns = {
            name: np.array(attribute.levels, dtype=object)[self.combinations[:, i]]
            for i, (name, attribute) in enumerate(dataset.attributes.items())
        }
        return pd.DataFrame(columns | {cell: self.counts.n[:, i] for i, cell in enumerate(CELLS)})


def _joint_counts(dataset: AuditDataset, flagged: np.ndarray) -> _Joint:
    codes, combinations = dataset.reduced("joint", lambda: _joint_codes(dataset))
    names = tuple(str(i) for i in range(len(combinations)))
    return _Joint(ConfusionCounts.from_codes(names, codes + flagged, sample_weight=dataset.weight), combinations)


def _joint_codes(dataset: AuditDataset) -> tuple[np.ndarray, np.ndarray]:
    """4 · combination + 2 · outcome per row, and the group of each attribute (columns) in each combination."""
    attributes = list(dataset.attributes.values())
    sizes = [len(attribute.levels) for attribute in attributes]
    if len(attributes) == 1:
        combination, combinations = attributes[0].codes.astype(np.int64), np.arange(sizes[0])[:, None]
    else:
        mixed = np.ravel_multi_index([a.codes.astype(np.int64) for a in attributes], sizes)
        combination, present = pd.factorize(mixed, sort=True)
        combinations = np.column_stack(np.unravel_index(present, sizes))
    return 4 * combination + 2 * dataset.y_true, combinations


def _score_statistics(dataset: AuditDataset, attribute: str) -> ScoreStatistics | None:
    if dataset.y_score is None:
        return None
    return dataset.reduced(
        ("scores", attribute),
        lambda: ScoreStatistics.from_curves(
            score_curves(dataset, attribute=attribute), probabilities=dataset.has_probabilities
        ),
    )


def _score_tables(dataset: AuditDataset, confidence_level: float) -> dict[str, pd.DataFrame]:
    """ROC, calibration and all cut-points; they do not depend on the threshold and are made once."""
    if dataset.y_score is None:
        return {"roc": pd.DataFrame(), "calibration": pd.DataFrame(), "cutpoints": pd.DataFrame()}
    return dataset.reduced(("score tables", confidence_level), lambda: _made_score_tables(dataset, confidence_level))


def _made_score_tables(dataset: AuditDataset, confidence_level: float) -> dict[str, pd.DataFrame]:
    z = normal_quantile(confidence_level)
    parts: dict[str, list[pd.DataFrame]] = {"roc": [], "calibration": [], "cutpoints": []}
    for name in dataset.attributes:
        curves = score_curves(dataset, attribute=name)
        found = {
            "roc": roc_table(curves),
            "calibration": calibration_table(curves, z=z),
            "cutpoints": cutpoint_table(curves, z=z),
        }
        for key, table in found.items():
            table.insert(0, "attribute", name)
            parts[key].append(table)
    return {key: pd.concat(tables, ignore_index=True) for key, tables in parts.items()}


def _tables(
    attribute: Attribute,
    counts: ConfusionCounts,
    groups: GroupEstimates,
    comparison: Comparison,
    scores: ScoreStatistics | None,
    options: dict[str, Any],
    reference: str | None,
    random: np.random.Generator,
    dataset: AuditDataset,
) -> dict[str, pd.DataFrame]:
    n_rows = counts.n.sum(axis=1)
    reference_code = attribute.levels.index(reference) if reference else int(np.argmax(n_rows))
    return {
        "by_group": _by_group(attribute, counts, groups),
        "intervals": _intervals(attribute, groups, scores, options, random),
        "disparities": _disparities(attribute, groups, comparison, options["tolerance"]),
        "pairs": _pairs(attribute, groups, comparison),
        "references": _references(attribute, groups, comparison, reference_code),
        "four_fifths": _four_fifths(attribute, groups, comparison.critical, dataset.roles.polarity),
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
    methods = np.array([METRICS[name].method for name in groups.metrics], dtype=object)
    return pd.DataFrame(
        _grid(attribute, groups.metrics)
        | {
            "estimate": groups.value.ravel(),
            "low": low.ravel(),
            "high": high.ravel(),
            "n": groups.size.ravel(),
            "method": np.tile(methods, len(attribute.levels)),
            "reason": groups.reason.ravel(),
        }
    )


def _disparities(attribute: Attribute, groups: GroupEstimates, found: Comparison, tolerance: float) -> pd.DataFrame:
    levels = np.array(attribute.levels, dtype=object)
    rows = []
    for k, name in enumerate(groups.metrics):
        verdict, reason = verdict_of(found.low[k], found.high[k], tolerance)
        if (groups.reason[:, k] == METRICS[name].undefined).all():
            reason = METRICS[name].undefined
        elif name == "calibration_error":
            reason = _NOT_COMPARED
        excluded = tuple(levels[~groups.estimates.usable[:, k]])
        # A rate cannot differ by more than 1: beyond that there is no disparity that these sizes could show.
        bounded = METRICS[name].unit == "rate" or name in ("f_beta", "roc_auc", "brier_score")
        detectable = math.nan if bounded and not found.detectable[k] <= 1 else found.detectable[k]
        rows.append(
            {
                "attribute": attribute.name, "metric": name, "range": found.range[k], "low": found.low[k],
                "high": found.high[k], "verdict": verdict, "detectable": detectable, "p_value": found.p_value[k],
                "worst_pair": tuple(levels[found.worst[k]]) if found.worst[k, 0] >= 0 else None,
                "excluded_groups": excluded, "reason": reason,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def verdict_of(low: float, high: float, tolerance: float) -> tuple[str, str]:
    """The verdict on a range bounded by low and high, and the reason when there is none."""
    if math.isnan(low):
        return "cannot conclude", "fewer than two groups have enough rows to be compared"
    if low > tolerance:
        return "exceeds", ""
    if high < tolerance:
        return "within", ""
    return "cannot conclude", "the interval of the range holds the tolerance"


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
    verdict = np.where(
        ratio_low >= FOUR_FIFTHS, "within", np.where(ratio_high < FOUR_FIFTHS, "exceeds", "cannot conclude")
    )
    return pd.DataFrame(
        {
            "attribute": attribute.name, "group": attribute.levels, "most_favoured": attribute.levels[best],
            "favourable_rate": rate, "ratio": ratio, "low": ratio_low, "high": ratio_high,
            "verdict": verdict, "reason": np.where(exists, "", np.where(usable, "nobody got the favourable result", "too few rows")),
        }
    )  # fmt: skip


def _left_out(attribute: Attribute, groups: GroupEstimates) -> pd.DataFrame:
    reason = np.where(groups.support != "", groups.support, groups.reason)
    table = pd.DataFrame(_grid(attribute, groups.metrics) | {"reason": reason.ravel()})
    return table[table["reason"] != ""].reset_index(drop=True)
