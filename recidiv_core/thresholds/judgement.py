"""How thresholds do: on the rows at hand, on rows that they were not tuned on, and in resamples of those."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset
from recidiv_core.groups import GroupAudit, audit_groups, score_curves
from recidiv_core.thresholds.candidates import counts_at
from recidiv_core.thresholds.definitions import DEFINITIONS
from recidiv_core.thresholds.optimum import definition_ranges

Progress = Callable[[float, str], None] | None


def flagged_by(dataset: AuditDataset, attribute: str, thresholds: Mapping[str, float]) -> np.ndarray:
    """Who is flagged when each group has its own threshold, shape (n,)."""
    groups = dataset.attributes[attribute]
    return dataset.y_score >= np.array([thresholds[level] for level in groups.levels])[groups.codes]


def judged(
    dataset: AuditDataset,
    attribute: str,
    thresholds: Mapping[str, float],
    taking_part: Sequence[str],
    options: dict[str, Any],
) -> tuple[pd.DataFrame, GroupAudit]:
    """What thresholds do on the rows of ``dataset``: a row per definition, and the group audit behind it.

    definition, range, satisfied, low, high, verdict, not_compared, share, n_resamples. The range and whether it
    satisfies are facts about these rows. Interval and verdict are those of the group audit, for the groups
    ``taking_part``: the bounds of all their pairs, simultaneous over all pairs and all measures of the audit.
    ``not_compared`` are groups that take part but have too few people in a denominator for an interval: then the lower
    bound stands, since more groups only widen a range, and there is no upper one. ``share`` is that of resamples, of
    those in which the range exists, that satisfy.
    """
    audit = audit_groups(dataset, flagged=flagged_by(dataset, attribute, thresholds), **options)
    curves = score_curves(dataset, attribute=attribute)
    own = [group in taking_part for group in curves.groups]
    counts = counts_at(curves, thresholds)[own]
    n_effective = np.array([curve.n_effective for curve in curves.groups.values()])[own]
    ranges = definition_ranges(counts)
    drawn = resampled_ranges(
        counts, n_effective, n_boot=options["n_boot"], attribute=attribute, random_state=options["random_state"]
    )
    rows = []
    for name, definition in DEFINITIONS.items():
        exists = drawn[name][~np.isnan(drawn[name])]
        bounds = [_bounds(audit, metric, taking_part) for metric in definition.metrics]
        missing = tuple(dict.fromkeys(group for *_, groups in bounds for group in groups))
        low = float(np.fmax.reduce([low for low, _, _ in bounds]))
        high = math.nan if missing else float(np.max([high for _, high, _ in bounds]))
        rows.append(
            {
                "definition": name,
                "range": float(ranges[name]),
                "satisfied": None if math.isnan(ranges[name]) else bool(ranges[name] < options["tolerance"]),
                "low": low,
                "high": high,
                "verdict": _verdict(low, high, options["tolerance"]),
                "not_compared": missing,
                "share": float((exists < options["tolerance"]).mean()) if len(exists) else math.nan,
                "n_resamples": len(exists),
            }
        )
    return pd.DataFrame(rows), audit


def _bounds(audit: GroupAudit, metric: str, taking_part: Sequence[str]) -> tuple[float, float, tuple[str, ...]]:
    """The bounds of a metric's range over the groups taking part, and those of them without an interval."""
    pairs = [
        pair
        for pair in audit.rows(audit.attributes[0], "pairs")
        if pair.metric == metric and {pair.group_a, pair.group_b} <= set(taking_part) and not math.isnan(pair.low)
    ]
    compared = {group for pair in pairs for group in (pair.group_a, pair.group_b)}
    missing = tuple(group for group in taking_part if group not in compared)
    if not pairs:
        return math.nan, math.nan, missing
    low = max(max(pair.low, -pair.high, 0.0) for pair in pairs)
    return low, max(max(abs(pair.low), abs(pair.high)) for pair in pairs), missing


def _verdict(low: float, high: float, tolerance: float) -> str:
    return "exceeds" if low > tolerance else "within" if high < tolerance else "cannot conclude"


def resampled_ranges(
    counts: np.ndarray, n_effective: np.ndarray, *, n_boot: int, attribute: str, random_state: int
) -> dict[str, np.ndarray]:
    """Each definition's range in resamples of the rows, shape (n_boot,); NaN where a metric of a group does not exist.

    Resampling a group's rows is a multinomial draw over its four cells. ``counts`` (G, 4) and ``n_effective`` (G,)
    are those of the groups that take part.
    """
    tp, fp, positives, negatives = counts.T
    cells = np.column_stack([tp, fp, positives - tp, negatives - fp])
    share = np.clip(cells, 0, None) / cells.sum(axis=1, keepdims=True)
    random = np.random.default_rng([random_state, zlib.crc32(attribute.encode())])
    order = np.lexsort(cells.T)  # in the order of the counts: another name draws the same
    drawn = np.empty((n_boot, *cells.shape))
    size = np.maximum(np.rint(n_effective).astype(int), 1)
    drawn[:, order] = random.multinomial(size[order], share[order], size=(n_boot, len(size)))
    tp, fp, fn, tn = np.moveaxis(drawn, -1, 0)
    return definition_ranges(np.stack([tp, fp, tp + fn, fp + tn], axis=-1))
