"""The budgets of the design, each as a ratio to a peer in the same run, or in milliseconds where there is no peer.

python -m benchmarks.speed [rows]
"""

from __future__ import annotations

import io
import sys
import tracemalloc
from collections.abc import Callable
from statistics import median
from time import perf_counter

import numpy as np
import pandas as pd
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from sklearn.metrics import accuracy_score, precision_score

from recidiv_core import Roles, audit_groups, load_dataset
from recidiv_core.charts.groups import calibration_chart, disparity_chart, metric_chart, roc_chart
from recidiv_core.data import simulate_scores
from recidiv_core.groups import DISTINCT, HEADLINE, disparity_sentence
from recidiv_core.report import render_report

FIVE = {
    "selection_rate": selection_rate,
    "true_positive_rate": true_positive_rate,
    "false_positive_rate": false_positive_rate,
    "accuracy": accuracy_score,
    "precision": precision_score,
}


def milliseconds(work: Callable[[], object], repeat: int = 5) -> float:
    """Median over ``repeat`` runs."""
    times = []
    for _ in range(repeat):
        start = perf_counter()
        work()
        times.append(1000 * (perf_counter() - start))
    return median(times)


def table_of(rows: int) -> pd.DataFrame:
    """The simulated scores beside nine columns that no room needs, as a real file has them."""
    random = np.random.default_rng(0)
    frame = simulate_scores(rows, random_state=0).frame
    for i in range(5):
        frame[f"number {i}"] = random.normal(size=rows).round(4)
    for i in range(4):
        frame[f"text {i}"] = random.choice(["north", "south", "east", "west"], rows)
    return frame


def page_work(dataset, threshold: float) -> None:
    """What a move of the slider makes the server do: the audit, every chart on the page, every sentence."""
    audit = audit_groups(dataset, threshold=threshold)
    for unit in ("rate", "number", "ratio"):
        disparity_chart(audit, "group", unit=unit)
    for metric in HEADLINE["punitive"][:4]:
        metric_chart(audit, "group", metric)
    roc_chart(audit, "group")
    calibration_chart(audit, "group")
    for row in (row for row in audit.rows("group", "disparities") if row.metric in DISTINCT):
        disparity_sentence(audit, row)


def against_fairlearn(frame: pd.DataFrame, data: bytes) -> None:
    roles = Roles("event", score="score", sensitive="group")
    y, flagged = frame["event"].to_numpy(), (frame["score"] >= 0.5).astype(int).to_numpy()
    groups = {"text groups": frame["group"].to_numpy(dtype=object), "number groups": pd.factorize(frame["group"])[0]}
    dataset = load_dataset(data, roles=roles)

    def peer(sensitive: np.ndarray) -> pd.DataFrame:
        return MetricFrame(metrics=FIVE, y_true=y, y_pred=flagged, sensitive_features=sensitive).by_group

    decided = load_dataset(frame.assign(flag=flagged), roles=Roles("event", prediction="flag", sensitive="group"))

    def cold(of) -> None:
        of._reduced.clear()  # every reduction of rows again: sort, curves, counts
        audit_groups(of, threshold=None if of is decided else 0.5)

    work = {
        "13 metrics of the prediction": lambda: cold(decided),
        "17 metrics of the score, ROC, calibration": lambda: cold(dataset),
        "the same at another cut-point": lambda: audit_groups(dataset, threshold=0.5),
    }
    ours = {name: milliseconds(run, 9) for name, run in work.items()}
    theirs = {name: milliseconds(lambda s=sensitive: peer(s), 1) for name, sensitive in groups.items()}
    for name, time in theirs.items():
        print(f"fairlearn MetricFrame, five metrics of the prediction, one pass, {name}: {time:,.0f} ms")
    fastest = min(theirs.values())
    for name, time in ours.items():
        print(f"audit with 1,000 resamples and verdicts, {name}: {time:.1f} ms, ratio {fastest / time:,.0f}")
    found = audit_groups(dataset, threshold=0.5).by_group.set_index("group")["selection_rate"]
    assert np.allclose(found, peer(groups["text groups"])["selection_rate"], atol=1e-12)


def loading_and_page(frame: pd.DataFrame, data: bytes) -> None:
    roles = Roles("event", score="score", sensitive="group")
    print(
        f"\nCSV of {len(data) / 1e6:.0f} MB, {frame.shape[1]} columns: loaded and checked in "
        f"{milliseconds(lambda: load_dataset(data, roles=roles), 3):,.0f} ms"
    )
    dataset = load_dataset(data, roles=roles)
    first = milliseconds(lambda: page_work(dataset, 0.5), 1)
    moves = [milliseconds(lambda t=t: page_work(dataset, t), 1) for t in np.linspace(0.1, 0.9, 15)]
    print(
        f"groups page: first {first:.0f} ms, a move of the slider {median(moves):.0f} ms (longest "
        f"{max(moves):.0f}; budget 150)"
    )
    tracemalloc.start()
    held = load_dataset(data, roles=roles)
    audit_groups(held, threshold=0.5)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    whole = held.frame.memory_usage(deep=True).sum()
    print(
        f"memory of a loaded session outside the frame: {used / 1e6:.0f} MB beside a frame of {whole / 1e6:.0f} MB "
        "(budget 3 × the frame)"
    )


def report() -> None:
    dataset = load_dataset(
        io.BytesIO(table_of(7_214).to_csv(index=False).encode()), roles=Roles("event", score="score", sensitive="group")
    )
    audit = audit_groups(dataset, threshold=0.5)
    print(
        f"\nPDF at COMPAS size, from a finished result: {milliseconds(lambda: render_report(audit), 3):,.0f} ms "
        "(budget 5,000)"
    )


def main(rows: int) -> None:
    frame = table_of(rows)
    data = frame.to_csv(index=False).encode()
    print(f"{rows:,} rows, 4 groups\n")
    against_fairlearn(frame, data)
    loading_and_page(frame, data)
    report()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 346_685)
