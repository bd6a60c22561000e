"""What a stricter or a looser tolerance costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.stats import ScoreCurves
from recidiv_core.thresholds.candidates import Options, Prepared, objective_of, prepare
from recidiv_core.thresholds.folds import Folds
from recidiv_core.thresholds.judgement import held_out_counts
from recidiv_core.thresholds.optimum import ThresholdSolution, definition_ranges, options_of, solve

TOLERANCES = tuple(np.round(np.linspace(0.004, 0.2, 50), 3).tolist())


def tradeoff_curve(
    curves: ScoreCurves,
    *,
    definition: str,
    tolerances: Sequence[float] = TOLERANCES,
    beta: float = 1.0,
    folds: Folds | None = None,
    progress: Callable[[float, str], None] | None = None,
    **options: Any,
) -> pd.DataFrame:
    """The best objective within each tolerance.

    Parameters
    ----------
    folds : Folds, optional
        Adds what thresholds tuned on the other folds do on each fold's own rows.
    **options
        As in :func:`optimal_thresholds`.

    Returns
    -------
    DataFrame with one row per tolerance, in rising order: definition, tolerance, status, objective, achieved_range,
    n_changed (people decided otherwise than at the baseline; summed weights where there are any), trivial, and with
    ``folds`` held_out_objective and held_out_range. What does not exist is NaN.
    """
    checked = options_of(curves, definition=definition, tolerance=max(tolerances), beta=beta, **options)
    steps = sorted(set(map(float, tolerances)))
    everyone = _Ascent(curves, checked)
    parts = [] if folds is None else [_Ascent(folds.rest(k), checked) for k in range(len(folds.parts))]
    rows = []
    for position, tolerance in enumerate(steps):
        if progress:
            progress(position / len(steps), f"{definition}: tolerance {tolerance:g}")
        found = everyone.at(tolerance)
        row = {
            "definition": definition, "tolerance": tolerance, "status": found.status, "objective": found.objective,
            "achieved_range": found.achieved_range, "trivial": found.status == "optimal" and bool(found.trivial),
            "n_changed": _changed(found.by_group) if found.status == "optimal" else math.nan,
        }  # fmt: skip
        if folds is not None:
            row |= _held_out(folds, [part.at(tolerance) for part in parts], checked)
        rows.append(row)
    return pd.DataFrame(rows)


class _Ascent:
    """Solutions for rising tolerances: what holds within one holds within the next, so its objective is a floor."""

    def __init__(self, curves: ScoreCurves, options: Options):
        self._curves, self._options, self._floor = curves, options, -math.inf
        # Under partial parity the tolerance takes part in which candidates there are.
        self._prepared: Prepared | None = prepare(curves, options) if options.partial == 1 else None

    def at(self, tolerance: float) -> ThresholdSolution:
        options = replace(self._options, tolerance=tolerance)
        found = solve(self._curves, options, self._prepared, floor=self._floor, needs_smallest=False)
        if found.status == "optimal":
            self._floor = found.objective
        return found


def _changed(table: pd.DataFrame) -> float:
    return float((table["flagged_per_1000"].abs() * table["n"]).sum() / 1000)


def _held_out(folds: Folds, found: list[ThresholdSolution], options: Options) -> dict[str, float]:
    """Objective and range over all rows, each judged by the thresholds tuned on the other folds."""
    if any(solution.status == "infeasible" for solution in found):
        return {"held_out_objective": math.nan, "held_out_range": math.nan}
    left_out = {group for solution in found for group in solution.excluded_groups}
    taking_part = [group not in left_out for group in folds.parts[0].groups]
    counts = held_out_counts(folds, [solution.thresholds for solution in found])[taking_part]
    weights = np.array(list(options.weights.values()))[taking_part]
    return {
        "held_out_objective": float(weights @ objective_of(*counts.T, options)),
        "held_out_range": float(definition_ranges(counts)[options.definition]),
    }
