"""Counterfactual pairs in pictures: who gains and who loses, where it happens, and the score against a feature."""

from __future__ import annotations

import pandas as pd

from recidiv_core.charts.theme import (
    BAND,
    GROUP_COLOURS,
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
    short,
    tooltip,
)
from recidiv_core.counterfactuals import one_way

MAX_CONTRASTS = 20
_SIDES = {"lose": (GROUP_COLOURS[1], "lose by the change"), "gain": (GROUP_COLOURS[0], "gain by the change")}


def direction_chart(summary: pd.DataFrame) -> Spec:
    """Of each change the share that loses, to the left, and that gains, to the right, with intervals."""
    shown = one_way(summary).dropna(subset="flip_rate").head(MAX_CONTRASTS)
    rows = []
    names = distinct([f"{r['changed']}: {r['from']} → {r['to']}" for r in shown.to_dict("records")], 48)
    for r, name in zip(shown.to_dict("records"), names, strict=True):
        for side, sign in (("lose", -1), ("gain", 1)):
            low, high = sorted((sign * r[f"{side}_low"], sign * r[f"{side}_high"]))
            rows.append(
                {
                    "row": name,
                    "side": _SIDES[side][1],
                    "value": sign * r[f"{side}_rate"],
                    "low": low,
                    "high": high,
                    "share": r[f"{side}_rate"],
                    "n": r["n_pairs"],
                    "zero": 0,
                }
            )
    y = category("row", sort=list(dict.fromkeys(r["row"] for r in rows)), axis={"labelLimit": 260})
    title = "Share of pairs (left: lose, right: gain)"
    axis = {"format": ".0%", "labelExpr": "format(abs(datum.value), '.0%')"}
    colours = {"domain": [v[1] for v in _SIDES.values()], "range": [v[0] for v in _SIDES.values()]}
    side = category("side", scale=colours, legend={"orient": "bottom", "columns": 1, "labelLimit": 240})
    tip = tooltip("row", "side", share=".3f", n=",")
    layers = [
        layer(
            "bar",
            {"x": quantity("value", title, axis=axis), "x2": {"field": "zero"}, "y": y, "color": side, "tooltip": tip},
            height=14,
            opacity=0.85,
        ),
        layer(
            "rule",
            {"x": quantity("low", title, axis=axis), "x2": {"field": "high"}, "y": y},
            strokeWidth=2,
            color=QUIET,
        ),
        layer("rule", {"x": quantity("zero", title)}, data=[{"zero": 0}], color=QUIET),
    ]
    words = "; ".join(
        f"{r['changed']} from {r['from']} to {r['to']}: {100 * r['lose_rate']:.1f} % lose, "
        f"{100 * r['gain_rate']:.1f} % gain"
        for r in shown.head(8).to_dict("records")
    )
    return layered(
        rows, layers, height=max(40 * len(shown), 80), description=f"Who gains and who loses by the change. {words}."
    )


def band_chart(bands: pd.DataFrame, *, feature: str) -> Spec:
    """The flip rate in each band of a feature, with its interval and n."""
    rows = [
        {"row": r.band, "value": r.flip_rate, "from": r.low, "to": r.high, "n": r.n, "text": f"n = {r.n:,.0f}"}
        for r in bands.dropna(subset="flip_rate").itertuples()
    ]
    y = category("row", short(feature, 40), sort=[r["row"] for r in rows], axis={"labelLimit": 200})
    scale, axis = {"zero": True}, {"format": ".0%"}
    tip = tooltip("row", value=".3f", n=",", **{"from": ".3f", "to": ".3f"})
    layers = [
        layer(
            "rule",
            {"x": quantity("from", "Flip rate", scale=scale, axis=axis), "x2": {"field": "to"}, "y": y},
            strokeWidth=2.5,
            color=INK,
        ),
        layer(
            "point",
            {"x": quantity("value", "Flip rate", scale=scale, axis=axis), "y": y, "tooltip": tip},
            filled=True,
            size=80,
            opacity=1,
            color=INK,
        ),
        layer(
            "text",
            {"x": {"value": "width"}, "y": y, "text": {"field": "text", "type": "nominal"}},
            align="left",
            dx=9,
            fontSize=11,
            color=QUIET,
        ),
    ]
    words = "; ".join(f"{r['row']}: {100 * r['value']:.1f} %" for r in rows)
    return layered(rows, layers, height=max(26 * len(rows), 60), description=f"Flip rate by {feature}. {words}.")


def response_chart(curve: pd.DataFrame, *, threshold: float, between: tuple[float, float] | None) -> Spec:
    """The mean score against a feature, a line for each protected value; the threshold dashed, the profiles' own
    range shaded.
    """
    feature = curve["feature"].iloc[0]
    groups = list(dict.fromkeys(curve["group"]))[:MAX_LINES]
    own = curve[curve["group"].isin(groups)]
    names = dict(zip(groups, distinct(groups), strict=True))
    rows = [{"value": r.value, "score": r.score, "group": names[r.group]} for r in own.itertuples()]
    x, y = quantity("value", short(feature, 60), scale={"zero": False}), quantity("score", "Mean score")
    shade = [] if between is None else [{"from": between[0], "to": between[1]}]
    layers = [
        layer(
            "rect",
            {"x": quantity("from", short(feature, 60), scale={"zero": False}), "x2": {"field": "to"}},
            data=shade,
            color=BAND,
            opacity=0.12,
        ),
        layer(
            "rule",
            {"y": quantity("threshold", "Mean score")},
            data=[{"threshold": threshold}],
            color=QUIET,
            strokeDash=[4, 4],
            strokeWidth=1.5,
        ),
        layer(
            "line",
            {
                "x": x,
                "y": y,
                "tooltip": tooltip("group", value=",.6g", score=".3f"),
                **group_channels(list(names.values())),
            },
            strokeWidth=2.5,
        ),
    ]
    words = "; ".join(_crossings(own[own["group"] == group], group, threshold) for group in groups)
    return layered(
        rows, layers, height=320, description=f"Mean score against {feature}, the threshold at {threshold:g}. {words}."
    )


def _crossings(own: pd.DataFrame, group: str, threshold: float) -> str:
    over = (own["score"] >= threshold).to_numpy()
    at = own["value"].to_numpy()[1:][over[1:] != over[:-1]]
    if not len(at):
        return f"{group}: {'at or over' if over.all() else 'under'} it throughout"
    return f"{group}: crosses it at {', '.join(f'{value:,.6g}' for value in at[:4])}"
