"""The table of metrics. Everything about a metric stands here once.

Each confusion metric is a function of one binomial proportion q, (a union of cells) / (a larger union):
q itself, 2q/(1+q) for F1 with q = TP/(TP+FP+FN), q/(1−q) for FN/FP with q = FN/(FN+FP). So each has Wilson's interval,
carried through the function, and one code serves all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from recidiv_core.stats import CELLS


@dataclass(frozen=True)
class Shape:
    """A monotone function of the proportion q, and its slope."""

    value: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]


def _odds(q: np.ndarray) -> np.ndarray:
    q = np.asarray(q, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(q >= 1, np.inf, q / (1 - q))


PROPORTION = Shape(lambda q: q, np.ones_like)
F1 = Shape(lambda q: 2 * q / (1 + q), lambda q: 2 / (1 + q) ** 2)
ODDS = Shape(_odds, lambda q: 1 / (1 - q) ** 2)


@dataclass(frozen=True)
class Metric:
    """One metric: its name and title, its formula, and how to say it.

    ``numerator`` and ``denominator`` list cells; a score metric has none. For sentences ``among`` says who the
    denominator of a rate or ratio is and ``counted`` what is said of the numerator; of a number, ``among`` opens it.
    ``undefined`` says why a value does not exist where it does not, ``not_compared`` why a metric never has a verdict.
    """

    name: str
    title: str
    formula: str
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]
    among: str
    counted: str
    method: str
    undefined: str
    shape: Shape = PROPORTION
    complement_of: str | None = None
    unit: Literal["rate", "number", "ratio"] = "rate"
    not_compared: str = ""

    @property
    def from_scores(self) -> bool:
        return not self.denominator


_ALL = CELLS
_WILSON = "Wilson"
_NO_POS, _NO_NEG = "nobody had the outcome", "everybody had the outcome"
NO_PROBABILITY = "the score is not a probability (outside 0 to 1)"
_UNBOUNDED = "it has no bound: one confident mistake more can change it, so it is not compared"
_BIASED = "a small group's calibration error is larger by chance alone, so it is not compared"
_POS, _NEG = "people with the outcome", "people without the outcome"
_FLAG, _SPARE = "people who were flagged", "people who were not flagged"

_TABLE = (
    Metric(
        name="base_rate",
        title="Base rate",
        formula="P / n",
        numerator=("tp", "fn"),
        denominator=_ALL,
        among="all people",
        counted="had the outcome",
        method=_WILSON,
        undefined="no rows",
    ),
    Metric(
        name="selection_rate",
        title="Selection rate",
        formula="(TP + FP) / n",
        numerator=("tp", "fp"),
        denominator=_ALL,
        among="all people",
        counted="were flagged",
        method=_WILSON,
        undefined="no rows",
    ),
    Metric(
        name="false_positive_rate",
        title="False positive rate",
        formula="FP / N",
        numerator=("fp",),
        denominator=("fp", "tn"),
        among=_NEG,
        counted="were flagged all the same",
        method=_WILSON,
        undefined=_NO_NEG,
    ),
    Metric(
        name="false_negative_rate",
        title="False negative rate",
        formula="FN / P",
        numerator=("fn",),
        denominator=("tp", "fn"),
        among=_POS,
        counted="were not flagged",
        method=_WILSON,
        undefined=_NO_POS,
    ),
    Metric(
        name="true_positive_rate",
        title="True positive rate (recall)",
        formula="TP / P",
        numerator=("tp",),
        denominator=("tp", "fn"),
        among=_POS,
        counted="were flagged",
        method=_WILSON,
        undefined=_NO_POS,
        complement_of="false_negative_rate",
    ),
    Metric(
        name="true_negative_rate",
        title="True negative rate (specificity)",
        formula="TN / N",
        numerator=("tn",),
        denominator=("fp", "tn"),
        among=_NEG,
        counted="were not flagged",
        method=_WILSON,
        undefined=_NO_NEG,
        complement_of="false_positive_rate",
    ),
    Metric(
        name="positive_predictive_value",
        title="Positive predictive value (precision)",
        formula="TP / (TP + FP)",
        numerator=("tp",),
        denominator=("tp", "fp"),
        among=_FLAG,
        counted="had the outcome",
        method=_WILSON,
        undefined="nobody was flagged",
    ),
    Metric(
        name="negative_predictive_value",
        title="Negative predictive value",
        formula="TN / (TN + FN)",
        numerator=("tn",),
        denominator=("tn", "fn"),
        among=_SPARE,
        counted="did not have the outcome",
        method=_WILSON,
        undefined="everybody was flagged",
    ),
    Metric(
        name="false_discovery_rate",
        title="False discovery rate",
        formula="FP / (TP + FP)",
        numerator=("fp",),
        denominator=("tp", "fp"),
        among=_FLAG,
        counted="did not have the outcome",
        method=_WILSON,
        undefined="nobody was flagged",
        complement_of="positive_predictive_value",
    ),
    Metric(
        name="false_omission_rate",
        title="False omission rate",
        formula="FN / (TN + FN)",
        numerator=("fn",),
        denominator=("tn", "fn"),
        among=_SPARE,
        counted="had the outcome",
        method=_WILSON,
        undefined="everybody was flagged",
        complement_of="negative_predictive_value",
    ),
    Metric(
        name="accuracy",
        title="Accuracy",
        formula="(TP + TN) / n",
        numerator=("tp", "tn"),
        denominator=_ALL,
        among="all people",
        counted="were classified rightly",
        method=_WILSON,
        undefined="no rows",
    ),
    Metric(
        name="f_beta",
        title="F1 score",
        formula="2 TP / (2 TP + FP + FN)",
        numerator=("tp",),
        denominator=("tp", "fp", "fn"),
        among="The F1 score (precision and recall in one) is",
        counted="",
        method="Wilson through 2q/(1+q)",
        undefined="nobody had the outcome or was flagged",
        shape=F1,
        unit="number",
    ),
    Metric(
        name="error_balance",
        title="Error balance (FN per FP)",
        formula="FN / FP",
        numerator=("fn",),
        denominator=("fp", "fn"),
        among="people flagged wrongly",
        counted="were missed",
        method="Wilson through q/(1−q)",
        undefined="no false positives to divide by",
        shape=ODDS,
        unit="ratio",
    ),
    Metric(
        name="roc_auc",
        title="ROC AUC",
        formula="P(score of a positive > score of a negative), ties ½",
        numerator=(),
        denominator=(),
        among="The chance that someone with the outcome scores above someone without it is",
        counted="",
        method="DeLong, logit",
        undefined="one of the two outcomes does not occur",
        unit="number",
    ),
    Metric(
        name="log_loss",
        title="Log loss",
        formula="mean of −y ln s − (1−y) ln(1−s)",
        numerator=(),
        denominator=(),
        among="The log loss (surprise at the outcome; lower is better) is",
        counted="",
        method="Student",
        undefined=NO_PROBABILITY,
        unit="number",
        not_compared=_UNBOUNDED,
    ),
    Metric(
        name="brier_score",
        title="Brier score",
        formula="mean of (y − s)²",
        numerator=(),
        denominator=(),
        among="The mean squared error of the score is",
        counted="",
        method="Wilson, an upper bound",
        undefined=NO_PROBABILITY,
        unit="number",
    ),
    Metric(
        name="calibration_error",
        title="Calibration error",
        formula="Σ over 10 bins |Σ(y − s)| / n",
        numerator=(),
        denominator=(),
        among="The mean gap between score and outcome is",
        counted="",
        method="bootstrap of bin residuals",
        undefined=NO_PROBABILITY,
        unit="number",
        not_compared=_BIASED,
    ),
)

# What a page shows first: the error that harms the person, then what the others ask about.
HEADLINE: dict[str, tuple[str, ...]] = {
    "punitive": (
        "false_positive_rate",
        "selection_rate",
        "false_negative_rate",
        "positive_predictive_value",
        "accuracy",
    ),
    "assistive": (
        "false_negative_rate",
        "selection_rate",
        "false_positive_rate",
        "positive_predictive_value",
        "accuracy",
    ),
}

METRICS: dict[str, Metric] = {metric.name: metric for metric in _TABLE}
CONFUSION_METRICS = tuple(metric for metric in _TABLE if not metric.from_scores)
SCORE_METRICS = tuple(metric for metric in _TABLE if metric.from_scores)


# The table without metrics that repeat another one: FNR stands for TPR, PPV for FDR, and so on.
DISTINCT = tuple(name for name, metric in METRICS.items() if metric.complement_of is None)


def membership(part: Literal["numerator", "denominator"]) -> np.ndarray:
    """Which cells each confusion metric's numerator or denominator holds, shape (metrics, 4), order ``CELLS``."""
    return np.array([[cell in getattr(metric, part) for cell in CELLS] for metric in CONFUSION_METRICS], dtype=float)
