"""The command that finds thresholds per group."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recidiv_core.charts.theme import VERDICT_MARKS
from recidiv_core.commands.shared import roles_of, written
from recidiv_core.data import load_dataset
from recidiv_core.errors import InputError
from recidiv_core.report import manifest
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


def arguments(commands: Any, table: argparse.ArgumentParser) -> None:
    """What ``thresholds`` takes."""
    own = commands.add_parser(
        "thresholds",
        parents=[table],
        help="the best thresholds per group that satisfy a definition",
        description="Exit status: 0, also when the tolerance cannot be met; 2 for bad input.",
    )
    own.add_argument("--definition", required=True, choices=DEFINITIONS)
    own.add_argument("--objective", choices=OBJECTIVES, default="f_beta")
    own.add_argument("--beta", type=float, default=1.0)
    own.add_argument("--cost-ratio", type=float, help="with --objective cost: people missed worth one wrong flag")
    own.add_argument("--partial", type=float, default=1.0, help="with statistical parity: how much of it, 0 to 1")
    own.add_argument("--min-precision", type=float, help="least precision of each group")
    own.add_argument("--min-recall", type=float, help="least recall of each group")
    own.add_argument("--max-selection-rate", type=float, help="greatest share flagged of each group")
    own.add_argument("--rule", type=Path, metavar="FILE", help="write the decision rule")
    own.set_defaults(run=thresholds)


def thresholds(options: argparse.Namespace) -> int:
    """Search for each attribute, and print."""
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
        _print(audit, notes(audit, score_curves(dataset, attribute=audit.attribute)))
    return 0


def _print(audit: ThresholdAudit, remarks: Sequence[str]) -> None:
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
