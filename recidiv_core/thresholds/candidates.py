"""What may be chosen: each group's thresholds with their counts, metric values, objective and limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from recidiv_core.errors import InputError, Problem
from recidiv_core.options import is_number, is_threshold
from recidiv_core.stats import ScoreCurve, ScoreCurves, baseline_threshold
from recidiv_core.thresholds.definitions import DEFINITIONS, measure
from recidiv_core.thresholds.search import Pool

_Counts = Callable[..., np.ndarray]
# Each from tp, fp, positives, negatives and the options; more is better.
OBJECTIVES: dict[str, _Counts] = {
    "f_beta": lambda tp, fp, p, n, o: (1 + o.beta**2) * tp / (tp + fp + o.beta**2 * p),
    "balanced_accuracy": lambda tp, fp, p, n, o: (tp / p + (n - fp) / n) / 2,
    "accuracy": lambda tp, fp, p, n, o: (tp + n - fp) / (p + n),
    "cost": lambda tp, fp, p, n, o: -(o.cost_ratio * fp + p - tp) / (p + n),
}
_NEEDS = {
    "f_beta": (True, False),
    "balanced_accuracy": (True, True),
    "accuracy": (False, False),
    "cost": (False, False),
}
_LIMITS = {
    "min_precision": ("positive_predictive_value", np.greater_equal),
    "max_selection_rate": ("selection_rate", np.less_equal),
    "min_recall": ("true_positive_rate", np.greater_equal),
}
PerGroup = float | Mapping[str, float] | None


@dataclass(frozen=True)
class Options:
    """The options of :func:`optimal_thresholds`, checked; those per group hold a number for each group.

    ``metrics`` are those whose ranges must be below the tolerance, one or two.
    """

    definition: str
    metrics: tuple[str, ...]
    tolerance: float
    objective: str
    beta: float
    cost_ratio: float | None
    weights: dict[str, float]
    partial: float
    limits: dict[str, dict[str, float]]
    min_support: int
    baseline: dict[str, float]


def checked_options(curves: ScoreCurves, **given: Any) -> Options:
    """Raises InputError with every option that is out of range."""
    is_cost = given["objective"] == "cost"
    partial_fits = is_number(given["partial"], 0, 1) and (
        given["partial"] == 1 or given["definition"] == "statistical_parity"
    )
    problems = [
        Problem(name, expected, "something else")
        for name, expected, fits in (
            ("definition", f"one of {', '.join(DEFINITIONS)}", given["definition"] in tuple(DEFINITIONS)),
            ("tolerance", "a number from 0 to 1", is_number(given["tolerance"], 0, 1)),
            ("objective", f"one of {', '.join(OBJECTIVES)}", given["objective"] in tuple(OBJECTIVES)),
            ("beta", "a number from 0.01 to 100", is_number(given["beta"], 0.01, 100)),
            ("partial", "a number from 0 to 1; 1 for any definition but statistical parity", partial_fits),
            ("min_support", "a whole number of at least 1", is_number(given["min_support"], 1, 1e12, whole=True)),
            (
                "cost_ratio",
                "a number from 0 to 1,000,000 with the objective 'cost', and none without",
                is_number(given["cost_ratio"], 0, 1e6) if is_cost else given["cost_ratio"] is None,
            ),
        )
        if not fits
    ]
    groups = list(curves.groups)
    weights = _per_group("weights", given["weights"], groups, lambda w: is_number(w, 0, 1e6), problems)
    limits = {name: _per_group(name, given[name], groups, lambda x: is_number(x, 0, 1), problems) for name in _LIMITS}
    start = given["baseline"]
    if start is None:
        start = baseline_threshold(curves.pooled)
    baseline = _per_group("baseline", start, groups, is_threshold, problems)
    if problems:
        raise InputError(problems)
    fallback = baseline_threshold(curves.pooled) if len(baseline) < len(groups) else None
    return Options(
        definition=given["definition"],
        metrics=DEFINITIONS[given["definition"]].metrics,
        tolerance=float(given["tolerance"]),
        objective=given["objective"],
        beta=float(given["beta"]),
        cost_ratio=given["cost_ratio"],
        weights={g: weights.get(g, 1.0) for g in groups},
        partial=float(given["partial"]),
        limits={name: limit for name, limit in limits.items() if limit},
        min_support=int(given["min_support"]),
        baseline={g: baseline.get(g, fallback) for g in groups},
    )


def _per_group(name: str, given: PerGroup, groups: list[str], fits: Any, problems: list[Problem]) -> dict[str, float]:
    """One number for all groups, or some groups' own, as group -> number; groups without one are not in it."""
    if given is None:
        return {}
    found = dict(given) if isinstance(given, Mapping) else dict.fromkeys(groups, given)
    if set(found) - set(groups):
        problems.append(Problem(name, "groups that occur", "one that does not"))
    if not all(fits(value) for value in found.values()):
        problems.append(Problem(name, "numbers in range", "one that is not"))
        return {}
    return {group: float(value) for group, value in found.items()}


@dataclass(frozen=True, eq=False)
class Prepared:
    """The groups that take part with their candidates, those left out with the reason, and the pool to search."""

    options: Options
    candidates: dict[str, ScoreCurve]
    excluded: dict[str, str]
    pool: Pool
    offsets: np.ndarray

    def thresholds(self, index: np.ndarray) -> dict[str, float]:
        """The thresholds that a pick stands for."""
        chosen = zip(self.candidates.items(), index - self.offsets, strict=True)
        return {group: float(curve.falling[0][i]) for (group, curve), i in chosen}

    def groups_without_candidates(self) -> list[str]:
        """Groups none of whose thresholds meets the limits with a metric that exists."""
        n_left = np.bincount(self.pool.group, minlength=len(self.candidates))
        return [group for group, n in zip(self.candidates, n_left, strict=True) if n == 0]


def prepare(curves: ScoreCurves, options: Options, *, excluded: Mapping[str, str] | None = None) -> Prepared:
    """Every candidate that meets the limits, with the definition's metrics and the weighted objective."""
    if excluded is None:
        excluded = left_out_groups(curves, options)
    candidates = {g: curve for g, curve in curves.groups.items() if g not in excluded}
    if len(candidates) < 2:
        found = f"{len(candidates)} ({'; '.join(sorted(set(excluded.values())))})"
        raise InputError.one("groups", "at least two that can take part", found)
    parts = [_of_group(group, curve, options) for group, curve in candidates.items()]
    sizes = [len(curve.falling[0]) for curve in candidates.values()]
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    values, objective, distance, allowed = (np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
    group = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    pool = Pool(
        values=values,
        group=group,
        objective=objective,
        distance=distance,
        index=np.arange(len(group)),
        n_groups=len(sizes),
    )
    pool = pool if allowed.all() else pool.where(allowed)
    return Prepared(options, candidates, dict(excluded), pool, offsets)


def left_out_groups(curves: ScoreCurves, options: Options) -> dict[str, str]:
    """The groups that take no part, with the reason."""
    reasons = {group: _left_out(curve, options) for group, curve in curves.groups.items()}
    return {group: reason for group, reason in reasons.items() if reason}


def _left_out(curve: ScoreCurve, options: Options) -> str:
    positives, negatives = curve.total
    needs_positives, needs_negatives = _NEEDS[options.objective]
    measures = set(options.metrics)
    if curve.n_effective < options.min_support:
        return f"fewer than {options.min_support} rows ({curve.n_effective:.0f})"
    if positives == 0 and (needs_positives or "true_positive_rate" in measures):
        return "nobody had the outcome"
    if negatives == 0 and (needs_negatives or measures & {"false_positive_rate", "error_balance"}):
        return "everybody had the outcome"
    return ""


def _of_group(group: str, curve: ScoreCurve, options: Options) -> tuple[np.ndarray, ...]:
    """Metric values (metrics, n), weighted objective, distance to the baseline, and what the limits allow, each
    (n,).
    """
    _, tp, fp = curve.falling
    counts = (tp, fp, *curve.total)
    values = np.array([measure(name, *counts) for name in options.metrics])
    flagged = measure("selection_rate", *counts)
    at_baseline = flagged[len(curve.scores) - np.searchsorted(curve.scores, options.baseline[group])]
    allowed = ~np.isnan(values).any(axis=0)
    if options.partial < 1:
        # Target: own baseline rate moved by λ towards a common rate c. What is left, λc, is common and in [0, λ].
        values = values - (1 - options.partial) * at_baseline
        allowed &= (values[0] > -options.tolerance) & (values[0] - options.partial < options.tolerance)
    for name, limit in options.limits.items():
        if group in limit:
            metric, meets = _LIMITS[name]
            with np.errstate(invalid="ignore"):
                allowed &= meets(measure(metric, *counts), limit[group])
    objective = objective_of(*counts, options)
    allowed &= ~np.isnan(objective)
    return values, options.weights[group] * objective, np.abs(flagged - at_baseline), allowed


def objective_of(
    tp: np.ndarray, fp: np.ndarray, positives: np.ndarray, negatives: np.ndarray, options: Options
) -> np.ndarray:
    """The objective at counts that broadcast together; NaN where the group has none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return OBJECTIVES[options.objective](tp, fp, positives, negatives, options)


def counts_at(curves: ScoreCurves, thresholds: Mapping[str, float]) -> np.ndarray:
    """True and false positives, positives and negatives of each group at its threshold, shape (G, 4)."""
    found = [(*curve.flagged_at(thresholds[group]), *curve.total) for group, curve in curves.groups.items()]
    return np.array(found, dtype=float)
