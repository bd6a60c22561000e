"""The command that trains models."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from recidiv_core.commands.shared import placed, roles_of, told, written
from recidiv_core.data import SAMPLES, read_table, sample_table
from recidiv_core.models import (
    TRAINABLE,
    comparison_answer,
    evaluate_models,
    notes,
    paper_tables,
    train_model,
    training_dataset,
)
from recidiv_core.recidivism import MEASURED
from recidiv_core.report import build_report, manifest


def arguments(commands: Any, table: argparse.ArgumentParser) -> None:
    """What ``train`` takes."""
    own = commands.add_parser(
        "train",
        parents=[table],
        help="train models, compare them on people they have not seen, and save one",
        description="Exit status: 0; 2 for bad input.",
    )
    own.add_argument(
        "--algorithm",
        action="append",
        choices=TRAINABLE,
        help="may be repeated (default: logistic regression, gradient boosting)",
    )
    own.add_argument(
        "--outcome", action="append", default=[], metavar="COLUMN", help="further outcomes beside the label"
    )
    own.add_argument("--features", nargs="+", metavar="COLUMN", help="columns to learn from (as the program chooses)")
    own.add_argument("--id", metavar="COLUMN", help="who a row is about: all rows of a person go to one fold")
    own.add_argument("--unaware", action="store_true", help="leave the protected attributes out")
    own.add_argument(
        "--balance",
        type=float,
        metavar="SHARE",
        help="down-sample training parts until the rarer outcome has this share",
    )
    own.add_argument("--folds", type=int, default=5, help="1 is one 70/30 split (default 5)")
    own.add_argument("--inner", type=int, default=5, help="inner folds (default 5)")
    own.add_argument(
        "--iterations", type=int, default=20, help="combinations of parameters to try, 0 for usual ones (default 20)"
    )
    own.add_argument(
        "--save", type=Path, metavar="FILE", help="train the best one for the label on 70 %% and save it as skops"
    )
    own.add_argument("--pdf", type=Path, metavar="FILE", help="write the report")
    own.add_argument("--min-cell", type=int, default=10, help="smallest cell that the PDF publishes (default 10)")

    own.set_defaults(run=train)


def train(options: argparse.Namespace) -> int:
    """Train, compare, print, and save the best for the label where asked to."""
    roles = roles_of(options) or SAMPLES[options.table.removeprefix("sample:")].roles
    table = sample_table(options.table) if options.table.startswith("sample:") else read_table(options.table)
    outcomes = list(dict.fromkeys([roles.label, *options.outcome]))
    dataset = training_dataset(
        table,
        outcomes=outcomes,
        sensitive=roles.sensitive,
        features=options.features or roles.features,
        id=options.id,
        positive_label=roles.positive_label,
        polarity=roles.polarity,
    )
    usual = {
        "unaware": options.unaware,
        "balance": options.balance,
        "n_inner": options.inner,
        "n_iter": options.iterations,
        "random_state": options.seed,
        "progress": told,
    }
    comparison = evaluate_models(
        dataset,
        algorithms=options.algorithm or ["logistic_regression", "gradient_boosting"],
        outcomes=outcomes,
        n_outer=options.folds,
        **usual,
    )
    told(1.0, "")
    if options.save:
        best = comparison.table[comparison.table["outcome"] == roles.label].iloc[0]
        model = train_model(dataset, algorithm=best["algorithm"], outcome=roles.label, **usual)
        told(1.0, "")
        placed(options.save, model.to_bytes())
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
            f"{options.save}: {model.title}, AUC {held['auc']:.3f} ({held['low']:.3f} to {held['high']:.3f}) on "
            "people held out"
        )
    return 0
