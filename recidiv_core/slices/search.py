"""The exact search for the slices with the highest score: a depth-first walk of the lattice, in compiled loops.

A node is a conjunction with its rows. One pass over these rows counts, for every predicate that may still be added, the
weight and the error of each of a few ranges of the error. From these follow the score of each child and a bound for
everything below it: no part of a slice can have more error than the slice's own largest errors. Of two children, the
smaller of both in every range bounds what lies below both. A branch whose bound is below the K-th best score so far is
left out.

Errors and weights are whole numbers here (fixed point), so that sums are exact and no order of rows, columns or threads
shows.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np

Progress = Callable[[float, str], None] | None
N_THREADS = 2
_POLL_S = 0.1
# Where the ranges of the error end, as shares of the rows from the largest error down: finer where slices live.
_EDGES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8)
_EQUAL = 1e-12  # numbers closer than this, for their size, differ by rounding only
_BITS = 61  # of a sum; one more would be its sign


@dataclass(frozen=True, eq=False)
class Problem:
    """What to search: rows as codes, shape (F, n), feature by feature; code 0 is in no slice.

    ``n_levels`` (F,) counts each feature's codes above 0; ``names`` gives each item (feature, code) its place in the
    order of names, by which ties are broken. ``weight`` and ``error`` (n,) are fixed-point; ``error`` is a row's weight
    times its error.
    ``unit`` is what 1.0 is in ``weight``.
    """

    codes: np.ndarray
    n_levels: np.ndarray
    names: np.ndarray
    weight: np.ndarray
    error: np.ndarray
    ranges: np.ndarray
    largest: np.ndarray
    unit: float


def problem(
    codes: np.ndarray, n_levels: np.ndarray, names: np.ndarray, errors: np.ndarray, weight: np.ndarray | None
) -> Problem:
    """Put rows into fixed point and sort their errors, one of which is above 0, into ranges."""
    n = len(errors)
    unit = 1.0 if weight is None else 2.0 ** (_BITS - np.ceil(np.log2(weight.sum() + 1)))
    fixed = np.ones(n, np.int64) if weight is None else np.rint(weight * unit).astype(np.int64)
    errors = errors / errors.max()  # a score does not depend on the unit of the error
    total = float((fixed / unit) @ errors)
    error_unit = 2.0 ** np.floor(_BITS - np.log2(total) - 1)
    error = np.rint(fixed / unit * errors * error_unit).astype(np.int64)
    falling = np.sort(errors)[::-1]
    starts = np.unique(
        falling[[int(share * (n - 1)) for share in _EDGES]]
    )  # each range's smallest error but for the last
    ranges = (len(starts) - np.searchsorted(starts, errors, side="right")).astype(np.uint8)
    # The largest error of a row in a range, per unit of weight, in the fixed point of ``error``.
    per_weight = np.where(fixed > 0, error / np.maximum(fixed, 1), 0.0)
    largest = np.zeros(len(starts) + 1)
    np.maximum.at(largest, ranges, per_weight)
    largest = np.maximum.accumulate(largest[::-1])[::-1].copy()
    return Problem(
        codes=codes,
        n_levels=n_levels.astype(np.int64),
        names=names.astype(np.int64),
        weight=fixed,
        error=error,
        ranges=ranges,
        largest=largest,
        unit=unit,
    )


@dataclass(frozen=True, eq=False)
class Best:
    """The best slices found, best first: ``paths`` (S, levels) of items, −1 where one is shorter, with ``scores``
    (S,).
    """

    paths: np.ndarray
    scores: np.ndarray
    n_visited: int


def search(
    task: Problem, *, k: int, alpha: float, min_support: float, max_level: int, progress: Progress = None
) -> Best:
    """The k slices with the highest score above 0, over the whole lattice down to ``max_level``.

    Stops, and raises what ``progress`` raised, within a tenth of a second or one pass over a branch's rows.
    """
    from recidiv_core.slices import kernels

    first = np.concatenate([[0], np.cumsum(task.n_levels + 1)])
    live = np.ones(first[-1], bool)
    live[first[:-1]] = False
    setting = np.array(
        [alpha, task.weight.sum(), task.error.sum(), np.ceil(min_support * task.unit * (1 - _EQUAL)), max_level], float
    )
    rows, path, items = (task.ranges, task.weight, task.error), np.full(max_level, -1), np.arange(first[-1])
    best = [
        np.zeros((N_THREADS, k)),
        np.zeros((N_THREADS, k), np.int64),
        np.full((N_THREADS, k, max_level), -1),
        np.zeros(N_THREADS),
    ]
    control = np.zeros(1 + N_THREADS, np.int64)
    with ThreadPoolExecutor(N_THREADS) as pool:
        parts = [part for part in np.array_split(np.arange(len(task.codes)), N_THREADS) if len(part)]
        counted = [
            pool.submit(
                kernels.count,
                task.codes[p[0] : p[-1] + 1],
                first[p[0] : p[-1] + 2] - first[p[0]],
                len(task.largest),
                *rows,
            )
            for p in parts
        ]
        cells = np.concatenate([part.result() for part in counted])
        kernels.judge(cells, items, live, path, 0, task.largest, setting, task.names, *best, 0)
        # The most promising branches first: they raise the threshold for the others.
        highest = [-kernels.bound(cells[i], cells[i], task.largest, setting) if live[i] else 0.0 for i in items]
        branches = [int(i) for i in np.argsort(highest, kind="stable") if live[i]]
        queue, n_done = iter(branches), [0] * N_THREADS

        def work(thread: int) -> None:
            for item in queue:  # the interpreter's lock makes next() safe to share
                feature = int(np.searchsorted(first, item, side="right")) - 1
                kernels.descend(
                    task.codes,
                    first,
                    items,
                    live,
                    cells,
                    feature,
                    item,
                    *rows,
                    path,
                    0,
                    task.largest,
                    setting,
                    task.names,
                    *best,
                    thread,
                    control,
                )
                n_done[thread] += 1

        _watch([pool.submit(work, thread) for thread in range(N_THREADS)], n_done, len(branches), control, progress)
    return _merged(*best[:3], task.names, int(control[1:].sum()))


def _watch(jobs: list[Future], n_done: list[int], n: int, control: np.ndarray, progress: Progress) -> None:
    """Report until the jobs are done; when the report raises, stop them first."""
    try:
        while wait(jobs, timeout=_POLL_S).not_done:
            if progress is not None:
                progress(
                    sum(n_done) / n, f"{sum(n_done):,} of {n:,} branches, {int(control[1:].sum()):,} slices opened"
                )
    except BaseException:
        control[0] = 1
        raise
    for job in jobs:
        job.result()


def _merged(scores: np.ndarray, sizes: np.ndarray, paths: np.ndarray, names: np.ndarray, n_visited: int) -> Best:
    """The best of all threads, in their order."""
    k = scores.shape[1]
    scores, sizes, paths = scores.ravel(), sizes.ravel(), paths.reshape(-1, paths.shape[-1])

    def rank(i: int) -> tuple[float, int, int, list[int]]:
        own = paths[i][paths[i] >= 0]
        return -scores[i], -sizes[i], len(own), sorted(names[own])

    order = sorted(np.flatnonzero(scores > 0), key=rank)[:k]
    return Best(paths[order], scores[order], n_visited)
