"""The commands that make outcomes and models, and what all commands share."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from recidiv_core.data import SAMPLES, Roles, csv_bytes, read_table, sample_table
from recidiv_core.errors import InputError
from recidiv_core.models import (
    TRAINABLE,
    comparison_answer,
    evaluate_models,
    notes,
    paper_tables,
    train_model,
    training_dataset,
)
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


def roles_of(options: argparse.Namespace) -> Roles | None:
    """The roles given; None for a sample that is to use its own."""
    if options.label is None and options.table.startswith("sample:"):
        return None
    if options.label is None:
        raise InputError.one("--label", "the column with the outcome", "nothing")
    return Roles(
        options.label, score=options.score, prediction=getattr(options, "prediction", None), sensitive=options.sensitive,
        weight=options.weight, positive_label=options.positive_label, polarity=options.polarity,
    )  # fmt: skip


def train_arguments(commands: Any, table: argparse.ArgumentParser) -> None:
    """What ``train`` takes."""
    train = commands.add_parser(
        "train", parents=[table], help="train models, compare them on people they have not seen, and save one",
        description="Exit status: 0; 2 for bad input.",
    )  # fmt: skip
    train.add_argument(
        "--algorithm",
        action="append",
        choices=TRAINABLE,
        help="may be repeated (default: logistic regression, gradient boosting)",
    )
    train.add_argument(
        "--outcome", action="append", default=[], metavar="COLUMN", help="further outcomes beside the label"
    )
    train.add_argument("--features", nargs="+", metavar="COLUMN", help="columns to learn from (as the program chooses)")
    train.add_argument("--id", metavar="COLUMN", help="who a row is about: all rows of a person go to one fold")
    train.add_argument("--unaware", action="store_true", help="leave the protected attributes out")
    train.add_argument(
        "--balance",
        type=float,
        metavar="SHARE",
        help="down-sample training parts until the rarer outcome has this share",
    )
    train.add_argument("--folds", type=int, default=5, help="1 is one 70/30 split (default 5)")
    train.add_argument("--inner", type=int, default=5, help="inner folds (default 5)")
    train.add_argument(
        "--iterations", type=int, default=20, help="combinations of parameters to try, 0 for usual ones (default 20)"
    )
    train.add_argument(
        "--save", type=Path, metavar="FILE", help="train the best one for the label on 70 %% and save it as skops"
    )
    train.add_argument("--pdf", type=Path, metavar="FILE", help="write the report")
    train.add_argument("--min-cell", type=int, default=10, help="smallest cell that the PDF publishes (default 10)")


def outcomes_arguments(commands: Any) -> None:
    """What ``outcomes`` takes."""
    outcomes = commands.add_parser(
        "outcomes", help="from events, or times until return, to outcomes and criminal history",
        description="Columns that are not named are guessed from their names. Exit status: 0; 2 for bad input.",
    )  # fmt: skip
    outcomes.add_argument(
        "events", metavar="EVENTS", help="a CSV, Parquet or XLSX file, or simulated:N for the events of N people"
    )
    for name in _ONE:
        outcomes.add_argument(f"--{name.replace('_', '-')}", metavar="COLUMN" if name != "unit" else "UNIT")
    for name in _SEVERAL:
        outcomes.add_argument(f"--{name.replace('_', '-')}", nargs="+", metavar="COLUMN")
    outcomes.add_argument(
        "--returned-value", default="1", help="what --returned says of those who returned (default 1)"
    )
    outcomes.add_argument(
        "--horizons",
        nargs="+",
        default=["1", "2", "3", "any"],
        metavar="YEARS",
        help="years, or any (default 1 2 3 any)",
    )
    outcomes.add_argument("--violent", nargs="+", metavar="CLASS", help="offence classes that count as violent")
    outcomes.add_argument("--cutoff", metavar="DATE", help="the last day watched (default: the latest event)")
    outcomes.add_argument("--start", metavar="DATE", help="no rows before it; earlier events stay in the history")
    outcomes.add_argument("--seed", type=int, default=0, help="of the simulation")
    outcomes.add_argument("--out", type=Path, metavar="FILE", help="write the table as CSV")
    outcomes.add_argument("--json", type=Path, metavar="FILE", help="write every number, with the manifest")
    outcomes.add_argument("--pdf", type=Path, metavar="FILE", help="write the report")
    outcomes.add_argument("--min-cell", type=int, default=10, help="smallest cell that the PDF publishes (default 10)")


def train(options: argparse.Namespace) -> int:
    """Train, compare, print, and save the best for the label where asked to."""
    roles = roles_of(options) or SAMPLES[options.table.removeprefix("sample:")].roles
    table = sample_table(options.table) if options.table.startswith("sample:") else read_table(options.table)
    outcomes = list(dict.fromkeys([roles.label, *options.outcome]))
    dataset = training_dataset(
        table, outcomes=outcomes, sensitive=roles.sensitive, features=options.features or roles.features, id=options.id, positive_label=roles.positive_label,
        polarity=roles.polarity,
    )  # fmt: skip
    usual = {
        "unaware": options.unaware, "balance": options.balance, "n_inner": options.inner, "n_iter": options.iterations, "random_state": options.seed,
        "progress": _told,
    }  # fmt: skip
    comparison = evaluate_models(
        dataset,
        algorithms=options.algorithm or ["logistic_regression", "gradient_boosting"],
        outcomes=outcomes,
        n_outer=options.folds,
        **usual,
    )
    _told(1.0, "")
    if options.save:
        best = comparison.table[comparison.table["outcome"] == roles.label].iloc[0]
        model = train_model(dataset, algorithm=best["algorithm"], outcome=roles.label, **usual)
        _told(1.0, "")
        placed(options.save, model.save)
    if options.json:
        written(options.json, comparison.to_dict() | {"manifest": manifest([comparison])})
    if options.pdf:
        build_report(comparison, options.pdf, min_cell=options.min_cell)
    print(f"{comparison.dataset['name']}: {comparison.dataset['n']:,} rows")
    print("\n".join((*comparison_answer(comparison), *notes(comparison), MEASURED)), "\n")
    for part in paper_tables(comparison.table):
        print(part.to_string(index=False), "\n")
    if options.save:
        held = model.card["held_out"]
        print(
            f"{options.save}: {model.title}, AUC {held['auc']:.3f} ({held['low']:.3f} to {held['high']:.3f}) on people held out"
        )
    return 0


def _told(share: float, text: str) -> None:
    """Progress on one line of the terminal; nothing where nobody looks."""
    if sys.stderr.isatty():
        print(
            f"\r{100 * share:3.0f} %  {text[:70]:<70}" if text else "\r" + " " * 78 + "\r",
            end="",
            file=sys.stderr,
            flush=True,
        )


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
        table, columns=_event_columns(options, guess), horizons=[_years(text) for text in options.horizons], violent=options.violent,
        cutoff=options.cutoff, start=options.start,
    )  # fmt: skip
    if options.out:
        placed(options.out, lambda path: path.write_bytes(csv_bytes(data.table)))
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


def placed(path: Path, write: Any) -> None:
    """Write to ``path``, or say why not."""
    try:
        write(path)
    except OSError as error:
        raise InputError.one(str(path), "a place that can be written to", error.strerror or "an error") from None


def written(path: Path, value: dict[str, Any]) -> None:
    """Write strict JSON to ``path``."""
    content = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    placed(path, lambda place: place.write_text(content, encoding="utf-8"))
