"""Which two definitions can hold at once, found out from the data (F, section 4.2, Figure 7)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from recidiv_core.stats import ScoreCurves
from recidiv_core.thresholds.candidates import Options, counts_at, prepare
from recidiv_core.thresholds.definitions import DEFINITIONS, LEVEL_2
from recidiv_core.thresholds.optimum import ThresholdSolution, solve, trivial
from recidiv_core.thresholds.search import best


def hold_together(curves: ScoreCurves, first: str, second: str, options: Options) -> ThresholdSolution:
    """The best thresholds that satisfy two definitions of one metric each, or come nearest to both."""
    return solve(curves, _both(first, second, options))


def compatibility(
    curves: ScoreCurves, options: Options, *, progress: Callable[[float, str], None] | None = None
) -> pd.DataFrame:
    """Every pair of level 2 definitions: first, second, together (bool), objective, and trivial (the groups flagged
    or spared).
    """
    rows = []
    pairs = list(itertools.combinations(LEVEL_2, 2))
    for position, (first, second) in enumerate(pairs):
        if progress:
            progress(position / len(pairs), f"{DEFINITIONS[first].title} with {DEFINITIONS[second].title.lower()}")
        both = _both(first, second, options)
        prepared = prepare(curves, both)
        pick = best(prepared.pool, both.tolerance)
        row = {"first": first, "second": second, "together": pick is not None, "objective": math.nan, "trivial": ""}
        if pick is not None:
            thresholds = both.baseline | prepared.thresholds(pick.index)
            counts = counts_at(ScoreCurves(prepared.candidates), thresholds)
            how = ", ".join(f"{group} {what}" for group, what in trivial(list(prepared.candidates), counts).items())
            row |= {"objective": pick.total, "trivial": how}
        rows.append(row)
    return pd.DataFrame(rows)


def _both(first: str, second: str, options: Options) -> Options:
    metrics = (*DEFINITIONS[first].metrics, *DEFINITIONS[second].metrics)
    return replace(options, definition=f"{first} and {second}", metrics=metrics, partial=1.0)
