"""The command line: ``python -m recidiv_core audit TABLE …``, ``thresholds``, ``slices``, ``counterfactuals``,
``privacy``, ``synthesize``, ``train``, ``outcomes EVENTS …``, ``sentencing``, ``serve`` and ``samples``.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recidiv_core import workers
from recidiv_core.charts.theme import VERDICT_MARKS
from recidiv_core.commands.counterfactuals import counterfactuals, counterfactuals_arguments
from recidiv_core.commands.models import train, train_arguments
from recidiv_core.commands.privacy import make_copy, privacy, privacy_arguments
from recidiv_core.commands.recidivism import outcomes, outcomes_arguments
from recidiv_core.commands.sentencing import sentencing, sentencing_arguments
from recidiv_core.commands.serve import serve, serve_arguments, tokens
from recidiv_core.commands.shared import roles_of, written
from recidiv_core.data import (
    SAMPLES,
    AuditDataset,
    list_samples,
    load_dataset,
    read_table,
    sample_table,
)
from recidiv_core.data.roles import POLARITIES
from recidiv_core.errors import InputError
from recidiv_core.groups import VERDICTS, GroupAudit, answer, audit_groups, disparity_sentence, overall_verdict
from recidiv_core.groups.metrics import DISTINCT, METRICS
from recidiv_core.models import load_model
from recidiv_core.report import build_report, manifest
from recidiv_core.slices import LOSSES, MARKS, audit_slices, default_error, error_text, slice_answer, slice_notes
from recidiv_core.thresholds import (
    DEFINITIONS,
    OBJECTIVES,
    ThresholdAudit,
    audit_thresholds,
    decision_rule,
    notes,
    price_sentence,
    score_curves,
    spread,
    threshold_answer,
)

_GATES = {"exceeds": ("exceeds",), "cannot-conclude": ("exceeds", "cannot conclude")}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m recidiv_core", description="Assess how a model treats groups of people."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("samples", help="list the tables that come with the program")
    table = _table_arguments()
    audit = commands.add_parser(
        "audit",
        parents=[table],
        help="audit a table",
        description="Exit status: 0; 1 when --fail-on trips; 2 for bad input.",
    )
    audit.add_argument("--prediction", help="column with the yes/no prediction")
    audit.add_argument("--threshold", type=float, help="flag at this score and above")
    audit.add_argument("--pdf", type=Path, metavar="FILE", help="write the report")
    audit.add_argument("--min-cell", type=int, default=10, help="smallest cell that the PDF publishes (default 10)")
    audit.add_argument("--fail-on", choices=_GATES, help="exit with 1 when a verdict is this (or worse)")
    thresholds = commands.add_parser(
        "thresholds",
        parents=[table],
        help="the best thresholds per group that satisfy a definition",
        description="Exit status: 0, also when the tolerance cannot be met; 2 for bad input.",
    )
    thresholds.add_argument("--definition", required=True, choices=DEFINITIONS)
    thresholds.add_argument("--objective", choices=OBJECTIVES, default="f_beta")
    thresholds.add_argument("--beta", type=float, default=1.0)
    thresholds.add_argument(
        "--cost-ratio", type=float, help="with --objective cost: people missed worth one wrong flag"
    )
    thresholds.add_argument(
        "--partial", type=float, default=1.0, help="with statistical parity: how much of it, 0 to 1"
    )
    for name, meaning in (
        ("precision", "least precision of each group"),
        ("recall", "least recall of each group"),
    ):
        thresholds.add_argument(f"--min-{name}", type=float, help=meaning)
    thresholds.add_argument("--max-selection-rate", type=float, help="greatest share flagged of each group")
    audit.add_argument(
        "--model", type=Path, metavar="FILE", help="a trained model (skops, XGBoost, ONNX) that scores the table"
    )
    audit.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="MODEL=TABLE",
        help="with --model: a column whose name differs; may be repeated",
    )
    _slices_arguments(commands, table)
    counterfactuals_arguments(commands, table)
    privacy_arguments(commands, table)
    train_arguments(commands, table)
    outcomes_arguments(commands)
    sentencing_arguments(commands)
    serve_arguments(commands)
    thresholds.add_argument("--rule", type=Path, metavar="FILE", help="write the decision rule")
    return parser


def _slices_arguments(commands: Any, table: argparse.ArgumentParser) -> None:
    slices = commands.add_parser(
        "slices",
        parents=[table],
        help="where the model fails, confirmed on rows that the search did not see",
        description="Exit status: 0, also when nothing is found; 2 for bad input.",
    )
    slices.add_argument("--prediction", help="column with the yes/no prediction")
    slices.add_argument("--threshold", type=float, help="flag at this score and above")
    slices.add_argument("--features", nargs="+", metavar="COLUMN", help="columns to search (as the program chooses)")
    slices.add_argument("--error", help=f"{', '.join(LOSSES)}, or a column (log_loss where the score is a probability)")
    slices.add_argument("-k", type=int, default=10, help="how many slices (default 10)")
    slices.add_argument("--alpha", type=float, default=0.95, help="error against size (default 0.95)")
    slices.add_argument("--max-level", type=int, metavar="N", help="most parts in a slice")
    slices.add_argument("--pdf", type=Path, metavar="FILE", help="write the report")
    slices.add_argument("--min-cell", type=int, default=10, help="smallest cell that the PDF publishes (default 10)")


def _table_arguments() -> argparse.ArgumentParser:
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


def _scored(options: argparse.Namespace) -> AuditDataset:
    """The table with the scores of ``--model``, where one is given."""
    if options.model is None:
        return load_dataset(options.table, roles=roles_of(options))
    roles = roles_of(options) or SAMPLES[options.table.removeprefix("sample:")].roles
    table = sample_table(options.table) if options.table.startswith("sample:") else read_table(options.table)
    if unpaired := [pair for pair in options.column if "=" not in pair]:
        raise InputError.one("--column", "MODEL=TABLE", f"{len(unpaired)} without an equals sign")
    model = load_model(options.model, columns=dict(pair.split("=", 1) for pair in options.column))
    return model.scored(table, roles)


def _audit(options: argparse.Namespace) -> int:
    dataset = _scored(options)
    audit = audit_groups(
        dataset,
        threshold=options.threshold,
        tolerance=options.tolerance,
        min_support=options.min_support,
        random_state=options.seed,
    )
    if options.json:
        written(options.json, audit.to_dict() | {"manifest": manifest([audit])})
    if options.pdf:
        build_report(audit, options.pdf, min_cell=options.min_cell)
    _print(audit)  # last: whoever reads it may stop reading, and the files must be there all the same
    found = {overall_verdict(audit, attribute) for attribute in audit.attributes}
    return 1 if options.fail_on and found & set(_GATES[options.fail_on]) else 0


def _thresholds(options: argparse.Namespace) -> int:
    dataset = load_dataset(options.table, roles=roles_of(options))
    audits = [
        audit_thresholds(
            dataset,
            attribute=attribute,
            definition=options.definition,
            tolerance=options.tolerance,
            objective=options.objective,
            beta=options.beta,
            cost_ratio=options.cost_ratio,
            partial=options.partial,
            min_precision=options.min_precision,
            min_recall=options.min_recall,
            max_selection_rate=options.max_selection_rate,
            min_support=options.min_support,
            random_state=options.seed,
        )
        for attribute in dataset.attributes
    ]
    if options.rule and len(audits) > 1:
        raise InputError.one("--rule", "one protected attribute: a rule holds the thresholds of one", f"{len(audits)}")
    if options.json:
        written(options.json, {"results": [a.to_dict() for a in audits], "manifest": manifest(audits)})
    if options.rule:
        written(options.rule, decision_rule(audits[0]))
    for audit in audits:
        _print_thresholds(audit, notes(audit, score_curves(dataset, attribute=audit.attribute)))
    return 0


def _print_thresholds(audit: ThresholdAudit, remarks: Sequence[str]) -> None:
    print(f"{audit.dataset['name']}: {audit.dataset['n']:,} rows, by {audit.attribute}")
    print("\n".join((threshold_answer(audit), price_sentence(audit), *remarks)), "\n")
    print(f"  {'group':<24}{'threshold':>10}{'flagged':>10}{'recall':>8}{'precision':>11}{'FPR':>8}")
    for row in audit.by_group.itertuples():
        limit = "nobody" if math.isinf(row.threshold) else f"{row.threshold:g}"
        rates = (row.selection_rate, row.true_positive_rate, row.positive_predictive_value, row.false_positive_rate)
        texts = ["–" if math.isnan(rate) else f"{rate:.3f}" for rate in rates]
        print(f"  {row.group:<24}{limit:>10}{texts[0]:>10}{texts[1]:>8}{texts[2]:>11}{texts[3]:>8}")
    print()
    for row in audit.definitions.itertuples():
        state = {None: "not estimable", True: "satisfied", False: "not satisfied"}[row.satisfied]
        held_out = VERDICT_MARKS[row.held_out_verdict]
        print(
            f"  {DEFINITIONS[row.definition].title}: range {spread(row.range, row.definition)}, {state} in these "
            f"data; on rows not tuned on {spread(row.held_out_range, row.definition)}, {held_out.sign} "
            f"{held_out.word}"
        )


def _slices(options: argparse.Namespace) -> int:
    dataset = load_dataset(options.table, roles=roles_of(options))
    error = options.error or default_error(dataset)
    audit = audit_slices(
        dataset,
        error=error,
        threshold=options.threshold,
        features=options.features,
        k=options.k,
        alpha=options.alpha,
        max_level=options.max_level,
        random_state=options.seed,
    )
    if options.json:
        written(options.json, audit.to_dict() | {"manifest": manifest([audit])})
    if options.pdf:
        build_report(audit, options.pdf, min_cell=options.min_cell)
    print(f"{audit.dataset['name']}: {audit.dataset['n']:,} rows; {audit.error_title}, of {audit.about}")
    print("\n".join((slice_answer(audit), *slice_notes(audit))), "\n")
    for row in audit.table.itertuples():
        excess = (
            row.reason
            or f"{MARKS[row.confirmed]}: {row.excess:+.4f} ({row.low:+.4f} to {row.high:+.4f}), n = {row.held_out_n:,}"
        )
        print(f"  {row.rank:>3}  {row.words}\n       error {error_text(audit, row.held_out_error)}, {excess}")
    return 0


def _print(audit: GroupAudit) -> None:
    cut = audit.roles.prediction if audit.threshold is None else f"score ≥ {audit.threshold:g}"
    print(f"{audit.dataset['name']}: {audit.dataset['n']:,} rows; flagged: {cut} ({audit.threshold_source})")
    for attribute in audit.attributes:
        print(
            f"\n{attribute}: {VERDICT_MARKS[overall_verdict(audit, attribute)].sign} "
            f"{overall_verdict(audit, attribute)}"
        )
        print(f"  {answer(audit, attribute)}")
        rows = [row for row in audit.rows(attribute, "disparities") if row.metric in DISTINCT]
        for row in sorted(rows, key=lambda row: VERDICTS.index(row.verdict)):
            mark = VERDICT_MARKS[row.verdict]
            print(f"  {mark.sign} {METRICS[row.metric].title}: {row.verdict}. {disparity_sentence(audit, row)}")


def _samples(options: argparse.Namespace) -> int:
    for row in list_samples().itertuples():
        print(f"sample:{row.name}\t{row.description}")
    return 0


_COMMANDS = {
    "audit": _audit,
    "thresholds": _thresholds,
    "slices": _slices,
    "counterfactuals": counterfactuals,
    "privacy": privacy,
    "synthesize": make_copy,
    "train": train,
    "outcomes": outcomes,
    "sentencing": sentencing,
    "serve": serve,
    "tokens": tokens,
    "samples": _samples,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    workers.start()  # tables and models come from anywhere
    try:
        return _COMMANDS[options.command](options)
    except InputError as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output has seen enough, as `head` does
        sys.stdout = None
        return 0
    except Exception as error:  # its place alone: what it says could hold a cell value
        print(f"error: a fault of this program, not of the input: {workers.place_of(error)}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
