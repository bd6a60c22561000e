"""The fairness scale as a table (F, Tables 12 and 13): what each definition costs the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset, Roles
from recidiv_core.errors import InputError
from recidiv_core.groups import GroupAudit, audit_groups, score_curves
from recidiv_core.options import is_number
from recidiv_core.plain import plain
from recidiv_core.stats import ScoreCurves, baseline_threshold, normal_quantile, wilson_bounds
from recidiv_core.thresholds.audit import checked_dataset
from recidiv_core.thresholds.candidates import Options, counts_at, left_out_groups
from recidiv_core.thresholds.definitions import DEFINITIONS
from recidiv_core.thresholds.folds import folds_of, halves_of
from recidiv_core.thresholds.judgement import Progress, judged
from recidiv_core.thresholds.optimum import ThresholdSolution, definition_ranges, options_of, solve, trivial

NEEDS_MODEL = "needs a model trained without the attribute: a fixed score cannot show it"
_DASH = "–"
Protocol = Literal["held_out", "paper"]


@dataclass(frozen=True, eq=False)
class FairnessScale:
    """F's table.

    ``table`` has one row per model: row, title, level, reason, n_infeasible (folds in which the tolerance could not be
    met), and for each of f1, recall and precision (over all people together) and each definition's range
    (``{name}_range``) the value with, by protocol, ``_sd`` over folds (paper) or ``_low`` and ``_high`` (held_out; 95
    %); for each definition
    ``_satisfied`` and with held_out ``_share``, the share of resamples that satisfy it. ``smallest_cell`` is the
    smallest of the counts of the groups that take part; ``trivial`` says whether more than 95 % of one are flagged, or
    spared (by "paper": in most folds). ``groups`` is the group audit at the baseline of all rows; ``solutions`` are
    those of all rows, by definition.
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
        "paper": thresholds are tuned and judged on the same of ``n_folds`` folds, as F does; mean and SD over folds.
        "held_out": tuned on one half of the rows and judged on the other.
    min_precision : float
        Of the baseline: one threshold with most recall at this precision, else with most precision.

    Raises
    ------
    InputError
        When an option is out of range, or there is no score.
    """
    checked_dataset(dataset, attribute, random_state=random_state)
    if protocol not in ("held_out", "paper"):
        raise InputError.one("protocol", "'held_out' or 'paper'", "something else")
    if not is_number(min_precision, 0, 1):
        raise InputError.one("min_precision", "a number from 0 to 1", "something else")
    dataset = dataset.only(attribute)
    curves = score_curves(dataset, attribute=attribute)
    options = _options(curves, "statistical_parity", tolerance, min_precision)
    excluded = left_out_groups(curves, options)
    taking_part = [group for group in curves.groups if group not in excluded]
    judging = {"tolerance": tolerance, "n_boot": n_boot, "random_state": random_state, "confidence_level": 0.95}
    if protocol == "paper":
        parts = folds_of(dataset, attribute=attribute, n_folds=n_folds, random_state=random_state)
        judge = partial(_judged_in_folds, parts, taking_part=taking_part, tolerance=tolerance)
    else:
        halves = halves_of(dataset, attribute=attribute, random_state=random_state)
        parts = (halves.tuning,)
        judge = partial(_judged_held_out, halves.judging, attribute=attribute, taking_part=taking_part, options=judging)
    rows, solutions = [], {}
    for position, name in enumerate(("baseline", "unawareness", *DEFINITIONS)):
        if progress is not None:
            progress(position / (2 + len(DEFINITIONS)), _title(name, min_precision))
        row = {
            "row": name,
            "title": _title(name, min_precision),
            "level": _level(name),
            "reason": "",
            "n_infeasible": 0,
        }
        if name == "unawareness":
            rows.append(row | {"reason": NEEDS_MODEL})
            continue
        if name in DEFINITIONS:
            solutions[name] = solve(curves, _options(curves, name, tolerance, min_precision))
        tuned, row["n_infeasible"] = _tuned(parts, name, tolerance, min_precision, excluded)
        rows.append(row | judge(tuned))
    about = {"name": dataset.name, "sha256": dataset.sha256, "digest": dataset.digest, "n": len(dataset)}
    given = {**judging, "protocol": protocol, "n_folds": n_folds, "min_precision": min_precision}
    groups = audit_groups(dataset, threshold=options.baseline[taking_part[0]], **judging)
    return FairnessScale(
        dataset=about,
        roles=dataset.roles,
        attribute=attribute,
        options=given,
        table=pd.DataFrame(rows),
        groups=groups,
        excluded_groups=excluded,
        solutions=solutions,
    )


def _title(name: str, min_precision: float) -> str:
    if name == "baseline":
        return f"One threshold for all, precision ≥ {100 * min_precision:g} %"
    return DEFINITIONS[name].title if name in DEFINITIONS else "Fairness through unawareness"


def _level(name: str) -> str:
    return DEFINITIONS[name].level if name in DEFINITIONS else {"baseline": "", "unawareness": "1"}[name]


def _options(curves: ScoreCurves, definition: str, tolerance: float, min_precision: float) -> Options:
    """F's options: the sum of F1, no limits."""
    start = baseline_threshold(curves.pooled, min_precision=min_precision)
    return options_of(curves, definition=definition, tolerance=tolerance, baseline=start)


def _tuned(
    parts: Sequence[ScoreCurves], name: str, tolerance: float, min_precision: float, excluded: Mapping[str, str]
) -> tuple[list[dict[str, float]], int]:
    """The thresholds of one row for each part, and in how many the tolerance could not be met."""
    if name == "baseline":
        starts = (baseline_threshold(part.pooled, min_precision=min_precision) for part in parts)
        return [dict.fromkeys(part.groups, start) for part, start in zip(parts, starts, strict=True)], 0
    found = [solve(part, _options(part, name, tolerance, min_precision), excluded=excluded) for part in parts]
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
    parts: Sequence[ScoreCurves], thresholds: Sequence[Mapping[str, float]], *, taking_part: list[str], tolerance: float
) -> dict[str, Any]:
    """Each fold judged by its own thresholds: mean and SD over folds."""
    rows, smallest, n_trivial = [], np.inf, 0
    for part, own in zip(parts, thresholds, strict=True):
        counts = counts_at(ScoreCurves({group: part.groups[group] for group in taking_part}), own)
        smallest, n_trivial = min(smallest, _smallest_cell(counts)), n_trivial + bool(trivial(taking_part, counts))
        found = {name: value for name, (value, _) in _performance(counts_at(part, own)).items()}
        ranges = definition_ranges(counts)
        rows.append(found | {"f1": _f1(found["f1"])} | {f"{name}_range": float(r) for name, r in ranges.items()})
    table = pd.DataFrame(rows)
    row: dict[str, Any] = {"smallest_cell": smallest, "trivial": n_trivial > len(rows) / 2}
    for name in table.columns:
        values = table[name].to_numpy()  # one fold without a value leaves the mean without one
        row |= {name: float(values.mean()), f"{name}_sd": float(values.std(ddof=1))}
    return row | {f"{name}_satisfied": _is_below(row[f"{name}_range"], tolerance) for name in DEFINITIONS}


def _judged_held_out(
    dataset: AuditDataset,
    thresholds: Sequence[Mapping[str, float]],
    *,
    attribute: str,
    taking_part: list[str],
    options: dict[str, Any],
) -> dict[str, Any]:
    """The judging half by the thresholds of the tuning half, with intervals and resamples."""
    own = thresholds[0]
    curves = score_curves(dataset, attribute=attribute)
    counts = counts_at(ScoreCurves({group: curves.groups[group] for group in taking_part}), own)
    table, _ = judged(dataset, attribute, own, taking_part, options | {"min_support": 15})
    scale = curves.pooled.n_effective / sum(curves.pooled.total)  # with weights: Kish's effective rows
    row: dict[str, Any] = {"smallest_cell": _smallest_cell(counts), "trivial": bool(trivial(taking_part, counts))}
    for name, (value, below) in _performance(counts_at(curves, own)).items():
        low, high = (float(bound) for bound in wilson_bounds(value, below * scale, normal_quantile(0.95)))
        shaped = [_f1(x) if name == "f1" else x for x in (value, low, high)]
        row |= dict(zip((name, f"{name}_low", f"{name}_high"), shaped, strict=True))
    for found in table.itertuples(index=False):
        row |= {
            f"{found.definition}_range": found.range,
            f"{found.definition}_range_low": found.low,
            f"{found.definition}_range_high": found.high,
            f"{found.definition}_verdict": found.verdict,
            f"{found.definition}_satisfied": found.satisfied,
            f"{found.definition}_share": found.share,
        }
    return row


def _is_below(value: float, tolerance: float) -> bool | None:
    return None if np.isnan(value) else bool(value < tolerance)


_TEXT_COLUMNS = {"f1": "F1", "recall": "Recall", "precision": "Precision"}


def scale_text(scale: FairnessScale) -> pd.DataFrame:
    """The table in words and figures, as page and report print it.

    Held out: value (95 % interval), and for a range the share of resamples that satisfy it. Paper: mean (SD). ● marks
    what satisfies its definition.
    """
    titles = _TEXT_COLUMNS | {name: f"{d.title}, range" for name, d in DEFINITIONS.items()}
    rows = []
    for row in scale.table.to_dict("records"):
        cells = {"Thresholds": _row_title(row)}
        for name, title in titles.items():
            cells[title] = _DASH if row["reason"] else _cell(row, name, scale.options)
        rows.append(cells)
    return pd.DataFrame(rows)


def _row_title(row: Mapping[str, Any]) -> str:
    """A row's title, with the word "trivial" where it flags or spares nearly everybody of some group."""
    return row["title"] + (" (trivial)" if row["trivial"] is True else "")


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
