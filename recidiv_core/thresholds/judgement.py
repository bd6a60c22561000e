"""How thresholds do: on the rows at hand, on rows that they were not tuned on, and in resamples of those."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset
from recidiv_core.groups import GroupAudit, score_curves
from recidiv_core.stats import ScoreCurves
from recidiv_core.thresholds.candidates import Options, counts_at, left_out
from recidiv_core.thresholds.definitions import DEFINITIONS
from recidiv_core.thresholds.folds import Folds
from recidiv_core.thresholds.optimum import ThresholdSolution, definition_ranges, solve

Progress = Callable[[float, str], None] | None


def flagged_by(dataset: AuditDataset, attribute: str, thresholds: Mapping[str, float]) -> np.ndarray:
    """Who is flagged when each group has its own threshold, shape (n,)."""
    groups = dataset.attributes[attribute]
    return dataset.y_score >= np.array([thresholds[level] for level in groups.levels])[groups.codes]


def left_out_groups(curves: ScoreCurves, options: Options) -> dict[str, str]:
    """The groups that take no part, with the reason."""
    reasons = {group: left_out(curve, options) for group, curve in curves.groups.items()}
    return {group: reason for group, reason in reasons.items() if reason}


def tuned_on_the_rest(folds: Folds, options: Options, progress: Progress = None) -> list[ThresholdSolution]:
    """For each fold the thresholds tuned on the others. Groups with enough rows in the whole take part in each."""
    n_folds = len(folds.parts)
    own = replace(options, min_support=options.min_support * (n_folds - 1) / n_folds)
    found = []
    for k in range(n_folds):
        if progress is not None:
            progress(k / n_folds, f"Tuning without part {k + 1} of {n_folds}")
        found.append(solve(folds.rest(k), own))
    return found


def held_out_counts(folds: Folds, thresholds: Sequence[Mapping[str, float]]) -> np.ndarray:
    """Counts of all rows, each fold judged by its own thresholds, shape (G, 4) as :func:`counts_at` has them."""
    return sum(counts_at(part, own) for part, own in zip(folds.parts, thresholds, strict=True))


def verdicts(audit: GroupAudit, counts: np.ndarray, takes_part: np.ndarray, tolerance: float) -> pd.DataFrame:
    """definition, range, satisfied, low, high, verdict and not_compared of each definition.

    The range and whether it satisfies are facts about these counts (G, 4); interval and verdict come from the audit.
    Of two metrics the ends further out count, and the worse verdict. ``not_compared`` are groups that take part but have too
    few people in a denominator for an interval: then the lower bound stands, since more groups only widen a range, and there
    is no upper one.
    """
    attribute = audit.attributes[0]
    ranges = definition_ranges(counts[takes_part])
    found = {row.metric: row for row in audit.rows(attribute, "disparities")}
    groups = [row.group for row, own in zip(audit.rows(attribute, "by_group"), takes_part, strict=True) if own]
    rows = []
    for name, definition in DEFINITIONS.items():
        parts = [found[metric] for metric in definition.metrics]
        missing = tuple(g for g in groups if any(g in part.excluded_groups for part in parts))
        said = {part.verdict for part in parts}
        is_within = said == {"within"} and not missing
        rows.append(
            {
                "definition": name, "range": ranges[name],
                "satisfied": None if math.isnan(ranges[name]) else bool(ranges[name] < tolerance),
                "low": float(np.fmax.reduce([part.low for part in parts])),
                "high": math.nan if missing else float(np.max([part.high for part in parts])),
                "verdict": "exceeds" if "exceeds" in said else "within" if is_within else "cannot conclude",
                "not_compared": missing,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def judged_held_out(
    audit: GroupAudit, folds: Folds, thresholds: Sequence[Mapping[str, float]], takes_part: np.ndarray
) -> pd.DataFrame:
    """As :func:`verdicts`, for folds judged by thresholds tuned on the others, with the share of resamples that satisfy."""
    options = audit.options
    counts = held_out_counts(folds, thresholds)
    table = verdicts(audit, counts, takes_part, options["tolerance"])
    curves = score_curves(folds.dataset, attribute=folds.attribute)
    n_effective = np.array([curve.n_effective for curve in curves.groups.values()])
    drawn = resampled_ranges(
        counts[takes_part], n_effective[takes_part], n_boot=options["n_boot"], attribute=folds.attribute,
        random_state=options["random_state"],
    )  # fmt: skip
    exists = {name: ranges[~np.isnan(ranges)] for name, ranges in drawn.items()}
    share = [float((r < options["tolerance"]).mean()) if len(r) else math.nan for r in exists.values()]
    return table.assign(share=share, n_resamples=[len(r) for r in exists.values()])


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
