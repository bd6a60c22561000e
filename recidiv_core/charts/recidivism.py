"""Recidivism data in pictures: who came back by when, and within each horizon."""

from __future__ import annotations

import pandas as pd

from recidiv_core.charts.theme import (
    INK,
    MAX_LINES,
    QUIET,
    Spec,
    category,
    group_channels,
    layer,
    layered,
    quantity,
    short,
    tooltip,
)

_ROW = 30


def return_chart(curve: pd.DataFrame, horizons: list[float]) -> Spec:
    """The share returned by each time, a line per group with its interval as a band; the horizons as dashed lines."""
    groups = list(dict.fromkeys(curve["group"]))[:MAX_LINES]
    shown = curve[curve["group"].isin(groups)]
    rows = [
        {
            "group": short(r.group),
            "years": r.years,
            "share": 100 * r.share,
            "low": 100 * r.low,
            "high": 100 * r.high,
            "n": r.n_at_risk,
        }
        for r in shown.itertuples()
    ]
    channels = group_channels(groups)
    x, title = quantity("years", "Years at risk"), "Returned (%)"
    band = {"x": x, "y": quantity("low", title), "y2": {"field": "high"}, "color": channels["color"]}
    line = {"x": x, "y": quantity("share", title), **channels}
    tip = tooltip("group", years=".2f", share=".1f", low=".1f", high=".1f", n=",")
    layers = [
        layer(
            "rule",
            {"x": quantity("at", "Years at risk")},
            data=[{"at": h} for h in horizons],
            color=QUIET,
            strokeDash=[4, 4],
            opacity=0.6,
        ),
        layer("area", band, interpolate="step-after", opacity=0.15),
        layer("line", line, interpolate="step-after", strokeWidth=2),
        layer(
            "point",
            {"x": x, "y": quantity("share", title), "color": channels["color"], "tooltip": tip},
            size=40,
            opacity=0,
        ),
    ]
    words = "; ".join(
        f"{group}: {100 * own['share'].iloc[-1]:.0f} % by {own['years'].iloc[-1]:.1f} years"
        for group, own in shown.groupby("group")
    )
    return layered(
        rows, layers, height=340, description=f"Share returned by years at risk, censoring allowed for. {words}."
    )


def rates_chart(rates: pd.DataFrame) -> Spec:
    """Each outcome's rate with its interval, a row for each outcome and group."""
    rows = [
        {
            "row": f"{r.outcome} · {r.group}" if rates["group"].nunique() > 1 else r.outcome,
            "value": 100 * r.rate,
            "low": 100 * r.low,
            "high": 100 * r.high,
            "n": r.n,
            "text": f"n = {r.n:,}",
        }
        for r in rates.itertuples()
        if r.n
    ]
    y = category("row", sort=[r["row"] for r in rows], axis={"labelLimit": 230})
    title = "Returned (%)"
    tip = tooltip("row", value=".1f", low=".1f", high=".1f", n=",")
    layers = [
        layer("rule", {"x": quantity("low", title), "x2": {"field": "high"}, "y": y}, strokeWidth=2.5, color=INK),
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
            limit=120,
        ),
    ]
    words = "; ".join(f"{r['row']}: {r['value']:.1f} % of {r['n']:,}" for r in rows)
    return layered(rows, layers, height=max(_ROW * len(rows), 60), description=f"Rate of each outcome. {words}.")
