"""Results as plain values: what JSON can hold, and nothing that it cannot."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd


def plain(value: Any) -> Any:
    """``value`` as dicts, lists, texts, finite numbers, booleans and None (which stands for NaN and infinity)."""
    if isinstance(value, pd.DataFrame):
        columns = [str(name) for name in value.columns]
        cells = [_column(value.iloc[:, i]) for i in range(len(columns))]
        return [dict(zip(columns, row, strict=True)) for row in zip(*cells, strict=True)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    return value if isinstance(value, (bool, int, str)) else str(value)


def _column(column: pd.Series) -> list[Any]:
    """A column's cells as plain values; the common kinds without a look at each cell."""
    values = column.tolist()
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "f":
        return [x if math.isfinite(x) else None for x in values]
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iub":
        return values
    return [x if isinstance(x, str) else plain(x) for x in values]
