"""The section of the room of models."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.charts.models import auc_chart
from recidiv_core.models import ModelComparison, comparison_answer, literature, notes, paper_tables, protocol
from recidiv_core.report.blocks import WITHHELD, figure_block, table_block, text_block
from recidiv_core.words import listed

_AT = ("recall", "precision", "specificity", "accuracy")
_SUFFIXES = ("", "_paper", "_half")


def protect(comparison: ModelComparison, *, min_cell: int) -> ModelComparison:
    """The comparison as it may be published: without the curves, and at a threshold without the figures of a model that
    in any fold rest on a cell of fewer than ``min_cell`` people.
    """
    folds = comparison.folds.copy()
    for suffix in _SUFFIXES:
        own = [f"{name}{suffix}" for name in _AT]
        small = (
            folds.assign(small=_is_small(folds, suffix, min_cell))
            .groupby(["outcome", "algorithm"])["small"]
            .transform("any")
        )
        folds.loc[small.to_numpy(bool), own] = np.nan
    # A threshold is somebody's score; and a part of few people says of them what the whole does not.
    few = folds.assign(few=(folds[["n_positive", "n_negative"]] < min_cell).any(axis=1))
    few = few.groupby(["outcome", "algorithm"])["few"].transform("any").to_numpy(bool)
    folds[["n_positive", "n_negative"]] = folds[["n_positive", "n_negative"]].astype(float)
    folds.loc[few, ["n_positive", "n_negative", "auc", "auc_se", "inner_auc"]] = np.nan
    folds[["threshold", "threshold_paper"]] = np.nan
    return dataclasses.replace(
        comparison, folds=folds, points=comparison.points.iloc[:0], scores=comparison.scores.iloc[:0]
    )


def _is_small(folds: pd.DataFrame, suffix: str, min_cell: int) -> np.ndarray:
    true = np.rint(folds[f"recall{suffix}"] * folds["n_positive"])
    false = np.rint((1 - folds[f"specificity{suffix}"]) * folds["n_negative"])
    cells = np.column_stack([true, folds["n_positive"] - true, false, folds["n_negative"] - false])
    return (cells < min_cell).any(axis=1)


def withheld(comparison: ModelComparison, *, min_cell: int) -> pd.DataFrame:
    """attribute, group, what: the figures of models that are not published."""
    public = protect(comparison, min_cell=min_cell).folds
    words = {"": "recall, precision, specificity", "_half": "accuracy, sensitivity, specificity at 0.5"}
    rows = [
        ("model", f"{title}, {outcome}", what)
        for suffix, what in words.items()
        for (outcome, title), own in public.groupby(["outcome", "title"], sort=False)
        if own[f"recall{suffix}"].isna().any()
    ]
    return pd.DataFrame(rows, columns=["attribute", "group", "what"])


def facts(comparison: ModelComparison) -> list[list[str]]:
    """How the models were trained and judged."""
    options = comparison.options
    judged = f"{options['n_outer']} folds" if options["n_outer"] > 1 else "one split, 70/30"
    tuned = (
        f"{options['n_iter']} combinations on {options['n_inner']} inner folds"
        if options["n_iter"]
        else "usual parameters"
    )
    balance = (
        "as they are" if options["balance"] is None else f"down-sampled to {100 * options['balance']:g} % of the rarer"
    )
    return [
        ["Judged", f"{judged}; {protocol(comparison)}"],
        ["Tuned", tuned],
        ["Outcomes in the training part", balance],
        ["Given the protected attributes", "no" if options["unaware"] else "yes"],
        ["Seed", str(options["random_state"])],
    ]


def summary(comparison: ModelComparison) -> list[tuple[str, str | None, str]]:
    """The best model of each outcome."""
    return [("Models", None, sentence) for sentence in comparison_answer(comparison)]


def sections(comparison: ModelComparison) -> list[dict[str, Any]]:
    """One section."""
    table, known = comparison.table, literature(list(comparison.table["outcome"].unique()))
    blocks = [text_block(text) for text in (*comparison_answer(comparison), *notes(comparison))]
    ten, five = paper_tables(table)
    titles = (
        "AUC, and at the threshold with most recall at a precision of 0.85 (else most precision): mean (SD) over folds",
        "At a threshold of 0.5",
    )
    for title, own in zip(titles, (ten, five), strict=True):
        numeric = [name not in ("Outcome", "Model") for name in own]
        blocks.append(table_block(title, list(own), numeric, [_shown(row) for row in own.to_numpy(dtype=object)]))
    if table["auc"].notna().any():
        title = "AUC on people not trained on: mean with 95 % interval, ticks: folds"
        blocks.append(figure_block(title, auc_chart(table, comparison.folds, known)))
    used: dict[str, list[str]] = {}
    for outcome, features in comparison.features.items():
        used.setdefault(", ".join(f.name for f in features), []).append(outcome)
    blocks += [text_block(f"Columns learnt from for {listed(outcomes)}: {names}.") for names, outcomes in used.items()]
    if comparison.left_out:
        blocks.append(
            text_block(f"Left out: {listed([f'{name} ({reason})' for name, reason in comparison.left_out.items()])}.")
        )
    return [{"title": "Models", "blocks": blocks}]


def _shown(row: np.ndarray) -> list[str]:
    """A row as text.

    Recall always exists: where it does not stand, the row's figures at this threshold are withheld.
    """
    texts = [f"{value:,}" if isinstance(value, int) else str(value) for value in row]
    is_hidden = texts.count("not estimable") >= len(_AT) - 1
    return [WITHHELD if is_hidden and text == "not estimable" else text for text in texts]
