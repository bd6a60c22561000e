"""The document as one HTML file, without scripts and without anything loaded from elsewhere."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import jinja2
import vl_convert

_TEMPLATE = Path(__file__).with_name("template.html")


def render_html(document: dict[str, Any]) -> bytes:
    """Fill the template; every text is escaped, every chart is an image with its alternative text."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    # As pixels: an SVG inside <img> falls back to whatever typeface the reader's machine has, and its labels are cut
    # off.
    environment.filters["data_uri"] = lambda svg: (
        "data:image/png;base64," + base64.b64encode(vl_convert.svg_to_png(svg, scale=2)).decode()
    )
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    manifest_text = json.dumps(document["manifest"], indent=2, ensure_ascii=False)
    return template.render(doc=document, manifest_text=manifest_text).encode("utf-8")
