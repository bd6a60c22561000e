"""Sentencing records in one shape: what was done, what the guidelines say, and what was given, in months."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from recidiv_core.data import as_groups, shown
from recidiv_core.errors import InputError, Problem

ADJUSTERS = ("charge", "level", "history", "district")
_TEXTS = ("charge", "race", "gender", "disposition", "plea", "district", "history")


@dataclass(frozen=True)
class SentenceColumns:
    """Which column of a table holds what. ``guideline`` is one number; where the guidelines give a range, ``guideline_low`` and ``guideline_high``."""

    charge: str = "charge"
    given: str = "given"
    guideline: str | None = "guideline"
    guideline_low: str | None = None
    guideline_high: str | None = None
    level: str | None = "level"
    race: str | None = "race"
    gender: str | None = "gender"
    disposition: str | None = "disposition"
    plea: str | None = None
    district: str | None = None
    history: str | None = None
    year: str | None = None

    def named(self) -> dict[str, str]:
        """What is there, and the column that holds it."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True, eq=False)
class SentencingRecords:
    """``frame`` has one row a sentence: charge, race, gender, disposition, plea, district, history (text), level, year (numbers), guideline (the midpoint of a
    range), guideline_low, guideline_high, given (months), deviation (given − guideline), is_prison, is_life, is_counted.

    S's rule says what is counted: the disposition contains "prison" (missing: no), and neither sentence is life. ``notes`` say what is not.
    """

    frame: pd.DataFrame = field(repr=False)
    columns: SentenceColumns
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.frame)


def sentencing_records(table: pd.DataFrame, *, columns: SentenceColumns | None = None) -> SentencingRecords:
    """Read a table of sentences.

    Raises
    ------
    InputError
        For columns that are not there, and sentences that are neither months nor "life", with how many and never which.
    """
    columns = columns or SentenceColumns()
    named = columns.named()
    problems = [
        Problem(f"{role} {shown(name)}", "a column of the table", "no such column")
        for role, name in named.items()
        if name not in table
    ]
    if columns.guideline is None and (columns.guideline_low is None or columns.guideline_high is None):
        problems.append(Problem("guideline", "a column, or two with the ends of a range", "neither"))
    if problems:
        raise InputError(problems)
    made: dict[str, np.ndarray] = {}
    for role in _TEXTS:
        if role in named:
            made[role] = as_groups(table[named[role]]).to_numpy(dtype=object)
    for role in ("level", "year"):
        if role in named:
            made[role] = pd.to_numeric(table[named[role]], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    is_life = np.zeros(len(table), bool)
    for role in ("guideline", "guideline_low", "guideline_high", "given"):
        if role in named:
            made[role], own = _months(table[named[role]], role, problems)
            is_life |= own
    if problems:
        raise InputError(problems)
    if "guideline" not in named:
        made["guideline"] = (made["guideline_low"] + made["guideline_high"]) / 2
    made.setdefault("guideline_low", made["guideline"])
    made.setdefault("guideline_high", made["guideline"])
    frame = pd.DataFrame(made)
    frame["deviation"] = frame["given"] - frame["guideline"]
    disposition = table[named["disposition"]] if "disposition" in named else None
    frame["is_prison"] = (
        False
        if disposition is None
        else disposition.astype("str").str.contains("prison", case=False, na=False).to_numpy()
        & disposition.notna().to_numpy()
    )
    frame["is_life"] = is_life
    frame["is_counted"] = frame["is_prison"] & ~frame["is_life"] & frame["deviation"].notna()
    return SentencingRecords(frame, columns, tuple(_notes(frame, disposition is not None)))


def _months(column: pd.Series, role: str, problems: list[Problem]) -> tuple[np.ndarray, np.ndarray]:
    """Months, and which sentences are life; what is missing is NaN."""
    is_life = column.astype("str").str.strip().str.casefold().eq("life").to_numpy() & column.notna().to_numpy()
    months = pd.to_numeric(column.where(~is_life), errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    n_bad = int((np.isnan(months) & column.notna().to_numpy() & ~is_life).sum())
    n_less = int((months < 0).sum() + np.isinf(months).sum())
    if n_bad:
        problems.append(
            Problem(f"{role} {shown(column.name)}", 'months, or "life"', f"{n_bad:,} values that are neither")
        )
    if n_less:
        problems.append(
            Problem(f"{role} {shown(column.name)}", "months from 0 up", f"{n_less:,} below 0 or without end")
        )
    return months, is_life


def _notes(frame: pd.DataFrame, has_disposition: bool) -> list[str]:
    found = []
    if not has_disposition:
        found.append("No column of dispositions: nothing can be said to be a prison sentence, and nothing is counted.")
    reasons = {
        "are no prison sentences": ~frame["is_prison"], "are life sentences": frame["is_prison"] & frame["is_life"],
        "lack a sentence or a guideline": frame["is_prison"] & ~frame["is_life"] & frame["deviation"].isna(),
    }  # fmt: skip
    found += [
        f"{int(own.sum()):,} of {len(frame):,} records {words}, and are not counted."
        for words, own in reasons.items()
        if own.any()
    ]
    return found
