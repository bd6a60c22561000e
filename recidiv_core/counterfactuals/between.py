"""Rows between real rows: new profiles that no single person is, without an impossible one among them."""

from __future__ import annotations

import numpy as np
import pandas as pd

_FEW = 10  # numbers with no more values than this are categories
_TRIED = 5


def rows_between(frame: pd.DataFrame, n: int, random: np.random.Generator) -> tuple[pd.DataFrame, int]:
    """``n`` rows, each a random part of the way from a random row to a row like it, and how many are a real row as it
    is.

    Two rows are alike when they have the same values (missing ones too) in all columns but the numeric ones of many
    values; of five of these the nearest is taken, by differences as shares of each column's range. A row without such a
    companion stays as it is.
    """
    moving = [
        name
        for name, own in frame.items()
        if pd.api.types.is_numeric_dtype(own)
        and not pd.api.types.is_bool_dtype(own)
        and own.nunique() > _FEW
        and own.abs().max() < 2.0**53
    ]
    numbers = frame[moving].to_numpy(dtype=float, na_value=np.nan)
    cell = _cells(frame.drop(columns=moving), np.isfinite(numbers))
    order = np.argsort(cell, kind="stable")
    starts, sizes = np.searchsorted(cell[order], np.arange(cell.max() + 1)), np.bincount(cell)
    place = np.empty(len(frame), dtype=np.int64)
    place[order] = np.arange(len(frame))

    first = random.integers(0, len(frame), n)
    own, size = cell[first], sizes[cell[first]]
    # Never the row itself: one of the others of its cell, by its distance around the circle of the cell's rows.
    steps = 1 + (random.random((n, _TRIED)) * np.maximum(size - 1, 1)[:, None]).astype(np.int64)
    around = (place[first] - starts[own])[:, None] + steps
    others = order[starts[own][:, None] + around % size[:, None]]
    with np.errstate(all="ignore"):
        spread = np.nanmax(numbers, axis=0, initial=-np.inf) - np.nanmin(numbers, axis=0, initial=np.inf)
        scaled = numbers / np.where(np.isfinite(spread) & (spread > 0), spread, 1.0)
    distance = np.stack([np.nansum((scaled[others[:, j]] - scaled[first]) ** 2, axis=1) for j in range(_TRIED)], axis=1)
    second = others[np.arange(n), distance.argmin(axis=1)]
    share = random.random(n)[:, None]
    with np.errstate(invalid="ignore"):
        mixed = numbers[first] + share * (numbers[second] - numbers[first])
    mixed = np.where(np.isfinite(mixed), mixed, numbers[first])  # what is missing or infinite in both stays

    made = frame.take(first).reset_index(drop=True)
    for position, name in enumerate(moving):
        made[name] = _as(mixed[:, position], numbers[:, position], frame[name].dtype)
    same = np.isclose(
        made[moving].to_numpy(dtype=float, na_value=np.nan), numbers[first], rtol=0, atol=0, equal_nan=True
    )
    return made, int(same.all(axis=1).sum())


def _cells(frame: pd.DataFrame, is_known: np.ndarray) -> np.ndarray:
    """A code for each mixture of values, and of which numbers are missing; shape (rows,)."""
    parts = [pd.factorize(own, use_na_sentinel=False)[0] for _, own in frame.items()]
    parts += [column.astype(np.int64) for column in is_known.T if not column.all()]
    found = np.zeros(len(frame), dtype=np.int64)
    for part in parts:
        found = pd.factorize(found * (part.max() + 1) + part)[0]
    return found


def _as(values: np.ndarray, real: np.ndarray, dtype: object) -> pd.Series:
    """Numbers of the column's type: whole where all real ones are.

    Halves go up in every column, so that an order survives rounding.
    """
    known = real[np.isfinite(real)]
    if (known % 1 == 0).all():
        values = np.floor(values + 0.5)
    if np.isnan(values).any() and pd.api.types.is_integer_dtype(dtype):
        return pd.Series(pd.array(pd.Series(values), dtype="Int64")).astype(dtype)
    return pd.Series(values).astype(dtype)
