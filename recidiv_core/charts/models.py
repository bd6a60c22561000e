"""Models in pictures: how well each ranks people, what a threshold does, and what a score is made of."""

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
    group_channels,
    layer,
    layered,
    quantity,
    short,
    tooltip,
)

_ROW = 36
MAX_ROWS, MAX_COLUMNS = 30, 15
_CURVES = {"true_positive_rate": "Recall", "precision": "Precision", "f1": "F1"}


def auc_chart(table: pd.DataFrame, folds: pd.DataFrame, literature: pd.DataFrame) -> Spec:
    """The AUC of each model: a dot with its interval, a tick for each fold; what the literature reached as a band
    and dashed lines.
    """
    many = table["outcome"].nunique() > 1
    names = {(r.outcome, r.algorithm): f"{r.title} · {r.outcome}" if many else r.title for r in table.itertuples()}
    shown = table.dropna(subset="auc").head(MAX_ROWS)
    rows = [
        {
            "row": names[(r.outcome, r.algorithm)],
            "value": r.auc,
            "low": r.auc_low,
            "high": r.auc_high,
            "n": r.n,
            "text": f"{r.auc:.3f}, n = {r.n:,}",
        }
        for r in shown.itertuples()
    ]
    ticks = [
        {"row": names[(r.outcome, r.algorithm)], "fold": r.auc}
        for r in folds.itertuples()
        if (r.outcome, r.algorithm) in names
    ]
    y = category("row", sort=[r["row"] for r in rows], axis={"labelLimit": 260})
    title = "AUC (0.5: chance, 1: perfect)"
    scale = {"zero": False}
    tip = tooltip("row", value=".4f", low=".4f", high=".4f", n=",")
    layers = [
        *_reached(literature, title, scale),
        layer(
            "tick", {"x": quantity("fold", title, scale=scale), "y": y}, data=ticks, color=QUIET, thickness=2, size=14
        ),
        layer(
            "rule",
            {"x": quantity("low", title, scale=scale), "x2": {"field": "high"}, "y": y},
            where="isValid(datum.low)",
            strokeWidth=2.5,
            color=INK,
        ),
        layer(
            "point",
            {"x": quantity("value", title, scale=scale), "y": y, "tooltip": tip},
            filled=True,
            size=90,
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
            limit=130,
        ),
    ]
    words = "; ".join(f"{r['row']} {r['value']:.3f}" for r in rows)
    return layered(
        rows, layers, height=max(_ROW * len(rows), 80), description=f"AUC on people not trained on. {words}."
    )


def _reached(literature: pd.DataFrame, title: str, scale: Spec) -> list[Spec]:
    """What the literature reached: a band for a range, a dashed line for a single value."""
    ranges = [{"from": r.low, "to": r.high, "source": r.source} for r in literature.dropna(subset=["low"]).itertuples()]
    marks = [{"at": r.auc, "source": r.source} for r in literature[literature["low"].isna()].itertuples()]
    return [
        layer(
            "rect",
            {"x": quantity("from", title, scale=scale), "x2": {"field": "to"}, "tooltip": tooltip("source")},
            data=ranges,
            color=BAND,
            opacity=0.15,
        ),
        layer(
            "rule",
            {"x": quantity("at", title, scale=scale), "tooltip": tooltip("source")},
            data=marks,
            color=BAND,
            strokeDash=[4, 3],
            strokeWidth=1.5,
            opacity=0.7,
        ),
    ]


def roc_chart(points: pd.DataFrame, auc: dict[str, float]) -> Spec:
    """ROC curves of the first fold, a line per algorithm."""
    titles = sorted(set(points["title"]), key=lambda t: -auc.get(t, 0))[:MAX_LINES]
    own = points[points["title"].isin(titles)]
    rows = [
        {"group": short(r.title), "x": r.false_positive_rate, "y": r.true_positive_rate}
        for r in own.sort_values(["title", "false_positive_rate", "true_positive_rate"]).itertuples()
    ]
    axis = {"x": quantity("x", "False positive rate"), "y": quantity("y", "True positive rate (recall)")}
    layers = [
        layer("line", axis, data=[{"x": 0, "y": 0}, {"x": 1, "y": 1}], color=QUIET, strokeDash=[4, 4]),
        layer("line", axis | group_channels(titles), strokeWidth=2),
    ]
    words = "; ".join(f"{t} {auc[t]:.3f}" for t in titles if t in auc)
    return layered(rows, layers, height=340, description=f"ROC curves of the first fold. AUC over folds: {words}.")


def performance_chart(points: pd.DataFrame) -> Spec:
    """Recall, precision and F1 of one model against the threshold, in the first fold."""
    own = points[points["threshold"] < float("inf")]
    rows = [
        {"measure": name, "threshold": r["threshold"], "value": r[field]}
        for r in own.to_dict("records")
        for field, name in _CURVES.items()
        if r[field] == r[field]
    ]
    colours = {"domain": list(_CURVES.values()), "range": list(GROUP_COLOURS[:3])}
    dashes = {"domain": list(_CURVES.values()), "range": [[1, 0], [6, 3], [2, 2]]}
    channels = {
        "color": category("measure", scale=colours, legend={"orient": "bottom"}),
        "strokeDash": category("measure", scale=dashes, legend={"orient": "bottom"}),
    }
    encoding = {
        "x": quantity("threshold", "Threshold: flagged at this score and above"),
        "y": quantity("value", "Rate"),
        **channels,
    }
    return layered(
        rows,
        [layer("line", encoding, strokeWidth=2)],
        height=340,
        description=f"Recall, precision and F1 of {own['title'].iloc[0]} against the threshold, in the first fold.",
    )


def importance_chart(table: pd.DataFrame, *, title: str, about: str) -> Spec:
    """What shuffling each column costs, with its spread over shuffles where there is one."""
    shown = table.head(MAX_COLUMNS)
    low, high = (
        shown[c] if c in shown else shown["importance"] + s * 2 * shown["sd"] for c, s in (("low", -1), ("high", 1))
    )
    rows = [
        {"row": short(r.feature, 34), "full": r.feature, "value": r.importance, "low": a, "high": b}
        for r, a, b in zip(shown.itertuples(), low, high, strict=True)
    ]
    y = category("row", sort=[r["row"] for r in rows], axis={"labelLimit": 230})
    tip = tooltip("full", value=".4f", low=".4f", high=".4f")
    layers = [
        layer("rule", {"x": quantity("zero", title)}, data=[{"zero": 0}], color=QUIET, strokeDash=[4, 4]),
        layer("rule", {"x": quantity("low", title), "x2": {"field": "high"}, "y": y}, strokeWidth=2.5, color=INK),
        layer(
            "point", {"x": quantity("value", title), "y": y, "tooltip": tip}, filled=True, size=80, opacity=1, color=INK
        ),
    ]
    words = "; ".join(f"{r['full']} {r['value']:.3f}" for r in rows[:8])
    return layered(rows, layers, height=max(24 * len(rows), 60), description=f"{about}. {words}.")
