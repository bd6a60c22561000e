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
        name="statistical_parity",
        title="Statistical parity",
        level="2",
        intention=_OUTCOME,
        metrics=("selection_rate",),
        equalises="The share of people flagged.",
        assumption="Differences in recorded base rates come from bias, or ought not to count.",
        may_hurt="Groups with a low base rate: more of their people are flagged without ever having the outcome. In "
        "groups with a high base rate more people who will have it are missed.",
    ),
    Definition(
        name="equal_opportunity",
        title="Equal opportunity",
        level="2",
        intention=_PERFORMANCE,
        metrics=("true_positive_rate",),
        equalises='The share flagged among those who will have the outcome: as many "get away" in each group.',
        assumption="Recorded outcomes are true, and base rates may differ.",
        may_hurt="People without the outcome, in the group in which the model tells people apart worst: more of them "
        "are flagged to reach the same recall.",
    ),
    Definition(
        name="predictive_parity",
        title="Predictive parity",
        level="2",
        intention=_PERFORMANCE,
        metrics=("positive_predictive_value",),
        equalises="The share that has the outcome among those flagged: a flag means the same in each group.",
        assumption="Recorded outcomes are true, and base rates may differ.",
        may_hurt="Groups with a high base rate: the same precision is reached at a lower threshold, so more of their "
        "people are flagged, rightly and wrongly.",
    ),
    Definition(
        name="treatment_equality",
        title="Treatment equality",
        level="2",
        intention=_PERFORMANCE,
        metrics=("error_balance",),
        equalises="People missed for each person flagged wrongly.",
        assumption="Recorded outcomes are true, and the two errors weigh against each other alike in each group.",
        may_hurt="Nobody in particular, and anybody: the balance can be equal while one group has many more errors of "
        "both kinds.",
    ),
    Definition(
        name="equalized_odds",
        title="Equalized odds",
        level="beyond",
        intention=_PERFORMANCE,
        metrics=("true_positive_rate", "false_positive_rate"),
        equalises="The share flagged among those with the outcome, and among those without it.",
        assumption="Recorded outcomes are true, and base rates may differ.",
        may_hurt="The group in which the model works best: it is held to what is reached in the group in which it "
        "works worst.",
    ),
)

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
