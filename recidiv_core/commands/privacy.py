"""The commands that make a synthetic copy and say whom it gives away."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from recidiv_core.commands.shared import placed, roles_of, told, written
from recidiv_core.data import SAMPLES, AuditDataset, csv_bytes, read_table, sample_table, shown
from recidiv_core.errors import InputError
from recidiv_core.models import training_dataset
from recidiv_core.privacy import LIMITS, METHODS, audit_alone, audit_privacy, privacy_answer, split_real, synthesize
from recidiv_core.stats import wilson

_ENDINGS = (".csv", ".parquet", ".pq")
_ALONE = (
    "Without a holdout, real people that the copy was not made from, nothing can be said of whether it gives "
    "people away: near may be what anybody is. Beside its distances stand those of each real record to the nearest "
    "other one."
)


def arguments(commands: Any, table: argparse.ArgumentParser) -> None:
    """What ``privacy`` and ``synthesize`` take."""
    own = commands.add_parser(
        "privacy",
        help="whom a synthetic copy gives away",
        description="Exit status: 0, whatever is found; 2 for bad input.",
    )
    own.add_argument("real", metavar="REAL", help="the real records that the copy was made from")
    own.add_argument("synthetic", metavar="SYNTHETIC", help="the copy")
    own.add_argument("--holdout", metavar="FILE", help="real records that the copy was not made from")
    own.add_argument(
        "--sensitive", action="append", default=[], metavar="A", help="protected attribute; may be repeated"
    )
    own.add_argument("--columns", nargs="+", metavar="COLUMN", help="columns to compare (all that the tables share)")
    own.add_argument("--seed", type=int, default=0)
    own.add_argument("--json", type=Path, metavar="FILE", help="write every number")
    own.set_defaults(run=privacy)
    copy = commands.add_parser(
        "synthesize",
        parents=[table],
        help="make a synthetic copy of a table",
        description="Beside FILE a card FILE.card.json says how the copy was made. Exit status: 0; 2 for bad input.",
    )
    copy.add_argument("--method", choices=METHODS, required=True)
    copy.add_argument("--out", type=Path, metavar="FILE", required=True, help="CSV, or Parquet by its ending")
    copy.add_argument(
        "--holdout",
        type=Path,
        metavar="FILE",
        help="make it from one half of the people and write the other half here, to judge it with",
    )
    copy.add_argument("--train", type=Path, metavar="FILE", help="with --holdout: write the half that it is made from")
    copy.add_argument("--ratio", type=float, help="share of the rarer outcome, at most 0.5")
    copy.add_argument("--rows", type=int, help="records to draw (as many as the table has)")
    copy.add_argument(
        "--columns",
        nargs="+",
        metavar="COLUMN",
        help="columns besides outcome and protected attributes (as the program chooses)",
    )
    copy.add_argument("--epochs", type=int, help="with ctgan (default 150)")
    copy.add_argument(
        "--id", metavar="COLUMN", help="who a row is about: all rows of a person go to one half; not copied"
    )

    copy.set_defaults(run=make_copy)


def privacy(options: argparse.Namespace) -> int:
    """Compare, print."""
    names = [options.real, options.synthetic, *([options.holdout] if options.holdout else [])]
    frames = [_frame(name) for name in names]
    if options.columns is None:
        # What all tables have: a copy need not hold the ids and dates of the real table.
        columns = [n for n in frames[0] if all(n in frame for frame in frames[1:])]
        if not columns:
            raise InputError.one("columns", "at least one that all tables have", "none")
    else:
        columns = options.columns
    if options.holdout is None:
        summary = audit_alone(frames[0], frames[1], columns=columns, progress=told)
        told(1.0, "")
        if options.json:
            written(options.json, {"summary": summary, "notes": [_ALONE]})
        print(_ALONE)
        told_apart = (
            wilson(summary["copies"], len(frames[1]))[0] > wilson(summary["baseline_copies"], len(frames[0]))[1]
        )
        print(
            f"{100 * summary['copies']:.1f} % of the copy are exact copies of real records; "
            f"{100 * summary['baseline_copies']:.1f} % of the real ones are alike to another."
            + (" It gives people away." if told_apart else "")
        )
        print("\n".join(f"  {name:<24}{value:>12.6g}" for name, value in summary.items()))
        return 0
    audit = audit_privacy(
        frames[0],
        frames[1],
        holdout=frames[2],
        sensitive=options.sensitive,
        columns=columns,
        random_state=options.seed,
        progress=told,
    )
    told(1.0, "")
    if options.json:
        written(options.json, audit.to_dict())
    print("\n".join((*privacy_answer(audit), *audit.uncompared, *audit.notes, LIMITS)), "\n")
    if len(audit.by_group):
        shown = audit.by_group[
            ["attribute", "group", "n", "dcr_mean", "dcr_sd", "copies", "nearer_to_train", "low", "high", "verdict"]
        ]
        print(shown.to_string(index=False, float_format=lambda x: f"{x:.4g}"))
    return 0


def _frame(name: str):
    return (sample_table(name) if name.startswith("sample:") else read_table(name)).frame


def make_copy(options: argparse.Namespace) -> int:
    """Make it, and write it with its card."""
    if options.train and not options.holdout:
        raise InputError.one("--train", "--holdout beside it", "nothing")
    card_path = options.out.with_name(options.out.name + ".card.json")
    places = [
        Path(options.table),
        options.out,
        card_path,
        *(p for p in (options.holdout, options.train) if p is not None),
    ]
    if len({place.resolve() for place in places}) < len(places):
        raise InputError.one("TABLE, --out, --holdout and --train", "files of their own", "the same file twice")
    if options.out.suffix.lower() not in _ENDINGS:
        raise InputError.one(
            "--out", f"a file that ends in {', '.join(_ENDINGS)}", shown(options.out.suffix or "no ending")
        )
    dataset = _dataset(options)
    if options.holdout:
        split = split_real(dataset, random_state=options.seed)
        dataset = split.train
        for part, path in ((split.holdout, options.holdout), (split.train, options.train)):
            if path is not None:
                placed(path, csv_bytes(part.frame))
    own = {} if options.epochs is None else {"epochs": options.epochs}
    copy = synthesize(
        dataset,
        method=options.method,
        ratio=options.ratio,
        n_rows=options.rows,
        columns=options.columns,
        random_state=options.seed,
        progress=told,
        **own,
    )
    told(1.0, "")
    made = copy.parquet() if options.out.suffix.lower() in (".parquet", ".pq") else copy.csv()
    placed(options.out, made)
    written(card_path, copy.card)
    print(f"{copy.title}: {len(copy.frame):,} records, {len(copy.frame.columns)} columns. {copy.card['how']}")
    for name, reason in copy.card["left_out"].items():
        print(f"Not copied: {name}: {reason}")
    return 0


def _dataset(options: argparse.Namespace) -> AuditDataset:
    table = sample_table(options.table) if options.table.startswith("sample:") else read_table(options.table)
    roles = roles_of(options) or SAMPLES[options.table.removeprefix("sample:")].roles
    return training_dataset(
        table,
        outcomes=[roles.label],
        sensitive=roles.sensitive,
        features=roles.features,
        positive_label=roles.positive_label,
        polarity=roles.polarity,
        id=options.id,
    )
