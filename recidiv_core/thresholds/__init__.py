"""Per-group thresholds: which satisfy which definition of fairness, and what that costs in people."""

from recidiv_core.thresholds.definitions import DEFINITIONS, LEVEL_2, MEASURES, Definition
from recidiv_core.thresholds.optimum import ThresholdSolution, optimal_thresholds

__all__ = ["DEFINITIONS", "LEVEL_2", "MEASURES", "Definition", "ThresholdSolution", "optimal_thresholds"]
