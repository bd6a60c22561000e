"""The error of each row: what a slice can have too much of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset
from recidiv_core.errors import InputError
from recidiv_core.stats import ScoreCurves, baseline_threshold


@dataclass(frozen=True)
class Loss:
    """One kind of error: ``title``, what its mean is called, what it says of a row, and the rows that it is about."""

    title: str
    mean: str
    help: str
    of: str = "people"


LOSSES = {
    "log_loss": Loss(
        "Log loss",
        "mean log loss",
        "Minus the logarithm of the probability that the score gave to what happened: wrong and sure costs most.",
    ),
    "zero_one": Loss("Wrong decision (0/1)", "share decided wrongly", "1 where the flag and the outcome differ."),
    "false_positive": Loss(
        "False positive",
        "false positive rate",
        "Among people without the outcome: 1 where flagged.",
        "people without the outcome",
    ),
    "false_negative": Loss(
        "False negative",
        "false negative rate",
        "Among people with the outcome: 1 where not flagged.",
        "people with the outcome",
    ),
}


@dataclass(frozen=True, eq=False)
class RowErrors:
    """``values`` (m,) of the ``rows`` (mask, shape (n,)) that the error is about; ``threshold`` where a flag was
    needed.
    """

    loss: Loss
    values: np.ndarray
    rows: np.ndarray
    threshold: float | None


def unavailable(dataset: AuditDataset, error: str) -> str:
    """Why this error does not exist here; "" when it does."""
    if error == "log_loss" and not dataset.has_probabilities:
        return "the score is not a probability" if dataset.y_score is not None else "there is no score"
    return ""


def default_error(dataset: AuditDataset) -> str:
    """Log loss where the score is a probability, else the wrong decision."""
    return "zero_one" if unavailable(dataset, "log_loss") else "log_loss"


def row_errors(dataset: AuditDataset, error: str, *, threshold: float | None = None) -> RowErrors:
    """The error of each row.

    Parameters
    ----------
    error : str
        A name in ``LOSSES``, or a column of non-negative numbers; rows where it is missing are left out.
    threshold : float, optional
        Flag a row when its score ≥ threshold. None: the prediction column, else the threshold that the data's
        documentation suggests, else F's baseline.

    Raises
    ------
    InputError
        When the error does not exist here.
    """
    everybody = np.ones(len(dataset), bool)
    if error not in LOSSES:
        return _of_column(dataset, error)
    if reason := unavailable(dataset, error):
        raise InputError.one(f"error {error}", "scores that are probabilities", reason)
    if error == "log_loss":
        tiny = np.finfo(float).eps  # as scikit-learn has it: a certain score that is wrong costs 36, not infinity
        given = np.where(dataset.y_true, dataset.y_score, 1 - dataset.y_score)
        return RowErrors(LOSSES[error], -np.log(np.maximum(given, tiny)) + 0.0, everybody, None)
    flagged, used = _flagged(dataset, threshold)
    rows = {"zero_one": everybody, "false_positive": ~dataset.y_true, "false_negative": dataset.y_true}[error]
    return RowErrors(LOSSES[error], (flagged != dataset.y_true)[rows].astype(float), rows, used)


def _flagged(dataset: AuditDataset, threshold: float | None) -> tuple[np.ndarray, float | None]:
    if threshold is None and dataset.y_pred is not None:
        return dataset.y_pred, None
    if dataset.y_score is None or (threshold is not None and np.isnan(threshold)):
        raise InputError.one("threshold", "a number, and a score column to apply it to", "something else")
    used = dataset.threshold if threshold is None else threshold
    if used is None:
        everybody = np.zeros(len(dataset), np.int8)
        curves = ScoreCurves.from_codes(
            dataset.y_true, dataset.y_score, everybody, ("all",), sample_weight=dataset.weight
        )
        used = baseline_threshold(curves.pooled)
    return dataset.y_score >= used, float(used)


def _of_column(dataset: AuditDataset, error: str) -> RowErrors:
    expected = f"{', '.join(LOSSES)}, or a numeric column"
    if error not in dataset.frame:
        raise InputError.one("error", expected, "no such column")
    column = dataset.frame[error]
    if not pd.api.types.is_numeric_dtype(column):
        raise InputError.one(f"error {error}", "a numeric column", "names")
    values = column.to_numpy(float, na_value=np.nan)
    present = ~np.isnan(values)
    if not present.any() or not np.isfinite(values[present]).all() or (values[present] < 0).any():
        raise InputError.one(f"error {error}", "finite numbers of at least 0", "others, or none")
    loss = Loss(error, f"mean {error}", f"The column {error}.")
    return RowErrors(loss, values[present], present, None)
