"""The table in pictures, before any metric."""

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
from recidiv_core.words import listed, percent


def base_rate_chart(groups: pd.DataFrame, attribute: str) -> Spec:
    """How often each group had the outcome, with n; ``groups`` is :func:`recidiv_core.data.describe_groups`."""
    rows = groups[groups["attribute"] == attribute]
    data = pd.DataFrame(
        {
            "group": [short(g) for g in rows["group"]],
            "base_rate": 100 * rows["base_rate"],
            "low": 100 * rows["low"],
            "high": 100 * rows["high"],
            "n": [f"n = {n:,}" for n in rows["n"]],
        }
    )
    title = "Had the outcome (%)"
    domain = {"domain": [0, float(data["high"].max()) * 1.02], "nice": True}
    y = category("group", sort=list(data["group"]), axis={"labelLimit": 170})
    tip = tooltip("group", "n", base_rate=".1f", low=".1f", high=".1f")
    layers = [
        layer(
            "rule",
            {"x": quantity("low", title, scale=domain), "x2": {"field": "high"}, "y": y, "tooltip": tip},
            strokeWidth=2.5,
            color=INK,
        ),
        layer(
            "point",
            {"x": quantity("base_rate", title), "y": y, "tooltip": tip},
            filled=True,
            size=90,
            color=INK,
            opacity=1,
        ),
        layer(
            "text",
            {"x": {"value": "width"}, "y": y, "text": {"field": "n", "type": "nominal"}},
            align="left",
            dx=4,
            fontSize=11,
            color=QUIET,
        ),
    ]
    words = "; ".join(f"{r.group} {percent(r.base_rate, r.low, r.high)} of {r.n:,}" for r in rows.itertuples())
    return layered(data, layers, height=max(30 * len(data), 60), description=f"Base rate by {attribute}: {words}.")


def score_chart(histogram: pd.DataFrame, groups: pd.DataFrame, attribute: str) -> Spec:
    """How the scores of each group are spread, as shares of the group."""
    sizes = groups[groups["attribute"] == attribute].sort_values("n", ascending=False)
    shown = list(sizes["group"])[:MAX_LINES]
    rows = histogram[histogram["group"].isin(shown)]
    data = pd.DataFrame(
        {
            "group": [short(g) for g in rows["group"]],
            "share": 100 * rows["share"],
            "middle": (rows["low"] + rows["high"]) / 2,
            "low": rows["low"],
            "high": rows["high"],
            "n": rows["n"],
        }
    )
    encoding = {
        "x": quantity("middle", "Score", axis={"format": ",.4~f"}, scale={"zero": False}),
        "y": quantity("share", "Share of the group (%)"),
        "tooltip": tooltip("group", low=".3~f", high=".3~f", n=",", share=".1f"),
        **group_channels(shown),
    }
    peaks = "; ".join(f"{g} most often near {_peak(rows[rows['group'] == g]):.3g}" for g in shown)
    description = f"Distribution of the score by {attribute} ({listed(shown)}): {peaks}."
    return layered(
        data, [layer("line", encoding, interpolate="step", strokeWidth=2)], height=300, description=description
    )


def _peak(rows: pd.DataFrame) -> float:
    top = rows.loc[rows["n"].idxmax()]
    return (top["low"] + top["high"]) / 2
