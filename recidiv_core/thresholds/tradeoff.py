"""What a stricter or a looser tolerance costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.stats import ScoreCurves
from recidiv_core.thresholds.candidates import Options, counts_at, objective_of, prepare
from recidiv_core.thresholds.definitions import measure
from recidiv_core.thresholds.folds import Folds
from recidiv_core.thresholds.judgement import held_out_counts
from recidiv_core.thresholds.optimum import TRIVIAL_SHARE, definition_ranges, options_of
from recidiv_core.thresholds.search import Pick, best

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
    n_folds = 0 if folds is None else len(folds.parts)
    # A group with enough rows in the whole takes part in each part.
    own = replace(checked, min_support=checked.min_support * (1 - 1 / max(n_folds, 1)))
    parts = [_Ascent(folds.rest(k), own) for k in range(n_folds)]
    takes_part = np.array([group in everyone.prepared.candidates for group in curves.groups])
    before = counts_at(curves, checked.baseline)
    rows = []
    for position, tolerance in enumerate(steps):
        if progress is not None:
            progress(position / len(steps), f"{definition}: tolerance {tolerance:g}")
        pick, thresholds = everyone.at(tolerance)
        row = {"definition": definition, "tolerance": tolerance, "status": "optimal" if pick else "infeasible"}
        if pick is None:
            row |= {"objective": math.nan, "achieved_range": math.nan, "n_changed": math.nan, "trivial": False}
        else:
            here = counts_at(curves, thresholds)
            rates = measure("selection_rate", *here[takes_part].T)
            row |= {
                "objective": pick.total, "achieved_range": float(pick.ranges.max()),
                "n_changed": float(np.abs((here - before)[:, :2].sum(axis=1)).sum()),
                "trivial": bool((np.maximum(rates, 1 - rates) > TRIVIAL_SHARE).any()),
            }  # fmt: skip
        if folds is not None:
            row |= _held_out(folds, [part.at(tolerance) for part in parts], takes_part, checked)
        rows.append(row)
    return pd.DataFrame(rows)


class _Ascent:
    """Solutions for rising tolerances: what holds within one holds within the next, so its objective is a floor."""

    def __init__(self, curves: ScoreCurves, options: Options):
        self._curves, self._options, self._floor = curves, options, -math.inf
        self.prepared = prepare(curves, options)

    def at(self, tolerance: float) -> tuple[Pick | None, dict[str, float]]:
        """The optimum with its thresholds; None and no thresholds where there is none."""
        if self._options.partial < 1:  # then the tolerance takes part in which candidates there are
            self.prepared = prepare(self._curves, replace(self._options, tolerance=tolerance))
        pick = best(self.prepared.pool, tolerance, floor=self._floor)
        if pick is None:
            return None, {}
        self._floor = pick.total
        return pick, self._options.baseline | self.prepared.thresholds(pick.index)


def _held_out(
    folds: Folds, found: list[tuple[Pick | None, dict[str, float]]], takes_part: np.ndarray, options: Options
) -> dict[str, float]:
    """Objective and range over all rows, each judged by the thresholds tuned on the other folds."""
    if any(pick is None for pick, _ in found):
        return {"held_out_objective": math.nan, "held_out_range": math.nan}
    counts = held_out_counts(folds, [thresholds for _, thresholds in found])[takes_part]
    weights = np.array(list(options.weights.values()))[takes_part]
    return {
        "held_out_objective": float(weights @ objective_of(*counts.T, options)),
        "held_out_range": float(definition_ranges(counts)[options.definition]),
    }
