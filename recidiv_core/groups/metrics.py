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
    denominator of a rate or ratio is and ``counted`` what is said of the numerator; of a number, ``among`` opens it. ``undefined`` says why a value does not exist
    where it does not, ``not_compared`` why a metric never has a verdict.
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
    Metric("base_rate", "Base rate", "P / n", ("tp", "fn"), _ALL, "all people", "had the outcome", _WILSON, "no rows"),
    Metric("selection_rate", "Selection rate", "(TP + FP) / n", ("tp", "fp"), _ALL, "all people", "were flagged", _WILSON, "no rows"),
    Metric("false_positive_rate", "False positive rate", "FP / N", ("fp",), ("fp", "tn"), _NEG, "were flagged all the same", _WILSON, _NO_NEG),
    Metric("false_negative_rate", "False negative rate", "FN / P", ("fn",), ("tp", "fn"), _POS, "were not flagged", _WILSON, _NO_POS),
    Metric("true_positive_rate", "True positive rate (recall)", "TP / P", ("tp",), ("tp", "fn"), _POS, "were flagged", _WILSON, _NO_POS, complement_of="false_negative_rate"),
    Metric("true_negative_rate", "True negative rate (specificity)", "TN / N", ("tn",), ("fp", "tn"), _NEG, "were not flagged", _WILSON, _NO_NEG, complement_of="false_positive_rate"),
    Metric("positive_predictive_value", "Positive predictive value (precision)", "TP / (TP + FP)", ("tp",), ("tp", "fp"), _FLAG, "had the outcome", _WILSON, "nobody was flagged"),
    Metric("negative_predictive_value", "Negative predictive value", "TN / (TN + FN)", ("tn",), ("tn", "fn"), _SPARE, "did not have the outcome", _WILSON, "everybody was flagged"),
    Metric("false_discovery_rate", "False discovery rate", "FP / (TP + FP)", ("fp",), ("tp", "fp"), _FLAG, "did not have the outcome", _WILSON, "nobody was flagged", complement_of="positive_predictive_value"),
    Metric("false_omission_rate", "False omission rate", "FN / (TN + FN)", ("fn",), ("tn", "fn"), _SPARE, "had the outcome", _WILSON, "everybody was flagged", complement_of="negative_predictive_value"),
    Metric("accuracy", "Accuracy", "(TP + TN) / n", ("tp", "tn"), _ALL, "all people", "were classified rightly", _WILSON, "no rows"),
    Metric("f_beta", "F1 score", "2 TP / (2 TP + FP + FN)", ("tp",), ("tp", "fp", "fn"), "The F1 score (precision and recall in one) is", "", "Wilson through 2q/(1+q)", "nobody had the outcome or was flagged", F1, unit="number"),
    Metric("error_balance", "Error balance (FN per FP)", "FN / FP", ("fn",), ("fp", "fn"), "people flagged wrongly", "were missed", "Wilson through q/(1−q)", "no false positives to divide by", ODDS, unit="ratio"),
    Metric("roc_auc", "ROC AUC", "P(score of a positive > score of a negative), ties ½", (), (), "The chance that someone with the outcome scores above someone without it is", "", "DeLong, logit", "one of the two outcomes does not occur", unit="number"),
    Metric("log_loss", "Log loss", "mean of −y ln s − (1−y) ln(1−s)", (), (), "The log loss (surprise at the outcome; lower is better) is", "", "Student", NO_PROBABILITY, unit="number", not_compared=_UNBOUNDED),
    Metric("brier_score", "Brier score", "mean of (y − s)²", (), (), "The mean squared error of the score is", "", "Wilson, an upper bound", NO_PROBABILITY, unit="number"),
    Metric("calibration_error", "Calibration error", "Σ over 10 bins |Σ(y − s)| / n", (), (), "The mean gap between score and outcome is", "", "bootstrap of bin residuals", NO_PROBABILITY, unit="number", not_compared=_BIASED),
)  # fmt: skip

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
