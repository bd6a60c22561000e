"""Between a table and what synthesizers work on: numbers, and codes of levels.

The way back gives every column its own type again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

FEW_VALUES = 10  # a numeric column of no more values is made of levels: no value appears that nobody could have
_MOST_DECIMALS = 6


@dataclass(frozen=True, eq=False)
class _Number:
    """A column of numbers: between ``low`` and ``high``, rounded as they are. ``has_missing``: some are not known."""

    name: str
    dtype: object
    low: float
    high: float
    decimals: int | None
    has_missing: bool

    def made(self, values: np.ndarray, is_missing: np.ndarray) -> pd.Series:
        own = np.clip(values if self.decimals is None else np.round(values, self.decimals), self.low, self.high)
        own[is_missing] = np.nan
        if not is_missing.any() or pd.api.types.is_float_dtype(self.dtype):
            return pd.Series(own).astype(self.dtype)
        return pd.Series(own).astype("Float64").astype(self.dtype)


@dataclass(frozen=True, eq=False)
class _Levels:
    """A column of levels, missing being one of them; ``values`` holds each once, in the column's own type, in order."""

    name: str
    values: pd.Series

    def made(self, codes: np.ndarray) -> pd.Series:
        return self.values.take(codes).reset_index(drop=True)


@dataclass(frozen=True, eq=False)
class Coding:
    """How the columns of a table become ``numbers`` (n, p) and ``codes`` (n, q), and back.

    A number that is missing is NaN in ``numbers``, and 1 in a column of ``codes`` of its own, which stand behind the
    others.
    """

    columns: tuple[str, ...]
    numbers: tuple[_Number, ...]
    levels: tuple[_Levels, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many levels each column of ``codes`` has."""
        return (*(len(column.values) for column in self.levels), *(2 for c in self.numbers if c.has_missing))

    def is_ordered(self, position: int) -> bool:
        """Whether the levels of a column of ``codes`` have an order of their own."""
        if position >= len(self.levels):
            return True
        dtype = self.levels[position].values.dtype
        return pd.api.types.is_numeric_dtype(dtype) or getattr(dtype, "ordered", False) is True

    def encode(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Numbers (n, p) float64 and codes (n, q) int64 of the table that the coding was made from."""
        numbers = (
            np.column_stack([_known(frame[c.name]) for c in self.numbers])
            if self.numbers
            else np.empty((len(frame), 0))
        )
        codes = [pd.Index(c.values).get_indexer(frame[c.name]) for c in self.levels]
        codes += [np.isnan(numbers[:, i]) for i, c in enumerate(self.numbers) if c.has_missing]
        return numbers, np.column_stack(codes).astype(np.int64) if codes else np.empty((len(frame), 0), np.int64)

    def decode(self, numbers: np.ndarray, codes: np.ndarray) -> pd.DataFrame:
        """The table again: its columns in their order, each of its own type, numbers within their range and as round
        as they were.
        """
        missing = iter(codes[:, len(self.levels) :].T.astype(bool))
        made = {c.name: c.made(codes[:, i]) for i, c in enumerate(self.levels)}
        for i, column in enumerate(self.numbers):
            is_missing = next(missing) if column.has_missing else np.zeros(len(numbers), bool)
            made[column.name] = column.made(numbers[:, i], is_missing)
        return pd.DataFrame({name: made[name] for name in self.columns})


def coding_of(frame: pd.DataFrame, *, discrete: Sequence[str] = (), people: int = 1) -> Coding:
    """The coding of a table.

    Numbers of more than ten values are numbers, unless they are named in ``discrete``; all else is levels.

    What is decoded lies between the numbers that ``people`` are at or beyond, on either side: the lowest and the
    highest are somebody's.
    """
    numbers, levels = [], []
    for name in frame:
        column = frame[name]
        is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        if is_number and name not in discrete and column.nunique() > FEW_VALUES:
            numbers.append(_number(name, column, people))
        else:
            levels.append(_Levels(name, _in_order(column)))
    return Coding(tuple(frame.columns), tuple(numbers), tuple(levels))


def _in_order(column: pd.Series) -> pd.Series:
    """Each value once, missing last; in the order of the type where its values have one."""
    values = column.drop_duplicates()
    try:
        return values.sort_values(na_position="last").reset_index(drop=True)
    except TypeError:  # values of several types
        return values.sort_values(key=lambda own: own.map(str), na_position="last").reset_index(drop=True)


def filled(numbers: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """``numbers`` with each missing one drawn from the known ones of its column: their distribution stays what it
    is.
    """
    made = numbers.copy()
    for own in made.T:
        is_missing = np.isnan(own)
        own[is_missing] = random.choice(own[~is_missing], is_missing.sum())
    return made


def _known(column: pd.Series) -> np.ndarray:
    """The numbers of a column, shape (n,); what is no finite number is NaN."""
    values = column.to_numpy(dtype=float, na_value=np.nan).copy()
    values[~np.isfinite(values)] = np.nan
    return values


def _number(name: str, column: pd.Series, people: int) -> _Number:
    values = _known(column)
    known = np.sort(values[~np.isnan(values)])
    end = min(people, (len(known) + 1) // 2) - 1
    # As many decimals as it takes to say every value; where six do not, the values are not round at all.
    decimals = next((d for d in range(_MOST_DECIMALS + 1) if np.array_equal(np.round(known, d), known)), None)
    return _Number(
        name=name,
        dtype=column.dtype,
        low=float(known[end]),
        high=float(known[-1 - end]),
        decimals=decimals,
        has_missing=len(known) < len(values),
    )
