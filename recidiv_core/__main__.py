"""The command line: ``python -m recidiv_core audit TABLE …`` and ``python -m recidiv_core samples``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from recidiv_core.charts.theme import VERDICT_MARKS
from recidiv_core.data import Roles, list_samples, load_dataset
from recidiv_core.data.roles import POLARITIES
from recidiv_core.errors import InputError
from recidiv_core.groups import VERDICTS, GroupAudit, answer, audit_groups, disparity_sentence, overall_verdict
from recidiv_core.groups.metrics import DISTINCT, METRICS
from recidiv_core.report import build_report, manifest

_GATES = {"exceeds": ("exceeds",), "cannot-conclude": ("exceeds", "cannot conclude")}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m recidiv_core", description="Assess how a model treats groups of people."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("samples", help="list the tables that come with the program")
    audit = commands.add_parser(
        "audit", help="audit a table", description="Exit status: 0; 1 when --fail-on trips; 2 for bad input."
    )
    audit.add_argument("table", metavar="TABLE", help="a CSV, Parquet or XLSX file, or sample:NAME")
    audit.add_argument("--label", help="column with the outcome (a sample knows its own)")
    audit.add_argument("--score", help="column with the score")
    audit.add_argument("--prediction", help="column with the yes/no prediction")
    audit.add_argument(
        "--sensitive", action="append", default=[], metavar="A", help="protected attribute; may be repeated"
    )
    audit.add_argument("--weight", help="column with row weights")
    audit.add_argument("--positive-label", default="1", help="the label value that is the event (default 1)")
    audit.add_argument(
        "--polarity", choices=POLARITIES, default="punitive", help="whether being flagged harms or helps"
    )
    audit.add_argument("--threshold", type=float, help="flag at this score and above")
    audit.add_argument("--tolerance", type=float, default=0.01)
    audit.add_argument("--min-support", type=int, default=30)
    audit.add_argument("--seed", type=int, default=0)
    audit.add_argument("--json", type=Path, metavar="FILE", help="write every number, with the manifest")
    audit.add_argument("--pdf", type=Path, metavar="FILE", help="write the report")
    audit.add_argument("--min-cell", type=int, default=10, help="smallest cell that the PDF publishes (default 10)")
    audit.add_argument("--fail-on", choices=_GATES, help="exit with 1 when a verdict is this (or worse)")
    return parser


def _roles(options: argparse.Namespace) -> Roles | None:
    """The roles given; None for a sample that is to use its own."""
    if options.label is None and options.table.startswith("sample:"):
        return None
    if options.label is None:
        raise InputError.one("--label", "the column with the outcome", "nothing")
    return Roles(
        options.label, score=options.score, prediction=options.prediction, sensitive=options.sensitive,
        weight=options.weight, positive_label=options.positive_label, polarity=options.polarity,
    )  # fmt: skip


def _audit(options: argparse.Namespace) -> int:
    dataset = load_dataset(options.table, roles=_roles(options))
    audit = audit_groups(
        dataset, threshold=options.threshold, tolerance=options.tolerance, min_support=options.min_support,
        random_state=options.seed,
    )  # fmt: skip
    if options.json:
        content = json.dumps(
            audit.to_dict() | {"manifest": manifest([audit])}, indent=1, ensure_ascii=False, allow_nan=False
        )
        _written(options.json, content)
    if options.pdf:
        build_report(audit, options.pdf, min_cell=options.min_cell)
    _print(audit)  # last: whoever reads it may stop reading, and the files must be there all the same
    found = {overall_verdict(audit, attribute) for attribute in audit.attributes}
    return 1 if options.fail_on and found & set(_GATES[options.fail_on]) else 0


def _written(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise InputError.one(str(path), "a place that can be written to", error.strerror or "an error") from None


def _print(audit: GroupAudit) -> None:
    cut = audit.roles.prediction if audit.threshold is None else f"score ≥ {audit.threshold:g}"
    print(f"{audit.dataset['name']}: {audit.dataset['n']:,} rows; flagged: {cut} ({audit.threshold_source})")
    for attribute in audit.attributes:
        print(
            f"\n{attribute}: {VERDICT_MARKS[overall_verdict(audit, attribute)].sign} {overall_verdict(audit, attribute)}"
        )
        print(f"  {answer(audit, attribute)}")
        rows = [row for row in audit.rows(attribute, "disparities") if row.metric in DISTINCT]
        for row in sorted(rows, key=lambda row: VERDICTS.index(row.verdict)):
            mark = VERDICT_MARKS[row.verdict]
            print(f"  {mark.sign} {METRICS[row.metric].title}: {row.verdict}. {disparity_sentence(audit, row)}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "samples":
            for row in list_samples().itertuples():
                print(f"sample:{row.name}\t{row.description}")
            return 0
        return _audit(options)
    except InputError as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output has seen enough, as `head` does
        sys.stdout = None
        return 0


if __name__ == "__main__":
    sys.exit(main())
