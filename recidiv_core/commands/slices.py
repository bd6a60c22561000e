"""The command that finds slices."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from recidiv_core.commands.shared import roles_of, written
from recidiv_core.data import load_dataset
from recidiv_core.report import build_report, manifest
from recidiv_core.slices import LOSSES, MARKS, audit_slices, default_error, error_text, slice_answer, slice_notes


def arguments(commands: Any, table: argparse.ArgumentParser) -> None:
    """What ``slices`` takes."""
    own = commands.add_parser(
        "slices",
        parents=[table],
        help="where the model fails, confirmed on rows that the search did not see",
        description="Exit status: 0, also when nothing is found; 2 for bad input.",
    )
    own.add_argument("--prediction", help="column with the yes/no prediction")
    own.add_argument("--threshold", type=float, help="flag at this score and above")
    own.add_argument("--features", nargs="+", metavar="COLUMN", help="columns to search (as the program chooses)")
    own.add_argument("--error", help=f"{', '.join(LOSSES)}, or a column (log_loss where the score is a probability)")
    own.add_argument("-k", type=int, default=10, help="how many slices (default 10)")
    own.add_argument("--alpha", type=float, default=0.95, help="error against size (default 0.95)")
    own.add_argument("--max-level", type=int, metavar="N", help="most parts in a slice")
    own.add_argument("--pdf", type=Path, metavar="FILE", help="write the report")
    own.add_argument("--min-cell", type=int, default=10, help="smallest cell that the PDF publishes (default 10)")
    own.set_defaults(run=slices)


def slices(options: argparse.Namespace) -> int:
    """Search, confirm, and print."""
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
