"""Copies in pictures: distances, groups, links, attacks, and what is paid for what."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recidiv_core.charts.theme import (
    GROUP_COLOURS,
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
from recidiv_core.privacy import CANNOT, LEAKS, TOO_FEW, AttackAudit, LinkageAudit, PrivacyAudit

_SERIES = {"synthetic_train": "copy → train", "synthetic_holdout": "copy → holdout", "holdout_train": "holdout → train"}
_MOST_GROUPS = 30
_SIGNS = ("given away", "no sign", "cannot be said")
_COLOURS, _SHAPES = (GROUP_COLOURS[1], GROUP_COLOURS[2], QUIET), ("triangle-up", "circle", "square")


def _sign(verdict: str) -> str:
    return _SIGNS[0 if verdict == LEAKS else 2 if verdict in (TOO_FEW, CANNOT) else 1]


def distance_chart(audit: PrivacyAudit) -> Spec:
    """How far the nearest record is: of the copy's to those it was made from and to others, and of the others to
    those it was made from.
    """
    table = audit.histogram.replace({"series": _SERIES})
    rows = [
        {"group": r["series"], "from": r["from"], "share": r["share"], "to": r["to"]} for r in table.to_dict("records")
    ]
    # A step needs its last edge.
    rows += [
        {"group": name, "from": own["to"].iloc[-1], "share": 0.0, "to": own["to"].iloc[-1]}
        for name, own in table.groupby("series", sort=False)
    ]
    x = quantity("from", "Distance to the nearest record", scale={"zero": True})
    layers = [
        layer(
            "line",
            {
                "x": x,
                "y": quantity("share", "Share of records", axis={"format": ".0%"}),
                "tooltip": tooltip("group", share=".3f", **{"from": ".3f", "to": ".3f"}),
                **group_channels(list(_SERIES.values())),
            },
            interpolate="step-after",
            strokeWidth=2.5,
        )
    ]
    s = audit.summary
    words = (
        f"Mean distance of the copy to train {s['dcr_mean']:.3f}, of the holdout to train "
        f"{s['baseline_dcr_mean']:.3f}; {100 * s['nearer_to_train']:.1f} % of the copy are nearer to train."
    )
    return layered(rows, layers, height=280, description=f"Distances to the nearest record. {words}")


def nearer_chart(audit: PrivacyAudit) -> Spec:
    """Of each group the share of records nearer to train, with bounds; one half is chance."""
    shown = audit.by_group.sort_values("nearer_to_train", ascending=False).head(_MOST_GROUPS)
    names = distinct(["all records", *(f"{r.attribute}: {r.group}" for r in shown.itertuples())], 40)
    every = [audit.summary, *shown.to_dict("records")]
    rows = [
        {
            "row": name,
            "value": r["nearer_to_train"],
            "from": r["low"],
            "to": r["high"],
            "n": r["n"],
            "text": f"n = {r['n']:,}",
            "sign": _sign(r["verdict"]),
        }
        for name, r in zip(names, every, strict=True)
    ]
    return _dots(
        rows,
        "Share nearer to train",
        "Share of records nearer to the people the copy was made from; one half is chance",
        rule=0.5,
        domain=[0, 1],
    )


def attack_chart(audit: AttackAudit) -> Spec:
    """The risk of each attack that can be trusted, with bounds."""
    shown = audit.table[audit.table["reason"] == ""]
    names = distinct([f"{r.attack}: {r.about}" for r in shown.itertuples()], 44)
    rows = [
        {
            "row": name,
            "value": r.risk,
            "from": r.low,
            "to": r.high,
            "n": r.n,
            "text": f"{100 * r.rate:.0f} % / {100 * r.control:.0f} %",
            "sign": _SIGNS[r.low <= 0],
        }
        for name, r in zip(names, shown.itertuples(), strict=True)
    ]
    return _dots(
        rows,
        "Risk from being in the copy",
        "Risk of each attack: what it gains on people the copy was made from, beyond others",
        rule=0.0,
        domain=None,
    )


def _dots(rows: list[dict], title: str, about: str, *, rule: float, domain: list[float] | None) -> Spec:
    """A dot with bounds in each row, its sign by what it says, and a line where chance is."""
    y = category("row", sort=[r["row"] for r in rows], axis={"labelLimit": 250})
    scale, axis = ({"domain": domain} if domain else {"zero": True}), {"format": ".0%"}
    used = [i for i, sign in enumerate(_SIGNS) if any(r["sign"] == sign for r in rows)]
    legend, signs = {"orient": "bottom", "columns": 2}, [_SIGNS[i] for i in used]
    colour = category("sign", scale={"domain": signs, "range": [_COLOURS[i] for i in used]}, legend=legend)
    shape = category("sign", scale={"domain": signs, "range": [_SHAPES[i] for i in used]}, legend=legend)
    layers = [
        layer(
            "rule",
            {"x": quantity("at", title, scale=scale, axis=axis)},
            data=[{"at": rule}],
            color=QUIET,
            strokeDash=[4, 4],
        ),
        layer(
            "rule",
            {"x": quantity("from", title, scale=scale, axis=axis), "x2": {"field": "to"}, "y": y, "color": colour},
            strokeWidth=2.5,
        ),
        layer(
            "point",
            {
                "x": quantity("value", title, scale=scale, axis=axis),
                "y": y,
                "color": colour,
                "shape": shape,
                "tooltip": tooltip("row", "sign", value=".3f", n=",", **{"from": ".3f", "to": ".3f"}),
            },
            filled=True,
            size=90,
            opacity=1,
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
    words = "; ".join(
        f"{r['row']}: {100 * r['value']:.1f} % ({100 * r['from']:.1f} to {100 * r['to']:.1f} %)" for r in rows[:8]
    )
    return layered(rows, layers, height=max(30 * len(rows), 90), description=f"{about}. {words or 'none'}.")


def linkage_chart(audit: LinkageAudit) -> Spec:
    """How many pairs reach each certainty, on a logarithmic scale; those that are true, where that is known."""
    series = {"n_pairs": "pairs", "n_true": "of them true"}
    known = [name for name in series if name in audit.curve]
    rows = [
        {"certainty": r["certainty"], "pairs": r[name], "group": series[name]}
        for name in known
        for r in audit.curve.to_dict("records")
        if r[name] > 0
    ]
    x, y = (
        quantity("certainty", f"Certainty (most: {len(audit.options['fields'])})"),
        quantity("pairs", "Pairs", scale={"type": "log"}, axis={"format": "~s"}),
    )
    layers = [
        layer(
            "line",
            {
                "x": x,
                "y": y,
                "tooltip": tooltip("group", certainty=".3f", pairs=","),
                **group_channels([series[n] for n in known]),
            },
            strokeWidth=2.5,
        )
    ]
    words = "; ".join(f"at {r.certainty:g}: {r.n_pairs:,}" for r in audit.table.itertuples())
    return layered(
        rows, layers, height=280, description=f"Pairs that reach each certainty, of {audit.n_candidates:,}. {words}."
    )


def frontier_chart(frontier: pd.DataFrame) -> Spec:
    """Each variant as a point with bounds: more use to the right, given away upwards; the gap between groups that
    its model makes stands in the legend.
    """
    names = distinct(list(frontier["variant"])[: len(GROUP_COLOURS)], 34)
    rows = []
    for name, r in zip(names, frontier.to_dict("records"), strict=False):
        gap = r.get("gap")
        told = "" if gap is None or gap != gap else f" · gap {100 * gap:+.1f}"
        rows.append(
            {
                "name": f"{name}{told}",
                "auc": r["auc"],
                "auc_low": r["auc_low"],
                "auc_high": r["auc_high"],
                "near": r["nearer_to_train"],
                "low": r["low"],
                "high": r["high"],
                "sign": _sign(r["verdict"]),
            }
        )
    lowest = min(r["low"] if r["low"] == r["low"] else r["near"] for r in rows)
    across = {"title": "Use: AUC on real people", "scale": {"zero": False}}
    up = {
        "title": "Share nearer to train",
        "scale": {"domain": [min(0.4, float(np.floor(10 * lowest) / 10)), 1.02]},
        "axis": {"format": ".0%"},
    }
    x, y = quantity("auc", **across), quantity("near", **up)
    colours = {"domain": [r["name"] for r in rows], "range": list(GROUP_COLOURS[: len(rows)])}
    colour = category("name", scale=colours, legend={"orient": "bottom", "columns": 1, "labelLimit": 300})
    # The page and the report say what the shapes mean: a second legend would not fit a narrow screen.
    shape = category("sign", scale={"domain": list(_SIGNS), "range": list(_SHAPES)}, legend=None)
    tip = tooltip("name", "sign", auc=".3f", near=".3f")
    layers = [
        layer("rule", {"y": quantity("at", **up)}, data=[{"at": 0.5}], color=QUIET, strokeDash=[4, 4]),
        layer(
            "rule",
            {"x": quantity("auc_low", **across), "x2": {"field": "auc_high"}, "y": y, "color": colour},
            strokeWidth=1.5,
            opacity=0.7,
        ),
        layer(
            "rule",
            {"x": x, "y": quantity("low", **up), "y2": {"field": "high"}, "color": colour},
            strokeWidth=2,
            where="datum.low != null",
        ),
        layer(
            "point", {"x": x, "y": y, "color": colour, "shape": shape, "tooltip": tip}, filled=True, size=140, opacity=1
        ),
    ]
    words = "; ".join(f"{r['name']}: AUC {r['auc']:.3f}, {100 * r['near']:.0f} % nearer to train" for r in rows)
    return layered(rows, layers, height=340, description=f"Use against privacy. {words}.")
