"""Sentences in pictures: deviations from the guidelines by group, case by case and over all, adjusted and over the
years.
"""

from __future__ import annotations

import pandas as pd

from recidiv_core.charts.theme import (
    INK,
    MAX_LINES,
    QUIET,
    Spec,
    category,
    distinct,
    group_channels,
    layer,
    layered,
    quantity,
    tooltip,
)
from recidiv_core.sentencing import WAYS, AdjustedDisparity, SentencingDisparity, between, case_text, months

_ROW = 32
_MOST = 14
_MONTHS = "Months longer (+) or shorter (−) than the guidelines"
_SIDES = {"below": "below the guidelines", "within": "within", "above": "above the guidelines"}
_SIDE_COLOURS = ("#56B4E9", "#BBBBBB", "#D55E00")


def _named(frame: pd.DataFrame) -> list[dict]:
    """Rows of the largest groups with a name that an axis holds, and n."""
    own = frame.head(_MOST)
    return [
        row | {"row": name, "text": f"n = {row['n']:,.0f}"}
        for name, row in zip(distinct(own["group"], 30), own.to_dict("records"), strict=True)
    ]


def _rows(rows: list[dict]) -> Spec:
    return category("row", sort=[r["row"] for r in rows], axis={"labelLimit": 230})


def _zero(axis: str, title: str) -> Spec:
    """Where nothing deviates, or differs."""
    return layer("rule", {axis: quantity("at", title)}, data=[{"at": 0}], color=QUIET, strokeDash=[4, 4])


def _counts(y: Spec) -> Spec:
    text = {"x": {"value": "width"}, "y": y, "text": {"field": "text", "type": "nominal"}}
    return layer("text", text, align="left", dx=9, fontSize=11, color=QUIET)


def groups_chart(case: SentencingDisparity) -> Spec:
    """Each group's mean deviation with bounds; the one asked about is filled."""
    rows = _named(case.by_group.dropna(subset=["mean"]))
    rows = [r | {"asked": r["group"] == case.summary["group"]} for r in rows]
    y = _rows(rows)
    tip = tooltip("row", mean="+.1f", low="+.1f", high="+.1f", n=",")
    layers = [
        _zero("x", _MONTHS),
        layer(
            "rule",
            {"x": quantity("low", _MONTHS), "x2": {"field": "high"}, "y": y},
            strokeWidth=2.5,
            color=INK,
            where="datum.low != null",
        ),
        layer(
            "point",
            {"x": quantity("mean", _MONTHS), "y": y, "tooltip": tip},
            where="!datum.asked",
            filled=False,
            size=80,
            strokeWidth=2,
            color=INK,
            opacity=1,
        ),
        layer(
            "point",
            {"x": quantity("mean", _MONTHS), "y": y, "tooltip": tip},
            where="datum.asked",
            filled=True,
            size=110,
            color=INK,
            opacity=1,
        ),
        _counts(y),
    ]
    words = "; ".join(f"{r['row']}: {months(r['mean'])} ({between(r['low'], r['high'])}), {r['text']}" for r in rows)
    lead = f"Mean deviation from the guidelines in months, {case_text(case.asked)}"
    return layered(rows, layers, height=max(_ROW * len(rows), 60), description=f"{lead}. {words or 'none'}.")


def spread_chart(case: SentencingDisparity) -> Spec:
    """Where the deviations of each group lie: the middle half as a bar, nine in ten as a line, the median as a dot."""
    rows = _named(case.distribution.dropna(subset=["p50"]))
    y = _rows(rows)
    tip = tooltip("row", p5="+.1f", p25="+.1f", p50="+.1f", p75="+.1f", p95="+.1f", n=",")
    layers = [
        _zero("x", _MONTHS),
        layer(
            "rule",
            {"x": quantity("p5", _MONTHS), "x2": {"field": "p95"}, "y": y},
            strokeWidth=2,
            color=INK,
            opacity=0.6,
            where="datum.p5 != null",
        ),
        layer(
            "bar",
            {"x": quantity("p25", _MONTHS), "x2": {"field": "p75"}, "y": y, "tooltip": tip},
            height=12,
            color=INK,
            opacity=0.45,
            where="datum.p25 != null",
        ),
        layer(
            "point", {"x": quantity("p50", _MONTHS), "y": y, "tooltip": tip}, filled=True, size=80, color=INK, opacity=1
        ),
        _counts(y),
    ]
    words = "; ".join(
        f"{r['row']}: median {months(r['p50'])}, nine in ten from {months(r['p5'])} to {months(r['p95'])}" for r in rows
    )
    return layered(rows, layers, height=max(_ROW * len(rows), 60), description=f"Distribution of deviations. {words}.")


def histogram_chart(case: SentencingDisparity) -> Spec:
    """How many of those asked about, and of those compared with, deviate by how much."""
    names = distinct([case.summary["group"], case.comparison["group"]], 28)
    rows = []
    for name, side in zip(names, ("asked", "compared"), strict=True):
        own = case.histogram[case.histogram["side"] == side]
        if own["n"].sum():
            rows += [row | {"group": name} for row in own.to_dict("records")]
            rows.append(rows[-1] | {"from": rows[-1]["to"], "n": 0, "share": 0.0})  # a step needs its last edge
    across = "Months from the guidelines"
    tip = tooltip("group", share=".1%", n=",", **{"from": "+.0f", "to": "+.0f"})
    shown = {"x": quantity("from", across), "y": quantity("share", "Share of sentences", axis={"format": ".0%"})}
    layers = [
        _zero("x", across),
        layer(
            "line",
            {**shown, **group_channels(list(dict.fromkeys(r["group"] for r in rows))), "tooltip": tip},
            interpolate="step-after",
            strokeWidth=2.5,
        ),
    ]
    parts = [
        f"{side['group']}: {100 * side['positive']:.0f} % longer than the midpoint, {100 * side['negative']:.0f} % "
        "shorter"
        for side in (case.summary, case.comparison)
        if side["n"]
    ]
    return layered(rows, layers, height=280, description=f"Deviations from the guidelines. {'; '.join(parts)}.")


def sides_chart(case: SentencingDisparity) -> Spec:
    """How many of each group's sentences lie below, within and above the guidelines."""
    groups = _named(case.by_group.dropna(subset=["above"]))
    rows = [
        {
            "row": g["row"],
            "side": words,
            "share": g[name],
            "low": g[f"{name}_low"],
            "high": g[f"{name}_high"],
            "order": i,
            "n": g["n"],
            "text": g["text"],
        }
        for g in groups
        for i, (name, words) in enumerate(_SIDES.items())
    ]
    y = _rows(groups)
    colour = category(
        "side",
        scale={"domain": list(_SIDES.values()), "range": list(_SIDE_COLOURS)},
        legend={"orient": "bottom", "columns": 1},
    )
    x = quantity("share", "Share of sentences", stack="zero", axis={"format": ".0%"}, scale={"domain": [0, 1]})
    tip = tooltip("row", "side", share=".1%", low=".1%", high=".1%", n=",")
    layers = [
        layer("bar", {"x": x, "y": y, "color": colour, "order": {"field": "order"}, "tooltip": tip}),
        layer(
            "text",
            {
                "x": {"value": "width"},
                "y": y,
                "text": {"field": "text", "type": "nominal"},
            },
            where="datum.order == 0",
            align="left",
            dx=9,
            fontSize=11,
            color=QUIET,
        ),
    ]
    words = "; ".join(f"{g['row']}: {100 * g['above']:.0f} % above, {100 * g['below']:.0f} % below" for g in groups)
    return layered(
        rows, layers, height=max(_ROW * len(groups), 60), description=f"Above and below the guidelines. {words}."
    )


def contrast_chart(contrast: AdjustedDisparity) -> Spec:
    """Each group's difference from the reference, unadjusted and in like cases."""
    groups = list(dict.fromkeys(contrast.table["group"]))[:6]
    names = dict(zip(groups, distinct(groups, 24), strict=True))
    rows = [
        {
            "row": f"{names[r.group]}: {WAYS[r.way]}",
            "way": WAYS[r.way],
            "difference": r.difference,
            "low": r.low,
            "high": r.high,
            "n": r.n_used,
            "adjusted": r.way != "unadjusted",
        }
        for r in contrast.table.itertuples()
        if r.group in names
    ]
    y = _rows(rows)
    title = f"Months more (+) or less (−) than {distinct([contrast.reference], 24)[0]}"
    tip = tooltip("row", difference="+.2f", low="+.2f", high="+.2f", n=",")
    layers = [
        _zero("x", title),
        layer(
            "rule",
            {"x": quantity("low", title), "x2": {"field": "high"}, "y": y},
            strokeWidth=2.5,
            color=INK,
            where="datum.low != null",
        ),
        layer(
            "point",
            {"x": quantity("difference", title), "y": y, "tooltip": tip},
            where="!datum.adjusted && datum.difference != null",
            filled=False,
            size=90,
            strokeWidth=2,
            color=INK,
            opacity=1,
        ),
        layer(
            "point",
            {"x": quantity("difference", title), "y": y, "tooltip": tip},
            where="datum.adjusted && datum.difference != null",
            filled=True,
            size=100,
            color=INK,
            opacity=1,
        ),
    ]
    words = "; ".join(f"{r['row']} {months(r['difference'])} ({between(r['low'], r['high'])})" for r in rows)
    lead = f"Difference from {contrast.reference} in months of mean deviation"
    return layered(rows, layers, height=max(28 * len(rows), 90), description=f"{lead}. {words}.")


def years_chart(contrast: AdjustedDisparity) -> Spec:
    """The adjusted difference of each group within each year."""
    own = contrast.by_year.dropna(subset=["difference"])
    groups = list(dict.fromkeys(own["group"]))[:MAX_LINES]
    names = dict(zip(groups, distinct(groups, 24), strict=True))
    rows = [r | {"group": names[r["group"]]} for r in own.to_dict("records") if r["group"] in names]
    title = f"Months more than {distinct([contrast.reference], 24)[0]}, like cases"
    x = quantity("year", "Year", axis={"format": "d", "tickMinStep": 1}, scale={"zero": False})
    channels = group_channels(list(names.values()))
    tip = tooltip("group", year="d", difference="+.1f", low="+.1f", high="+.1f", n=",")
    layers = [
        _zero("y", title),
        layer(
            "area",
            {"x": x, "y": quantity("low", title), "y2": {"field": "high"}, "color": channels["color"]},
            opacity=0.15,
        ),
        layer("line", {"x": x, "y": quantity("difference", title), **channels}, strokeWidth=2.5),
        layer(
            "point",
            {"x": x, "y": quantity("difference", title), "color": channels["color"], "tooltip": tip},
            filled=True,
            size=60,
            opacity=1,
        ),
    ]
    ends = [(name, [r for r in rows if r["group"] == name]) for name in names.values()]
    words = "; ".join(
        f"{name}: {months(part[0]['difference'])} in {part[0]['year']}, {months(part[-1]['difference'])} in "
        f"{part[-1]['year']}"
        for name, part in ends
    )
    return layered(rows, layers, height=300, description=f"Adjusted difference by year. {words or 'none'}.")
