"""The command that audits a table by group."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from recidiv_core.charts.theme import VERDICT_MARKS
from recidiv_core.commands.shared import roles_of, written
from recidiv_core.data import SAMPLES, AuditDataset, load_dataset, read_table, sample_table
from recidiv_core.errors import InputError
from recidiv_core.groups import VERDICTS, GroupAudit, answer, audit_groups, disparity_sentence, overall_verdict
from recidiv_core.groups.metrics import DISTINCT, METRICS
from recidiv_core.models import load_model
from recidiv_core.report import build_report, manifest

_GATES = {"exceeds": ("exceeds",), "cannot-conclude": ("exceeds", "cannot conclude")}


def arguments(commands: Any, table: argparse.ArgumentParser) -> None:
    """What ``audit`` takes."""
    own = commands.add_parser(
        "audit",
        parents=[table],
        help="audit a table",
        description="Exit status: 0; 1 when --fail-on trips; 2 for bad input.",
    )
    own.add_argument("--prediction", help="column with the yes/no prediction")
    own.add_argument("--threshold", type=float, help="flag at this score and above")
    own.add_argument("--pdf", type=Path, metavar="FILE", help="write the report")
    own.add_argument("--min-cell", type=int, default=10, help="smallest cell that the PDF publishes (default 10)")
    own.add_argument("--fail-on", choices=_GATES, help="exit with 1 when a verdict is this (or worse)")
    own.add_argument(
        "--model", type=Path, metavar="FILE", help="a trained model (skops, XGBoost, ONNX) that scores the table"
    )
    own.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="MODEL=TABLE",
        help="with --model: a column whose name differs; may be repeated",
    )
    own.set_defaults(run=audit)


def audit(options: argparse.Namespace) -> int:
    """Audit, and print."""
    dataset = _scored(options)
    result = audit_groups(
        dataset,
        threshold=options.threshold,
        tolerance=options.tolerance,
        min_support=options.min_support,
        random_state=options.seed,
    )
    if options.json:
        written(options.json, result.to_dict() | {"manifest": manifest([result])})
    if options.pdf:
        build_report(result, options.pdf, min_cell=options.min_cell)
    _print(result)  # last: whoever reads it may stop reading, and the files must be there all the same
    found = {overall_verdict(result, attribute) for attribute in result.attributes}
    return 1 if options.fail_on and found & set(_GATES[options.fail_on]) else 0


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
