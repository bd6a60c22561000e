"""Palette, verdict marks and the grammar that all charts share.

A chart is a Vega-Lite specification as a dict. (Altair's objects would say the same at 40 to 90 ms a chart, more than a
slider may take; the tests check every chart against Altair's schema.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from recidiv_core.plain import plain

Spec = dict[str, Any]
MAX_LINES = 8
# Okabe and Ito (2008), without yellow, which is lost on white, and black, which is lost on dark.
GROUP_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#8A6BBE", "#7F7F7F")
GROUP_DASHES = ([1, 0], [6, 3], [2, 2], [8, 2, 2, 2], [1, 0], [6, 3], [2, 2], [8, 2, 2, 2])
INK, QUIET, BAND = "#3B6EA8", "#777777", "#E0A63A"
_STATIC = {
    "font": "Source Sans Pro, DejaVu Sans, sans-serif",
    "background": "white",
    "axis": {
        "labelColor": "#333",
        "titleColor": "#333",
        "gridColor": "#e6e6e6",
        "labelFontSize": 12,
        "titleFontSize": 12,
    },
    "legend": {"labelColor": "#333", "titleColor": "#333", "labelFontSize": 12, "titleFontSize": 12},
    "title": {"color": "#222", "fontSize": 14, "anchor": "start"},
    "view": {"stroke": None},
}


@dataclass(frozen=True)
class VerdictMark:
    """How a verdict looks everywhere: word, sign (text), shape (chart) and colour, filled or hollow."""

    word: str
    sign: str
    shape: str
    colour: str
    filled: bool


VERDICT_MARKS = {
    "within": VerdictMark("within tolerance", "●", "circle", "#009E73", True),
    "exceeds": VerdictMark("exceeds tolerance", "▲", "triangle-up", "#D55E00", True),
    "cannot conclude": VerdictMark("cannot conclude", "□", "square", "#777777", False),
}


def short(text: object, width: int = 28) -> str:
    """A group's or column's name as an axis can hold it."""
    text = str(text)
    return text if len(text) <= width else f"{text[: width - 1]}…"


def distinct(names: Sequence[str], width: int = 28) -> list[str]:
    """:func:`short` names of which no two are the same: where their beginnings agree, by their ends, else by number."""
    found: list[str] = []
    for name in map(str, names):
        text = short(name, width)
        if text in found:
            text = f"…{name[1 - width :]}"
        found.append(text if text not in found else f"{text[: width - 5]} ({len(found) + 1})")
    return found


def quantity(field: str, title: str | None = None, **options: Any) -> Spec:
    """A quantitative channel."""
    return {"field": field, "type": "quantitative", "title": title, **options}


def category(field: str, title: str | None = None, **options: Any) -> Spec:
    """A nominal channel."""
    return {"field": field, "type": "nominal", "title": title, **options}


def tooltip(*fields: str, **formats: str) -> list[Spec]:
    """Tooltips: plain texts first, then numbers with their format."""
    texts = [{"field": field, "type": "nominal"} for field in fields]
    return texts + [{"field": f, "type": "quantitative", "format": form} for f, form in formats.items()]


def layer(mark: str, encoding: Spec, *, where: str | None = None, data: Any = None, **style: Any) -> Spec:
    """One layer: a mark with its style, its channels, a filter and data of its own where it has them."""
    spec: Spec = {"mark": {"type": mark, **style}, "encoding": encoding}
    if where:
        spec["transform"] = [{"filter": where}]
    if data is not None:
        spec["data"] = {"values": plain(data)}
    return spec


def layered(data: pd.DataFrame | Sequence[Spec], layers: Sequence[Spec], *, height: int, description: str) -> Spec:
    """Layers over one table; ``description`` says the finding, for those who cannot see the chart."""
    return {
        "description": description,
        "data": {"values": plain(data)},
        "layer": list(layers),
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
    }


def group_channels(groups: Sequence[str]) -> Spec:
    """Colour and dash of each group, the same in every chart; one legend shows both."""
    names = [short(group) for group in groups]
    legend = {
        "orient": "bottom",
        "columns": 2,
        "labelLimit": 240,
        "symbolType": "stroke",
        "symbolStrokeWidth": 3,
        "symbolSize": 300,
        "symbolOpacity": 1,
    }
    colours = {"domain": names, "range": list(GROUP_COLOURS[: len(names)])}
    dashes = {"domain": names, "range": [list(d) for d in GROUP_DASHES[: len(names)]]}
    return {
        "color": category("group", scale=colours, legend=legend),
        "strokeDash": category("group", scale=dashes, legend=legend),
    }


def static(chart: Spec, *, width: int = 620, title: str | None = None, subtitle: str | None = None) -> Spec:
    """The chart for a file: fixed width, light, with its own fonts, and with a title where it will stand alone."""
    own = {"title": {"text": title, "subtitle": subtitle or ""}} if title else {}
    return chart | own | {"width": width, "autosize": "pad", "config": _STATIC}
