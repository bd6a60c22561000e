"""Slices in pictures. Each chart's description says what it shows, for those who cannot see it."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from recidiv_core.charts.theme import (
    INK,
    QUIET,
    VERDICT_MARKS,
    Spec,
    category,
    layer,
    layered,
    quantity,
    short,
    tooltip,
)
from recidiv_core.slices import MARKS, SliceAudit, SliceDetail, error_text, is_share
from recidiv_core.words import opened

_ROW, _WORDS = 50, 90
MAX_ROWS = 40
_SHOWN, _NOT_SHOWN = VERDICT_MARKS["exceeds"], VERDICT_MARKS["cannot conclude"]
_STATES = {MARKS[True]: _SHOWN, MARKS[False]: _NOT_SHOWN}
_INSIDE, _OUTSIDE = "in the slice", "all others"


def _state(part: str) -> Spec:
    ranges = {
        "colour": [mark.colour for mark in _STATES.values()],
        "shape": [mark.shape for mark in _STATES.values()],
        "fill": [mark.colour if mark.filled else "transparent" for mark in _STATES.values()],
    }
    return category("state", scale={"domain": list(_STATES), "range": ranges[part]}, legend=None)


def slices_chart(audit: SliceAudit) -> Spec:
    """Each slice's error on held-out rows with its interval, on the rows searched as a tick, and the average as a
    line.
    """
    scale = 100 if is_share(audit) else 1
    rows = [
        {
            "row": f"{row.rank}",
            "words": short(row.words, _WORDS),
            "state": MARKS[row.confirmed],
            "error": row.held_out_error * scale,
            "low": (audit.held_out_error + row.low) * scale,
            "high": (audit.held_out_error + row.high) * scale,
            "searched": row.mean_error * scale,
            "n": row.held_out_n,
            "label": f"{MARKS[row.confirmed] if not row.reason else 'not tested'} · {row.held_out_n:,.0f} held-out "
            f"rows, {100 * row.held_out_share:.1f} %",
        }
        for row in audit.table.head(MAX_ROWS).itertuples()
    ]
    average = audit.held_out_error * scale
    values = [x for r in rows for x in (r["error"], r["low"], r["high"], r["searched"]) if not math.isnan(x)] + [
        average
    ]
    reach = (max(values) - min(values)) or 1.0
    domain = [max(0.0, min(values) - 0.4 * reach), max(values) + 0.08 * reach]  # on the left the words have room
    title = _axis(audit)
    x = quantity("error", title, scale={"domain": domain, "nice": False, "zero": False}, axis={"tickCount": 6})
    y = category(
        "row", sort=[r["row"] for r in rows], axis={"title": "Rank", "ticks": False, "grid": False, "domain": False}
    )
    tip = tooltip("words", "state", error=".4~f", low=".4~f", high=".4~f", searched=".4~f", n=",")
    colour = _state("colour")
    above = {"y": y, "x": {"value": 4}, "text": {"field": "words", "type": "nominal"}}
    below = {"y": y, "x": {"value": 4}, "text": {"field": "label", "type": "nominal"}}
    layers = [
        layer("rule", {"x": quantity("average", title)}, data=[{"average": average}], color=QUIET, strokeDash=[4, 4]),
        layer(
            "rule",
            {"x": quantity("low", title), "x2": {"field": "high"}, "y": y, "color": colour, "tooltip": tip},
            where="isValid(datum.low)",
            strokeWidth=2.5,
        ),
        layer("tick", {"x": quantity("searched", title), "y": y}, color=QUIET, thickness=2, size=12),
        layer(
            "point",
            {"x": x, "y": y, "color": colour, "shape": _state("shape"), "fill": _state("fill"), "tooltip": tip},
            size=100,
            opacity=1,
            strokeWidth=2,
        ),
        layer("text", above, align="left", baseline="bottom", dy=-7, fontSize=11, fontWeight=600, color=QUIET),
        layer("text", below, align="left", baseline="top", dy=8, fontSize=11, color=QUIET),
    ]
    words = "; ".join(
        f"{row.words}: {error_text(audit, row.held_out_error)}, {MARKS[row.confirmed][2:]}"
        for row in audit.table.head(MAX_ROWS).itertuples()
    )
    description = f"{audit.error_mean} on held-out rows; over all {error_text(audit, audit.held_out_error)}. {words}."
    return layered(rows, layers, height=max(_ROW * len(rows), 60), description=description)


def _axis(audit: SliceAudit) -> str:
    name = opened(audit.error_mean)
    return f"{name} (%)" if is_share(audit) else name


def _dots(rows: list[dict[str, Any]], title: str, *, zero: bool, against: str | None, description: str) -> Spec:
    """A dot with an interval per row named "row", what it is set against as a tick, and a line at 0 where asked for."""
    y = category("row", sort=[r["row"] for r in rows], axis={"labelLimit": 190})
    tip = tooltip("full", value=".4~f", low=".4~f", high=".4~f", n=",")
    layers = [
        layer(
            "rule",
            {"x": quantity("low", title), "x2": {"field": "high"}, "y": y},
            where="isValid(datum.low)",
            strokeWidth=2.5,
            color=INK,
        ),
        layer(
            "point", {"x": quantity("value", title), "y": y, "tooltip": tip}, filled=True, size=90, opacity=1, color=INK
        ),
        layer(
            "text",
            {"x": {"value": "width"}, "y": y, "text": {"field": "text", "type": "nominal"}},
            align="left",
            dx=9,
            fontSize=11,
            color=QUIET,
            limit=150,
        ),
    ]
    if zero:
        layers.insert(
            0, layer("rule", {"x": quantity("zero", title)}, data=[{"zero": 0}], color=QUIET, strokeDash=[4, 4])
        )
    if against:
        layers.append(
            layer("tick", {"x": quantity(against, title), "y": y}, color=_SHOWN.colour, thickness=2.5, size=16)
        )
    return layered(rows, layers, height=max(28 * len(rows), 60), description=description)


def makeup_chart(detail: SliceDetail) -> Spec:
    """The protected groups in a slice (dots) against all rows (ticks)."""
    found = detail.makeup[detail.makeup["share_all"] > 0].head(MAX_ROWS)
    many = found["attribute"].nunique() > 1
    rows = [
        {
            "row": short(f"{row.attribute}: {row.group}" if many else row.group),
            "full": f"{row.attribute}: {row.group}",
            "value": 100 * row.share,
            "low": 100 * row.low,
            "high": 100 * row.high,
            "all": 100 * row.share_all,
            "n": row.n,
            "text": f"n = {row.n:,}",
        }
        for row in found.itertuples()
    ]
    words = "; ".join(
        f"{row.group} {100 * row.share:.1f} %, of all {100 * row.share_all:.1f} %" for row in found.itertuples()
    )
    description = f"Who is in the slice {detail.words}. {words}."
    return _dots(
        rows, "Share of the slice (dot) and of all (tick), %", zero=False, against="all", description=description
    )


def parts_chart(audit: SliceAudit, detail: SliceDetail) -> Spec:
    """What each predicate adds to the error."""
    scale = 100 if is_share(audit) else 1
    rows = [
        {
            "row": short(row.dropped),
            "full": f"{row.dropped}, beside {row.left}",
            "value": row.change * scale,
            "low": row.low * scale,
            "high": row.high * scale,
            "n": row.held_out_n,
            "text": "not tested" if row.reason else f"n = {row.held_out_n:,}",
        }
        for row in detail.parts.itertuples()
    ]
    unit = "percentage points" if is_share(audit) else audit.error_mean
    words = "; ".join(f"{row['full']}: {row['value']:.3g} ({row['low']:.3g} to {row['high']:.3g})" for row in rows)
    return _dots(
        rows,
        f"Added to the error ({unit})",
        zero=True,
        against=None,
        description=f"What each part of {detail.words} adds. {words}.",
    )


def spread_chart(audit: SliceAudit, detail: SliceDetail) -> Spec:
    """How the errors of held-out rows spread, in the slice and outside it."""
    found = detail.spread.assign(percent=100 * detail.spread["share"])
    colours = {"domain": [_INSIDE, _OUTSIDE], "range": [_SHOWN.colour, "#0072B2"]}
    colour = category("where", scale=colours, legend={"orient": "bottom"})
    tip = tooltip("where", low=".3~f", high=".3~f", percent=".2f", n=",")
    y = quantity("percent", "Share of the rows, %")
    if (found["low"] == found["high"]).any() or found["low"].nunique() <= 3:
        names = {0.0: "right", 1.0: "wrong"} if is_share(audit) else {}
        found = found.assign(error=[names.get(value, f"{value:g}") for value in found["low"]])
        x = category("error", audit.error_title, sort=None, axis={"labelAngle": 0})
        layers = [
            layer(
                "bar",
                {
                    "x": x,
                    "xOffset": category("where", sort=[_INSIDE, _OUTSIDE]),
                    "y": y,
                    "color": colour,
                    "tooltip": tip,
                },
            )
        ]
    else:
        last = float(found["low"].max())
        end = last + float(found["low"].iloc[1] - found["low"].iloc[0])
        closing = found[found["low"] == last].assign(low=end)  # a step reaches to its end
        found = pd.concat([found, closing.assign(n=0)], ignore_index=True)
        title = f"{audit.error_title} (the last step: {last:.3g} and more)"
        x = quantity("low", title, scale={"domainMax": end, "zero": True})
        dash = category("where", scale={"domain": [_INSIDE, _OUTSIDE], "range": [[1, 0], [5, 3]]}, legend=None)
        layers = [
            layer(
                "line", {"x": x, "y": y, "color": colour, "strokeDash": dash}, interpolate="step-after", strokeWidth=2
            ),
            layer("point", {"x": x, "y": y, "color": colour, "tooltip": tip}, filled=True, size=18, opacity=0.9),
        ]
    sizes = found.groupby("where", sort=False)["n"].sum()
    description = (
        f"How the {audit.error_title.lower()} spreads over held-out rows: {sizes[_INSIDE]:,} in the slice "
        f"{detail.words}, {sizes[_OUTSIDE]:,} others."
    )
    return layered(found, layers, height=260, description=description)


def lattice_chart(audit: SliceAudit, detail: SliceDetail) -> Spec:
    """The slice among its parents and children: each a dot at its error on held-out rows, linked to the slice."""
    scale = 100 if is_share(audit) else 1
    lead = {"parent": "without", "slice": "this slice", "child": "and also"}
    found = detail.lattice
    own = float(found.loc[found["relation"] == "slice", "held_out_error"].iloc[0]) * scale
    rows = [
        {
            "row": short(f"{lead[row.relation]} {row.added}".strip(), 34),
            "full": row.words,
            "relation": row.relation,
            "value": row.held_out_error * scale,
            "own": own,
            "n": row.held_out_n,
            "text": f"n = {row.held_out_n:,}",
        }
        for row in found.itertuples()
    ]
    y = category("row", sort=[r["row"] for r in rows], axis={"labelLimit": 220})
    title = f"{_axis(audit)}, held-out rows"
    shapes = {"domain": ["parent", "slice", "child"], "range": ["circle", "diamond", "square"]}
    colours = {"domain": ["parent", "slice", "child"], "range": ["#0072B2", _SHOWN.colour, "#009E73"]}
    tip = tooltip("full", "relation", value=".4~f", n=",")
    x = quantity("value", title, scale={"zero": False})
    layers = [
        layer("rule", {"x": quantity("own", title)}, data=[{"own": own}], color=QUIET, strokeDash=[4, 4]),
        layer("rule", {"x": x, "x2": {"field": "own"}, "y": y}, color=QUIET, strokeWidth=1),
        layer(
            "point",
            {
                "x": x,
                "y": y,
                "color": category("relation", scale=colours, legend=None),
                "shape": category("relation", scale=shapes, legend=None),
                "tooltip": tip,
            },
            filled=True,
            size=110,
            opacity=1,
        ),
        layer(
            "text",
            {"x": {"value": "width"}, "y": y, "text": {"field": "text", "type": "nominal"}},
            align="left",
            dx=4,
            fontSize=11,
            color=QUIET,
        ),
    ]
    words = "; ".join(f"{row['row']}: {row['value']:.3g}" for row in rows)
    return layered(
        rows, layers, height=max(28 * len(rows), 60), description=f"Around the slice {detail.words}. {words}."
    )


def bins_chart(table: pd.DataFrame, column: str) -> Spec:
    """The event rate of each level of one column, from :class:`BinnedFrame`'s table."""
    rows = [
        {
            "row": short(row.level),
            "full": row.level,
            "value": 100 * row.event_rate,
            "low": 100 * row.low,
            "high": 100 * row.high,
            "n": row.n,
            "text": f"n = {row.n:,}",
        }
        for row in table[table["column"] == column].itertuples()
    ]
    words = "; ".join(f"{row['full']}: {row['value']:.1f} % of {row['n']:,}" for row in rows)
    return _dots(rows, "Had the outcome, %", zero=False, against=None, description=f"The levels of {column}. {words}.")


def comparison_chart(audit_title: str, table: pd.DataFrame, *, share: bool) -> Spec:
    """The error of the same slices in each variant."""
    scale = 100 if share else 1
    rows = [
        {
            "row": short(f"{row.words}", 34),
            "full": f"{row.kind}: {row.words}",
            "variant": short(row.variant),
            "value": row.held_out_error * scale,
            "low": row.low * scale,
            "high": row.high * scale,
            "n": row.held_out_n,
        }
        for row in table[table["kind"] != "worst found"].itertuples()
    ]
    names = list(dict.fromkeys(r["variant"] for r in rows))
    title = f"{audit_title}{' (%)' if share else ''}, held-out rows"
    y = category("row", sort=list(dict.fromkeys(r["row"] for r in rows)), axis={"labelLimit": 200})
    offset = {"yOffset": category("variant", sort=names)}
    colour = category(
        "variant",
        scale={"domain": names, "range": ["#0072B2", "#D55E00", "#009E73", "#CC79A7"]},
        legend={"orient": "bottom"},
    )
    shape = category(
        "variant", scale={"domain": names, "range": ["circle", "square", "triangle-up", "diamond"]}, legend=None
    )
    tip = tooltip("variant", "full", value=".4~f", low=".4~f", high=".4~f", n=",")
    layers = [
        layer(
            "rule",
            {
                "x": quantity("low", title, scale={"zero": False}),
                "x2": {"field": "high"},
                "y": y,
                **offset,
                "color": colour,
            },
            strokeWidth=2.5,
        ),
        layer(
            "point",
            {"x": quantity("value", title), "y": y, **offset, "color": colour, "shape": shape, "tooltip": tip},
            filled=True,
            size=90,
            opacity=1,
        ),
    ]
    words = "; ".join(f"{row['variant']}, {row['full']}: {row['value']:.3g}" for row in rows)
    return layered(
        rows, layers, height=max(24 * len(rows), 80), description=f"The same slices in each variant. {words}."
    )
