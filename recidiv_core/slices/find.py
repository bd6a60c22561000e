"""The slices with the most error, of all conjunctions of the columns' levels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.errors import InputError
from recidiv_core.errors import Problem as Wrong
from recidiv_core.options import is_number
from recidiv_core.slices.search import Progress, problem, search

MAX_K, MAX_PREDICATES = 1_000, 20_000
LEAST_SUPPORT, SUPPORT_SHARE = 32, 100
NOTHING = "no slice has more error than its size costs"
NO_ERROR = "every error is 0"


@dataclass(frozen=True, eq=False)
class SliceResult:
    """What the search found.

    Attributes
    ----------
    table : DataFrame
        rank, slice (dict of column -> value, None where it is missing), level (number of predicates), size (summed
        weight), share, mean_error, max_error, score; best first. Equal scores: the larger slice first, then the one
        with fewer predicates.
    n, mean_error : float
        Of all rows.
    n_predicates, n_conjunctions, n_opened : int
        Column–value pairs with enough rows, their conjunctions, and how many of these had to be opened: the others were
        ruled out unseen.
    reason : str
        Why the table is empty, "" when it is not.
    """

    table: pd.DataFrame
    options: dict[str, Any]
    n: float
    mean_error: float
    n_predicates: int
    n_conjunctions: int
    n_opened: int
    reason: str


@dataclass(frozen=True, eq=False)
class _Coded:
    """Columns as codes (F, n): code c > 0 of feature j stands for ``values[j][c - 1]``; 0 is too rare for any slice.

    ``order`` holds the columns as they were given, ``names`` as they are searched.
    """

    order: tuple[str, ...]
    names: tuple[str, ...]
    codes: np.ndarray
    values: list[list[Any]]

    @property
    def n_levels(self) -> np.ndarray:
        return np.array([len(values) for values in self.values])

    def slice_of(self, path: np.ndarray) -> dict[str, Any]:
        """The slice of a path of items, in the order of the columns."""
        first = np.concatenate([[0], np.cumsum(self.n_levels + 1)])
        places = [(int(np.searchsorted(first, item, side="right")) - 1, int(item)) for item in path if item >= 0]
        found = {self.names[j]: self.values[j][item - first[j] - 1] for j, item in places}
        return {name: found[name] for name in self.order if name in found}


def find_slices(
    features: pd.DataFrame,
    errors: Any,
    *,
    k: int = 10,
    alpha: float = 0.95,
    min_support: float | None = None,
    max_level: int | None = None,
    sample_weight: Any = None,
    progress: Progress = None,
) -> SliceResult:
    """The K slices with the highest score of all conjunctions of ``column = value``: SliceLine, exactly.

    The score of a slice with size s and summed error e, of n rows with summed error E, is
    α((e/s)/(E/n) − 1) − (1 − α)(n/s − 1) (Sagadeeva and Boehm 2021, equation 3). A slice needs s ≥ ``min_support`` and
    a score above 0. Sums are taken in fixed point (a relative 2⁻⁶⁰ of the total error), so that the order of the rows
    does not show.

    Parameters
    ----------
    features : DataFrame, shape (n, columns)
        Discrete columns; see :func:`bin_features`. A missing value is a value.
    errors : array, shape (n,)
        Non-negative and finite.
    k : int
        1 to 1,000.
    alpha : float
        Above 0, up to 1: the weight of the error against the size.
    min_support : float, optional
        In rows (in summed weight, with weights); max(32, n // 100) by default.
    max_level : int, optional
        The largest number of predicates in a slice; as many as there are columns by default.
    sample_weight : array, shape (n,), optional
        Non-negative; only ratios matter, as they are scaled to a mean of 1.
    progress : callable, optional
        Called about ten times a second with the share done and a text; what it raises ends the search.

    Raises
    ------
    InputError
        With everything that is wrong; also when more than 20,000 predicates have enough rows to be searched.
    """
    errors, weight = (
        _as_numbers(errors, "errors"),
        None if sample_weight is None else _as_numbers(sample_weight, "sample_weight"),
    )
    _check(features, errors, weight, k, alpha, min_support, max_level)
    n = len(features)
    weight = None if weight is None else weight / weight.mean()
    support = default_support(n) if min_support is None else min_support
    coded = _coded(features, weight, support)
    n_predicates = int(coded.n_levels.sum())
    if n_predicates > MAX_PREDICATES:
        raise InputError.one("columns", f"at most {MAX_PREDICATES:,} values with enough rows", f"{n_predicates:,}")
    deepest = min(max_level or features.shape[1], features.shape[1])
    options = {"k": k, "alpha": alpha, "min_support": support, "max_level": max_level}
    n_conjunctions = conjunctions(coded.n_levels.tolist(), max_level)
    mean = float(np.average(errors, weights=weight))
    task = (
        problem(coded.codes, coded.n_levels, _name_order(coded), errors, weight) if mean > 0 and n_predicates else None
    )
    if task is None or not task.error.any():  # also where all error has a weight next to 0
        reason = "no value of any column has enough rows" if mean > 0 and not n_predicates else NO_ERROR
        return SliceResult(
            table=_table([], coded, errors, weight),
            options=options,
            n=float(n),
            mean_error=mean,
            n_predicates=n_predicates,
            n_conjunctions=n_conjunctions,
            n_opened=0,
            reason=reason,
        )
    best = search(task, k=k, alpha=alpha, min_support=support, max_level=deepest, progress=progress)
    found = [(coded.slice_of(path), path, score) for path, score in zip(best.paths, best.scores, strict=True)]
    table = _table(found, coded, errors, weight)
    return SliceResult(
        table=table,
        options=options,
        n=float(n),
        mean_error=mean,
        n_predicates=n_predicates,
        n_conjunctions=n_conjunctions,
        n_opened=best.n_visited,
        reason="" if found else NOTHING,
    )


def _as_numbers(values: Any, name: str) -> np.ndarray:
    try:
        return np.asarray(values, float)
    except (TypeError, ValueError):  # whose own text would show a value
        raise InputError.one(name, "numbers", "something else") from None


def default_support(n: int) -> int:
    """The least size of a slice where none is given."""
    return max(LEAST_SUPPORT, n // SUPPORT_SHARE)


def conjunctions(levels: Sequence[int], max_level: int | None) -> int:
    """How many conjunctions there are of one value each of up to ``max_level`` columns with so many ``levels``."""
    counts = [1]  # elementary symmetric polynomials
    for size in levels:
        counts = [own + size * below for own, below in zip([*counts, 0], [0, *counts], strict=True)]
    return sum(counts[1 : (max_level or len(levels)) + 1])


def slice_score(mean: float, size: float, *, whole: float, n: float, alpha: float) -> float:
    """SliceLine's score of a slice of ``size`` of ``n`` with a ``mean`` error against that of the ``whole``; NaN
    where it has none.
    """
    if size == 0 or whole == 0:
        return math.nan
    return alpha * (mean / whole - 1) - (1 - alpha) * (n / size - 1)


def slice_rows(features: pd.DataFrame, slice_: Mapping[str, Any]) -> np.ndarray:
    """Which rows are in a slice, as a mask (n,). A tuple or list of values means any of them."""
    rows = np.ones(len(features), bool)
    for name, value in slice_.items():
        rows &= _is_value(features[name], value)
    return rows


def _is_value(column: pd.Series, value: Any) -> np.ndarray:
    if isinstance(value, (list, tuple)):
        return np.logical_or.reduce([_is_value(column, one) for one in value])
    return (column.isna() if value is None else column == value).to_numpy()


def _check(
    features: Any, errors: np.ndarray, weight: Any, k: Any, alpha: Any, min_support: Any, max_level: Any
) -> None:
    wrong = []
    if not isinstance(features, pd.DataFrame) or features.empty or len(set(map(str, features))) < features.shape[1]:
        raise InputError.one("features", "a DataFrame with rows and columns of different names", "something else")
    if errors.shape != (len(features),) or not np.isfinite(errors).all() or (errors < 0).any():
        wrong.append(Wrong("errors", f"{len(features):,} finite numbers of at least 0", "something else"))
    if weight is not None and (
        weight.shape != (len(features),) or not np.isfinite(weight).all() or (weight < 0).any() or not weight.any()
    ):
        wrong.append(
            Wrong("sample_weight", f"{len(features):,} finite numbers of at least 0, not all 0", "something else")
        )
    if not is_whole(k) or not 1 <= k <= MAX_K:
        wrong.append(Wrong("k", f"a whole number from 1 to {MAX_K:,}", "something else"))
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not 0 < alpha <= 1:
        wrong.append(Wrong("alpha", "a number above 0 and up to 1", "something else"))
    if min_support is not None and not is_number(min_support, 1, 1e12):
        wrong.append(Wrong("min_support", "a number of rows of at least 1", "something else"))
    if max_level is not None and not (is_whole(max_level) and max_level >= 1):
        wrong.append(Wrong("max_level", "a whole number of at least 1", "something else"))
    if wrong:
        raise InputError(wrong)


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _coded(features: pd.DataFrame, weight: np.ndarray | None, support: float) -> _Coded:
    """Columns as codes, the values with too little weight taken out; a column that has no other is no feature."""
    names, codes, values = [], [], []
    for name, column in features.items():
        own, levels = pd.factorize(column, use_na_sentinel=False)
        kept = np.bincount(own, weights=weight, minlength=len(levels)) >= support * (1 - 1e-9)
        if kept.any():
            place = np.where(kept, np.cumsum(kept), 0)
            names.append(name)
            codes.append(place[own].astype(np.uint16) if kept.sum() < 2**16 else place[own])
            values.append(
                [None if pd.isna(level) else level for level, keep in zip(levels.tolist(), kept, strict=True) if keep]
            )
    # Columns with many values first: their branches are small, and the rest of the walk goes through few columns.
    order = sorted(range(len(names)), key=lambda j: (-len(values[j]), str(names[j])))
    stacked = np.stack([codes[j] for j in order]) if order else np.empty((0, len(features)), np.uint16)
    return _Coded(tuple(features), tuple(names[j] for j in order), stacked, [values[j] for j in order])


def _name_order(coded: _Coded) -> np.ndarray:
    """Each item's place when all are sorted by column and value."""
    items = [
        (str(name), str(value), type(value).__name__)
        for name, own in zip(coded.names, coded.values, strict=True)
        for value in ["", *own]
    ]
    places = np.empty(len(items), np.int64)
    places[sorted(range(len(items)), key=items.__getitem__)] = np.arange(len(items))
    return places


def _table(
    found: list[tuple[dict[str, Any], np.ndarray, float]], coded: _Coded, errors: np.ndarray, weight: np.ndarray | None
) -> pd.DataFrame:
    rows = []
    for rank, (slice_, _, score) in enumerate(found, start=1):
        own = np.logical_and.reduce(
            [
                coded.codes[coded.names.index(name)] == coded.values[coded.names.index(name)].index(value) + 1
                for name, value in slice_.items()
            ]
        )
        held = errors[own]
        size = float(len(held) if weight is None else weight[own].sum())
        mean = float(np.average(held, weights=None if weight is None else weight[own]))
        rows.append((rank, slice_, len(slice_), size, size / len(errors), mean, float(held.max()), float(score)))
    columns = ["rank", "slice", "level", "size", "share", "mean_error", "max_error", "score"]
    return pd.DataFrame(rows, columns=columns)
