"""The command that asks how sentences deviate from the guidelines."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Any

from recidiv_core.commands.shared import written
from recidiv_core.data import read_table
from recidiv_core.report import build_report, manifest
from recidiv_core.sentencing import (
    LIMITS,
    SEED,
    SentenceColumns,
    SentencingRecords,
    audit_sentencing,
    sentencing_answer,
    sentencing_records,
    simulated_table,
    suggest_sentences,
)

_PARTS = [field.name for field in dataclasses.fields(SentenceColumns)]


def arguments(commands: Any, table: argparse.ArgumentParser) -> None:
    """What ``sentencing`` takes."""
    own = commands.add_parser(
        "sentencing",
        help="how sentences deviate from the guidelines",
        description="Columns that are not named are guessed from their names. Exit status: 0, whatever is found; 2 "
        "for bad input.",
    )
    own.add_argument("records", metavar="TABLE", help="a CSV, Parquet or XLSX file, or simulated:N")
    columns_arguments(own)
    case = own.add_argument_group("the case")
    case.add_argument("--for-charge", required=True, metavar="VALUE")
    case.add_argument("--for-level", type=int, metavar="0–17")
    case.add_argument("--for-race", metavar="VALUE")
    case.add_argument("--for-gender", metavar="VALUE")
    own.add_argument("--attribute", choices=("race", "gender"), default="race", help="whose groups are compared")
    own.add_argument("--reference", metavar="GROUP", help="the group compared with (default: the largest)")
    own.add_argument("--adjust-for", nargs="*", metavar="PART", help="charge, level, history, district (all there are)")
    own.add_argument("--seed", type=int, default=SEED, help="of the simulation")
    own.add_argument("--json", type=Path, metavar="FILE", help="write every number, with the manifest")
    own.add_argument("--pdf", type=Path, metavar="FILE", help="write the report")
    own.add_argument("--min-cell", type=int, default=10, help="smallest cell that the PDF publishes (default 10)")

    own.set_defaults(run=sentencing)


def columns_arguments(parser: argparse.ArgumentParser) -> None:
    """An option for each part that a column can play."""
    group = parser.add_argument_group("columns")
    for part in _PARTS:
        group.add_argument(f"--{part.replace('_', '-')}", metavar="COLUMN")


def records_of(options: argparse.Namespace) -> SentencingRecords:
    """The records named, with the columns given, and the others guessed, which is told."""
    source = options.records
    table = (
        simulated_table(source, random_state=options.seed) if source.startswith("simulated:") else read_table(source)
    )
    given = {part: getattr(options, part) for part in _PARTS if getattr(options, part) is not None}
    if given.keys() & {"guideline"}:
        given |= {"guideline_low": None, "guideline_high": None}
    elif given.keys() & {"guideline_low", "guideline_high"}:
        given["guideline"] = None
    taken = {column for column in given.values() if column is not None}
    guess = {part: None if name in taken else name for part, name in vars(suggest_sentences(table.frame)).items()}
    columns = SentenceColumns(**guess | given)
    print("columns: " + "; ".join(f"{part} {name}" for part, name in columns.named().items()), file=sys.stderr)
    return sentencing_records(table, columns=columns)


def sentencing(options: argparse.Namespace) -> int:
    """Ask, and print."""
    case = {name: getattr(options, f"for_{name}") for name in ("charge", "level", "race", "gender")}
    audit = audit_sentencing(
        records_of(options),
        **case,
        attribute=options.attribute,
        reference=options.reference,
        adjust_for=options.adjust_for,
    )
    if options.json:
        written(options.json, audit.to_dict() | {"manifest": manifest([audit])})
    if options.pdf:
        build_report(audit, options.pdf, min_cell=options.min_cell)
    print("\n".join(sentencing_answer(audit)), "\n")
    print(audit.case.outputs.to_string(index=False, float_format=lambda x: f"{x:.4g}"), "\n")
    if audit.contrast is not None:
        print(audit.contrast.table.to_string(index=False, float_format=lambda x: f"{x:.4g}"), "\n")
    print(audit.ledger.to_string(index=False), "\n")
    print("What these data cannot say:\n" + "\n".join(f"- {text}" for text in LIMITS))
    return 0
