"""The command that makes outcomes from events."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from recidiv_core.commands.shared import placed, written
from recidiv_core.data import csv_bytes, read_table
from recidiv_core.errors import InputError
from recidiv_core.recidivism import (
    MEASURED,
    DurationColumns,
    build_outcomes,
    outcome_answer,
    outcome_rates,
    simulate_events,
    suggest_durations,
    suggest_events,
)
from recidiv_core.report import build_report, manifest

_ONE = (
    "person",
    "date",
    "release",
    "offence",
    "birth",
    "age",
    "primary",
    "weapon",
    "minor_victim",
    "time",
    "returned",
    "follow_up",
    "unit",
)
_SEVERAL = ("custody_days", "fines", "demographics", "covariates")


def arguments(commands: Any, table: argparse.ArgumentParser) -> None:
    """What ``outcomes`` takes."""
    own = commands.add_parser(
        "outcomes",
        help="from events, or times until return, to outcomes and criminal history",
        description="Columns that are not named are guessed from their names. Exit status: 0; 2 for bad input.",
    )
    own.add_argument(
        "events", metavar="EVENTS", help="a CSV, Parquet or XLSX file, or simulated:N for the events of N people"
    )
    for name in _ONE:
        own.add_argument(f"--{name.replace('_', '-')}", metavar="COLUMN" if name != "unit" else "UNIT")
    for name in _SEVERAL:
        own.add_argument(f"--{name.replace('_', '-')}", nargs="+", metavar="COLUMN")
    own.add_argument("--returned-value", default="1", help="what --returned says of those who returned (default 1)")
    own.add_argument(
        "--horizons",
        nargs="+",
        default=["1", "2", "3", "any"],
        metavar="YEARS",
        help="years, or any (default 1 2 3 any)",
    )
    own.add_argument("--violent", nargs="+", metavar="CLASS", help="offence classes that count as violent")
    own.add_argument("--cutoff", metavar="DATE", help="the last day watched (default: the latest event)")
    own.add_argument("--start", metavar="DATE", help="no rows before it; earlier events stay in the history")
    own.add_argument("--seed", type=int, default=0, help="of the simulation")
    own.add_argument("--out", type=Path, metavar="FILE", help="write the table as CSV")
    own.add_argument("--json", type=Path, metavar="FILE", help="write every number, with the manifest")
    own.add_argument("--pdf", type=Path, metavar="FILE", help="write the report")
    own.add_argument("--min-cell", type=int, default=10, help="smallest cell that the PDF publishes (default 10)")

    own.set_defaults(run=outcomes)


def outcomes(options: argparse.Namespace) -> int:
    """Events, or times until return, to outcomes."""
    if options.events.startswith("simulated:"):
        number = options.events.removeprefix("simulated:")
        if not number.isdecimal():
            raise InputError.one("EVENTS", "simulated:N with a number of people", "something else")
        simulated = simulate_events(int(number), random_state=options.seed)
        table, guess = read_table(simulated.events, name=options.events), simulated.columns
    else:
        table = read_table(options.events)
        guess = suggest_events(table) or suggest_durations(table)
    data = build_outcomes(
        table,
        columns=_event_columns(options, guess),
        horizons=[_years(text) for text in options.horizons],
        violent=options.violent,
        cutoff=options.cutoff,
        start=options.start,
    )
    if options.out:
        placed(options.out, csv_bytes(data.table))
    if options.json:
        written(options.json, data.to_dict() | {"manifest": manifest([data])})
    if options.pdf:
        build_report(data, options.pdf, min_cell=options.min_cell)
    rates = outcome_rates(data)
    print(f"{table.name}: {outcome_answer(data, rates)}\n{MEASURED}\n")
    print(data.ledger.to_string(index=False), "\n")
    print(rates.to_string(index=False, float_format=lambda x: f"{x:.4f}"))
    return 0


def _years(text: str) -> float | None:
    if text == "any":
        return None
    try:
        return float(text)
    except ValueError:
        raise InputError.one("--horizons", "years, or any", "something else") from None


def _event_columns(options: argparse.Namespace, guess: Any) -> dict[str, Any]:
    """The columns named, and for the others the guess from the names, which is told."""
    given = {name: getattr(options, name) for name in (*_ONE, *_SEVERAL) if getattr(options, name) is not None}
    if "time" in given or "returned" in given:
        return given | {"returned_value": options.returned_value}
    if guess is None:
        return given
    taken = {column for value in given.values() for column in (value if isinstance(value, list) else [value])}
    own = {}
    for part, column in guess.used():
        if part not in given and column not in taken:
            own[part] = (*own.get(part, ()), column) if part in _SEVERAL else column
    if isinstance(guess, DurationColumns):
        own |= {"unit": guess.unit, "returned_value": guess.returned_value}
    print("columns guessed: " + "; ".join(f"{part} {value}" for part, value in own.items()), file=sys.stderr)
    return given | own
