"""Sentencing records in one shape: what was done, what the guidelines say, and what was given, in months."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import MISSING_GROUP, Table, as_groups, read_table, shown
from recidiv_core.errors import InputError, Problem

ADJUSTERS = ("charge", "level", "history", "district")
_MOST_VALUES = 20
MOST_MONTHS = 3_000  # 250 years; what is longer is a code (9996 and the like), or life
MONTHS = ("given", "guideline_low", "guideline_high", "deviation")
_TEXTS = ("charge", "race", "gender", "disposition", "plea", "district", "history")
_NAMES = {
    "charge": r"charge|offen[cs]e|crime",
    "level": r"level|quantity",
    "race": r"race|ethnic",
    "gender": r"gender|^sex$",
    "disposition": r"disposition|sentence.?type",
    "guideline_low": r"(guideline|range).*(low|min)|^gl_?min",
    "guideline_high": r"(guideline|range).*(high|max)|^gl_?max",
    "guideline": r"guideline|midpoint",
    "given": r"given|imposed|actual|sentence|senttot|months",
    "plea": r"plea",
    "district": r"district|court|jurisdiction",
    "history": r"history|priors|criminal",
    "year": r"year",
}


@dataclass(frozen=True)
class SentenceColumns:
    """Which column of a table holds what.

    ``guideline`` is one number; where the guidelines give a range, ``guideline_low`` and ``guideline_high``.
    """

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

    def to_dict(self) -> dict[str, str]:
        """For JSON."""
        return self.named()


def suggest_sentences(rows: pd.DataFrame) -> SentenceColumns:
    """Columns guessed from their names, each for one part; a part without a name like it is None, or its own name
    where it is needed.
    """
    free = [str(name) for name in rows.columns]
    found: dict[str, str | None] = {}
    for part, pattern in _NAMES.items():
        exact = [name for name in free if name.casefold() == part]
        like = exact or [name for name in free if re.search(pattern, name.casefold().replace(" ", "_"))]
        found[part] = like[0] if like else None
        if like:
            free.remove(like[0])
    if found["disposition"] is None:
        found["disposition"] = next((name for name in free if _says_prison(rows[name])), None)
    if found["guideline_low"] is None or found["guideline_high"] is None:
        found |= {"guideline_low": None, "guideline_high": None}
    else:
        found["guideline"] = None
    return SentenceColumns(**found | {part: found[part] or part for part in ("charge", "given")})


def _says_prison(column: pd.Series) -> bool:
    """Whether some of the first values do."""
    return bool(column.dropna().head(1_000).astype("str").str.contains("prison", case=False, regex=False).any())


@dataclass(frozen=True, eq=False)
class SentencingRecords:
    """``frame`` has one row a sentence: charge, race, gender, disposition, plea, district, history (text), level, year
    (numbers), guideline (the midpoint of a range), guideline_low, guideline_high, given (months), deviation (given −
    guideline), is_prison, is_life, is_counted.

    S's rule says what is counted: the disposition contains "prison" (missing: no), and neither sentence is life.
    ``ledger`` (step, issue, n_rows) says what is not. ``dataset`` has name, n and sha256 of the table read.
    """

    frame: pd.DataFrame = field(repr=False)
    columns: SentenceColumns
    ledger: pd.DataFrame
    dataset: dict[str, Any]

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def counted(self) -> pd.DataFrame:
        """The sentences that S's rule counts."""
        return self.frame[self.frame["is_counted"]]

    @cached_property
    def months(self) -> dict[str, np.ndarray]:
        """Each of ``MONTHS`` as an array, row for row with ``frame``."""
        return {name: self.frame[name].to_numpy() for name in MONTHS}

    @cached_property
    def values(self) -> dict[str, frozenset[str]]:
        """Every charge, race and gender there is, counted or not."""
        return {name: frozenset(self.frame[name]) for name in ("charge", "race", "gender") if name in self.frame}

    @cached_property
    def cells(self) -> dict[tuple[str, float | None, str, str], np.ndarray]:
        """Positions in ``frame`` of the counted sentences of each charge, level, race and gender; what the records
        lack is None, or "".
        """
        frame = self.counted
        positions = np.flatnonzero(self.frame["is_counted"])
        keys = [frame.get(name, pd.Series("", index=frame.index)).to_numpy() for name in ("charge", "race", "gender")]
        level = frame["level"].to_numpy(dtype=float) if "level" in frame else np.full(len(frame), np.nan)
        found = pd.Series(positions).groupby([*keys, np.where(np.isnan(level), -1.0, level)])
        return {(c, None if n < 0 else n, r, g): own.to_numpy() for (c, r, g, n), own in found}


def sentencing_records(table: Table | pd.DataFrame, *, columns: SentenceColumns | None = None) -> SentencingRecords:
    """Read a table of sentences; ``columns`` None: guessed from their names.

    Raises
    ------
    InputError
        For columns that are not there, and sentences that are neither months nor "life", with how many and never which.
    """
    table = table if isinstance(table, Table) else read_table(table, name="records")
    rows = table.frame
    columns = columns or suggest_sentences(rows)
    problems = _absent(rows, columns)
    if problems:
        raise InputError(problems)
    named = columns.named()
    made: dict[str, np.ndarray] = {
        role: as_groups(rows[named[role]]).to_numpy(dtype=object) for role in _TEXTS if role in named
    }
    if "history" in named:
        made["history"] = _banded(rows[named["history"]], made["history"])
    for role, read in (("level", _whole), ("year", _year)):
        if role in named:
            made[role] = read(rows[named[role]])
            if np.isnan(made[role]).all() and rows[named[role]].notna().any():
                problems.append(Problem(f"{role} {shown(named[role])}", f"{role}s as whole numbers", "none"))
    is_life = np.zeros(len(rows), bool)
    for role in ("guideline", "guideline_low", "guideline_high", "given"):
        if role in named:
            made[role], own = _months(rows[named[role]], role, problems)
            is_life |= own
    if {"guideline_low", "guideline_high"} <= made.keys() and (made["guideline_low"] > made["guideline_high"]).any():
        n_bad = int((made["guideline_low"] > made["guideline_high"]).sum())
        problems.append(Problem("guideline", "a minimum below the maximum", f"{n_bad:,} above it"))
    if problems:
        raise InputError(problems)
    if "guideline" not in named:
        made["guideline"] = (made["guideline_low"] + made["guideline_high"]) / 2
    made.setdefault("guideline_low", made["guideline"])
    made.setdefault("guideline_high", made["guideline"])
    frame = pd.DataFrame(made)
    frame["deviation"] = frame["given"] - frame["guideline"]
    disposition = made.get("disposition", np.full(len(rows), MISSING_GROUP, dtype=object))
    frame["is_prison"] = pd.Series(disposition, dtype="str").str.contains("prison", case=False, regex=False).to_numpy()
    frame["is_life"] = is_life
    frame["is_counted"] = frame["is_prison"] & ~frame["is_life"] & frame["deviation"].notna()
    about = {"name": table.name, "n": len(rows), "sha256": table.sha256}
    return SentencingRecords(frame, columns, _ledger(frame, "disposition" in named), about)


def _absent(rows: pd.DataFrame, columns: SentenceColumns) -> list[Problem]:
    found = [
        Problem(f"{role} {shown(name)}", "a column of the table", "no such column")
        for role, name in columns.named().items()
        if name not in rows
    ]
    if columns.guideline is None and (columns.guideline_low is None or columns.guideline_high is None):
        found.append(Problem("guideline", "a column, or two with the ends of a range", "neither"))
    return found


def _whole(column: pd.Series) -> np.ndarray:
    """Whole numbers from 0 up; what is something else is missing."""
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.where((values >= 0) & (values % 1 == 0), values, np.nan)


def _year(column: pd.Series) -> np.ndarray:
    """The year in a number, a date or a text like "FY2014"; missing where there is none."""
    found = column.astype("str").str.extract(r"(?<!\d)((?:19|20)\d\d)(?!\d{2,})", expand=False)
    return pd.to_numeric(found, errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def _banded(column: pd.Series, names: np.ndarray) -> np.ndarray:
    """Numbers of many values as ten bands of as many sentences each: hardly any two would be alike else."""
    values = pd.to_numeric(column, errors="coerce")
    if values.nunique() <= _MOST_VALUES or values.isna().sum() > column.isna().sum():
        return names
    bands = pd.qcut(values, 10, duplicates="drop").astype("str")
    return bands.where(values.notna(), MISSING_GROUP).to_numpy(dtype=object)


def _months(column: pd.Series, role: str, problems: list[Problem]) -> tuple[np.ndarray, np.ndarray]:
    """Months, and which sentences are life; what is missing is NaN."""
    is_life = column.astype("str").str.strip().str.casefold().eq("life").to_numpy() & column.notna().to_numpy()
    months = pd.to_numeric(column.where(~is_life), errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    n_bad = int((np.isnan(months) & column.notna().to_numpy() & ~is_life).sum())
    n_less = int(((months < 0) | (months > MOST_MONTHS)).sum())
    if n_bad:
        problems.append(
            Problem(
                f"{role} {shown(column.name)}", 'months as numbers, or "life"', f"{n_bad:,} values that are neither"
            )
        )
    if n_less:
        problems.append(
            Problem(
                f"{role} {shown(column.name)}", f'months from 0 to {MOST_MONTHS:,}, or "life"', f"{n_less:,} outside"
            )
        )
    return months, is_life


def _ledger(frame: pd.DataFrame, has_disposition: bool) -> pd.DataFrame:
    prison, life = frame["is_prison"], frame["is_life"]
    no_prison = 'the disposition does not say "prison"' if has_disposition else "there is no column of dispositions"
    reasons = {
        no_prison: ~prison,
        "a life sentence, given or in the guidelines": prison & life,
        "no sentence, or no guideline": prison & ~life & frame["deviation"].isna(),
    }
    rows = [("read", "all rows", len(frame))]
    rows += [("not counted", words, int(own.sum())) for words, own in reasons.items() if own.any()]
    rows.append(("counted", "prison, in months, against a guideline", int(frame["is_counted"].sum())))
    for role in ("level", "year"):
        n_without = int(frame.loc[frame["is_counted"], role].isna().sum()) if role in frame else 0
        if n_without:
            rows.append(("noticed", f"counted, without a {role}", n_without))
    return pd.DataFrame(rows, columns=["step", "issue", "n_rows"])
