"""What a section of the report is made of."""

from __future__ import annotations

import math
from typing import Any

import vl_convert

from recidiv_core.charts.theme import Spec, static
from recidiv_core.report.fonts import FONTS

DASH = "–"
WITHHELD = "withheld"
vl_convert.register_font_directory(str(FONTS))


def table_block(title: str, columns: list[str], numeric: list[bool], rows: list[list[str]]) -> dict[str, Any]:
    return {"kind": "table", "title": title, "columns": columns, "numeric": numeric, "rows": rows}


def figure_block(title: str, chart: Spec) -> dict[str, Any]:
    svg = vl_convert.vegalite_to_svg(static(chart, width=520))
    return {"kind": "figure", "title": title, "alt": chart["description"], "svg": svg}


def text_block(text: str) -> dict[str, str]:
    return {"kind": "text", "text": text}


def count_text(value: float) -> str:
    return (
        WITHHELD
        if value is None or math.isnan(value)
        else f"{value:,.0f}"
        if value == round(value)
        else f"{value:,.1f}"
    )


def heading_block(text: str) -> dict[str, str]:
    return {"kind": "heading", "text": text}
