"""Tables on their way out."""

from __future__ import annotations

import pandas as pd

# What makes a spreadsheet run a cell (OWASP, "CSV Injection"); tab and return start a new cell in some of them.
_EXECUTABLE = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def _neutral(value: object) -> object:
    if isinstance(value, (tuple, list)):
        value = " – ".join(map(str, value))
    return f"'{value}" if isinstance(value, str) and value.startswith(_EXECUTABLE) else value


def csv_bytes(table: pd.DataFrame) -> bytes:
    """A table as UTF-8 CSV with a mark; texts that a spreadsheet would execute get a leading apostrophe."""
    safe = table.rename(columns=_neutral)
    for position, kind in enumerate(table.dtypes):
        if not pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_datetime64_any_dtype(kind):
            safe.isetitem(position, table.iloc[:, position].astype(object).map(_neutral))
    return safe.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig")
