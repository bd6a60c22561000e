"""What a stricter or a looser tolerance costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.errors import InputError
from recidiv_core.options import is_number
from recidiv_core.stats import ScoreCurves
from recidiv_core.thresholds.candidates import Options, counts_at, left_out_groups, objective_of, prepare
from recidiv_core.thresholds.judgement import Progress
from recidiv_core.thresholds.optimum import definition_ranges, options_of, trivial
from recidiv_core.thresholds.search import Pick, best

TOLERANCES = tuple(np.round(np.linspace(0.004, 0.2, 50), 3).tolist())


def tradeoff_curve(
    curves: ScoreCurves,
    *,
    definition: str,
    tolerances: Sequence[float] = TOLERANCES,
    beta: float = 1.0,
    halves: tuple[ScoreCurves, ScoreCurves] | None = None,
    progress: Progress = None,
    **options: Any,
) -> pd.DataFrame:
    """The best objective within each tolerance.

    Parameters
    ----------
    halves : pair of ScoreCurves, optional
        Adds what thresholds tuned on the first half's rows do on the second's.
    **options
        As in :func:`optimal_thresholds`.

    Returns
    -------
    DataFrame with one row per tolerance, in rising order: definition, tolerance, status, objective, achieved_range,
    n_changed (people decided otherwise than at the baseline; summed weights where there are any), trivial, and with
    ``halves`` held_out_objective and held_out_range (of the definition in full, also under partial parity). What does
    not exist is NaN.

    Raises
    ------
    InputError
        When there is no tolerance, or an option is out of range.
    """
    if not len(tolerances) or not all(is_number(tolerance, 0, 1) for tolerance in tolerances):
        raise InputError.one("tolerances", "numbers from 0 to 1", "something else, or none")
    steps = sorted(set(map(float, tolerances)))
    checked = options_of(curves, definition=definition, tolerance=steps[-1], beta=beta, **options)
    excluded = left_out_groups(curves, checked)
    everyone = _Ascent(curves, checked, excluded)
    tuned = None if halves is None else _Ascent(halves[0], checked, excluded)
    takes_part = np.array([group not in excluded for group in curves.groups])
    taking_part = [group for group in curves.groups if group not in excluded]
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
            row |= {
                "objective": pick.total,
                "achieved_range": float(pick.ranges.max()),
                "n_changed": float(np.abs((here - before)[:, :2].sum(axis=1)).sum()),
                "trivial": bool(trivial(taking_part, here[takes_part])),
            }
        if tuned is not None:
            row |= _held_out(halves[1], *tuned.at(tolerance), excluded, checked)
        rows.append(row)
    return pd.DataFrame(rows)


class _Ascent:
    """Solutions for rising tolerances: what holds within one holds within the next, so its objective is a floor."""

    def __init__(self, curves: ScoreCurves, options: Options, excluded: Mapping[str, str]):
        self._curves, self._options, self._excluded, self._floor = curves, options, excluded, -math.inf
        self._prepared = prepare(curves, options, excluded=excluded)

    def at(self, tolerance: float) -> tuple[Pick | None, dict[str, float]]:
        """The optimum with its thresholds; None and no thresholds where there is none."""
        if self._options.partial < 1:  # then the tolerance takes part in which candidates there are
            self._prepared = prepare(self._curves, replace(self._options, tolerance=tolerance), excluded=self._excluded)
        pick = best(self._prepared.pool, tolerance, floor=self._floor)
        if pick is None:
            return None, {}
        self._floor = pick.total
        return pick, self._options.baseline | self._prepared.thresholds(pick.index)


def _held_out(
    judging: ScoreCurves, pick: Pick | None, thresholds: dict[str, float], excluded: Mapping[str, str], options: Options
) -> dict[str, float]:
    """Objective and range on the judging half; NaN where the tuning half has no solution, or a group is missing
    here.
    """
    groups = [group for group in thresholds if group not in excluded]
    if pick is None or not set(groups) <= set(judging.groups):
        return {"held_out_objective": math.nan, "held_out_range": math.nan}
    own = ScoreCurves({group: judging.groups[group] for group in groups})
    counts = counts_at(own, thresholds)
    weights = np.array([options.weights[group] for group in groups])
    return {
        "held_out_objective": float(weights @ objective_of(*counts.T, options)),
        "held_out_range": float(definition_ranges(counts)[options.definition]),
    }
