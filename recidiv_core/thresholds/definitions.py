"""The definitions of F's fairness scale: what each equalises, what it assumes, and whom it may hurt.

F, sections 2.2.3 and 3.6, Figure 2; equalized odds (Hardt, Price and Srebro 2016) stands beyond F.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Definition:
    """One definition: satisfied when the range over groups of each of its ``metrics`` is below the tolerance.

    ``intention`` is the scale's grey box; the other texts are for a practitioner.
    """

    name: str
    title: str
    level: str
    intention: str
    metrics: tuple[str, ...]
    equalises: str
    assumption: str
    may_hurt: str


_OUTCOME, _PERFORMANCE = "Equalise the outcome", "Equalise the performance"

_TABLE = (
    Definition(
        "statistical_parity", "Statistical parity", "2", _OUTCOME, ("selection_rate",),
        "The share of people flagged.",
        "Differences in recorded base rates come from bias, or ought not to count.",
        "Groups with a low base rate: more of their people are flagged without ever having the outcome. In groups with a "
        "high base rate more people who will have it are missed.",
    ),
    Definition(
        "equal_opportunity", "Equal opportunity", "2", _PERFORMANCE, ("true_positive_rate",),
        "The share flagged among those who will have the outcome: as many \"get away\" in each group.",
        "Recorded outcomes are true, and base rates may differ.",
        "People without the outcome, in the group in which the model tells people apart worst: more of them are "
        "flagged to reach the same recall.",
    ),
    Definition(
        "predictive_parity", "Predictive parity", "2", _PERFORMANCE, ("positive_predictive_value",),
        "The share that has the outcome among those flagged: a flag means the same in each group.",
        "Recorded outcomes are true, and base rates may differ.",
        "Groups with a high base rate: the same precision is reached at a lower threshold, so more of their people are "
        "flagged, rightly and wrongly.",
    ),
    Definition(
        "treatment_equality", "Treatment equality", "2", _PERFORMANCE, ("error_balance",),
        "People missed for each person flagged wrongly.",
        "Recorded outcomes are true, and the two errors weigh against each other alike in each group.",
        "Nobody in particular, and anybody: the balance can be equal while one group has many more errors of both kinds.",
    ),
    Definition(
        "equalized_odds", "Equalized odds", "beyond", _PERFORMANCE, ("true_positive_rate", "false_positive_rate"),
        "The share flagged among those with the outcome, and among those without it.",
        "Recorded outcomes are true, and base rates may differ.",
        "The group in which the model works best: it is held to what is reached in the group in which it works worst.",
    ),
)  # fmt: skip

DEFINITIONS: dict[str, Definition] = {definition.name: definition for definition in _TABLE}
LEVEL_2 = tuple(name for name, definition in DEFINITIONS.items() if definition.level == "2")

# Numerator and denominator of each metric, from true and false positives and the totals of both outcomes.
# Divided once and not derived from one another, so that a range here is the range anybody gets from the predictions.
_PARTS: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
    "selection_rate": lambda tp, fp, p, n: (tp + fp, p + n),
    "true_positive_rate": lambda tp, fp, p, n: (tp, p),
    "false_positive_rate": lambda tp, fp, p, n: (fp, n),
    "positive_predictive_value": lambda tp, fp, p, n: (tp, tp + fp),
    "error_balance": lambda tp, fp, p, n: (p - tp, fp),
}
MEASURES = tuple(_PARTS)


def measure(name: str, tp: np.ndarray, fp: np.ndarray, positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """A metric of counts or summed weights that broadcast together; NaN where its denominator is 0."""
    above, below = _PARTS[name](*(np.asarray(x, float) for x in (tp, fp, positives, negatives)))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, np.nan)
