"""Outcomes of releases whose time until return, or length of follow-up, is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import Table
from recidiv_core.errors import InputError
from recidiv_core.recidivism.columns import PER_YEAR, DurationColumns
from recidiv_core.recidivism.result import GENERAL, Ledger, RecidivismData, check_names, counted, outcome_name


def from_durations(table: Table, columns: DurationColumns, months: list[int | None], ledger: Ledger) -> RecidivismData:
    """Outcomes of releases whose time until return, or length of follow-up, is known."""
    frame = table.frame
    per_year = PER_YEAR[columns.unit]
    numbers = {
        part: _nonnegative(frame[getattr(columns, part)]) for part in ("time", "follow_up") if getattr(columns, part)
    }
    flag = as_flag(frame[columns.returned], columns.returned_value)
    came, known = flag == 1, ~np.isnan(flag)
    time = numbers["time"]
    watched = numbers.get("follow_up", time)
    keep = known.copy()
    ledger.note("excluded", "not said whether returned", "left out", int((~known).sum()), int(keep.sum()))
    for bad, issue in (
        (came & ~(time >= 0), "returned, and no time until return (missing or negative)"),
        (~(watched >= 0), "no length of follow-up (missing or negative)"),
    ):
        ledger.note("excluded", issue, "left out", int((keep & bad).sum()), int((keep & ~bad).sum()))
        keep &= ~bad
    late = keep & came & (time > watched)
    if late.any():
        ledger.note(
            "noticed",
            "returned after the end of the follow-up",
            "counted as the file says",
            int(late.sum()),
            int(keep.sum()),
        )
    made = {}
    for m in months:
        limit = np.inf if m is None else round(m / 12 * per_year, 6)
        enough = keep.copy() if m is None else keep & (watched >= limit)
        if columns.follow_up is None and m is not None:
            enough = _all_or_none(enough, came, keep, outcome_name("", m), ledger)
        made[outcome_name(GENERAL, m)] = (GENERAL, m, came & (time <= limit), enough)
    check_names(frame, made)
    outcomes, values = counted(made, keep, ledger)
    out = pd.concat([frame[keep].reset_index(drop=True), values[keep].reset_index(drop=True)], axis=1)
    taken = {columns.time, columns.returned, columns.follow_up, columns.person, *columns.demographics, *outcomes}
    seen = np.where(came, time, watched)[keep] / per_year
    follow_up = {GENERAL: pd.DataFrame({"time": seen, "returned": came[keep]})}
    options = {"columns": vars(columns), "horizons": [None if m is None else m / 12 for m in months]}
    return RecidivismData(
        table=out,
        ledger=ledger.frame(),
        outcomes=outcomes,
        codebook=pd.DataFrame({"offence": [], "n": []}),
        follow_up=follow_up,
        features=tuple(n for n in out if n not in taken),
        demographics=columns.demographics,
        person=columns.person,
        source={"name": table.name, "sha256": table.sha256, "n": len(frame)},
        options=options,
    )


def _all_or_none(enough: np.ndarray, came: np.ndarray, keep: np.ndarray, outcome: str, ledger: Ledger) -> np.ndarray:
    """Who counts where no follow-up is said: all who are kept, or nobody.

    Those who returned were watched for as long as nobody knows: with some of the others left out, early returns alone
    would stay.
    """
    if not (keep & ~came & ~enough).any():
        return keep.copy()
    issue = f"{outcome}: how long those who returned were watched is not said, and some others were watched for less"
    ledger.note("noticed", issue, "the outcome cannot be said without a follow-up column", None, int(keep.sum()))
    return np.zeros(len(keep), bool)


def _nonnegative(column: pd.Series) -> np.ndarray:
    """Numbers; a negative one (often a code for missing) is missing."""
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(values) & (values >= 0), values, np.nan)


def as_flag(column: pd.Series, positive: Any) -> np.ndarray:
    """1 where the column has the positive value, 0 where the other, NaN where neither: shape (rows,)."""
    text = column.map(_spelled)
    wanted = _spelled(positive)
    others = [value for value in text.dropna().unique() if value != wanted]
    zero = "0" if wanted == "1" and "0" in others else (others[0] if len(others) == 1 else None)
    if wanted not in set(text.dropna()) or (others and zero is None):
        raise InputError.one(
            f"returned '{column.name}'", f"the value {positive!r} and one other", f"{len(others):,} others"
        )
    return np.select([text == wanted, text == zero], [1.0, 0.0], np.nan)


def _spelled(value: Any) -> str | None:
    if value is None or value is pd.NA or value != value or str(value).strip() == "":
        return None
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    if isinstance(value, (int, float, np.number)):
        return f"{float(value):g}"
    text = str(value).strip()
    return {"true": "1", "false": "0"}.get(text.lower(), text)
