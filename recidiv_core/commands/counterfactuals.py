"""The command that asks a model about the same people twice."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from recidiv_core.commands.shared import told, written
from recidiv_core.counterfactuals import (
    FIXED,
    LOCALES,
    audit_counterfactuals,
    beside,
    counterfactual_answer,
    loan_model,
    loan_profiles,
    make_pairs,
    pairs_from_rows,
    suggest_profile_spec,
    usual_threshold,
)
from recidiv_core.data import SAMPLES, AuditDataset, Roles, Table, read_table, sample_table, suggest_roles
from recidiv_core.errors import InputError
from recidiv_core.models import TrainedModel, load_model, proxy_probe, training_dataset
from recidiv_core.report import build_report, manifest

_LOANS = "sample:loans"


def arguments(commands: Any, table: argparse.ArgumentParser) -> None:
    """What ``counterfactuals`` takes."""
    own = commands.add_parser(
        "counterfactuals",
        parents=[table],
        help="ask a model about the same people twice",
        description=f"Exit status: 0, whatever is found; 2 for bad input. {_LOANS} brings a model of its own.",
    )
    own.add_argument("--model", type=Path, metavar="FILE", help="a trained model (skops, XGBoost, ONNX)")
    own.add_argument(
        "--vary",
        action="append",
        required=True,
        metavar="COLUMN=VALUE,VALUE",
        help="what differs between clones; may be repeated",
    )
    own.add_argument("--profiles", type=int, metavar="N", help="how many (default 1000; all with --source rows)")
    own.add_argument(
        "--source",
        choices=("profiles", "between", "rows"),
        default="profiles",
        help="made with Mimesis, between real rows, or real rows (default profiles)",
    )
    own.add_argument("--locale", default="en", help=f"of names and places: {', '.join(LOCALES[:3])}, … (default en)")
    own.add_argument("--threshold", type=float, help="flag at this score and above (as many as had the outcome)")
    own.add_argument("--pdf", type=Path, metavar="FILE", help="write the report")
    own.add_argument("--min-cell", type=int, default=10, help="smallest cell that the PDF publishes (default 10)")

    own.set_defaults(run=counterfactuals)


def counterfactuals(options: argparse.Namespace) -> int:
    """Make pairs, ask, print."""
    vary = dict(_varied(text) for text in options.vary)
    table = sample_table(options.table) if options.table.startswith("sample:") else read_table(options.table)
    if options.model is None and options.table != _LOANS:
        raise InputError.one("--model", "a trained model", "nothing")
    model = loan_model(table.frame) if options.model is None else load_model(options.model)
    dataset = _dataset(options, table, model, tuple(vary))
    if options.source == "rows":
        pairs = pairs_from_rows(dataset, vary=vary, n_profiles=options.profiles, random_state=options.seed)
    else:
        is_loans = options.model is None and options.source == "profiles"
        takes = [name for name in (model.columns.get(f.name, f.name) for f in model.features) if name in table.frame]
        spec = (
            loan_profiles(dataset)
            if is_loans
            else suggest_profile_spec(dataset, columns=takes, from_data=options.source == "between")
        )
        number = 1000 if options.profiles is None else options.profiles
        pairs = make_pairs(
            spec, vary=vary, n_profiles=number, locale=options.locale, random_state=options.seed, progress=told
        )
        told(1.0, "")
    threshold = usual_threshold(model, dataset) if options.threshold is None else options.threshold
    audit = audit_counterfactuals(model, pairs, threshold=threshold)
    if audit.unseen:
        columns = beside(model, dataset)
        audit = replace(
            audit, proxies=tuple(proxy_probe(dataset, attribute=n, features=columns) for n in audit.unseen if columns)
        )
    if options.json:
        written(options.json, audit.to_dict() | {"manifest": manifest([audit])})
    if options.pdf:
        build_report(audit, options.pdf, min_cell=options.min_cell)
    print(f"{audit.dataset['name']}, {audit.model['title']}; {audit.decisions[1].lower()}: score ≥ {audit.threshold:g}")
    print("\n".join((*counterfactual_answer(audit), *audit.notes, FIXED)), "\n")
    shown = audit.summary[
        [
            "changed",
            "from",
            "to",
            "n_pairs",
            "n_flips",
            "flip_rate",
            "low",
            "high",
            "n_lose",
            "n_gain",
            "p_holm",
            "mean_gap",
        ]
    ]
    print(shown.to_string(index=False, float_format=lambda x: f"{x:.4g}"))
    return 0


def _varied(text: str) -> tuple[str, list[str]]:
    name, sign, values = text.partition("=")
    if not sign or not name or not values:
        raise InputError.one("--vary", "COLUMN=VALUE,VALUE", "something else")
    return name, [value.strip() for value in values.split(",")]


def _dataset(options: argparse.Namespace, table: Table, model: TrainedModel, varied: tuple[str, ...]) -> AuditDataset:
    """The table with the label given, the sample's, the one that the model was trained for, or a guess from the
    names.
    """
    if options.table.startswith("sample:") and options.label is None:
        roles = SAMPLES[options.table.removeprefix("sample:")].roles
    elif options.label is None and model.card.get("outcome") in table.frame:
        roles = Roles(
            model.card["outcome"], positive_label=model.card.get("positive_label", 1), polarity=options.polarity
        )
    elif options.label is None:
        roles = suggest_roles(table)
    else:
        roles = Roles(options.label, positive_label=options.positive_label, polarity=options.polarity)
    if roles is None:
        raise InputError.one("--label", "the column with the outcome", "nothing")
    if absent := [name for name in varied if name not in table.frame]:
        raise InputError.one("--vary", f"columns of {table.name}", f"{len(absent)} that it has not")
    return training_dataset(
        table,
        outcomes=[roles.label],
        sensitive=varied,
        features=[],
        positive_label=roles.positive_label,
        polarity=roles.polarity,
    )
