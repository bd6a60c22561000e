"""How each group is treated: metrics with intervals, disparities with verdicts."""

from recidiv_core.groups.audit import audit_groups, default_threshold, matching_threshold, score_curves
from recidiv_core.groups.estimates import MIN_DENOMINATOR
from recidiv_core.groups.metrics import (
    CONFUSION_METRICS,
    DISTINCT,
    HEADLINE,
    METRICS,
    NO_PROBABILITY,
    SCORE_METRICS,
    Metric,
)
from recidiv_core.groups.result import VERDICTS, GroupAudit
from recidiv_core.groups.sentences import answer, disparity_sentence, overall_verdict

__all__ = [
    "CONFUSION_METRICS",
    "DISTINCT",
    "HEADLINE",
    "METRICS",
    "MIN_DENOMINATOR",
    "NO_PROBABILITY",
    "SCORE_METRICS",
    "VERDICTS",
    "GroupAudit",
    "Metric",
    "answer",
    "audit_groups",
    "default_threshold",
    "disparity_sentence",
    "matching_threshold",
    "overall_verdict",
    "score_curves",
]
