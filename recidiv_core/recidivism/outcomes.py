"""From events, or from times until return, to outcomes: who came back within each horizon, and who was watched long
enough to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import MISSING_GROUP, Table, as_groups, read_table, shown
from recidiv_core.errors import InputError, Problem
from recidiv_core.recidivism.appearances import Appearances, appearances, parsed_day
from recidiv_core.recidivism.columns import DurationColumns, EventColumns, checked, is_possession, is_violent
from recidiv_core.recidivism.dates import DAYS_PER_YEAR, NO_DAY, add_months, day_text
from recidiv_core.recidivism.durations import from_durations
from recidiv_core.recidivism.history import AGE_RISK, age_at, history
from recidiv_core.recidivism.result import (
    GENERAL,
    VIOLENT,
    Ledger,
    RecidivismData,
    check_names,
    counted,
    months_of,
    outcome_name,
)

FEASIBLE_AGES = (10.0, 100.0)
DEFAULT_HORIZONS = (1, 2, 3, None)


def build_outcomes(
    events: Any,
    *,
    columns: EventColumns | DurationColumns | Mapping[str, Any],
    horizons: Sequence[float | None] = DEFAULT_HORIZONS,
    violent: Sequence[str] | None = None,
    kinds: Mapping[str, Sequence[str]] | None = None,
    possession: Sequence[str] | None = None,
    cutoff: str | None = None,
    start: str | None = None,
    ages: tuple[float, float] = FEASIBLE_AGES,
    age_risk: tuple[float, float] = AGE_RISK,
) -> RecidivismData:
    """Outcomes, exclusions and criminal history from events, or outcomes from times until return.

    Parameters
    ----------
    events : path, bytes, DataFrame or Table
        One row for each offence, admission or arrest; with :class:`DurationColumns` for each release.
    horizons : sequence of years, None for "at any time"
        Twelve times a horizon must be a whole number of months.
    violent : offence classes, default those that read like F's (homicide, robbery, threats, assault)
    kinds : mapping of name -> offence classes, for further outcomes
    possession : offence classes that are possession of drugs, default those that read so
    cutoff : ISO date, default the latest event that is not in the future
        The last day watched. Later events count neither as rows nor as returns.
    start : ISO date
        Appearances before it stay in the history and are no rows.
    ages : feasible ages; rows outside are left out
    age_risk : where the age–crime risk falls from high to medium, and to low

    Notes
    -----
    A return is an appearance after the day on which the time at risk begins (``release`` where there is one, else the
    date). It counts within N years when it is not later than the same calendar day N years on. Rows whose window ends
    after the cut-off are excluded from that outcome, returned or not: to keep the returns among them would count early
    failures only.

    Raises
    ------
    InputError
        With every problem found.
    """
    table = events if isinstance(events, Table) else read_table(events)
    columns = checked(table, columns)
    months = months_of(horizons)
    ledger = Ledger(len(table.frame))
    if isinstance(columns, DurationColumns):
        return from_durations(table, columns, months, ledger)
    names = _class_names(table, columns)
    violent = [name for name in names if is_violent(name)] if violent is None else list(violent)
    possession = [name for name in names if is_possession(name)] if possession is None else list(possession)
    groups = ({VIOLENT: violent} if violent else {}) | {name: list(own) for name, own in (kinds or {}).items()}
    _check_classes(groups | {"possession": possession}, names)
    found = appearances(table, columns, cutoff=cutoff, violent=violent, note=ledger.note)
    _note_amounts(table.frame, columns, ledger)
    features = history(table.frame, columns, found, ages=ages, possession=possession, age_risk=age_risk)
    keep = _window(table, columns, found, start, ages, ledger)
    returns = {
        kind: next_return(found, None if kind == GENERAL else found.has(groups[kind])) for kind in (GENERAL, *groups)
    }
    keep &= _at_risk(columns, found, keep, ledger)
    made = {
        outcome_name(kind, m): (kind, m, *_within(found, days, m, keep))
        for kind, days in returns.items()
        for m in months
    }
    check_names(table.frame, made)
    outcomes, values = counted(made, keep, ledger)
    frame = _assembled(table, columns, found, features, values, keep)
    options = {
        "columns": vars(columns),
        "horizons": list(horizons),
        "groups": groups,
        "possession": possession,
        "cutoff": day_text(found.cutoff),
        "start": start,
        "ages": list(ages),
        "age_risk": list(age_risk),
    }
    taken = {columns.person, columns.date, *columns.demographics, *outcomes}
    return RecidivismData(
        table=frame,
        ledger=ledger.frame(),
        outcomes=outcomes,
        codebook=_codebook(found, groups | {"possession": possession}),
        follow_up={kind: _followed(found, days, keep) for kind, days in returns.items()},
        features=tuple(n for n in frame if n not in taken),
        demographics=columns.demographics,
        person=columns.person,
        source={"name": table.name, "sha256": table.sha256, "n": len(table.frame)},
        options=options,
    )


def _at_risk(columns: EventColumns, found: Appearances, keep: np.ndarray, ledger: Ledger) -> np.ndarray:
    """Which rows (mask) are of people free by the cut-off; the others are noted."""
    at_risk = (found.release != NO_DAY) & (found.release <= found.cutoff)
    if columns.release is not None:
        ledger.note(
            "excluded",
            "not released by the cut-off",
            "left out: nobody can see whether they will return",
            int((keep & ~at_risk).sum()),
            int((keep & at_risk).sum()),
        )
    return at_risk


def _codebook(found: Appearances, groups: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Each offence class with its number of offences, and which groups it belongs to."""
    counts = np.bincount(found.offence[found.offence >= 0], minlength=len(found.classes))
    codebook = pd.DataFrame({"offence": list(found.classes), "n": counts})
    for kind, own in groups.items():
        codebook[kind] = codebook["offence"].isin(own)
    return codebook


def _followed(found: Appearances, days: np.ndarray, keep: np.ndarray) -> pd.DataFrame:
    """Years at risk of the rows kept, and whether they ended with a return."""
    first = days[keep]
    end = np.where(first == NO_DAY, found.cutoff, first)
    return pd.DataFrame({"time": (end - found.release[keep]) / DAYS_PER_YEAR, "returned": first != NO_DAY})


def _note_amounts(frame: pd.DataFrame, columns: EventColumns, ledger: Ledger) -> None:
    """Count the sentences that are no numbers: "6 months" is not read, and must not pass for none."""
    for name in (*columns.custody_days, *columns.fines):
        values = pd.to_numeric(frame[name], errors="coerce")
        n_bad = int(((values.isna() | (values < 0)) & frame[name].notna()).sum())
        if n_bad:
            ledger.note(
                "noticed",
                f"{shown(name)} holds texts or negative numbers",
                "counted as none; give days, or amounts, as numbers",
                n_bad,
                len(frame),
            )
    for name, what in ((columns.offence, "no offence class"), (columns.birth or columns.age, "no age")):
        n_missing = 0 if name is None else int(frame[name].isna().sum())
        if n_missing:
            ledger.note("noticed", what, "kept; what needs it is missing", n_missing, len(frame))


def _class_names(table: Table, columns: EventColumns) -> list[str]:
    if columns.offence is None:
        return []
    return sorted(set(as_groups(table.frame[columns.offence])) - {MISSING_GROUP})


def _check_classes(groups: Mapping[str, Sequence[str]], names: Sequence[str]) -> None:
    problems = [
        Problem(
            f"{kind} offences", "classes that occur in the offence column", f"{len(set(own) - set(names))} that do not"
        )
        for kind, own in groups.items()
        if set(own) - set(names)
    ]
    problems += [Problem("kinds", "a name", "an empty one") for kind in groups if not kind.strip()]
    if problems:
        raise InputError(problems)


def next_return(found: Appearances, counts: np.ndarray | None) -> np.ndarray:
    """The day of each appearance's next one by the same person after the time at risk began, shape (k,); NO_DAY where
    there is none.

    ``counts`` (k,) says which appearances are returns; None: all.
    """
    which = np.arange(len(found.day)) if counts is None else np.flatnonzero(counts)
    span = int(found.day.max() - found.day.min()) + 2
    base = found.day.min()
    keys = found.person[which].astype(np.int64) * span + (found.day[which] - base)
    start = np.clip(np.where(found.release == NO_DAY, found.cutoff, found.release), base, base + span - 1)
    own = found.person.astype(np.int64) * span + (start - base)
    position = np.searchsorted(keys, own, side="right")
    there = position < len(which)
    candidate = which[np.minimum(position, max(len(which) - 1, 0))] if len(which) else np.zeros(len(own), int)
    same = there & (found.person[candidate] == found.person)
    return np.where(same, found.day[candidate], NO_DAY)


def _within(
    found: Appearances, returned: np.ndarray, months: int | None, keep: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Whether each appearance was followed by a return in time, and whether its window is whole."""
    if months is None:
        return returned != NO_DAY, keep.copy()
    start = np.where(found.release == NO_DAY, found.cutoff, found.release)
    end = add_months(start, months)
    return (returned != NO_DAY) & (returned <= end), keep & (end <= found.cutoff)


def _window(
    table: Table,
    columns: EventColumns,
    found: Appearances,
    start: str | None,
    ages: tuple[float, float],
    ledger: Ledger,
) -> np.ndarray:
    """Which appearances are rows."""
    keep = np.ones(len(found.day), bool)
    if start is not None:
        early = found.day < parsed_day(start, "start")
        keep &= ~early
        ledger.note(
            "excluded",
            f"before {start}",
            "no rows of their own; they stay in the history",
            int(early.sum()),
            int(keep.sum()),
        )
    if columns.age is not None or columns.birth is not None:
        age = age_at(table.frame.iloc[found.primary], columns, found.day)
        odd = keep & ((age < ages[0]) | (age > ages[1]))
        keep &= ~odd
        ledger.note(
            "excluded", f"an age below {ages[0]:g} or above {ages[1]:g}", "left out", int(odd.sum()), int(keep.sum())
        )
    return keep


def _matched(person: pd.Series) -> pd.Series:
    return person if pd.api.types.is_numeric_dtype(person) else as_groups(person)


def _assembled(
    table: Table,
    columns: EventColumns,
    found: Appearances,
    features: pd.DataFrame,
    values: pd.DataFrame,
    keep: np.ndarray,
) -> pd.DataFrame:
    own = table.frame.iloc[found.primary[keep]].reset_index(drop=True)
    # As they were matched: "A" and "A " are one person in every room.
    parts = {columns.person: _matched(own[columns.person])}
    parts[columns.date] = pd.Series(found.day[keep].astype("datetime64[D]").astype("datetime64[s]"))
    parts |= {
        name: own[name]
        for name in (*columns.demographics, *([columns.offence] if columns.offence else []), *columns.covariates)
    }
    frame = pd.DataFrame(parts)
    more = features[keep].reset_index(drop=True)
    clash = {name: f"{name} (history)" for name in more if name in frame}
    return pd.concat([frame, more.rename(columns=clash), values[keep].reset_index(drop=True)], axis=1)
