"""One report from one or several results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from recidiv_core.errors import InputError, Problem
from recidiv_core.files import write_whole
from recidiv_core.options import as_found, is_number
from recidiv_core.plain import plain
from recidiv_core.report.document import document, entries, protect
from recidiv_core.report.html import render_html
from recidiv_core.report.pdf import render_pdf

Format = Literal["pdf", "html", "json"]
FORMATS: tuple[Format, ...] = ("pdf", "html", "json")


def render_report(results: Any, *, format: Format = "pdf", language: str = "en", min_cell: int = 10) -> bytes:
    """The report as bytes; see :func:`build_report`."""
    problems = []
    if format not in FORMATS:
        problems.append(Problem("format", "'pdf', 'html' or 'json'", repr(format)))
    if language != "en":
        problems.append(Problem("language", "'en', the only one so far", repr(language)))
    if not is_number(min_cell, 0, 1e9):
        problems.append(Problem("min_cell", "0 or a positive whole number", as_found(min_cell)))
    if not entries(results):
        problems.append(Problem("results", "at least one result", "none"))
    if problems:
        raise InputError(problems)
    content = document(results, min_cell=min_cell)
    if format == "pdf":
        return render_pdf(content)
    if format == "html":
        return render_html(content)
    kept = [{"note": e.note, **protect(e.result, min_cell=min_cell).to_dict()} for e in entries(results)]
    whole = {"manifest": content["manifest"], "summary": content["summary"], "results": kept}
    return json.dumps(plain(whole), indent=2, ensure_ascii=False, allow_nan=False).encode("utf-8")


def build_report(
    results: Any, path: str | Path, *, format: Format = "pdf", language: str = "en", min_cell: int = 10
) -> Path:
    """Write a report.

    Parameters
    ----------
    results : result, Entry, or sequence of either
        What goes in, in that order; an :class:`Entry` carries a note.
    format : {"pdf", "html", "json"}
        PDF is tagged PDF/UA-1 with the manifest attached; HTML is one file; all three hold the same numbers.
    min_cell : int
        Cells with fewer people are withheld, with any figure from which they could be worked out.

    Raises
    ------
    InputError
        When an option is not one of those above, or the path cannot be written.
    """
    content = render_report(results, format=format, language=language, min_cell=min_cell)
    target = Path(path)
    try:
        write_whole(target, content)
    except OSError as error:
        raise InputError.one("path", "a place that can be written to", error.strerror or "an error") from None
    return target
