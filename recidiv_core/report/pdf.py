"""The document as a tagged PDF/UA-1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typst

from recidiv_core.report.fonts import FONTS, printable

_TEMPLATE = Path(__file__).with_name("template.typ")


def render_pdf(document: dict[str, Any]) -> bytes:
    """Compile the document; the compiler refuses what is not valid PDF/UA-1 (a figure without alternative text, say).

    All is handed over in memory: a killed process leaves no folder with somebody's report behind.
    """
    manifest = json.dumps(document["manifest"], indent=2, ensure_ascii=False)
    content = document | {"manifest_text": printable(manifest)}
    return typst.compile(
        _TEMPLATE,
        sys_inputs={"document": json.dumps(content, ensure_ascii=False), "manifest": manifest},
        root=str(_TEMPLATE.parent),
        font_paths=[str(FONTS)],
        ignore_system_fonts=True,
        pdf_standards=["ua-1"],
    )
