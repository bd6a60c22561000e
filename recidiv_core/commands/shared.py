"""What all commands share."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from recidiv_core.data import Roles
from recidiv_core.data.roles import POLARITIES
from recidiv_core.errors import InputError
from recidiv_core.files import write_whole


def table_arguments() -> argparse.ArgumentParser:
    """The table and its roles, which every command on a table takes."""
    table = argparse.ArgumentParser(add_help=False)
    table.add_argument("table", metavar="TABLE", help="a CSV, Parquet or XLSX file, or sample:NAME")
    table.add_argument("--label", help="column with the outcome (a sample knows its own)")
    table.add_argument("--score", help="column with the score")
    table.add_argument(
        "--sensitive", action="append", default=[], metavar="A", help="protected attribute; may be repeated"
    )
    table.add_argument("--weight", help="column with row weights")
    table.add_argument("--positive-label", default="1", help="the label value that is the event (default 1)")
    table.add_argument(
        "--polarity", choices=POLARITIES, default="punitive", help="whether being flagged harms or helps"
    )
    table.add_argument("--tolerance", type=float, default=0.01)
    table.add_argument("--min-support", type=int, default=30)
    table.add_argument("--seed", type=int, default=0)
    table.add_argument("--json", type=Path, metavar="FILE", help="write every number, with the manifest")
    return table


def roles_of(options: argparse.Namespace) -> Roles | None:
    """The roles given; None for a sample that is to use its own."""
    if options.label is None and options.table.startswith("sample:"):
        return None
    if options.label is None:
        raise InputError.one("--label", "the column with the outcome", "nothing")
    return Roles(
        options.label,
        score=options.score,
        prediction=getattr(options, "prediction", None),
        sensitive=options.sensitive,
        weight=options.weight,
        positive_label=options.positive_label,
        polarity=options.polarity,
    )


def told(share: float, text: str) -> None:
    """Progress on one line of the terminal; nothing where nobody looks."""
    if sys.stderr.isatty():
        print(
            f"\r{100 * share:3.0f} %  {text[:70]:<70}" if text else "\r" + " " * 78 + "\r",
            end="",
            file=sys.stderr,
            flush=True,
        )


def placed(path: Path, content: bytes) -> None:
    """Write to ``path``, whole or not at all, or say why not."""
    try:
        write_whole(path, content)
    except OSError as error:
        raise InputError.one(str(path), "a place that can be written to", error.strerror or "an error") from None


def written(path: Path, value: dict[str, Any]) -> None:
    """Write strict JSON to ``path``."""
    placed(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False).encode())
