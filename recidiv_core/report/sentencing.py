"""The section of the room of sentences."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.charts.sentencing import contrast_chart, groups_chart, sides_chart, spread_chart, years_chart
from recidiv_core.report.blocks import WITHHELD, count_text, figure_block, heading_block, table_block, text_block
from recidiv_core.report.suppression import hide_small
from recidiv_core.sentencing import (
    LIMITS,
    WAYS,
    AdjustedDisparity,
    SentencingAudit,
    SentencingDisparity,
    between,
    case_answer,
    case_text,
    contrast_answers,
    months,
    rounded_bounds,
    sentencing_answer,
)
from recidiv_core.words import outward

_SHARES = ("above", "within", "below")
_SIGNS = ("positive", "negative")
_QUANTILES = {"p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
_FIGURES = ("share", "share_low", "share_high", "mean", "low", "high")  # of a nature, beside n
_NAN = float("nan")


def protect(audit: SentencingAudit, *, min_cell: int) -> SentencingAudit:
    """The audit as it may be published: groups of fewer than ``min_cell`` sentences lose their figures, and as many
    others as it takes that these do not follow; so do shares that count fewer, percentiles with fewer beyond them, and
    sides that would tell a hidden group by subtraction. Months are rounded to tenths, and the sizes of the contrast to
    multiples of ``min_cell``: the case is a part of it, and exact ones would tell what the case hides.
    """
    n_counted = int(audit.ledger.loc[audit.ledger["step"] == "counted", "n_rows"].iloc[0])
    contrast = None if audit.contrast is None else _contrast(audit.contrast, min_cell)
    elsewhere = n_counted - audit.case.summary["n_similar"]
    ledger = _ledger(audit.ledger, min_cell, hides_counted=0 < elsewhere < min_cell)
    return dataclasses.replace(audit, case=_case(audit.case, min_cell), contrast=contrast, ledger=ledger)


def _case(case: SentencingDisparity, min_cell: int) -> SentencingDisparity:
    groups = case.by_group
    if groups.empty:
        return case
    if case.summary["n_similar"] < min_cell:
        case = dataclasses.replace(case, summary=case.summary | {"n_similar": _NAN})
    gone = hide_small(groups["n"], min_cell)
    names = set(groups["group"][gone])
    groups = groups.astype(dict.fromkeys(groups.columns[1:], float))
    groups.loc[gone, groups.columns[1:]] = np.nan
    groups = pd.DataFrame([_without_small_shares(row, min_cell) for row in groups.to_dict("records")])
    summary, comparison = (_rounded(side) for side in _sides(case, groups, min_cell))
    distribution = case.distribution.astype({"n": float})
    distribution.loc[distribution["group"].isin(names), distribution.columns[1:]] = np.nan
    for name, level in _QUANTILES.items():
        distribution[name] = distribution[name].mask(distribution["n"] * min(level, 1 - level) < min_cell)
    return dataclasses.replace(
        case,
        summary=summary,
        comparison=comparison,
        by_group=_rounded_rows(groups),
        nature=_nature(case, groups, min_cell),
        distribution=distribution,
        histogram=case.histogram.iloc[:0],
    )


def _without_small_shares(side: dict[str, Any], min_cell: int) -> dict[str, Any]:
    """A side without shares that count fewer than ``min_cell`` sentences, and those that they follow from.

    (Its median is in the distribution, where it may be.)
    """
    hidden: list[str] = ["median"]
    for names in (_SHARES, _SIGNS):
        if any(side[name] * side["n"] < min_cell - 0.5 for name in names):
            hidden += names
    at_midpoint = side["n"] * (1 - side["positive"] - side["negative"])
    if 0.5 < at_midpoint < min_cell - 0.5:
        hidden.append("negative")
    return _without(side, hidden)


def _without(side: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return side | {f"{name}{end}": _NAN for name in names for end in ("", "_low", "_high") if f"{name}{end}" in side}


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    """Months to tenths, bounds outward as the page prints them: from a mean with all its figures the number of whole
    months behind it could be worked out.
    """
    found = row | {name: round(row[name], 1) for name in ("mean", "sd", "difference") if name in row}
    for low, high in (("low", "high"), ("difference_low", "difference_high")):
        if low in row and not math.isnan(row[low]):
            found[low], found[high], _ = rounded_bounds(row[low], row[high])
    return found


def _rounded_rows(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame([_rounded(row) for row in table.to_dict("records")], columns=table.columns)


def _sides(case: SentencingDisparity, groups: pd.DataFrame, min_cell: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both sides, of which ``groups`` are the parts as published; without figures from which those of a hidden group
    follow.
    """
    parts = [list(case.members[side]) for side in ("asked", "compared", "rest")]
    sizes, shown = case.by_group.set_index("group")["n"], groups.set_index("group")
    told = [sizes[part][shown.loc[part, "n"].isna()] for part in parts]
    if any(len(inside) and (len(inside) < 2 or inside.sum() < min_cell) for inside in told):
        kept = {"group": lambda name: name, "n_similar": lambda n: n, "reason": lambda _: ""}
        return tuple(
            {name: kept[name](value) if name in kept else _NAN for name, value in side.items()}
            for side in (case.summary, case.comparison)
        )
    found = []
    for side, part in zip((case.summary, case.comparison), parts, strict=False):
        own = _without_small_shares(side, min_cell) if side["n"] else dict(side)
        found.append(_without(own, [name for name in (*_SHARES, *_SIGNS) if shown.loc[part, name].isna().any()]))
    return tuple(found)


def _nature(case: SentencingDisparity, groups: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Without the figures of values with few sentences.

    Places in the range are told only where the shares above and below are, and each of them has enough.
    """
    made, shown = case.nature.astype({"n": float}), groups.set_index("group")
    sizes = case.by_group.set_index("group")["n"]
    gone = made["group"].isin(shown.index[shown["n"].isna()])
    for (group, kind), own in made.groupby(["group", "kind"]):
        if kind == "place in the range":
            inside = ~own["value"].isin(["above the guidelines", "below the guidelines"])
            is_told = not math.isnan(shown.loc[group, "above"])
            hidden = (inside & (own["n"] < min_cell).any()) if is_told else own["n"].notna()
        else:
            missing = sizes[group] - own["n"].sum()  # those without a value follow from the others
            hidden = hide_small(np.append(own["n"], [missing] if missing > 0 else []), min_cell)[: len(own)]
        gone |= made.index.isin(own.index[np.asarray(hidden)])
    made.loc[gone, ["n", *_FIGURES]] = np.nan
    return _rounded_rows(made)


def _contrast(contrast: AdjustedDisparity, min_cell: int) -> AdjustedDisparity:
    """With sizes and months rounded, and without the sizes of years."""
    base = max(min_cell, 1)
    sizes = {name: (contrast.table[name] / base).round() * base for name in ("n", "n_reference", "n_used")}
    return dataclasses.replace(
        contrast,
        table=_rounded_rows(contrast.table).assign(**sizes),
        by_year=_rounded_rows(contrast.by_year.drop(columns=["n", "n_reference"])),
        left_out=contrast.left_out[["group"]],
    )


def _ledger(ledger: pd.DataFrame, min_cell: int, *, hides_counted: bool) -> pd.DataFrame:
    """With the reasons as one where few sentences have one of them, and without what few lack."""
    rows = ledger[(ledger["step"] != "noticed") | (ledger["n_rows"] >= min_cell)].astype({"n_rows": float})
    reasons = rows["step"] == "not counted"
    if (rows.loc[reasons, "n_rows"] < min_cell).any() or hides_counted:
        n = _NAN if hides_counted else rows.loc[reasons, "n_rows"].sum()
        one = pd.DataFrame([("not counted", "no prison, life, or no sentence or guideline", n)], columns=rows.columns)
        rows = pd.concat(
            [rows[rows["step"] == "read"], one, rows[rows["step"].isin(["counted", "noticed"])]], ignore_index=True
        )
    if hides_counted:
        rows.loc[rows["step"] == "counted", "n_rows"] = np.nan
    return rows


def withheld(audit: SentencingAudit, *, min_cell: int) -> pd.DataFrame:
    """attribute, group, what: the figures of groups that are not published."""
    own = protect(audit, min_cell=min_cell).case
    if own.by_group.empty:
        return pd.DataFrame(columns=["attribute", "group", "what"])
    rows = [("group", r.group, "all its figures") for r in own.by_group.itertuples() if math.isnan(r.n)]
    rows += [
        ("group", r.group, "shares above and below")
        for r in own.by_group.itertuples()
        if math.isnan(r.above) and not math.isnan(r.n)
    ]
    if math.isnan(own.summary["n"]):
        rows.append(("case", own.summary["group"], "its figures, and the comparison"))
    return pd.DataFrame(rows, columns=["attribute", "group", "what"])


def facts(audit: SentencingAudit) -> list[list[str]]:
    """The case, and what was compared."""
    found = [["Case", f"{case_text(audit.case.asked)}, {audit.case.summary['group']}"]]
    if audit.contrast is not None:
        alike = ", ".join(audit.contrast.options["adjust_for"]) or "nothing"
        found.append(
            ["Like cases", f"groups of {audit.contrast.attribute} against {audit.contrast.reference}, alike in {alike}"]
        )
    return found


def summary(audit: SentencingAudit) -> list[tuple[str, str | None, str]]:
    """The case, and like cases."""
    case, *contrast = sentencing_answer(audit)
    return [("A case", None, case), *(("Like cases", None, text) for text in contrast)]


def sections(audit: SentencingAudit) -> list[dict[str, Any]]:
    """The case, like cases, and what the data cannot say."""
    own = [{"title": f"A case: {case_text(audit.case.asked)}", "blocks": _case_blocks(audit.case)}]
    if audit.contrast is not None:
        own.append({"title": "Like cases", "blocks": _contrast_blocks(audit.contrast)})
    own.append({"title": "What sentences cannot say", "blocks": [text_block(text) for text in LIMITS]})
    return own


def _case_blocks(case: SentencingDisparity) -> list[dict[str, Any]]:
    blocks = [text_block(case_answer(case))]
    if case.by_group.empty:
        return blocks
    rows = [
        [
            r["group"],
            count_text(r["n"]),
            _months(r["mean"]),
            between(r["low"], r["high"]),
            _share(r, "above"),
            _share(r, "below"),
        ]
        for r in case.by_group.to_dict("records")
    ]
    columns = [
        "Group",
        "Sentences",
        "Mean deviation, months",
        f"{_level(case)} interval",
        "Above the guidelines",
        "Below",
    ]
    blocks.append(table_block("Deviation from the guidelines by group", columns, [False, *[True] * 5], rows))
    if case.by_group["n"].notna().any():
        blocks.append(figure_block("Mean deviation by group, with interval", groups_chart(case)))
    if case.by_group["above"].notna().any():
        blocks.append(figure_block("Below, within and above the guidelines", sides_chart(case)))
    if case.distribution["p50"].notna().any():
        blocks.append(figure_block("The middle half, nine in ten, and the median", spread_chart(case)))
    absent = [r.group for r in case.by_group.itertuples() if math.isnan(r.n) or math.isnan(r.above)]
    if absent:
        blocks.append(
            text_block(
                "Withheld from these pictures, whole or in part, as too few sentences are of one kind: "
                f"{', '.join(absent)}."
            )
        )
    blocks += [heading_block("The five outputs, one by one"), _outputs(case), _nature_block(case)]
    return blocks


def _outputs(case: SentencingDisparity) -> dict[str, Any]:
    rows = [
        [
            str(r.output),
            r.what,
            r.group,
            count_text(r.n)
            if r.output == 1
            else (
                WITHHELD
                if math.isnan(r.value)
                else f"{100 * r.value:.1f} % of {case.summary['n_similar'] if r.output == 2 else r.n:,.0f}"
            ),
            "" if r.output == 1 else _bounds(r.low, r.high),
        ]
        for r in case.outputs.itertuples()
    ]
    columns = ["Output", "What", "Group", "Figure", f"{_level(case)} interval"]
    return table_block("1 to 4: how many, of whom, and which way", columns, [True, False, False, True, True], rows)


def _nature_block(case: SentencingDisparity) -> dict[str, Any]:
    rows = [
        [
            r.group,
            r.kind,
            r.value,
            count_text(r.n),
            f"{100 * r.share:.1f} % ({_bounds(r.share_low, r.share_high)})",
            f"{months(r.mean)} ({between(r.low, r.high)})",
        ]
        for r in case.nature.dropna(subset=["n"]).itertuples()
    ]
    columns = ["Group", "By", "Value", "Sentences", f"Share ({_level(case)} interval)", "Mean deviation, months"]
    return table_block("5: nature of the deviations", columns, [False] * 3 + [True] * 3, rows)


def _contrast_blocks(contrast: AdjustedDisparity) -> list[dict[str, Any]]:
    blocks = [text_block(text) for text in contrast_answers(contrast)]
    rows = [
        [r.group, WAYS[r.way], months(r.difference), between(r.low, r.high), count_text(r.n_used), r.agreement]
        for r in contrast.table.itertuples()
    ]
    columns = [
        "Group",
        "Way",
        f"Months more than {contrast.reference}",
        f"{_level(contrast)} interval, all groups at once",
        "Sentences used, about",
        "The two ways",
    ]
    numeric = [False, False, True, True, True, False]
    blocks.append(table_block("Differences, unadjusted and in like cases", columns, numeric, rows))
    blocks.append(
        figure_block(f"Difference from {contrast.reference}, all cases and like cases", contrast_chart(contrast))
    )
    if len(contrast.left_out):
        blocks.append(
            text_block(f"Too few counted sentences to compare, or not known: {', '.join(contrast.left_out['group'])}.")
        )
    if contrast.by_year["difference"].notna().any():
        blocks.append(figure_block("Difference in like cases, by year", years_chart(contrast)))
    return blocks


def ledger(audit: SentencingAudit) -> dict[str, Any]:
    """What was counted."""
    rows = [[r.step, r.issue, count_text(r.n_rows)] for r in audit.ledger.itertuples()]
    table = table_block(
        "What was counted, and what was not", ["Step", "Sentences", "How many"], [False, False, True], rows
    )
    return {"title": "The data", "note": "", "blocks": [table]}


def _level(result: SentencingDisparity | AdjustedDisparity) -> str:
    return f"{100 * result.options['confidence_level']:g} %"


def _months(value: float) -> str:
    return WITHHELD if math.isnan(value) else months(value)


def _share(row: dict[str, Any], name: str) -> str:
    return WITHHELD if math.isnan(row[name]) else f"{100 * row[name]:.1f} %"


def _bounds(low: float, high: float) -> str:
    return WITHHELD if math.isnan(low) else f"{outward(low, high, percent=True)} %"
