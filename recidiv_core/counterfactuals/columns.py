"""Values as the data's columns hold them, and the clones made of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset, shown
from recidiv_core.errors import Problem

MAX_CLONES = 30
_TRUTH = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}


def like_in(dataset: AuditDataset | None, name: str) -> pd.Series | None:
    """The data's column of that name."""
    return dataset.frame[name] if dataset is not None and name in dataset.frame else None


def typed(values: Sequence[Any] | np.ndarray, like: pd.Series | None) -> pd.Series:
    """Values as a column of the type that ``like`` has.

    Raises ValueError, TypeError or OverflowError where it cannot hold them as they are.
    """
    made = pd.Series(values)
    if like is None or made.isna().any():
        return made
    if isinstance(like.dtype, pd.CategoricalDtype):
        return pd.Series(pd.Categorical(_known(values, {str(v): v for v in like.cat.categories}), dtype=like.dtype))
    if pd.api.types.is_bool_dtype(like):
        return pd.Series(_known([str(v).strip().lower() for v in values], _TRUTH), dtype=like.dtype)
    if not pd.api.types.is_numeric_dtype(like):
        return made.astype(str).astype(like.dtype)
    numbers = pd.to_numeric(made)
    if pd.api.types.is_integer_dtype(like) and not (numbers % 1 == 0).all():
        return numbers.astype(float)
    if pd.api.types.is_integer_dtype(like):
        limits = np.iinfo(getattr(like.dtype, "numpy_dtype", like.dtype))
        if numbers.min() < limits.min or numbers.max() > limits.max:
            raise OverflowError("out of the type's range")
    return numbers.astype(like.dtype)


def _known(values: Sequence[Any], known: Mapping[str, Any]) -> list[Any]:
    if unknown := [v for v in map(str, values) if v not in known]:
        raise ValueError(f"{len(unknown)} unknown")
    return [known[str(v)] for v in values]


def typed_profile(profile: Mapping[str, Any], dataset: AuditDataset | None, problems: list[Problem]) -> pd.DataFrame:
    """One row, its values of the types that the data's columns have; what they cannot hold joins ``problems``."""
    made = {}
    for name, value in profile.items():
        try:
            made[name] = typed([value], like_in(dataset, name))
        except (ValueError, TypeError, OverflowError):
            problems.append(Problem(f"column {shown(name)}", "a value like those of the column", "something else"))
    return pd.DataFrame(made)


def clones_of(vary: Any, dataset: AuditDataset | None, problems: list[Problem]) -> pd.DataFrame:
    """Every combination of the values, typed as the data's columns are, the first attribute changing slowest; what
    is wrong joins ``problems``.
    """
    empty = pd.DataFrame(index=[0])
    if not isinstance(vary, Mapping) or not vary:
        problems.append(Problem("vary", "at least one protected attribute with its values", "none"))
        return empty
    columns = {}
    for name, values in vary.items():
        where = f"values of {shown(name)}"
        try:
            listed = [values] if isinstance(values, (str, bytes)) else list(values)
            own = typed(listed, like_in(dataset, name))
            n_different = own.nunique()
            is_whole = not own.isna().any() and not (pd.api.types.is_float_dtype(own) and np.isinf(own).any())
        except (ValueError, TypeError, OverflowError):
            problems.append(Problem(where, "values that the column can hold", "others"))
            continue
        if n_different < len(listed) or not is_whole or len(listed) < 2:
            problems.append(Problem(where, "at least two different values, none missing or infinite", f"{n_different}"))
        columns[name] = own
    number = int(np.prod([len(own) for own in columns.values()])) if columns else 0
    if number > MAX_CLONES:
        problems.append(Problem("vary", f"at most {MAX_CLONES} combinations of values", f"{number:,}"))
    if problems:
        return empty
    places = np.array(list(itertools.product(*(range(len(own)) for own in columns.values()))))
    return pd.DataFrame(
        {n: own.take(places[:, i]).reset_index(drop=True) for i, (n, own) in enumerate(columns.items())}
    )
