"""Dates as whole days, and calendar months added to them."""

from __future__ import annotations

import numpy as np
import pandas as pd

NO_DAY = np.iinfo(np.int64).min
_FORMATS = ("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d")
DAYS_PER_YEAR = 365.25


def as_days(column: pd.Series) -> tuple[np.ndarray, str | None]:
    """Days since 1970 as int64, shape (n,), NO_DAY where there is no date; and what had to be guessed.

    Texts that are not ISO dates are read by the one format that fits most of them, day before month where both fit alike.
    """
    note = None
    if pd.api.types.is_datetime64_any_dtype(column):
        values = column.dt.tz_localize(None) if getattr(column.dt, "tz", None) is not None else column
    elif pd.api.types.is_bool_dtype(column):
        values = pd.Series(pd.NaT, index=column.index)
    else:
        text = _as_text(column)
        values = pd.to_datetime(text, format="ISO8601", errors="coerce")
        if values.isna().sum() > column.isna().sum():
            read = {form: pd.to_datetime(text, format=form, errors="coerce") for form in _FORMATS}
            best = max(_FORMATS, key=lambda form: (read[form].notna().sum(), -_FORMATS.index(form)))
            if read[best].notna().sum() > values.notna().sum():
                values = read[best]
                other = {"%d/%m/%Y": "%m/%d/%Y"}.get(best)
                alike = other and read[other].notna().sum() == read[best].notna().sum()
                note = f"dates read as {_spelled(best)}" + ("; month first would fit as well" if alike else "")
    days = values.to_numpy(dtype="datetime64[D]").astype(np.int64)
    return days, note


def _as_text(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        return column.astype("Int64" if (column.dropna() % 1 == 0).all() else "Float64").astype("str")
    return column.astype("str").str.strip()


def _spelled(form: str) -> str:
    return form.replace("%d", "day").replace("%m", "month").replace("%Y", "year")


def add_months(days: np.ndarray, months: int) -> np.ndarray:
    """Each day moved by calendar months; a day that the month lacks becomes its last (29 February + 12 = 28 February)."""
    dates = days.astype("datetime64[D]")
    month = dates.astype("datetime64[M]")
    target = month + np.timedelta64(months, "M")
    last = ((target + np.timedelta64(1, "M")).astype("datetime64[D]") - target.astype("datetime64[D]")).astype(int) - 1
    own = (dates - month.astype("datetime64[D]")).astype(int)
    return (target.astype("datetime64[D]") + np.minimum(own, last).astype("timedelta64[D]")).astype(np.int64)


def day_text(day: int) -> str:
    """A day as an ISO date."""
    return str(np.datetime64(int(day), "D"))
