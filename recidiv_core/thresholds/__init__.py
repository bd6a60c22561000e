"""Per-group thresholds: which satisfy which definition of fairness, and what that costs in people."""

from recidiv_core.groups import score_curves
from recidiv_core.stats import ScoreCurves
from recidiv_core.thresholds.audit import ThresholdAudit, audit_thresholds
from recidiv_core.thresholds.candidates import OBJECTIVES, Options
from recidiv_core.thresholds.compatibility import compatibility, hold_together
from recidiv_core.thresholds.definitions import DEFINITIONS, LEVEL_2, MEASURES, Definition, measure
from recidiv_core.thresholds.folds import Halves, folds_of, halves_of
from recidiv_core.thresholds.optimum import ThresholdSolution, optimal_thresholds, options_of
from recidiv_core.thresholds.peers import PEERS, decision_points, peer_points
from recidiv_core.thresholds.rule import apply_rule, decision_rule, flags_of, read_rule
from recidiv_core.thresholds.scale import FairnessScale, fairness_scale, scale_text
from recidiv_core.thresholds.sentences import (
    compatibility_sentence,
    curves_meet_sentence,
    notes,
    objective_name,
    price_sentence,
    solution_sentence,
    spread,
    threshold_answer,
)
from recidiv_core.thresholds.tables import KINDS, POOLED, curve_table, people_dots, satisfying_thresholds
from recidiv_core.thresholds.tradeoff import TOLERANCES, tradeoff_curve

__all__ = [
    "DEFINITIONS",
    "KINDS",
    "LEVEL_2",
    "MEASURES",
    "OBJECTIVES",
    "PEERS",
    "POOLED",
    "TOLERANCES",
    "Definition",
    "FairnessScale",
    "Halves",
    "Options",
    "ScoreCurves",
    "ThresholdAudit",
    "ThresholdSolution",
    "apply_rule",
    "audit_thresholds",
    "compatibility",
    "compatibility_sentence",
    "curve_table",
    "curves_meet_sentence",
    "decision_points",
    "decision_rule",
    "fairness_scale",
    "flags_of",
    "folds_of",
    "halves_of",
    "hold_together",
    "measure",
    "notes",
    "objective_name",
    "optimal_thresholds",
    "options_of",
    "peer_points",
    "people_dots",
    "price_sentence",
    "read_rule",
    "satisfying_thresholds",
    "scale_text",
    "score_curves",
    "solution_sentence",
    "spread",
    "threshold_answer",
    "tradeoff_curve",
]
