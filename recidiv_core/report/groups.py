"""The section of the room of groups."""

from __future__ import annotations

import math
from typing import Any

from recidiv_core.charts.groups import calibration_chart, compared_metrics, disparity_chart, metric_chart
from recidiv_core.charts.theme import VERDICT_MARKS
from recidiv_core.groups import DISTINCT, HEADLINE, METRICS, GroupAudit, answer, disparity_sentence, overall_verdict
from recidiv_core.report.blocks import DASH, count_text, figure_block, heading_block, table_block, text_block
from recidiv_core.words import number, outward, percent

_READING_SIGNS = {"reaches 4/5": "●", "falls below 4/5": "▲", "cannot conclude": "□"}


def facts(audit: GroupAudit) -> list[list[str]]:
    """How people were flagged and compared."""
    roles, cut = audit.roles, audit.threshold
    flagged = f"score ≥ {cut:g}" if cut is not None else f"the column {roles.prediction}"
    how = {"baseline": " (the baseline: most recall with precision of at least 85 %, else most precision)"}
    level = f"{100 * audit.options['confidence_level']:g} %"
    return [
        ["Flagged means", flagged + how.get(audit.threshold_source, "")],
        ["Confidence", f"{level}, simultaneous over all pairs of groups and all measures of an attribute"],
        ["Smallest group compared", f"{audit.options['min_support']} people"],
    ]


def summary(audit: GroupAudit) -> list[tuple[str, str | None, str]]:
    """About what, verdict and answer, for each attribute."""
    return [(f"Groups by {name}", overall_verdict(audit, name), answer(audit, name)) for name in audit.attributes]


def sections(audit: GroupAudit) -> list[dict[str, Any]]:
    """One section per attribute."""
    return [{"title": f"Groups: {name}", "blocks": _blocks(audit, name)} for name in audit.attributes]


def ledger_section(audit: GroupAudit) -> dict[str, Any]:
    """What loading did to the data."""
    rows = [
        [
            r.step,
            r.detail,
            DASH
            if r.n_rows is None or (math.isnan(r.n_rows) and r.step not in ("kept", "joined"))
            else count_text(r.n_rows),
            f"{r.n_left:,}",
        ]
        for r in audit.ledger.itertuples()
    ]
    table = table_block(
        "What loading changed or noticed", ["Step", "What", "Rows", "Rows left"], [False, False, True, True], rows
    )
    return {"title": "The data", "note": "", "blocks": [table]}


def _blocks(audit: GroupAudit, attribute: str) -> list[dict[str, Any]]:
    blocks = [text_block(answer(audit, attribute))]
    for unit, title in (
        ("rate", f"Largest difference between the groups of {attribute}, rates"),
        ("number", f"Largest difference between the groups of {attribute}, other measures"),
        ("ratio", f"Largest difference between the groups of {attribute}, error balance"),
    ):
        shown = compared_metrics(audit, attribute, unit)
        if shown:
            open_ended = any(r.metric in shown and math.isnan(r.high) for r in audit.rows(attribute, "disparities"))
            note = " (no interval is drawn where its upper end is withheld)" if open_ended else ""
            blocks.append(figure_block(title + note, disparity_chart(audit, attribute, unit=unit)))
    blocks += [_verdict_table(audit, attribute), heading_block("In words")]
    absent = _absent(audit, attribute)
    for row in audit.rows(attribute, "disparities"):
        if row.metric not in DISTINCT or row.metric in absent:
            continue
        mark = VERDICT_MARKS[row.verdict]
        sentence = disparity_sentence(audit, row)
        blocks.append(text_block(f"{mark.sign} {METRICS[row.metric].title}: {mark.word}. {sentence}"))
    blocks += [text_block(f"{METRICS[name].title}: not estimable, {reason}.") for name, reason in absent.items()]
    blocks.append(heading_block("By group"))
    for metric in HEADLINE[audit.roles.polarity][:4]:
        blocks.append(figure_block(f"{METRICS[metric].title} by {attribute}", metric_chart(audit, attribute, metric)))
    blocks += [_count_table(audit, attribute), *_metric_tables(audit, attribute), _reference_table(audit, attribute)]
    blocks.append(_four_fifths_table(audit, attribute))
    if len(audit.calibration) and len(audit.of(attribute, "calibration")):
        blocks.append(
            figure_block(f"Outcome against score by {attribute}", calibration_chart(audit, attribute) | {"height": 220})
        )
    return blocks


def _absent(audit: GroupAudit, attribute: str) -> dict[str, str]:
    """The measures that exist for no group, for one and the same reason."""
    reasons = audit.of(attribute, "intervals").groupby("metric", sort=False)["reason"].unique()
    return {name: r[0] for name, r in reasons.items() if len(r) == 1 and r[0] and not r[0].startswith("withheld")}


def _verdict_table(audit: GroupAudit, attribute: str) -> dict[str, Any]:
    rows = []
    absent = _absent(audit, attribute)
    for row in (row for row in audit.rows(attribute, "disparities") if row.metric not in absent):
        mark, rate = VERDICT_MARKS[row.verdict], METRICS[row.metric].unit == "rate"
        show = (lambda x: percent(x).removesuffix(" %")) if rate else number
        exists = not math.isnan(row.range)
        rows.append(
            [
                METRICS[row.metric].title + (" (pp)" if rate else ""),
                f"{mark.sign} {mark.word}",
                show(row.range) if exists else DASH,
                outward(row.low, row.high, percent=rate) if exists else DASH,
                show(row.detectable) if not math.isnan(row.detectable) else DASH,
                DASH if math.isnan(row.p_value) else f"{row.p_value:.3f}" if row.p_value >= 0.001 else "< 0.001",
                " – ".join(row.worst_pair) + ("*" if math.isnan(row.high) else "") if row.worst_pair else row.reason,
            ]
        )
    columns = ["Measure", "Verdict", "Range", "Interval", "Detectable", "p", "Highest – lowest"]
    title = f"Verdicts for {attribute}"
    if any(row[-1].endswith("*") for row in rows):
        title += " (* of the groups published: another was compared whose numbers are withheld)"
    return table_block(title, columns, [False, False, True, True, True, True, False], rows)


def _count_table(audit: GroupAudit, attribute: str) -> dict[str, Any]:
    names = ["n", "n_positive", "tp", "fp", "fn", "tn"]
    rows = [[r.group, *(count_text(getattr(r, name)) for name in names)] for r in audit.rows(attribute, "by_group")]
    columns = [
        "Group",
        "People",
        "With the outcome",
        "Flagged rightly",
        "Flagged wrongly",
        "Missed",
        "Left alone rightly",
    ]
    return table_block(f"Counts by {attribute}", columns, [False] + [True] * 6, rows)


def _metric_tables(audit: GroupAudit, attribute: str) -> list[dict[str, Any]]:
    """Estimate, interval and n of every distinct measure, four measures a table."""
    intervals = audit.of(attribute, "intervals")
    groups = list(audit.of(attribute, "by_group")["group"])
    names = [name for name in DISTINCT if name in set(intervals["metric"]) - set(_absent(audit, attribute))]
    cells = {(r.group, r.metric): _cell(r) for r in audit.rows(attribute, "intervals")}
    tables = []
    for start in range(0, len(names), 3):
        part = names[start : start + 3]
        rows = [[group, *(cells[group, name] for name in part)] for group in groups]
        columns = ["Group", *(METRICS[name].title for name in part)]
        tables.append(
            table_block(f"Measures by {attribute}, with intervals and n", columns, [False] + [True] * len(part), rows)
        )
    return tables


def _cell(row: Any) -> str:
    if row.reason:
        return f"not estimable: {row.reason}" if not row.reason.startswith("withheld") else "withheld"
    show = percent if METRICS[row.metric].unit == "rate" else number
    low, high = show(row.low, row.low, row.high), show(row.high, row.low, row.high)
    return (
        f"{show(row.estimate, row.low, row.high)} ({low.removesuffix(' %')} to {high.removesuffix(' %')}), n = "
        f"{row.n:,.0f}"
    )


def _reference_table(audit: GroupAudit, attribute: str) -> dict[str, Any]:
    """Difference and ratio of each group to the reference group, for the measures shown first."""
    rows, shown = [], HEADLINE[audit.roles.polarity]
    found = [row for row in audit.rows(attribute, "references") if row.metric in shown]
    for row in sorted(found, key=lambda row: shown.index(row.metric)):
        exists, has_ratio = not math.isnan(row.difference), not math.isnan(row.ratio)
        reason = "withheld" if row.reason.startswith("withheld") else row.reason
        rows.append(
            [
                f"{METRICS[row.metric].title} (pp)",
                row.group,
                f"{100 * row.difference:+.1f}" if exists else reason,
                outward(row.low, row.high, percent=True) if exists else DASH,
                number(row.ratio) if has_ratio else DASH,
                outward(row.ratio_low, row.ratio_high, percent=False) if has_ratio else DASH,
            ]
        )
    reference = found[0].reference if found else ""
    title = f"Difference and ratio to the group {reference}, simultaneous intervals"
    columns = ["Measure", "Group", "Difference", "Interval", "Ratio", "Interval"]
    return table_block(title, columns, [False, False, True, True, True, True], rows)


def _four_fifths_table(audit: GroupAudit, attribute: str) -> dict[str, Any]:
    favour = "not being flagged" if audit.roles.polarity == "punitive" else "being flagged"
    rows = []
    for row in audit.rows(attribute, "four_fifths"):
        exists = not math.isnan(row.ratio)
        interval = f"{number(row.low)} to {number(row.high)}" if exists else DASH
        verdict = f"{_READING_SIGNS[row.reading]} {row.reading}" if exists else row.reason
        rows.append(
            [
                row.group,
                percent(row.favourable_rate) if exists else DASH,
                number(row.ratio) if exists else DASH,
                interval,
                verdict,
            ]
        )
    title = f"Four-fifths rule by {attribute}: rate of {favour}, against the group most favoured"
    return table_block(title, ["Group", "Rate", "Ratio", "Interval", "Reading"], [False, True, True, True, False], rows)
