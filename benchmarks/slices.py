"""The slice search beside the sliceline package, in one run; then its own budgets.

python -m benchmarks.slices [rows] [path of COMPAS]

Both search the same discrete table for the same top K; ratios are of the whole call, from table to slices.
"""

from __future__ import annotations

import contextlib
import io
import logging
import resource
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from recidiv_core import Roles, audit_slices, bin_features, find_slices, load_dataset

LEVELS = range(3, 15)
ALPHAS = (0.95, 0.99)


def table_of(n: int, n_columns: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Columns of 3 to 14 values that hang together, as people's do, and the log loss of a score that fails in two
    slices.
    """
    random = np.random.default_rng(seed)
    latent = random.standard_normal(n)
    sizes = [LEVELS[j % len(LEVELS)] for j in range(n_columns)]
    columns = {}
    for j, size in enumerate(sizes):
        own = 0.6 * latent + 0.8 * random.standard_normal(n)
        cuts = np.quantile(own, np.linspace(0, 1, size + 1)[1:-1] ** 1.4)
        columns[f"c{j}"] = np.searchsorted(cuts, own).astype(np.int16)
    frame = pd.DataFrame(columns)
    truth = 1 / (1 + np.exp(-(latent + random.standard_normal(n))))
    event, score = random.random(n) < truth, truth.copy()
    for a, b in (("c0", "c3"), ("c1", "c5")):
        rows = (frame[a] == 0) & (frame[b] == 1)
        score[rows] = 1 - score[rows]
    score = np.clip(score, 0.001, 0.999)
    return frame, -np.log(np.where(event, score, 1 - score))


def timed(run) -> tuple[float, object]:
    start = perf_counter()
    found = run()
    return perf_counter() - start, found


def ours(frame: pd.DataFrame, errors: np.ndarray, alpha: float, level: int | None, support: int) -> np.ndarray:
    return find_slices(frame, errors, k=10, alpha=alpha, max_level=level, min_support=support).table["score"].to_numpy()


def package(frame: pd.DataFrame, errors: np.ndarray, alpha: float, level: int | None, support: int) -> np.ndarray:
    from sliceline.slicefinder import Slicefinder

    finder = Slicefinder(alpha=alpha, k=10, max_l=level or frame.shape[1], min_sup=support, verbose=False)
    with contextlib.redirect_stdout(io.StringIO()):
        finder.fit(frame.to_numpy(), errors)
    return np.array([row["slice_score"] for row in finder.top_slices_statistics_])


def beside(name: str, frame: pd.DataFrame, errors: np.ndarray, level: int | None) -> None:
    support = max(32, len(frame) // 100)
    depth = "all levels" if level is None else f"L = {level}"
    print(f"\n{name}: {len(frame):,} × {frame.shape[1]}, {depth}, at least {support} rows (budget 100×)")
    for alpha in ALPHAS:
        own = min(timed(lambda a=alpha: ours(frame, errors, a, level, support))[0] for _ in range(5))
        scores = ours(frame, errors, alpha, level, support)
        time, other = timed(lambda a=alpha: package(frame, errors, a, level, support))
        same = len(scores) == len(other) and np.allclose(np.sort(scores), np.sort(other), rtol=1e-6, atol=1e-9)
        verdict = "the same" if same else f"others: {np.sort(other)[::-1][:4]} against {scores[:4]}"
        print(
            f"  α = {alpha:g}: {1000 * own:8.1f} ms; sliceline {time:8.2f} s, {time / own:7.0f}× slower; top "
            f"{len(scores)} {verdict}"
        )


def alone(n: int, n_columns: int, level: int | None, alphas: tuple[float, ...], budget: str) -> None:
    frame, errors = table_of(n, n_columns)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    depth = "all levels" if level is None else f"L = {level}"
    print(f"\n{n:,} × {n_columns}, {depth} ({budget}); peak memory with the table made: {before:.2f} GB")
    for alpha in alphas:
        time, found = timed(lambda a=alpha: find_slices(frame, errors, alpha=a, max_level=level))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            f"  α = {alpha:g}: {time:6.2f} s, {len(found.table)} slices, {found.n_opened:,} opened; peak memory "
            f"{peak:.2f} GB"
        )


def apart(*arguments: object) -> None:
    """:func:`alone` in a process of its own: a peak of memory never goes down again."""
    sys.stdout.flush()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(alone, *arguments).result()


def audits(frame: pd.DataFrame) -> None:
    """The whole audit as the page makes it: first with the binning, then again with another α."""
    dataset = load_dataset(frame, roles=Roles("event", score="score", sensitive="c0"))
    audit_slices(dataset.where(np.arange(len(dataset)) < 5_000))
    first, _ = timed(lambda: audit_slices(dataset))
    again, _ = timed(lambda: audit_slices(dataset, alpha=0.97))
    print(
        f"\nThe whole audit, {len(frame):,} × {frame.shape[1]}: {first:.2f} s with the binning, then {again:.2f} s "
        "for each change of a control"
    )


def main(rows: int = 50_000, compas: str = "../shared/data/compas-scores-two-years.csv") -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    small, small_errors = table_of(2_000, 6)
    (
        ours(small, small_errors, 0.95, 2, 32),
        package(small, small_errors, 0.95, 2, 32),
    )  # compiled at the first call, on both sides
    apart(1_000_000, 12, None, ALPHAS, "budget 3 s, 2 GB")
    frame, errors = table_of(rows, 12)
    beside("simulated", frame, errors, 3)
    if Path(compas).exists():
        data = pd.read_csv(compas)
        names = [
            "sex",
            "age",
            "race",
            "juv_misd_count",
            "juv_other_count",
            "priors_count",
            "c_charge_degree",
            "days_b_screening_arrest",
            "two_year_recid",
        ]
        binned = bin_features(data[names], label="two_year_recid").frame
        codes = pd.DataFrame({name: column.cat.codes + 1 for name, column in binned.items()})
        beside("COMPAS, binned", codes, ((data["decile_score"] >= 5) != data["two_year_recid"]).to_numpy(float), None)
    random = np.random.default_rng(1)
    numbers = (
        pd.DataFrame(random.standard_normal((346_685, 11)))
        .add_prefix("x")
        .assign(c0=np.array(["a", "b", "c"])[random.integers(0, 3, 346_685)])
    )
    chance = 1 / (1 + np.exp(-numbers[["x0", "x1", "x2"]].sum(axis=1)))
    audits(numbers.assign(score=chance.round(6), event=(random.random(len(numbers)) < chance).astype(int)))
    apart(2_458_285, 68, 3, ALPHAS, "a shape like the paper's USCensus; no budget")


if __name__ == "__main__":
    main(*(int(a) if a.isdigit() else a for a in sys.argv[1:]))
