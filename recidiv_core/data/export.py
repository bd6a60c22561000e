"""Tables on their way out."""

from __future__ import annotations

import re

import pandas as pd

# What makes a spreadsheet run a cell (OWASP, "CSV Injection"); tab and return start a new cell in some of them.
_EXECUTABLE = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# What spreadsheets look behind: white space, control characters, and signs without width.
_TRIMMED = re.compile(r"^[\s\x00-\x1f\x7f\u00ad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+")


def _neutral(value: object) -> object:
    if isinstance(value, (tuple, list)):
        value = " – ".join(map(str, value))
    if not isinstance(value, str):
        return value
    runs = value.startswith(_EXECUTABLE) or _TRIMMED.sub("", value).startswith(_EXECUTABLE)
    return f"'{value}" if runs else value


def csv_bytes(table: pd.DataFrame) -> bytes:
    """A table as UTF-8 CSV with a mark; texts that a spreadsheet would execute get a leading apostrophe."""
    safe = table.rename(columns=_neutral)
    for position, kind in enumerate(table.dtypes):
        if not pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_datetime64_any_dtype(kind):
            safe.isetitem(position, table.iloc[:, position].astype(object).map(_neutral))
    return safe.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig")
