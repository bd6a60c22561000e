"""The threshold search beside OxonFair and fairlearn, and the budgets of the Thresholds page, in one run.

python -m benchmarks.thresholds [rows] [COMPAS.csv]
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from oxonfair import FairPredictor
from oxonfair.utils import group_metrics as gm
from oxonfair.utils.group_metric_classes import MaxGroupMetrics

from benchmarks.speed import milliseconds, table_of
from recidiv_core import Roles, ScoreCurves, load_dataset, score_curves
from recidiv_core.charts.thresholds import people_chart, price_chart
from recidiv_core.data import simulate_scores
from recidiv_core.thresholds import (
    DEFINITIONS,
    TOLERANCES,
    audit_thresholds,
    notes,
    optimal_thresholds,
    people_dots,
    price_sentence,
    threshold_answer,
    tradeoff_curve,
)
from recidiv_core.thresholds.peers import PEERS, fairlearn_flags

TOLERANCE = 0.01
ERROR_BALANCE = gm.GroupMetric(lambda TP, FP, FN, TN: FN / np.maximum(FP, 1e-9), "Error balance", False)
OXONFAIR = {
    "statistical_parity": gm.pos_pred_rate.max_diff,
    "equal_opportunity": gm.recall.max_diff,
    "predictive_parity": gm.precision.max_diff,
    "treatment_equality": ERROR_BALANCE.max_diff,
    "equalized_odds": MaxGroupMetrics(gm.recall.max_diff, gm.false_pos_rate.max_diff, "equalized odds"),
}


def measured(y: np.ndarray, flagged: np.ndarray, groups: np.ndarray, definition: str) -> tuple[float, float]:
    """Sum of F1 over the groups, and the range (max − min, the larger of two), from the rows."""
    f1, values = [], []
    for group in np.unique(groups):
        own, flag = y[groups == group], flagged[groups == group]
        tp, fp, fn, tn = (own & flag).sum(), (~own & flag).sum(), (own & ~flag).sum(), (~own & ~flag).sum()
        f1.append(2 * tp / max(2 * tp + fp + fn, 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            rates = {
                "selection_rate": (tp + fp) / len(own),
                "true_positive_rate": tp / (tp + fn),
                "false_positive_rate": fp / (fp + tn),
                "positive_predictive_value": tp / (tp + fp),
                "error_balance": fn / fp,
            }
        values.append([rates[name] for name in DEFINITIONS[definition].metrics])
    return float(sum(f1)), float(np.ptp(np.array(values), axis=0).max())


Flags = Callable[[], np.ndarray]


def oxonfair(y: np.ndarray, score: np.ndarray, groups: np.ndarray, definition: str) -> Flags:
    """Fits; what comes back says who is flagged."""
    unit = (score - score.min()) / (score.max() - score.min())
    data = {"data": np.column_stack([1 - unit, unit]), "target": y.astype(int), "groups": groups}
    model = FairPredictor(None, data)
    model.fit(gm.f1.average, OXONFAIR[definition], TOLERANCE)
    return lambda: np.asarray(model.predict(data)).astype(bool)


def fairlearn(y: np.ndarray, score: np.ndarray, groups: np.ndarray, aim: str) -> Flags:
    flagged = fairlearn_flags(y, score, groups, aim, 0)
    return lambda: flagged


def ours(y: np.ndarray, score: np.ndarray, groups: np.ndarray, definition: str) -> Flags:
    """From rows to thresholds: the curves are made anew each time."""
    curves = ScoreCurves.from_arrays(y, score, groups)
    found = optimal_thresholds(curves, definition=definition, tolerance=TOLERANCE, min_support=1)
    return lambda: score >= np.array([found.thresholds[group] for group in groups])


def beside_peers(title: str, y: np.ndarray, score: np.ndarray, groups: np.ndarray) -> None:
    print(f"\n{title}: {len(y):,} rows, {len(np.unique(groups))} groups, tolerance {TOLERANCE}, range = max − min")
    print(f"  {'':22}{'':12}{'sum of F1':>10}{'range':>10}{'time':>12}{'ratio':>8}")
    for definition in DEFINITIONS:
        own = milliseconds(lambda d=definition: ours(y, score, groups, d)) / 1000
        flags = ours(y, score, groups, definition)
        total, width = measured(y, flags(), groups, definition)
        print(f"  {definition:22}{'recidiv':12}{total:10.4f}{width:10.4f}{1000 * own:9,.0f} ms")
        runs = {"oxonfair": lambda d=definition: oxonfair(y, score, groups, d)}
        if definition in PEERS["fairlearn ThresholdOptimizer"]:
            aim = PEERS["fairlearn ThresholdOptimizer"][definition]
            runs["fairlearn"] = partial(fairlearn, y, score, groups, aim)
        for name, run in runs.items():
            start = perf_counter()
            flags = run()
            time = perf_counter() - start
            theirs, their_width = measured(y, flags(), groups, definition)
            beaten = (
                "" if theirs <= total + 1e-9 or their_width >= TOLERANCE else "  <- a larger sum within the tolerance"
            )
            print(
                f"  {'':22}{name:12}{theirs:10.4f}{their_width:10.4f}{1000 * time:9,.0f} ms{time / own:7.0f}×{beaten}"
            )


def budgets(frame: pd.DataFrame) -> None:
    dataset = load_dataset(frame, roles=Roles("event", score="score", sensitive="group"))
    first = milliseconds(lambda: (dataset._reduced.clear(), score_curves(dataset, attribute="group")), 5)
    print(f"\n{len(frame):,} rows: curves {first:.0f} ms (budget 300)")
    curves = score_curves(dataset, attribute="group")
    for definition in DEFINITIONS:
        time = milliseconds(lambda d=definition: optimal_thresholds(curves, definition=d), 7)
        print(f"  optimum, {definition:22} {time:6.0f} ms (budget 100)")
    moved = dict.fromkeys(curves.groups, 0.5)

    def move(threshold: float) -> None:
        audit = audit_thresholds(dataset, attribute="group", thresholds=moved | {"A": threshold}, baseline=0.5)
        threshold_answer(audit), price_sentence(audit), notes(audit, curves), price_chart(audit)
        for row in audit.by_group.itertuples():
            dots, _ = people_dots(curves.groups[row.group], row.threshold, low=0.0, high=1.0)
            people_chart(dots, row, threshold=row.threshold, baseline=0.5, domain=(0.0, 1.0))

    times = [milliseconds(lambda t=t: move(t), 1) for t in np.linspace(0.2, 0.8, 15)]
    print(
        f"  a slider's move, every figure, sentence and chart: {np.median(times):.0f} ms (longest "
        f"{max(times):.0f}; budget 150)"
    )
    start = perf_counter()
    for definition in DEFINITIONS:
        tradeoff_curve(curves, definition=definition, tolerances=TOLERANCES)
    print(f"  trade-off, {len(TOLERANCES)} tolerances, all definitions: {perf_counter() - start:.1f} s (budget 5)")


def growth() -> None:
    """Time against rows; divided by n log n it should not grow."""
    print("\nrows, curves, then the optimum for one definition (distinct scores); ns per row and log2(rows)")
    for n in (2_500_000, 5_000_000, 10_000_000):
        random = np.random.default_rng(0)
        group = random.integers(0, 4, n)
        y = random.random(n) < np.array([0.2, 0.3, 0.4, 0.5])[group]
        score = random.standard_normal(n) + y
        names = np.array(["A", "B", "C", "D"])
        start = perf_counter()
        curves = ScoreCurves.from_codes(y, score, group.astype(np.int8), tuple(names))
        middle = perf_counter()
        optimal_thresholds(curves, definition="predictive_parity", tolerance=0.005, max_selection_rate=0.5)
        end = perf_counter()
        per = 1e9 * (end - start) / (n * np.log2(n))
        print(f"  {n:>11,}: curves {middle - start:6.2f} s, optimum {end - middle:6.2f} s, {per:5.2f} ns")


def main(rows: int = 346_685, compas: str = "../shared/data/compas-scores-two-years.csv") -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    frame = table_of(rows)
    small = simulate_scores(1_000, random_state=1).frame
    for definition in DEFINITIONS:  # what is compiled or imported at the first call, on both sides
        for run in (ours, oxonfair):
            run(small["event"].to_numpy(bool), small["score"].to_numpy(), small["group"].to_numpy(object), definition)
    beside_peers("simulated", frame["event"].to_numpy(bool), frame["score"].to_numpy(), frame["group"].to_numpy(object))
    if Path(compas).exists():
        table = pd.read_csv(compas)
        table = table[table["race"] != "Native American"]
        beside_peers(
            "COMPAS deciles",
            table["two_year_recid"].to_numpy(bool),
            table["decile_score"].to_numpy(float),
            table["race"].to_numpy(object),
        )
    budgets(frame)
    growth()


if __name__ == "__main__":
    main(*(int(a) if a.isdigit() else a for a in sys.argv[1:]))
