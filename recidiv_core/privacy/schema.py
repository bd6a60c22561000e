"""How records become points: numbers on [0, 1] by the real table, categories so that a differing one counts 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from recidiv_core.data import as_groups, shown
from recidiv_core.errors import InputError, Problem

MAX_LEVELS = 200
_MOST = 1e100  # beyond it differences of numbers are none
_WHOLE = r"^(-?\d+)\.0+$"
_FURTHEST = 1e6  # times the range of the real numbers, and no further
# One-hot times the first: two different categories are 1 apart. With a missing number at 0.5, the second puts it close
# to 1 and no further from a known one. By the order of the distance: sums of differences (1), Euclidean (2).
_APART = {1: 0.5, 2: np.sqrt(0.5)}
_MISSING = {1: 0.5, 2: np.sqrt(0.75)}


def spelled(column: pd.Series) -> pd.Series:
    """A column's levels as text, in one spelling: 1, 1.0, "1.0" and True agree, as do 0 and False."""
    names = as_groups(column).str.replace(_WHOLE, r"\1", regex=True)
    return names.replace({"True": "1", "true": "1", "False": "0", "false": "0"})


@dataclass(frozen=True)
class Schema:
    """The columns that distances are over.

    ``numbers`` maps a column to its range in the real table, ``categories`` to its levels there.

    ``left_out`` maps a column to the reason why it is none.
    """

    numbers: Mapping[str, tuple[float, float]]
    categories: Mapping[str, tuple[str, ...]]
    left_out: Mapping[str, str]

    @property
    def columns(self) -> list[str]:
        """All columns that count."""
        return [*self.numbers, *self.categories]

    def unreadable(self, frame: pd.DataFrame) -> dict[str, int]:
        """Columns of numbers of which some of ``frame``'s values are none, with how many: a copy of other types must
        not pass for one of nobody.
        """
        found = {}
        for name in self.numbers:
            column = frame[name]
            if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
                found[name] = int(column.notna().sum())
            else:
                found[name] = int((pd.to_numeric(column, errors="coerce").isna() & column.notna()).sum())
        return {name: number for name, number in found.items() if number}

    def only(self, names: Sequence[str]) -> Schema:
        """The same for some of the columns."""
        kept = set(names)
        return Schema(
            {n: v for n, v in self.numbers.items() if n in kept},
            {n: v for n, v in self.categories.items() if n in kept},
            {},
        )

    def points(self, frame: pd.DataFrame, *, order: int = 2) -> np.ndarray:
        """The rows as points, float64 of shape (n, d), so that Euclidean distances are those of DESIGN, "Privacy of a
        synthetic copy".

        With ``order`` 1 sums of differences are: each column adds at most 1, which is Gower's distance times the number
        of columns.

        A level that the real table does not have is 1 from all that it has. Missing is a level of its own in a
        category; a missing number is 0 from another and at least 0.87 (by sums 0.5), at most 1, from a known one.
        """
        parts = []
        for name, (low, high) in self.numbers.items():
            values = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
            is_known = np.isfinite(values)
            apart = np.clip(np.where(is_known, values, low), -_MOST, _MOST) - low
            # Where all real values are one, another is as far as another category.
            scaled = np.clip(apart / (high - low), -_FURTHEST, _FURTHEST) if high > low else (apart != 0).astype(float)
            parts += [np.where(is_known, scaled, 0.5), np.where(is_known, 0.0, _MISSING[order])]
        for name, levels in self.categories.items():
            codes = pd.Index(levels).get_indexer(spelled(frame[name]))
            hot = np.zeros((len(frame), len(levels) + 1))
            hot[np.arange(len(frame)), codes] = _APART[order]  # -1, a level not seen, is the last column
            parts += list(hot.T)
        return np.column_stack(parts) if parts else np.zeros((len(frame), 0))


def schema_of(real: pd.DataFrame, *, columns: Sequence[str] | None = None) -> Schema:
    """Numbers and categories of the real table.

    Dates, and texts of more than 200 levels, are left out: they are no places but names.

    Raises
    ------
    InputError
        When no column is left, or one of ``columns`` is not there.
    """
    names = list(real.columns if columns is None else columns)
    if absent := [name for name in names if name not in real]:
        raise InputError(
            [Problem(f"column {shown(name)}", "a column of the real table", "no such column") for name in absent]
        )
    numbers, categories, left_out = {}, {}, {}
    for name in names:
        column = real[name]
        if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
            left_out[name] = "a date"
        elif pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            known = column.to_numpy(dtype=float, na_value=np.nan)
            known = known[np.isfinite(known)]
            if len(known) and np.abs(known).max() > _MOST:
                left_out[name] = f"numbers beyond {_MOST:g}"
            elif len(known):
                numbers[name] = float(known.min()), float(known.max())
            else:
                left_out[name] = "no numbers"
        else:
            levels = tuple(sorted(spelled(column).unique()))
            if len(levels) > MAX_LEVELS:
                left_out[name] = f"{len(levels):,} different texts, more than {MAX_LEVELS}"
            else:
                categories[name] = levels
    if not numbers and not categories:
        raise InputError.one("columns", "at least one of numbers or of categories", "none")
    return Schema(numbers, categories, left_out)
