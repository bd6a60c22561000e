"""The audit of groups in pictures. Each chart's description says what it shows, for those who cannot see it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.charts.theme import (
    BAND,
    INK,
    MAX_LINES,
    QUIET,
    VERDICT_MARKS,
    Spec,
    category,
    group_channels,
    layer,
    layered,
    quantity,
    short,
    tooltip,
)
from recidiv_core.groups import DISTINCT, METRICS, MIN_DENOMINATOR, GroupAudit
from recidiv_core.words import listed, number, percent, points

_ROW = 30
_UNITS = {
    "rate": "Percentage points",
    "number": "In each measure's own unit",
    "ratio": "Missed per person flagged wrongly",
}


def _text(value: float, metric: str, low: float, high: float) -> str:
    return percent(value, low, high) if METRICS[metric].unit == "rate" else number(value, low, high)


def compared_metrics(audit: GroupAudit, attribute: str, unit: str) -> list[str]:
    """The metrics of one unit that have a comparison, each once (FNR stands for TPR as well)."""
    exists = {row.metric for row in audit.rows(attribute, "disparities") if not np.isnan(row.range)}
    return [name for name in DISTINCT if name in exists and METRICS[name].unit == unit]


def disparity_chart(audit: GroupAudit, attribute: str, *, unit: str = "rate") -> Spec:
    """The range of each metric over the groups, with its simultaneous interval, beside the tolerance."""
    metrics, tolerance = compared_metrics(audit, attribute, unit), audit.options["tolerance"]
    scale = 100 if unit == "rate" else 1
    found = {row.metric: row for row in audit.rows(attribute, "disparities")}
    rows = [found[name] for name in metrics]
    data = [
        {
            "metric": METRICS[row.metric].title.split(" (")[0],
            "range": row.range * scale,
            "low": row.low * scale,
            "high": row.high * scale,
            "verdict": VERDICT_MARKS[row.verdict].word,
            "label": f"{VERDICT_MARKS[row.verdict].sign} {VERDICT_MARKS[row.verdict].word}",
        }
        for row in rows
    ]
    top = float(np.nanmax([tolerance * scale * 2, *(x for d in data for x in (d["range"], d["high"]))]))
    domain = {"domain": [0, top * 1.02]}
    y = category("metric", sort=[d["metric"] for d in data], axis={"labelLimit": 190})
    colour, shape, fill = (_verdict_scale(part) for part in ("colour", "shape", "fill"))
    tip = tooltip("metric", "verdict", range=".3~f", low=".3~f", high=".3~f")
    title = _UNITS[unit]
    ends = {"x": quantity("low", title, scale=domain), "x2": {"field": "high"}}
    band = [{"low": 0, "high": tolerance * scale}]
    layers = [
        layer("rect", ends, data=band, color=BAND, opacity=0.35),
        layer("rule", ends | {"y": y, "color": colour, "tooltip": tip}, where="isValid(datum.high)", strokeWidth=2.5),
        layer(
            "point",
            {"x": quantity("range", title), "y": y, "color": colour, "shape": shape, "fill": fill, "tooltip": tip},
            size=110,
            opacity=1,
            strokeWidth=2,
        ),
        layer("text", _right_of_plot("label", y) | {"color": colour}, align="left", dx=6, fontSize=11),
    ]
    words = "; ".join(
        f"{METRICS[r.metric].title}: {points(r.range) if unit == 'rate' else number(r.range)}, {r.verdict}"
        for r in rows
    )
    description = f"Largest difference between the groups of {attribute}, with tolerance {tolerance:g}. {words}."
    return layered(data, layers, height=max(_ROW * len(data), 40), description=description)


def _right_of_plot(field: str, y: Spec) -> Spec:
    return {"x": {"value": "width"}, "y": y, "text": {"field": field, "type": "nominal"}}


def _verdict_scale(part: str) -> Spec:
    marks = list(VERDICT_MARKS.values())
    ranges = {
        "colour": [m.colour for m in marks],
        "shape": [m.shape for m in marks],
        "fill": [m.colour if m.filled else "transparent" for m in marks],
    }
    return category("verdict", scale={"domain": [m.word for m in marks], "range": ranges[part]}, legend=None)


def metric_chart(audit: GroupAudit, attribute: str, metric: str) -> Spec:
    """One metric: a dot and an interval per group, n beside it, the tolerance as a band around the reference."""
    rows = [row for row in audit.rows(attribute, "intervals") if row.metric == metric]
    excluded = {row.group for row in audit.rows(attribute, "left_out") if row.metric == metric}
    scale = 100 if METRICS[metric].unit == "rate" else 1
    data = [
        {
            "group": short(row.group),
            "estimate": row.estimate * scale,
            "low": row.low * scale,
            "high": row.high * scale,
            "compared": "too small to compare" if row.group in excluded else "compared",
            "text": _beside(row),
        }
        for row in rows
    ]
    title = METRICS[metric].title + (" (%)" if scale == 100 else "")
    highs = [d["high"] for d in data if not np.isnan(d["high"])]
    top = max(max(highs, default=scale) * 1.05, 1e-9)
    domain = [0.0, min(top, 100.0) if scale == 100 else top]
    y = category("group", sort=[d["group"] for d in data], axis={"labelLimit": 170})
    seen = {"domain": ["compared", "too small to compare"], "range": [INK, QUIET]}
    colour = category("compared", scale=seen, legend=None)
    tip = tooltip("group", "compared", "text", estimate=".4~f", low=".4~f", high=".4~f")
    ends = {"x": quantity("low", title, scale={"domain": domain, "nice": False}), "x2": {"field": "high"}}
    dot = {"x": quantity("estimate", title), "y": y, "color": colour, "tooltip": tip}
    layers = [
        *_tolerance_band(audit, attribute, metric, scale, domain, ends),
        layer("rule", ends | {"y": y, "color": colour, "tooltip": tip}, where="isValid(datum.low)", strokeWidth=2.5),
        layer("point", dot, where="datum.compared == 'compared'", filled=True, size=90, opacity=1),
        layer("point", dot, where="datum.compared != 'compared'", filled=False, size=80, opacity=1, strokeWidth=2),
        layer("text", _right_of_plot("text", y), align="left", dx=4, fontSize=11, color=QUIET, limit=220),
    ]
    words = _metric_words(attribute, metric, rows)
    return layered(data, layers, height=max(_ROW * len(data), 60), description=words)


def _beside(row: Any) -> str:
    """What stands beside a group's dot: its n, or why there is no dot."""
    if row.reason.startswith("withheld"):
        return "withheld"
    return f"not estimable: {row.reason}" if row.reason else f"n = {row.n:,.0f}"


def _tolerance_band(
    audit: GroupAudit, attribute: str, metric: str, scale: float, domain: list[float], ends: Spec
) -> list[Spec]:
    references = audit.rows(attribute, "references")
    if not references:
        return []
    centre = audit.value(attribute, references[0].reference, metric)
    if pd.isna(centre):
        return []
    tolerance = audit.options["tolerance"]
    low, high = np.clip([(centre - tolerance) * scale, (centre + tolerance) * scale], *domain)
    return [layer("rect", ends, data=[{"low": float(low), "high": float(high)}], color=BAND, opacity=0.35)]


def _metric_words(attribute: str, metric: str, rows: list[Any]) -> str:
    parts = [
        f"{r.group} {_text(r.estimate, metric, r.low, r.high)}"
        + (
            f" ({_text(r.low, metric, r.low, r.high)} to {_text(r.high, metric, r.low, r.high)}, n = {r.n:,.0f})"
            if not r.reason
            else f" ({r.reason})"
        )
        for r in rows
    ]
    return f"{METRICS[metric].title} by {attribute}: {'; '.join(parts)}."


def _drawn(audit: GroupAudit, attribute: str, table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The rows of the groups that can be drawn as lines: enough rows, and no more groups than can be told apart."""
    sizes = audit.of(attribute, "by_group").sort_values("n", ascending=False)
    large = sizes.loc[sizes["n"] >= audit.options["min_support"], "group"]
    present = [g for g in large if g in set(table["group"])][:MAX_LINES]
    kept = table[table["group"].isin(present)]
    if "n" in kept:
        kept = kept[kept["n"] >= MIN_DENOMINATOR]
    return kept.assign(group=[short(g) for g in kept["group"]]), present


def not_drawn(audit: GroupAudit, attribute: str, table: str) -> list[str]:
    """The groups that a chart of lines leaves out; they stand in its table."""
    drawn = _drawn(audit, attribute, audit.of(attribute, table))[1]
    return [row.group for row in audit.rows(attribute, "by_group") if row.group not in drawn]


def roc_chart(audit: GroupAudit, attribute: str) -> Spec:
    """ROC by group; the diagonal is a score that knows nothing."""
    data, groups = _drawn(audit, attribute, audit.of(attribute, "roc"))
    data = data.assign(order=data.groupby("group").cumcount())
    unit = {"domain": [0, 1]}
    axes = {
        "x": quantity("false_positive_rate", "False positive rate", scale=unit),
        "y": quantity("true_positive_rate", "True positive rate", scale=unit),
    }
    diagonal = [
        {"false_positive_rate": 0, "true_positive_rate": 0},
        {"false_positive_rate": 1, "true_positive_rate": 1},
    ]
    layers = [
        layer("line", axes, data=diagonal, color=QUIET, strokeDash=[4, 4], strokeWidth=1),
        layer("line", axes | {"order": quantity("order")} | group_channels(groups), strokeWidth=2),
    ]
    aucs = audit.of(attribute, "by_group").set_index("group")["roc_auc"]
    words = "; ".join(f"{g} AUC {number(aucs[g])}" for g in groups)
    return layered(data, layers, height=360, description=f"ROC curves by {attribute}. {words}.")


def calibration_chart(audit: GroupAudit, attribute: str) -> Spec:
    """How often the outcome came, against the score, by group, with intervals."""
    data, groups = _drawn(audit, attribute, audit.of(attribute, "calibration"))
    is_unit = bool(data["mean_score"].between(0, 1).all()) and len(data) > 0
    data = data.assign(**{c: 100 * data[c] for c in ("observed", "low", "high")})
    x = quantity("mean_score", "Mean score in the bin", axis={"format": ",.4~f"}, scale={"zero": is_unit})
    layers = _lines("mean_score", "observed", "Had the outcome (%)", x, groups)
    if is_unit:
        ideal = [{"mean_score": 0, "observed": 0}, {"mean_score": 1, "observed": 100}]
        axes = {"x": x, "y": quantity("observed", "Had the outcome (%)")}
        layers.insert(0, layer("line", axes, data=ideal, color=QUIET, strokeDash=[4, 4], strokeWidth=1))
    least, most = (data["observed"].min(), data["observed"].max()) if len(data) else (np.nan, np.nan)
    description = (
        f"Share with the outcome against the score, by {attribute} ({listed(groups)}): from {least:.0f} % in the bin "
        f"with fewest to {most:.0f} % in the bin with most."
    )
    return layered(data, layers, height=340, description=description)


def cutpoint_chart(audit: GroupAudit, attribute: str, metric: str) -> Spec:
    """One metric at every value that the score can take, by group, with intervals."""
    rows = audit.of(attribute, "cutpoints")
    data, groups = _drawn(audit, attribute, rows[(rows["metric"] == metric) & rows["estimate"].notna()])
    data = data.assign(**{c: 100 * data[c] for c in ("estimate", "low", "high")})
    x = quantity(
        "threshold",
        "Flagged at this score and above",
        axis={"tickMinStep": 1, "format": ",.4~f"},
        scale={"zero": False},
    )
    layers = _lines("threshold", "estimate", f"{METRICS[metric].title} (%)", x, groups)
    n_cuts = data["threshold"].nunique()
    description = f"{METRICS[metric].title} by {attribute} at each of {n_cuts} cut-points of the score."
    return layered(data, layers, height=320, description=description)


def _lines(x_field: str, y_field: str, title: str, x: Spec, groups: list[str]) -> list[Spec]:
    """A line per group with a point and an interval at each x."""
    channels = group_channels(groups)
    y = {"scale": {"domain": [0, 100]}}
    formats = {x_field: ".3~f", y_field: ".1f", "low": ".1f", "high": ".1f", "n": ",.0f"}
    ends = {"x": x, "y": quantity("low", title, **y), "y2": {"field": "high"}, "color": channels["color"]}
    dot = {"x": x, "y": quantity(y_field, title), "color": channels["color"], "tooltip": tooltip("group", **formats)}
    return [
        layer("rule", ends, strokeWidth=1.2, opacity=0.7),
        layer("line", {"x": x, "y": quantity(y_field, title), **channels}, strokeWidth=2),
        layer("point", dot, filled=True, size=45, opacity=1),
    ]
