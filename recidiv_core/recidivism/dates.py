"""Dates as whole days, and calendar months added to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

NO_DAY = np.iinfo(np.int64).min
_FORMATS = ("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d")
DAYS_PER_YEAR = 365.25


def as_days(column: pd.Series, together: Sequence[pd.Series] = ()) -> tuple[np.ndarray, str | None]:
    """Days since 1970 as int64, shape (n,), NO_DAY where there is no date; and what had to be guessed.

    Texts are ISO dates, or of the one other format that fits most of them, and of the columns ``together``; day before
    month where both fit alike. A time of day and an offset are left out: the date is that on the wall.
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        values = column.dt.tz_localize(None) if getattr(column.dt, "tz", None) is not None else column
        return _days_of(values), None
    if pd.api.types.is_bool_dtype(column):
        return np.full(len(column), NO_DAY), None
    text = _as_text(column)
    values = pd.to_datetime(text, format="ISO8601", errors="coerce")
    rest = text[values.isna()]
    if rest.empty or column.isna().sum() == len(rest):
        return _days_of(values), None
    every = pd.concat([_as_text(c) for c in (*together, column) if not pd.api.types.is_datetime64_any_dtype(c)])
    fits = {form: int(_parsed(every, form).notna().sum()) for form in _FORMATS}
    best = max(_FORMATS, key=lambda form: (fits[form], -_FORMATS.index(form)))
    if fits[best] == 0:
        return _days_of(values), None
    alike = best == "%d/%m/%Y" and fits["%m/%d/%Y"] == fits[best]
    note = f"dates read as {_spelled(best)}" + ("; month first would fit as well" if alike else "")
    values = values.fillna(_parsed(rest, best))
    return _days_of(values), note


def _days_of(values: pd.Series) -> np.ndarray:
    return values.to_numpy(dtype="datetime64[D]").astype(np.int64)


def _parsed(text: pd.Series, form: str) -> pd.Series:
    own = text.where(text.str.fullmatch(r"\d{8}")) if form == "%Y%m%d" else text
    return pd.to_datetime(own, format=form, errors="coerce")


def _as_text(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        return column.astype("Int64" if (column.dropna() % 1 == 0).all() else "Float64").astype("str")
    text = column.astype("str").str.strip()
    # What follows the date: a time, and how far its clock is from Greenwich.
    return text.str.replace(r"^(\S{8,10})[T ]\d{1,2}:\d\d.*$", r"\1", regex=True)


def _spelled(form: str) -> str:
    return form.replace("%d", "day").replace("%m", "month").replace("%Y", "year")


def add_months(days: np.ndarray, months: int) -> np.ndarray:
    """Each day moved by calendar months; a day that the month lacks becomes its last (29 February + 12 = 28
    February).
    """
    dates = days.astype("datetime64[D]")
    month = dates.astype("datetime64[M]")
    target = month + np.timedelta64(months, "M")
    last = ((target + np.timedelta64(1, "M")).astype("datetime64[D]") - target.astype("datetime64[D]")).astype(int) - 1
    own = (dates - month.astype("datetime64[D]")).astype(int)
    return (target.astype("datetime64[D]") + np.minimum(own, last).astype("timedelta64[D]")).astype(np.int64)


def day_text(day: int) -> str:
    """A day as an ISO date."""
    return str(np.datetime64(int(day), "D"))
