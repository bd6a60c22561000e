"""Thresholds in pictures. Each chart's description says what it shows, for those who cannot see it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.charts.theme import (
    BAND,
    GROUP_COLOURS,
    GROUP_DASHES,
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
from recidiv_core.thresholds import DEFINITIONS, KINDS, ThresholdAudit, ThresholdSolution
from recidiv_core.words import number, opened, percent

# Colour says right or wrong, filling whether flagged, shape whether they had the outcome.
_RIGHT, _WRONG = "#0072B2", "#D55E00"
DOTS = {
    "flagged rightly": ("●", _RIGHT, "circle", True),
    "flagged wrongly": ("▲", _WRONG, "triangle-up", True),
    "missed": ("○", _WRONG, "circle", False),
    "left alone": ("△", _RIGHT, "triangle-up", False),
}
AXES = {
    "selection_rate": "Flagged (share of all people)",
    "true_positive_rate": "Recall (flagged of those with the outcome)",
    "false_positive_rate": "Flagged of those without the outcome",
    "positive_predictive_value": "Precision (had the outcome, of those flagged)",
    "error_balance": "Missed per person flagged wrongly",
}
_CHANGES = {
    "flagged_per_1000": "flagged",
    "wrongly_flagged_per_1000": "flagged wrongly",
    "missed_per_1000": "missed",
}
DEFINITION_COLOURS = dict(zip(DEFINITIONS, GROUP_COLOURS, strict=False))
_DEFINITION_DASHES = dict(zip(DEFINITIONS, GROUP_DASHES, strict=False))


def people_chart(
    dots: pd.DataFrame, row: Any, *, threshold: float, baseline: float, domain: tuple[float, float]
) -> Spec:
    """One group's people as dots over the score, with its threshold; ``row`` is the group's row of ``by_group``."""
    scale = {"domain": list(domain), "nice": False, "padding": 6}
    x = quantity("x", "Score", scale=scale, axis={"tickCount": 6, "grid": False})
    top = max(float(dots["y"].max()) + 1 if len(dots) else 1.0, 4.0)
    y = quantity("y", None, scale={"domain": [-0.7, top]}, axis=None)

    def channel(place: int, *, transparent: bool = False) -> Spec:
        values = [
            "transparent" if transparent and not look[3] else look[place] for look in (DOTS[kind] for kind in KINDS)
        ]
        return category("kind", scale={"domain": list(KINDS), "range": values}, legend=None)

    layers = [
        layer(
            "point",
            {
                "x": x,
                "y": y,
                "color": channel(1),
                "fill": channel(1, transparent=True),
                "shape": channel(2),
                "tooltip": tooltip("kind", x=".4~f"),
            },
            size=26,
            strokeWidth=1.2,
            opacity=1,
        ),
        *_rule(baseline, domain, [3, 3], QUIET, 1.2),
        *_rule(threshold, domain, [1, 0], BAND, 2.5),
    ]
    where = "nobody is flagged" if math.isinf(threshold) else f"flagged at {threshold:.4g} and above"
    words = (
        f"{row.group}: {where}. {percent(row.selection_rate)} are flagged; of those with the outcome "
        f"{percent(row.true_positive_rate)}, of those without it {percent(row.false_positive_rate)}. "
        f"Flagged rightly {row.tp:,.0f}, wrongly {row.fp:,.0f}, missed {row.fn:,.0f}, left alone {row.tn:,.0f}."
    )
    return layered(dots, layers, height=150, description=words)


def _rule(value: float, domain: tuple[float, float], dash: list[int], colour: str, width: float) -> list[Spec]:
    """A vertical line at a threshold; none where nobody is flagged."""
    if math.isinf(value) or not domain[0] <= value <= domain[1]:
        return []
    x = quantity("x", "Score")
    return [layer("rule", {"x": x}, data=[{"x": value}], strokeDash=dash, color=colour, strokeWidth=width)]


def price_chart(audit: ThresholdAudit) -> Spec:
    """The change against the baseline per 1,000 people of each group."""
    own = audit.by_group[audit.by_group["takes_part"]]
    rows = [
        {
            "group": short(row.group),
            "change": getattr(row, column),
            "what": name,
            "text": f"{round(getattr(row, column)):+d}",
        }
        for row in own.itertuples()
        for column, name in _CHANGES.items()
    ]
    names = list(_CHANGES.values())
    reach = max([5.0, *(abs(row["change"]) for row in rows)]) * 1.18
    colours = {"domain": names, "range": [QUIET, _WRONG, "#CC79A7"]}
    y = category("group", sort=[short(g) for g in own["group"]], axis={"labelLimit": 150}, scale={"paddingInner": 0.25})
    offset = {"yOffset": {"field": "what", "type": "nominal", "sort": names}}
    x = quantity(
        "change", "Change per 1,000 people of the group", scale={"domain": [-reach, reach]}, axis={"tickCount": 7}
    )
    tip = tooltip("group", "what", change="+.1f")
    bar = {
        "x": x,
        "y": y,
        **offset,
        "tooltip": tip,
        "color": category("what", scale=colours, legend={"orient": "bottom", "labelLimit": 240}),
    }
    layers = [
        layer("bar", bar),
        layer(
            "text",
            {"x": x, "y": y, **offset, "text": {"field": "text", "type": "nominal"}},
            where="datum.change >= 0",
            align="left",
            dx=3,
            fontSize=10,
            color=QUIET,
        ),
        layer(
            "text",
            {"x": x, "y": y, **offset, "text": {"field": "text", "type": "nominal"}},
            where="datum.change < 0",
            align="right",
            dx=-3,
            fontSize=10,
            color=QUIET,
        ),
    ]
    words = "; ".join(
        f"{row.group}: flagged {row.flagged_per_1000:+.1f}, flagged wrongly {row.wrongly_flagged_per_1000:+.1f}, "
        f"missed {row.missed_per_1000:+.1f}"
        for row in own.itertuples()
    )
    description = f"Change against the baseline per 1,000 people. {words}."
    return layered(rows, layers, height=max(58 * len(own), 80), description=description)


def _drawn(table: pd.DataFrame, groups: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """The rows of the groups that can be told apart as lines."""
    kept = list(groups)[:MAX_LINES]
    own = table[table["group"].isin(kept)]
    return own.assign(group=[short(group) for group in own["group"]]), kept


def metric_by_threshold(
    table: pd.DataFrame,
    metric: str,
    groups: Sequence[str],
    *,
    points: pd.DataFrame | None = None,
    satisfying: pd.DataFrame | None = None,
) -> Spec:
    """A metric against the threshold, by group: F's Figure 5.

    All thresholds; those that can satisfy the definition with some of every other group (``satisfying``); the chosen
    ones (``points``).
    """
    data, kept = _drawn(table[np.isfinite(table["threshold"])].dropna(subset=metric), groups)
    scale = {"type": "symlog"} if metric == "error_balance" else {"domain": [0, 1]}
    x = quantity("threshold", "Threshold on the score", scale={"zero": False})
    y = quantity(metric, AXES[metric], scale=scale)
    channels = group_channels(kept)
    tip = tooltip("group", threshold=".4~f", **{metric: ".4~f"})
    is_background = satisfying is not None or points is not None
    layers = [
        layer(
            "line",
            {"x": x, "y": y, **channels},
            strokeWidth=1.2 if is_background else 2,
            opacity=0.45 if is_background else 1,
        )
    ]
    colour = {"color": channels["color"]}
    if satisfying is not None:
        own, _ = _drawn(satisfying[np.isfinite(satisfying["threshold"])], groups)
        own = own.rename(columns={"value": metric})
        layers.append(layer("point", {"x": x, "y": y, **colour}, data=own, filled=True, size=18, opacity=0.8))
    if points is not None:
        own, _ = _drawn(points[np.isfinite(points["threshold"])].dropna(subset=metric), groups)
        layers.append(
            layer(
                "point",
                {"x": x, "y": y, **colour, "tooltip": tip},
                data=own,
                filled=True,
                size=150,
                shape="diamond",
                opacity=1,
            )
        )
    words = f"{AXES[metric]} against the threshold, for {', '.join(kept)}."
    if satisfying is not None:
        shares = [f"{g} {int((satisfying['group'] == g).sum())}" for g in kept]
        words += f" Thresholds (of those drawn) that can satisfy the definition: {', '.join(shares)}."
    if points is not None:
        words += (
            " Chosen: "
            + "; ".join(
                f"{row.group} {_threshold(row.threshold)}, {number(getattr(row, metric))}"
                for row in points.itertuples()
            )
            + "."
        )
    return layered(data, layers, height=280, description=words)


def _threshold(value: float) -> str:
    return "nobody" if math.isinf(value) else f"{value:.4g}"


def precision_recall_chart(
    table: pd.DataFrame, points: pd.DataFrame, groups: Sequence[str], *, description: str
) -> Spec:
    """Precision against recall at every threshold, by group, with the chosen points: F's Figure 7."""
    data, kept = _drawn(table.dropna(subset="positive_predictive_value"), groups)
    data = data.assign(order=data.groupby("group").cumcount())
    x = quantity("true_positive_rate", AXES["true_positive_rate"], scale={"domain": [0, 1]})
    y = quantity("positive_predictive_value", AXES["positive_predictive_value"], scale={"domain": [0, 1]})
    channels = group_channels(kept)
    own, _ = _drawn(points.dropna(subset="positive_predictive_value"), groups)
    tip = tooltip("group", threshold=".4~f", true_positive_rate=".3f", positive_predictive_value=".3f")
    layers = [
        layer("line", {"x": x, "y": y, "order": quantity("order"), **channels}, strokeWidth=2),
        layer(
            "point",
            {"x": x, "y": y, "color": channels["color"], "tooltip": tip},
            data=own,
            filled=True,
            size=150,
            shape="diamond",
            opacity=1,
        ),
    ]
    return layered(
        data, layers, height=360, description=f"Precision–recall curves, chosen points as diamonds. {description}"
    )


def roc_chart(table: pd.DataFrame, points: pd.DataFrame, groups: Sequence[str]) -> Spec:
    """ROC by group with the chosen points."""
    data, kept = _drawn(table, groups)
    data = data.assign(order=data.groupby("group").cumcount())
    x = quantity("false_positive_rate", AXES["false_positive_rate"], scale={"domain": [0, 1]})
    y = quantity("true_positive_rate", AXES["true_positive_rate"], scale={"domain": [0, 1]})
    channels = group_channels(kept)
    diagonal = [
        {"false_positive_rate": 0, "true_positive_rate": 0},
        {"false_positive_rate": 1, "true_positive_rate": 1},
    ]
    own, _ = _drawn(points, groups)
    layers = [
        layer("line", {"x": x, "y": y}, data=diagonal, color=QUIET, strokeDash=[4, 4], strokeWidth=1),
        layer("line", {"x": x, "y": y, "order": quantity("order"), **channels}, strokeWidth=2),
        layer(
            "point",
            {"x": x, "y": y, "color": channels["color"]},
            data=own,
            filled=True,
            size=150,
            shape="diamond",
            opacity=1,
        ),
    ]
    chosen = "; ".join(
        f"{row.group} recall {number(row.true_positive_rate)} at a false positive rate of "
        f"{number(row.false_positive_rate)}"
        for row in points.itertuples()
        if row.group in kept
    )
    return layered(
        data, layers, height=360, description=f"ROC curves with the chosen thresholds as diamonds. {chosen}."
    )


def threshold_plot(pooled: pd.DataFrame) -> Spec:
    """Precision, recall, F1 and the share flagged of all people against one threshold: F's Figure 6."""
    names = {
        "positive_predictive_value": "precision",
        "true_positive_rate": "recall",
        "f1": "F1",
        "selection_rate": "flagged",
    }
    own = pooled[np.isfinite(pooled["threshold"])]
    long = own.melt("threshold", list(names), "measure", "value").dropna(subset="value")
    long["measure"] = long["measure"].map(names)
    labels = list(names.values())
    scales = {
        "color": category(
            "measure", scale={"domain": labels, "range": list(GROUP_COLOURS[:4])}, legend={"orient": "bottom"}
        ),
        "strokeDash": category(
            "measure",
            scale={"domain": labels, "range": [list(d) for d in GROUP_DASHES[:4]]},
            legend={"orient": "bottom"},
        ),
    }
    axes = {
        "x": quantity("threshold", "Threshold on the score", scale={"zero": False}),
        "y": quantity("value", "Value", scale={"domain": [0, 1]}),
    }
    best = own.loc[own["f1"].idxmax()]
    words = (
        f"Precision, recall, F1 and share flagged at each threshold, all people. F1 is largest, {number(best['f1'])}, "
        f"at {best['threshold']:.4g}."
    )
    return layered(long, [layer("line", {**axes, **scales}, strokeWidth=2)], height=360, description=words)


def tradeoff_chart(
    table: pd.DataFrame, *, today: ThresholdSolution | None, peers: pd.DataFrame | None, objective: str
) -> Spec:
    """The best objective within each tolerance, a line per definition; held out dashed; other programs' landing points,
    those that lie within the picture.
    """
    present = [name for name in DEFINITIONS if name in set(table["definition"])]
    titles = [DEFINITIONS[name].title for name in present]
    label = opened(objective.removeprefix("the "))
    x = quantity("tolerance", "Tolerance ε (range allowed)")
    colours = {"domain": titles, "range": [DEFINITION_COLOURS[name] for name in present]}
    colour = {"color": category("title", scale=colours, legend={"orient": "bottom", "columns": 2, "labelLimit": 240})}
    dash = {
        "strokeDash": category(
            "rows",
            scale={"domain": ["in sample", "held out"], "range": [[1, 0], [4, 3]]},
            legend={"orient": "bottom", "symbolType": "stroke"},
        )
    }
    rows = _objectives(table)
    known = [row["objective"] for row in rows]
    pad = 0.08 * (max(known) - min(known)) or 0.01 if known else 0.0
    domain = [min(known, default=0.0) - pad, max(known, default=1.0) + pad]
    y = quantity("objective", label, scale={"domain": domain, "zero": False, "nice": False})
    tip = tooltip("title", "rows", tolerance=".3f", objective=".4f")
    chosen = None if today is None else DEFINITIONS[today.definition].title
    strong = {
        "condition": {"test": f"datum.title === {json.dumps(chosen)}", "value": 1},
        "value": 0.35 if chosen else 1,
    }
    layers = [layer("line", {"x": x, "y": y, **colour, **dash, "opacity": strong, "tooltip": tip}, strokeWidth=2)]
    if today is not None and today.status == "optimal":
        point = {
            "title": DEFINITIONS[today.definition].title,
            "tolerance": today.options["tolerance"],
            "objective": today.objective,
        }
        layers.append(
            layer("point", {"x": x, "y": y, **colour}, data=[point], filled=True, size=160, shape="diamond", opacity=1)
        )
    if peers is not None and len(peers):
        shown = peers[(peers["range"] <= table["tolerance"].max()) & peers["objective"].between(*domain)]
        layers += _landed(shown, {"x": x, "y": y})
    ends = [own.dropna(subset="objective") for _, own in table.groupby("definition", sort=False)]
    words = "; ".join(
        f"{DEFINITIONS[own.iloc[0]['definition']].title} from {own.iloc[0]['objective']:.3f} at "
        f"{own.iloc[0]['tolerance']:g} to {own.iloc[-1]['objective']:.3f} at {own.iloc[-1]['tolerance']:g}"
        for own in ends
        if len(own)
    )
    return layered(rows, layers, height=380, description=f"{label} against the tolerance. {words}.")


def _objectives(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A point for each tolerance and definition, in sample and, where it is there, held out."""
    kinds = {"in sample": "objective", "held out": "held_out_objective"}
    return [
        {
            "title": DEFINITIONS[row["definition"]].title,
            "tolerance": row["tolerance"],
            "objective": row[name],
            "rows": kind,
        }
        for row in table.to_dict("records")
        for kind, name in kinds.items()
        if name in row and not math.isnan(row[name])
    ]


def _landed(peers: pd.DataFrame, place: Spec) -> list[Spec]:
    """Where other programs landed: a cross with the program's name."""
    points = [{"tolerance": r.range, "objective": r.objective, "name": r.name} for r in peers.itertuples(index=False)]
    return [
        layer(
            "point",
            place | {"tooltip": tooltip("name", tolerance=".4f", objective=".4f")},
            data=points,
            shape="cross",
            size=120,
            color=QUIET,
            filled=True,
            opacity=1,
        ),
        layer(
            "text",
            place | {"text": {"field": "name", "type": "nominal"}},
            data=points,
            align="left",
            dx=8,
            fontSize=11,
            color=QUIET,
            limit=260,
        ),
    ]


def scale_chart(table: pd.DataFrame, tolerance: float) -> Spec:
    """The fairness scale: the range of each definition (columns) under each row's thresholds, satisfied or not.

    A row that is trivial has a star.
    """
    shown = [row for row in table.to_dict("records") if not row["reason"]]
    names = ["One threshold" if row["row"] == "baseline" else row["title"] for row in shown]
    names = [f"{name} *" if row["trivial"] is True else name for name, row in zip(names, shown, strict=True)]
    rows = [
        {
            "row": title,
            "definition": DEFINITIONS[name].title,
            "range": row[f"{name}_range"],
            "state": "satisfied" if row[f"{name}_satisfied"] else "not satisfied",
            "text": f"{'●' if row[f'{name}_satisfied'] else ''}{_three(row[f'{name}_range'])}",
        }
        for title, row in zip(names, shown, strict=True)
        for name in DEFINITIONS
    ]
    words = {
        "orient": "top",
        "labelAngle": 0,
        "labelExpr": "split(datum.label, ' ')",
        "labelFontSize": 10,
        "labelOverlap": False,
        "labelLimit": 90,
        "domain": False,
        "ticks": False,
    }
    x = category("definition", sort=[d.title for d in DEFINITIONS.values()], axis=words)
    y = category("row", sort=names, axis={"labelLimit": 125, "domain": False, "ticks": False})
    fill = category(
        "state", scale={"domain": ["satisfied", "not satisfied"], "range": ["#009E73", "transparent"]}, legend=None
    )
    text = {"x": x, "y": y, "text": {"field": "text", "type": "nominal"}}
    layers = [
        layer("rect", {"x": x, "y": y, "color": fill}, opacity=0.25),
        layer("text", text, where="datum.state == 'satisfied'", fontWeight="bold", fontSize=11, color="#009E73"),
        layer("text", text, where="datum.state != 'satisfied'", fontSize=11, color="#8A8A8A"),
    ]
    held = "; ".join(
        f"{title} satisfies "
        + (", ".join(DEFINITIONS[n].title.lower() for n in DEFINITIONS if row[f"{n}_satisfied"]) or "none")
        for title, row in zip(names, shown, strict=True)
    )
    description = f"Ranges of the definitions, tolerance {tolerance:g}. {held}."
    return layered(rows, layers, height=max(34 * len(names), 60), description=description)


def _three(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"
