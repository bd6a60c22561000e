"""The exact per-group thresholds that satisfy a definition, and what they do to people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from recidiv_core.plain import plain
from recidiv_core.stats import ScoreCurves
from recidiv_core.thresholds.candidates import (
    Options,
    PerGroup,
    Prepared,
    checked_options,
    counts_at,
    objective_of,
    prepare,
)
from recidiv_core.thresholds.definitions import DEFINITIONS, MEASURES, measure
from recidiv_core.thresholds.search import EQUAL, best, reaches_zero, smallest_range
from recidiv_core.words import listed

TRIVIAL_SHARE = 0.95


@dataclass(frozen=True, eq=False)
class ThresholdSolution:
    """The best thresholds for one definition, or the nearest to it that there is.

    Attributes
    ----------
    thresholds : dict of group -> float
        Flag at score ≥ threshold; infinity flags nobody. A group that takes no part has the baseline's.
    status : {"optimal", "infeasible"}
        Infeasible: the thresholds reach ``smallest_range`` instead, as well as any that do; where not even that
        exists (see ``reason``) they are the baseline's.
    objective : float
        Weighted sum over the groups that take part.
    achieved_range : float
        Highest minus lowest value of the definition's metric over the groups that take part; of two metrics the larger
        range; under partial parity that of the rate less (1 − λ) times the group's own baseline rate.
    smallest_range : float
        The smallest range that any combination within the limits reaches. With two metrics one above 0 is looked for
        only when the tolerance cannot be met, and NaN otherwise.
    trivial : dict of group -> {"flagged", "spared"}
        Groups of which more than 95 % are flagged, or spared.
    by_group : DataFrame
        group, n, takes_part, reason, threshold, baseline; tp, fp, fn, tn; the metrics of all definitions; the
        objective (unweighted) here and at the baseline; flagged_per_1000, wrongly_flagged_per_1000 and missed_per_1000:
        the change against the baseline per 1,000 people of the group.
    excluded_groups : dict of group -> reason
    levelling_down : bool
        Whether the objective of some group fell below its baseline and that of none rose.
    reason : str
        Why there is no solution; "" when there is one.
    """

    definition: str
    status: Literal["optimal", "infeasible"]
    thresholds: dict[str, float]
    objective: float
    achieved_range: float
    smallest_range: float
    trivial: dict[str, str]
    by_group: pd.DataFrame
    excluded_groups: dict[str, str]
    levelling_down: bool
    reason: str
    options: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON values; "nobody" stands for an infinite threshold."""
        nobody = {group: "nobody" if math.isinf(t) else t for group, t in self.thresholds.items()}
        return plain(self) | {"thresholds": nobody}


def optimal_thresholds(
    curves: ScoreCurves,
    *,
    definition: str,
    tolerance: float = 0.01,
    objective: str = "f_beta",
    beta: float = 1.0,
    cost_ratio: float | None = None,
    weights: Mapping[str, float] | None = None,
    partial: float = 1.0,
    min_precision: PerGroup = None,
    max_selection_rate: PerGroup = None,
    min_recall: PerGroup = None,
    min_support: int = 30,
    baseline: PerGroup = None,
) -> ThresholdSolution:
    """The thresholds, one per group, that satisfy ``definition`` and have the largest sum of objectives.

    The optimum over every combination of every group's unique scores and "flag nobody" (F, Eq. 12 and 13). Ties go to
    the combination that decides the smallest share of people otherwise than the baseline does.

    Parameters
    ----------
    definition : {"statistical_parity", "equal_opportunity", "predictive_parity", "treatment_equality",
    "equalized_odds"} tolerance : float
        ε: the range of the definition's metric over groups must be below it.
    objective : {"f_beta", "balanced_accuracy", "accuracy", "cost"}
        Of each group; "cost" is −(cost_ratio · FP + FN) / n.
    weights : mapping of group -> weight in the sum, optional
        1 for each group by default (F weighs groups equally).
    partial : float
        λ, for statistical parity: each group's target is its own baseline rate moved by λ towards a common rate.
    min_precision, max_selection_rate, min_recall : float or mapping of group -> float, optional
        Limits of each group; a precision that does not exist meets none.
    min_support : int
        Groups with fewer rows (with weights: a smaller effective number) take no part.
    baseline : float or mapping of group -> float, optional
        Thresholds to compare with; by default F's over all groups (most recall with precision ≥ 0.85, else most
        precision).

    Raises
    ------
    InputError
        When an option is out of range, or fewer than two groups can take part.
    """
    given = dict(locals())
    return solve(curves, checked_options(given.pop("curves"), **given))


def options_of(curves: ScoreCurves, **given: Any) -> Options:
    """Checked options, those not given as :func:`optimal_thresholds` has them."""
    defaults = optimal_thresholds.__kwdefaults__
    if unknown := set(given) - {"definition", *defaults}:
        raise TypeError(f"no such option: {', '.join(sorted(unknown))}")
    return checked_options(curves, **(defaults | given))


def solve(curves: ScoreCurves, options: Options, *, excluded: Mapping[str, str] | None = None) -> ThresholdSolution:
    """As :func:`optimal_thresholds`, with checked options; ``excluded`` says who takes no part where that is
    settled.
    """
    prepared = prepare(curves, options, excluded=excluded)
    pool = prepared.pool
    found = best(pool, options.tolerance)
    is_costly = len(pool.values) == 2 and found is not None and not reaches_zero(pool)
    least = math.nan if is_costly else smallest_range(pool)
    pick = found
    if found is None and not math.isnan(least):
        pick = best(pool, least + EQUAL * max(1.0, least))  # ranges that differ by rounding only are the same
    thresholds = options.baseline | (prepared.thresholds(pick.index) if pick is not None else {})
    own = ScoreCurves(prepared.candidates)
    here, before = counts_at(own, thresholds), counts_at(own, options.baseline)
    gained = objective_of(*here.T, options) - objective_of(*before.T, options)
    return ThresholdSolution(
        definition=options.definition,
        status="infeasible" if found is None else "optimal",
        thresholds=thresholds,
        objective=pick.total if pick is not None else math.nan,
        achieved_range=float(pick.ranges.max()) if pick is not None else math.nan,
        smallest_range=least,
        trivial=trivial(list(own.groups), here),
        by_group=group_table(curves, thresholds, options=options, excluded=prepared.excluded),
        excluded_groups=prepared.excluded,
        levelling_down=bool(pick is not None and (gained < -EQUAL).any() and not (gained > EQUAL).any()),
        reason=_reason(prepared, least) if found is None else "",
        options=plain(options),
    )


def _reason(prepared: Prepared, least: float) -> str:
    empty = prepared.groups_without_candidates()
    if empty:
        return f"no threshold of {listed(empty)} meets them all"
    return f"the smallest range that any thresholds reach is {least:.4f}"


def trivial(groups: Sequence[str], counts: np.ndarray) -> dict[str, str]:
    """The groups with ``counts`` (G, 4) of which more than 95 % are flagged, or spared."""
    rates = dict(zip(groups, measure("selection_rate", *counts.T).tolist(), strict=True))
    return {group: "flagged" for group, rate in rates.items() if rate > TRIVIAL_SHARE} | {
        group: "spared" for group, rate in rates.items() if rate < 1 - TRIVIAL_SHARE
    }


def group_table(
    curves: ScoreCurves, thresholds: Mapping[str, float], *, options: Options, excluded: Mapping[str, str]
) -> pd.DataFrame:
    """What thresholds do in each group, beside the baseline; see :attr:`ThresholdSolution.by_group`."""
    groups = list(curves.groups)
    here, before = counts_at(curves, thresholds), counts_at(curves, options.baseline)
    tp, fp, positives, negatives = here.T
    total = positives + negatives
    more_tp, more_fp = (here - before).T[:2]
    changes = {"flagged": more_tp + more_fp, "wrongly_flagged": more_fp, "missed": -more_tp}
    numbers = (
        {
            "n": total,
            "threshold": [thresholds[group] for group in groups],
            "baseline": [options.baseline[group] for group in groups],
        }
        | {"tp": tp, "fp": fp, "fn": positives - tp, "tn": negatives - fp}
        | {name: measure(name, *here.T) for name in MEASURES}
        | {"objective": objective_of(*here.T, options), "baseline_objective": objective_of(*before.T, options)}
        | {f"{name}_per_1000": _per_1000(change, total) for name, change in changes.items()}
    )
    table = pd.DataFrame(
        np.column_stack(list(numbers.values())), columns=list(numbers)
    )  # one block: faster than 18 columns
    table.insert(0, "group", groups)
    table.insert(2, "takes_part", [group not in excluded for group in groups])
    table.insert(3, "reason", [excluded.get(group, "") for group in groups])
    return table


def _per_1000(change: np.ndarray, total: np.ndarray) -> np.ndarray:
    """NaN for a group whose rows all have the weight 0."""
    return np.divide(1000 * change, total, out=np.full(len(total), np.nan), where=total > 0)


def definition_ranges(counts: np.ndarray) -> dict[str, Any]:
    """The range of each definition over groups with ``counts`` (…, G, 4) as :func:`counts_at` has them, shape (…).

    The larger range where a definition has two metrics; NaN where the metric of a group does not exist, or there is no
    group.
    """
    if counts.shape[-2] == 0:
        return {name: np.full(counts.shape[:-2], np.nan) for name in DEFINITIONS}
    columns = np.moveaxis(counts, -1, 0)
    ranges = {name: np.ptp(measure(name, *columns), axis=-1) for name in MEASURES}
    return {name: np.maximum.reduce([ranges[m] for m in d.metrics]) for name, d in DEFINITIONS.items()}
