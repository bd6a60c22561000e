"""Intervals, sufficient statistics and simultaneous comparison: what several rooms need."""

from recidiv_core.stats.comparison import Comparison, Estimates, compare_groups
from recidiv_core.stats.counts import CELLS, ConfusionCounts
from recidiv_core.stats.curves import ScoreCurve, ScoreCurves, baseline_threshold, prevalence_threshold
from recidiv_core.stats.intervals import (
    auc_bounds,
    difference_bounds,
    mean_bounds,
    normal_quantile,
    ratio_bounds,
    student,
    wilson,
    wilson_bounds,
    wilson_of_people,
)
from recidiv_core.stats.multiple import holm
from recidiv_core.stats.regression import Coefficient, robust_coefficient

__all__ = [
    "CELLS",
    "Coefficient",
    "Comparison",
    "ConfusionCounts",
    "Estimates",
    "ScoreCurve",
    "ScoreCurves",
    "auc_bounds",
    "baseline_threshold",
    "compare_groups",
    "difference_bounds",
    "holm",
    "mean_bounds",
    "normal_quantile",
    "prevalence_threshold",
    "ratio_bounds",
    "robust_coefficient",
    "student",
    "wilson",
    "wilson_bounds",
    "wilson_of_people",
]
