"""The nearest real records of each synthetic one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from recidiv_core.errors import InputError
from recidiv_core.privacy.schema import Schema

Progress = Callable[[float, str], None] | None
_BLOCK = 2_000
_TELLS = 1e-5  # nearer than this float32, and the search's way of squaring, may not tell records apart
_SPARE = 6  # candidates beyond k: the search is in float32, and what it confuses lies among them


def nearest_distances(
    queries: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    schema: Schema,
    k: int = 2,
    block_rows: int | None = None,
    progress: Progress = None,
) -> np.ndarray:
    """The distances of each of n queries to its ``k`` nearest reference records, ascending, shape (n, k)."""
    return nearest_records(queries, reference, schema=schema, k=k, block_rows=block_rows, progress=progress)[0]


def nearest_records(
    queries: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    schema: Schema,
    k: int = 2,
    block_rows: int | None = None,
    progress: Progress = None,
) -> tuple[np.ndarray, np.ndarray]:
    """:func:`nearest_distances`, and the positions of those records, each of shape (n, k).

    scikit-learn's brute-force search finds candidates in float32; their distances are then taken in float64. Where all
    candidates lie within 1e-5 of a query (one far-off number makes all others near) every record is compared with it in
    float64. So a copy is at 0 and nothing else is.
    ``block_rows`` queries at a time: memory grows with the tables and not with their product.

    Raises
    ------
    InputError
        When there are fewer reference records than ``k``.
    """
    from sklearn.neighbors import NearestNeighbors

    if not 1 <= k <= len(reference):
        raise InputError.one("k", f"1 to the {len(reference):,} reference records", f"{k}")
    points, others = schema.points(queries), schema.points(reference)
    # What is the same everywhere (nobody's number is missing) adds nothing but time.
    differs = (np.ptp(others, axis=0) > 0) | (points != others[0]).any(axis=0)
    points, others = points[:, differs], others[:, differs]
    number = min(k + _SPARE, len(others))
    if not differs.any():
        return np.zeros((len(points), k)), np.tile(np.arange(k), (len(points), 1))
    search = NearestNeighbors(n_neighbors=number, algorithm="brute").fit(others.astype(np.float32))
    distances, positions = np.empty((len(points), k)), np.empty((len(points), k), dtype=np.int64)
    step = block_rows or _BLOCK
    for start in range(0, len(points), step):
        if progress is not None:
            progress(start / len(points), "looking for the nearest records")
        own = points[start : start + step]
        found = np.sort(search.kneighbors(own.astype(np.float32), return_distance=False), axis=1)
        exact = np.sqrt(((others[found] - own[:, None]) ** 2).sum(axis=2))
        order = np.argsort(exact, axis=1, kind="stable")[:, :k]
        distances[start : start + step] = np.take_along_axis(exact, order, axis=1)
        positions[start : start + step] = np.take_along_axis(found, order, axis=1)
        close = (
            (exact.max(axis=1) < _TELLS) & (distances[start : start + step].max(axis=1) > 0) & (number < len(others))
        )
        for row in np.flatnonzero(close):
            exact = np.sqrt(((others - own[row]) ** 2).sum(axis=1))
            order = np.argpartition(exact, k - 1)[:k]
            order = order[np.lexsort((order, exact[order]))]
            distances[start + row], positions[start + row] = exact[order], order
    return distances, positions
