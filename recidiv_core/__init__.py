"""Recidiv: assess how a model that scores people treats them."""

from recidiv_core.data import AuditDataset, Roles, load_dataset
from recidiv_core.errors import InputError, RecidivError
from recidiv_core.groups import GroupAudit, audit_groups
from recidiv_core.models import (
    ModelComparison,
    TrainedModel,
    evaluate_models,
    load_model,
    marginal_effects,
    permutation_importance,
    proxy_probe,
    train_model,
    training_dataset,
)
from recidiv_core.recidivism import (
    DurationColumns,
    EventColumns,
    RecidivismData,
    SimulatedEvents,
    build_outcomes,
    simulate_events,
)
from recidiv_core.report import build_report
from recidiv_core.slices import (
    BinnedFrame,
    SliceAudit,
    SliceResult,
    audit_slices,
    bin_features,
    compare_slices,
    find_slices,
    slice_detail,
)
from recidiv_core.stats import ScoreCurves
from recidiv_core.thresholds import (
    FairnessScale,
    ThresholdAudit,
    ThresholdSolution,
    apply_rule,
    audit_thresholds,
    decision_rule,
    fairness_scale,
    optimal_thresholds,
    score_curves,
    tradeoff_curve,
)
from recidiv_core.version import __version__

__all__ = [
    "AuditDataset",
    "BinnedFrame",
    "DurationColumns",
    "EventColumns",
    "FairnessScale",
    "GroupAudit",
    "InputError",
    "ModelComparison",
    "RecidivError",
    "RecidivismData",
    "Roles",
    "ScoreCurves",
    "SimulatedEvents",
    "SliceAudit",
    "SliceResult",
    "ThresholdAudit",
    "ThresholdSolution",
    "TrainedModel",
    "__version__",
    "apply_rule",
    "audit_groups",
    "audit_slices",
    "audit_thresholds",
    "bin_features",
    "build_outcomes",
    "build_report",
    "compare_slices",
    "decision_rule",
    "evaluate_models",
    "fairness_scale",
    "find_slices",
    "load_dataset",
    "load_model",
    "marginal_effects",
    "optimal_thresholds",
    "permutation_importance",
    "proxy_probe",
    "score_curves",
    "simulate_events",
    "slice_detail",
    "tradeoff_curve",
    "train_model",
    "training_dataset",
]
