"""The sections of the room of thresholds: a choice of thresholds, and the fairness scale."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.charts.theme import VERDICT_MARKS
from recidiv_core.charts.thresholds import price_chart, scale_chart
from recidiv_core.groups import GroupAudit
from recidiv_core.report.blocks import DASH, WITHHELD, count_text, figure_block, heading_block, table_block, text_block
from recidiv_core.report.suppression import suppress
from recidiv_core.thresholds import (
    DEFINITIONS,
    MEASURES,
    FairnessScale,
    ThresholdAudit,
    objective_name,
    price_sentence,
    scale_text,
    spread,
    threshold_answer,
)
from recidiv_core.words import percent

_CELLS = ["tp", "fp", "fn", "tn"]
_CHANGES = ["flagged_per_1000", "wrongly_flagged_per_1000", "missed_per_1000"]


def protect(audit: ThresholdAudit, *, min_cell: int) -> ThresholdAudit:
    """A choice of thresholds as it may be published.

    A group's numbers follow the group audit at these thresholds. Its change against the baseline is published only
    where its counts are, here and at the baseline, and where the people decided otherwise are none or ``min_cell`` at
    least. Where a group that takes part is withheld, so are the sums over groups, and ranges are those of the groups
    published.
    """
    groups = suppress(audit.groups, min_cell=min_cell)
    held_out = None if audit.held_out is None else suppress(audit.held_out, min_cell=min_cell)
    table = _protected_groups(audit, groups, min_cell)
    own = set(table.loc[table["takes_part"], "group"])
    is_whole = not table.loc[table["takes_part"], _CELLS].isna().any(axis=None)
    definitions = audit.definitions if is_whole else _of_published(audit.definitions, groups, own, "")
    if held_out is not None:
        judged = held_out.of(audit.attribute, "by_group")
        if judged.loc[judged["group"].isin(own), _CELLS].isna().any(axis=None):
            definitions = _of_published(definitions, held_out, own, "held_out_")
    solution = audit.solution
    if solution is not None:
        numbers = ("objective", "achieved_range", "smallest_range")
        figures: dict[str, Any] = {} if is_whole else dict.fromkeys(numbers, math.nan)
        if not is_whole and not math.isnan(solution.smallest_range):
            figures["reason"] = WITHHELD
        if audit.options["partial"] < 1 and table["flagged_per_1000"].isna().any():
            figures["achieved_range"] = math.nan  # it rests on the rates at the baseline
        solution = dataclasses.replace(
            solution, by_group=table, excluded_groups=_bare(solution.excluded_groups), **figures
        )
    return dataclasses.replace(
        audit, groups=groups, held_out=held_out, by_group=table, definitions=definitions, solution=solution
    )


def _bare(reasons: Mapping[str, str]) -> dict[str, str]:
    """Reasons without their counts; "nobody had the outcome" is a count of 0."""
    bare = {group: reason.split(" (")[0] for group, reason in reasons.items()}
    return {
        group: reason if reason.startswith("fewer than") or not reason else WITHHELD for group, reason in bare.items()
    }


def _protected_groups(audit: ThresholdAudit, groups: GroupAudit, min_cell: int) -> pd.DataFrame:
    table = audit.by_group.copy()
    published = groups.of(audit.attribute, "by_group").set_index("group").loc[table["group"]]
    hidden = published[_CELLS].isna().any(axis=1).to_numpy()
    changed = table["n"].to_numpy()[:, None] * np.abs(table[_CHANGES[1:]].to_numpy(float)) / 1000
    is_small = ((changed > 0.5) & (changed < min_cell)).any(axis=1)
    # With weights the numbers of people behind a change are not known here.
    no_change = hidden | is_small | (_cells_before(table) < min_cell).any(axis=1) | (audit.roles.weight is not None)
    masks = {"n": published["n"].isna().to_numpy()}
    masks |= dict.fromkeys([*_CELLS, *MEASURES, "objective"], hidden)
    masks |= dict.fromkeys([*_CHANGES, "baseline_objective"], no_change)
    for column, mask in masks.items():
        table[column] = table[column].astype(float).mask(mask)
    return table.assign(reason=list(_bare(dict(zip(table["group"], table["reason"], strict=True))).values()))


def _cells_before(table: pd.DataFrame) -> np.ndarray:
    """The cells at the baseline, shape (G, 4)."""
    n = table["n"].to_numpy()
    wrongly, missed = (table[name].to_numpy() * n / 1000 for name in _CHANGES[1:])
    tp, fp, fn, tn = (table[name].to_numpy() for name in _CELLS)
    return np.column_stack([tp + missed, fp - wrongly, fn - missed, tn + wrongly])


def _of_published(definitions: pd.DataFrame, groups: GroupAudit, own: set[str], prefix: str) -> pd.DataFrame:
    """Ranges and bounds over the groups taking part whose numbers are published; verdicts stay those of all."""
    pairs = [pair for pair in groups.rows(groups.attributes[0], "pairs") if {pair.group_a, pair.group_b} <= own]
    table = definitions.copy()
    for column, of in (
        ("range", lambda pair: abs(pair.difference)),
        ("low", lambda pair: max(pair.low, -pair.high, 0.0)),
        ("high", lambda pair: max(abs(pair.low), abs(pair.high))),
    ):
        values = []
        for name in table["definition"]:
            known = [
                [of(pair) for pair in pairs if pair.metric == metric and not math.isnan(pair.difference)]
                for metric in DEFINITIONS[name].metrics
            ]
            values.append(max(max(part) for part in known) if all(known) else math.nan)
        table[f"{prefix}{column}"] = values
    for column in ("share", "n_resamples"):
        table[f"{prefix}{column}"] = math.nan
    return table


def facts(audit: ThresholdAudit) -> list[list[str]]:
    """How people were flagged and compared."""
    level = f"{100 * audit.options['confidence_level']:g} %"
    return [
        ["Flagged means", f"score ≥ the threshold of the person's group of {audit.attribute}"],
        ["Confidence", f"{level}, simultaneous over all pairs of groups and all measures of an attribute"],
        ["Smallest group compared", f"{audit.options['min_support']:g} people"],
    ]


def summary(audit: ThresholdAudit) -> list[tuple[str, str | None, str]]:
    """What the thresholds do."""
    return [(f"Thresholds by {audit.attribute}", audit.verdict, threshold_answer(audit))]


def sections(audit: ThresholdAudit) -> list[dict[str, Any]]:
    """One section."""
    price = price_sentence(audit)
    blocks = [text_block(threshold_answer(audit)), *([text_block(price)] if price else [])]
    blocks += [_threshold_table(audit), _definition_table(audit)]
    if audit.by_group.loc[audit.by_group["takes_part"], "tp"].isna().any():
        blocks.append(
            text_block(
                "Ranges and intervals are those of the groups whose numbers are published; verdicts are those of all."
            )
        )
    if audit.by_group.loc[audit.by_group["takes_part"], _CHANGES].notna().all(axis=None):
        blocks.append(figure_block("Change against the baseline per 1,000 people of each group", price_chart(audit)))
    left_out = audit.by_group[~audit.by_group["takes_part"]]
    if len(left_out):
        reasons = ", ".join(f"{row.group} ({row.reason})" for row in left_out.itertuples())
        kept = "" if audit.solution is None else " They keep the baseline's threshold."
        blocks.append(text_block(f"Left out of the search and of the ranges: {reasons}.{kept}"))
    if audit.solution is not None:
        blocks += [heading_block("How the thresholds were found"), text_block(_search_text(audit))]
    return [{"title": f"Thresholds: {audit.attribute}", "blocks": blocks}]


def _search_text(audit: ThresholdAudit) -> str:
    options, solution = audit.options, audit.solution
    limit = spread(options["tolerance"], solution.definition)
    text = (
        f"Of all combinations of thresholds whose range is below {limit}, the one with the largest value of "
        f"{objective_name(options)}."
    )
    if solution.status == "infeasible":
        text = f"No combination of thresholds has a range below {limit}; those shown have the smallest there is."
    given = [_limit_text(name, values) for name, values in options["limits"].items() if values]
    if given:
        text += f" Within these limits: {', '.join(given)}."
    if options["partial"] < 1:
        text += f" Partial parity: λ = {options['partial']:g}."
    return text


def _limit_text(name: str, values: Mapping[str, float]) -> str:
    words = {
        "min_precision": "precision of at least",
        "max_selection_rate": "a share flagged of at most",
        "min_recall": "recall of at least",
    }[name]
    if len(set(values.values())) == 1:
        where = "in each group" if len(values) > 1 else f"in {next(iter(values))}"
        return f"{words} {percent(next(iter(values.values())))} {where}"
    return "; ".join(f"{words} {percent(value)} in {group}" for group, value in values.items())


def _threshold_table(audit: ThresholdAudit) -> dict[str, Any]:
    def rate(value: float, row: Any) -> str:
        return WITHHELD if math.isnan(row.tp) else DASH if math.isnan(value) else percent(value)

    def change(value: float) -> str:
        return WITHHELD if math.isnan(value) else f"{round(value):+d}"

    rows = [
        [
            row.group,
            "nobody" if math.isinf(row.threshold) else f"{row.threshold:g}",
            count_text(row.n),
            *(rate(v, row) for v in (row.selection_rate, row.true_positive_rate, row.positive_predictive_value)),
            *(change(getattr(row, name)) for name in _CHANGES),
        ]
        for row in audit.by_group.itertuples()
    ]
    columns = ["Group", "Flag at", "People", "Flagged", "Recall", "Precision", "Flagged ±", "Wrongly ±", "Missed ±"]
    title = f"Thresholds by {audit.attribute}; ± is the change against the baseline per 1,000 people of the group"
    return table_block(title, columns, [False] + [True] * 8, rows)


def _definition_table(audit: ThresholdAudit) -> dict[str, Any]:
    tolerance, is_tuned = audit.options["tolerance"], audit.solution is not None
    prefix = "held_out_" if is_tuned else ""
    rows = []
    for row in audit.definitions.to_dict("records"):
        name, mark = row["definition"], VERDICT_MARKS[row[f"{prefix}verdict"]]
        state = {None: "not estimable: a denominator is 0", True: "● satisfied", False: "not satisfied"}[
            row["satisfied"]
        ]
        cells = [DEFINITIONS[name].title, state, _spread(row["range"], name, tolerance)]
        cells += [_spread(row["held_out_range"], name, tolerance)] if is_tuned else []
        ends = [_spread(row[f"{prefix}{end}"], name, tolerance).split(" ")[0] for end in ("low", "high")]
        cells += [" to ".join(DASH if end == DASH else end for end in ends), f"{mark.sign} {mark.word}"]
        rows.append(cells)
    columns = ["Definition", "In these data", "Range", *(["Range held out"] if is_tuned else []), "Interval", "Verdict"]
    title = "Definitions (pp: percentage points; treatment equality: missed per person flagged wrongly)"
    return table_block(title, columns, [False, False] + [True] * (len(columns) - 3) + [False], rows)


def _spread(value: float, definition: str, tolerance: float) -> str:
    return (
        DASH
        if math.isnan(value)
        else spread(value, definition, tolerance)
        .replace(" percentage points", " pp")
        .replace(" percentage point", " pp")
    )


def protect_scale(scale: FairnessScale, *, min_cell: int) -> FairnessScale:
    """The fairness scale as it may be published: ranges are withheld where a cell of a group that takes part is
    small.
    """
    table = scale.table.copy()
    is_small = (table["smallest_cell"] < min_cell) | (scale.roles.weight is not None)
    figures = [c for c in table.columns if "_range" in c or c.endswith("_share")]
    table[figures] = table[figures].astype(float).mask(is_small & (table["reason"] == ""))
    table["smallest_cell"] = math.nan
    bare = _bare(scale.excluded_groups)
    groups = suppress(scale.groups, min_cell=min_cell)
    options = scale.options | {"min_cell": min_cell}
    return dataclasses.replace(scale, table=table, excluded_groups=bare, groups=groups, options=options, solutions={})


def scale_facts(scale: FairnessScale) -> list[list[str]]:
    """How the thresholds were tuned and judged."""
    protocols = {
        "held_out": "tuned on one half of the rows, judged on the other",
        "paper": f"{scale.options['n_folds']} parts, tuned and judged on the same; mean and SD over them",
    }
    return [
        ["Flagged means", f"score ≥ the threshold of the person's group of {scale.attribute}"],
        ["Protocol", protocols[scale.options["protocol"]]],
    ]


def scale_summary(scale: FairnessScale) -> list[tuple[str, str | None, str]]:
    """Which definitions each row satisfies."""
    parts = []
    for row in scale.table.to_dict("records"):
        if row["row"] in DEFINITIONS:
            own = "satisfies" if row[f"{row['row']}_satisfied"] else "does not satisfy"
            trivially = " trivially" if row["trivial"] is True else ""
            others = [DEFINITIONS[n].title.lower() for n in DEFINITIONS if n != row["row"] and row[f"{n}_satisfied"]]
            also = f", and also {', '.join(others)}" if others else ""
            parts.append(f"the row {row['title'].lower()} {own} its own definition{trivially}{also}")
    how = (
        "On the half of the rows that was not tuned on"
        if scale.options["protocol"] == "held_out"
        else "In the mean over the parts tuned on"
    )
    return [(f"Fairness scale by {scale.attribute}", None, f"{how}: {'; '.join(parts)}.")]


def scale_sections(scale: FairnessScale) -> list[dict[str, Any]]:
    """One section."""
    text = scale_text(scale)
    blocks = [text_block(said) for _, _, said in scale_summary(scale)]
    shown = scale.table[scale.table["reason"] == ""]
    if shown[[f"{name}_range" for name in DEFINITIONS]].notna().any(axis=None):
        title = "The range of each definition (columns) under the thresholds of each row; ● satisfied, * trivial"
        blocks.append(figure_block(title, scale_chart(scale.table, scale.options["tolerance"])))
    kind = "mean (SD)" if scale.options["protocol"] == "paper" else "value (95 % interval)"
    for start in (1, 4, 7):
        part = text[["Thresholds", *text.columns[start : start + 3]]]
        rows = [[str(cell) for cell in row] for row in part.itertuples(index=False)]
        blocks.append(table_block(f"Fairness scale, {kind}", list(part.columns), [False] * part.shape[1], rows))
    blocks += [text_block(f"{row.title}: {row.reason}.") for row in scale.table.itertuples() if row.reason]
    if scale.excluded_groups:
        names = ", ".join(f"{group} ({reason})" for group, reason in scale.excluded_groups.items())
        blocks.append(text_block(f"Left out of the ranges: {names}."))
    return [{"title": f"Fairness scale: {scale.attribute}", "blocks": blocks}]
