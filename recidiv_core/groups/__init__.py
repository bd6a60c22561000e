"""How each group is treated: metrics with intervals, disparities with verdicts."""

from recidiv_core.groups.audit import audit_groups, default_threshold, score_curves
from recidiv_core.groups.metrics import CONFUSION_METRICS, HEADLINE, METRICS, SCORE_METRICS, Metric
from recidiv_core.groups.result import VERDICTS, GroupAudit

__all__ = [
    "CONFUSION_METRICS", "HEADLINE", "METRICS", "SCORE_METRICS", "VERDICTS", "GroupAudit", "Metric",
    "audit_groups", "default_threshold", "score_curves",
]
