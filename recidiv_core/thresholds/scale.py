"""The fairness scale as a table (F, Tables 12 and 13): what each definition costs the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset, Roles
from recidiv_core.errors import InputError
from recidiv_core.groups import GroupAudit, audit_groups, score_curves
from recidiv_core.plain import plain
from recidiv_core.stats import ScoreCurves, baseline_threshold, normal_quantile, wilson_bounds
from recidiv_core.thresholds.audit import checked_dataset
from recidiv_core.thresholds.candidates import Options, counts_at
from recidiv_core.thresholds.definitions import DEFINITIONS
from recidiv_core.thresholds.folds import Folds, folds_of
from recidiv_core.thresholds.judgement import Progress, held_out_counts, judged_held_out, left_out_groups
from recidiv_core.thresholds.optimum import ThresholdSolution, definition_ranges, options_of, solve

PERFORMANCE = ("f1", "recall", "precision")
NEEDS_MODEL = "needs a model trained without the attribute: a fixed score cannot show it"
_DASH = "–"
Protocol = Literal["held_out", "paper"]


@dataclass(frozen=True, eq=False)
class FairnessScale:
    """F's table.

    ``table`` has one row per model: row, title, level, reason, n_infeasible (folds in which the tolerance could not be met), and
    for each of f1, recall and precision (over all people together) and each definition's range (``{name}_range``)
    the value with, by protocol, ``_sd`` over folds (paper) or ``_low`` and ``_high`` (held_out; 95 %); for each definition
    ``_satisfied`` and with held_out ``_share``, the share of resamples that satisfy it. ``smallest_cell`` is the smallest of the
    counts of the groups that take part. ``groups`` is the group audit at the baseline of all rows; ``solutions`` are those of
    all rows, by definition.
    """

    room: ClassVar[str] = "thresholds"

    dataset: dict[str, Any]
    roles: Roles
    attribute: str
    options: dict[str, Any]
    table: pd.DataFrame
    groups: GroupAudit
    excluded_groups: dict[str, str]
    solutions: dict[str, ThresholdSolution]

    @property
    def attributes(self) -> tuple[str, ...]:
        """The protected attribute, as a sequence of one."""
        return (self.attribute,)

    @property
    def decided(self) -> dict[str, Any]:
        """What decides who is flagged, for the manifest."""
        return {"attribute": self.attribute, "protocol": self.options["protocol"]}

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON values."""
        solutions = {name: solution.to_dict() for name, solution in self.solutions.items()}
        own = {"roles": plain(self.roles.to_dict()), "groups": self.groups.to_dict(), "solutions": solutions}
        return {"room": self.room, **plain(self), **own}


def fairness_scale(
    dataset: AuditDataset,
    *,
    attribute: str,
    tolerance: float = 0.01,
    protocol: Protocol = "held_out",
    n_folds: int = 5,
    min_precision: float = 0.85,
    n_boot: int = 1000,
    random_state: int = 0,
    progress: Progress = None,
) -> FairnessScale:
    """What each definition of the scale does to performance and to the other definitions.

    Parameters
    ----------
    protocol : {"held_out", "paper"}
        "paper": thresholds are tuned and judged on the same fold, as F does; mean and SD over folds. "held_out": tuned on
        all folds but one and judged on that one; the folds' counts are pooled.
    min_precision : float
        Of the baseline: one threshold with most recall at this precision, else with most precision.

    Raises
    ------
    InputError
        When an option is out of range, or there is no score.
    """
    checked_dataset(dataset, attribute)
    if protocol not in ("held_out", "paper"):
        raise InputError.one("protocol", "'held_out' or 'paper'", "something else")
    dataset = dataset.only(attribute)
    curves = score_curves(dataset, attribute=attribute)
    folds = folds_of(dataset, attribute=attribute, n_folds=n_folds, random_state=random_state)
    if protocol == "paper":
        parts, share, judged = folds.parts, 1 / n_folds, _judged_in_folds
    else:
        parts, share, judged = [folds.rest(k) for k in range(n_folds)], 1 - 1 / n_folds, _judged_held_out
    judging = {"tolerance": tolerance, "n_boot": n_boot, "random_state": random_state}
    excluded = left_out_groups(curves, options_of(curves, definition="statistical_parity", tolerance=tolerance))
    takes_part = np.array([group not in excluded for group in curves.groups])
    rows, solutions = [], {}
    for position, name in enumerate(("baseline", "unawareness", *DEFINITIONS)):
        if progress:
            progress(position / (2 + len(DEFINITIONS)), _title(name))
        row = {"row": name, "title": _title(name), "level": _level(name), "reason": "", "n_infeasible": 0}
        if name == "unawareness":
            rows.append(row | {"reason": NEEDS_MODEL})
            continue
        if name in DEFINITIONS:
            solutions[name] = solve(curves, _options(curves, name, tolerance, min_precision))
        tuned, row["n_infeasible"] = _tuned(parts, name, tolerance, min_precision, share)
        rows.append(row | judged(folds, tuned, takes_part, judging))
    options = {
        "tolerance": tolerance, "protocol": protocol, "n_folds": n_folds, "min_precision": min_precision,
        "n_boot": n_boot, "random_state": random_state,
    }  # fmt: skip
    about = {"name": dataset.name, "sha256": dataset.sha256, "digest": dataset.digest, "n": len(dataset)}
    groups = audit_groups(dataset, threshold=baseline_threshold(curves.pooled, min_precision=min_precision), **judging)
    return FairnessScale(about, dataset.roles, attribute, options, pd.DataFrame(rows), groups, excluded, solutions)


def _title(name: str) -> str:
    other = {"baseline": "Baseline: one threshold", "unawareness": "Fairness through unawareness"}
    return DEFINITIONS[name].title if name in DEFINITIONS else other[name]


def _level(name: str) -> str:
    return DEFINITIONS[name].level if name in DEFINITIONS else {"baseline": "", "unawareness": "1"}[name]


def _options(
    curves: ScoreCurves, definition: str, tolerance: float, min_precision: float, share: float = 1.0
) -> Options:
    """F's options; ``share`` of the rows is here, so a group needs that share of the usual support."""
    return options_of(
        curves, definition=definition, tolerance=tolerance, min_support=30 * share,
        baseline=baseline_threshold(curves.pooled, min_precision=min_precision),
    )  # fmt: skip


def _tuned(
    parts: Sequence[ScoreCurves], name: str, tolerance: float, min_precision: float, share: float
) -> tuple[list[dict[str, float]], int]:
    """The thresholds of one row for each fold, and in how many the tolerance could not be met."""
    if name == "baseline":
        starts = (baseline_threshold(part.pooled, min_precision=min_precision) for part in parts)
        return [dict.fromkeys(part.groups, start) for part, start in zip(parts, starts, strict=True)], 0
    found = [solve(part, _options(part, name, tolerance, min_precision, share)) for part in parts]
    return [solution.thresholds for solution in found], sum(solution.status == "infeasible" for solution in found)


def _performance(counts: np.ndarray) -> dict[str, tuple[float, float]]:
    """F1's proportion TP/(TP + FP + FN), recall and precision of all people together, each with its denominator."""
    tp, fp, positives, _ = counts.sum(axis=0)
    parts = {"f1": positives + fp, "recall": positives, "precision": tp + fp}
    return {name: (tp / below if below > 0 else np.nan, below) for name, below in parts.items()}


def _smallest_cell(counts: np.ndarray) -> float:
    tp, fp, positives, negatives = counts.T
    return float(np.min([tp, fp, positives - tp, negatives - fp]))


def _f1(q: Any) -> Any:
    return 2 * q / (1 + q)


def _judged_in_folds(
    folds: Folds, thresholds: Sequence[Mapping[str, float]], takes_part: np.ndarray, options: dict[str, Any]
) -> dict[str, Any]:
    """Each fold judged by its own thresholds: mean and SD over folds."""
    rows, smallest = [], np.inf
    for part, own in zip(folds.parts, thresholds, strict=True):
        counts = counts_at(part, own)
        smallest = min(smallest, _smallest_cell(counts[takes_part]))
        found = {name: value for name, (value, _) in _performance(counts).items()}
        ranges = definition_ranges(counts[takes_part])
        rows.append(found | {"f1": _f1(found["f1"])} | {f"{name}_range": float(r) for name, r in ranges.items()})
    table = pd.DataFrame(rows)
    row: dict[str, Any] = {"smallest_cell": smallest}
    for name in table.columns:
        values = table[name].to_numpy()  # one fold without a value leaves the mean without one
        row |= {name: float(values.mean()), f"{name}_sd": float(values.std(ddof=1))}
    return row | {f"{name}_satisfied": _is_below(row[f"{name}_range"], options["tolerance"]) for name in DEFINITIONS}


def _judged_held_out(
    folds: Folds, thresholds: Sequence[Mapping[str, float]], takes_part: np.ndarray, options: dict[str, Any]
) -> dict[str, Any]:
    """The counts of all folds pooled, each judged by thresholds tuned on the others, with intervals and resamples."""
    audit = audit_groups(folds.dataset, flagged=folds.flagged(thresholds), **options)
    curve = score_curves(folds.dataset, attribute=folds.attribute).pooled
    scale = curve.n_effective / sum(curve.total)  # with weights: Kish's effective rows for a summed weight
    counts = held_out_counts(folds, thresholds)
    row: dict[str, Any] = {"smallest_cell": _smallest_cell(counts[takes_part])}
    for name, (value, below) in _performance(counts).items():
        low, high = (float(bound) for bound in wilson_bounds(value, below * scale, normal_quantile(0.95)))
        shaped = [_f1(x) if name == "f1" else x for x in (value, low, high)]
        row |= dict(zip((name, f"{name}_low", f"{name}_high"), shaped, strict=True))
    for own in judged_held_out(audit, folds, thresholds, takes_part).itertuples(index=False):
        row |= {
            f"{own.definition}_range": own.range, f"{own.definition}_range_low": own.low,
            f"{own.definition}_range_high": own.high, f"{own.definition}_verdict": own.verdict,
            f"{own.definition}_satisfied": own.satisfied, f"{own.definition}_share": own.share,
        }  # fmt: skip
    return row


def _is_below(value: float, tolerance: float) -> bool | None:
    return None if np.isnan(value) else bool(value < tolerance)


_TEXT_COLUMNS = {"f1": "F1", "recall": "Recall", "precision": "Precision"}


def scale_text(scale: FairnessScale) -> pd.DataFrame:
    """The table in words and figures, as page and report print it.

    Held out: value (95 % interval), and for a range the share of resamples that satisfy it. Paper: mean (SD). ● marks what
    satisfies its definition.
    """
    titles = _TEXT_COLUMNS | {name: f"{d.title}, range" for name, d in DEFINITIONS.items()}
    rows = []
    for row in scale.table.to_dict("records"):
        cells = {"Thresholds": row["title"]}
        for name, title in titles.items():
            cells[title] = _DASH if row["reason"] else _cell(row, name, scale.options)
        rows.append(cells)
    return pd.DataFrame(rows)


def _cell(row: dict[str, Any], name: str, options: dict[str, Any]) -> str:
    column = name if name in _TEXT_COLUMNS else f"{name}_range"
    value = row[column]
    if np.isnan(value):
        return (
            f"{'● ' if row.get(f'{name}_satisfied') else ''}{'withheld' if 'min_cell' in options else 'not estimable'}"
        )
    protocol = options["protocol"]
    if protocol == "paper":
        text = f"{value:.4f} ({row[f'{column}_sd']:.4f})"
    else:
        high = row[f"{column}_high"]
        text = f"{value:.4f} ({row[f'{column}_low']:.3f} to {_DASH if np.isnan(high) else f'{high:.3f}'})"
    if name in _TEXT_COLUMNS:
        return text
    share = f", {100 * row[f'{name}_share']:.0f} % of resamples" if protocol == "held_out" else ""
    return f"{'● ' if row[f'{name}_satisfied'] else ''}{text}{share}"
