"""The document as a tagged PDF/UA-1."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import typst

from recidiv_core.report.fonts import FONTS, printable

_TEMPLATE = Path(__file__).with_name("template.typ")


def render_pdf(document: dict[str, Any]) -> bytes:
    """Compile the document; the compiler refuses what is not valid PDF/UA-1 (a figure without alternative text, say)."""
    manifest = json.dumps(document["manifest"], indent=2, ensure_ascii=False)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(_TEMPLATE, folder)
        Path(folder, "manifest.json").write_text(manifest, encoding="utf-8")
        content = document | {"manifest_text": printable(manifest)}
        Path(folder, "document.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        return typst.compile(
            Path(folder, _TEMPLATE.name),
            root=folder,
            font_paths=[str(FONTS)],
            ignore_system_fonts=True,
            pdf_standards=["ua-1"],
        )
