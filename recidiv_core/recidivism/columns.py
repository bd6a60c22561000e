"""Which column of a table of events plays which part, and which offences count as what."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from recidiv_core.data import Table, shown
from recidiv_core.errors import InputError, Problem

# How many of each make a year: whoever was watched for 365 days, or 52 weeks, was watched for a year.
PER_YEAR = {"days": 365.0, "weeks": 52.0, "months": 12.0, "years": 1.0}
# F, section 2.1.1: violent offences are homicide, robbery, threats and assault.
_VIOLENT = (
    r"homicid|murder|manslaughter|robber|threat|assault|violen|bodily "
    r"harm|\b[ag]bh\b|wounding|battery|affray|asesinat|robo con|amenaza|lesion"
)
_DRUG = r"drug|class [abc]\b|controlled|substance|cannabis|marijuana|cocaine|heroin|narcotic|droga"
_POSSESSION = rf"posses.*({_DRUG})|({_DRUG}).*posses|posesi"
_MANY = ("custody_days", "fines", "demographics", "covariates")
_NAMES = {
    "person": r"^person|person_?id|offender|^id$|_id$|^dni$",
    "date": r"court.?date|conviction|disposition.?date|admission|entry|event.?date|^date$|arrest|fecha",
    "release": r"release|exit",
    "offence": r"offen[cs]e.?(class|categor|type)|^offen[cs]e$|crime|charge|delito",
    "birth": r"birth|dob",
    "age": r"^age",
    "primary": r"primary",
    "weapon": r"weapon",
    "minor_victim": r"minor",
    "custody_days": r"custody|dispdays|days",
    "fines": r"fine|dispamt|amount",
    "demographics": r"^sex$|gender|race|ethnic|^group$|nationalit",
    "covariates": r"per.?1[, ]?000|district|housing|employ|educat|marital|married",
}


@dataclass(frozen=True)
class EventColumns:
    """The columns of a table with one row per conviction, admission or arrest.

    Parameters
    ----------
    person, date : str
        Who, and when (of the court, the admission or the arrest).
    release : str, optional
        When the time at risk begins, where that is later than ``date``; a row without one is still held, and has no
        outcome.
    offence : str, optional
        The offence class.
    age, birth : str, optional
        Age in years at the event (or on the day ``age_on``, as F's Table 5 has it), or the date of birth.
    primary : str, optional
        Whether the offence was the main one of its day.
    weapon, minor_victim : str, optional
        Whether one was involved: a yes or no, or a text that is empty where not.
    custody_days, fines : sequence of str
        One column for each disposition; they are added up.
    demographics, covariates : sequence of str
        Kept as they are. Covariates are what else comes with the row, such as the offence rates of its area.
    """

    person: str
    date: str
    _: dataclasses.KW_ONLY
    release: str | None = None
    offence: str | None = None
    age: str | None = None
    age_on: str | None = None
    birth: str | None = None
    primary: str | None = None
    weapon: str | None = None
    minor_victim: str | None = None
    custody_days: tuple[str, ...] = ()
    fines: tuple[str, ...] = ()
    demographics: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _tidied(self, _MANY)

    def used(self) -> list[tuple[str, str]]:
        """Every (part, column) that is set."""
        return _used(self, skipped=("age_on",))


@dataclass(frozen=True)
class DurationColumns:
    """The columns of a table with one row per release and the time until return.

    ``returned`` says whether a return was seen (``returned_value``), ``time`` how long it took, ``follow_up`` how long
    each release was watched, returned or not. Times are in ``unit``. Without ``follow_up`` that of those who returned
    is not known: an outcome can then be said only where everybody who did not return was watched for long enough.
    """

    time: str
    returned: str
    _: dataclasses.KW_ONLY
    follow_up: str | None = None
    unit: str = "months"
    returned_value: Any = 1
    person: str | None = None
    demographics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _tidied(self, ("demographics",))
        if self.unit not in PER_YEAR:
            raise InputError.one("unit", f"one of {', '.join(PER_YEAR)}", shown(self.unit, 40))

    def used(self) -> list[tuple[str, str]]:
        """Every (part, column) that is set."""
        return _used(self, skipped=("unit", "returned_value"))


def _tidied(columns: Any, many: Sequence[str]) -> None:
    for name in many:
        value = getattr(columns, name)
        object.__setattr__(columns, name, (value,) if isinstance(value, str) else tuple(dict.fromkeys(value)))


def _used(columns: Any, *, skipped: Sequence[str]) -> list[tuple[str, str]]:
    found = []
    for field in dataclasses.fields(columns):
        if field.name in ("_", *skipped):
            continue
        value = getattr(columns, field.name)
        found += [(field.name, one) for one in (value if isinstance(value, tuple) else (value,)) if one is not None]
    return found


def checked(table: Table, columns: EventColumns | DurationColumns | Mapping[str, Any]) -> Any:
    """``columns`` as one of the two kinds, all of them present in ``table``, and each in one part only.

    Raises
    ------
    InputError
        With every column that is absent, and every one in two parts.
    """
    if isinstance(columns, Mapping):
        kind = DurationColumns if "time" in columns else EventColumns
        known = {field.name for field in dataclasses.fields(kind)} - {"_"}
        needed = ("time", "returned") if kind is DurationColumns else ("person", "date")
        problems = [
            Problem(f"columns: {shown(n, 40)}", f"one of {', '.join(sorted(known))}", "an unknown part")
            for n in columns
            if n not in known
        ]
        problems += [Problem(f"columns: {n}", "the name of a column", "none") for n in needed if n not in columns]
        if problems:
            raise InputError(problems)
        columns = kind(**columns)
    used = columns.used()
    problems = [
        Problem(f"{part} {shown(name)}", f"a column of {shown(table.name)}", "no such column")
        for part, name in used
        if name not in table.frame
    ]
    names = [name for _, name in used]
    problems += [
        Problem(shown(name), "one part", "the same column in two parts")
        for name in sorted({n for n in names if names.count(n) > 1})
    ]
    if problems:
        raise InputError(problems)
    return columns


def suggest_events(table: Table) -> EventColumns | None:
    """A likely reading of a table of events from its names, for a person to confirm; None where person or date
    cannot be told.
    """
    taken: set[str] = set()
    found: dict[str, Any] = {}
    for part, pattern in _NAMES.items():
        names = [name for name in table.frame if name not in taken and re.search(pattern, name, re.IGNORECASE)]
        if part == "person":  # a mark of two values is of an offence against a person, or of anything but who it was
            names = [name for name in names if table.frame[name].nunique() > 2]
        if part in ("custody_days", "fines"):
            names = [name for name in names if pd.api.types.is_numeric_dtype(table.frame[name])]
        if part == "age" and "birth" in found:
            continue
        own = names if part in _MANY else names[:1]
        if own:
            found[part] = tuple(own) if part in _MANY else own[0]
            taken |= set(own)
    return EventColumns(**found) if {"person", "date"} <= set(found) else None


def suggest_durations(table: Table) -> DurationColumns | None:
    """A likely reading of a table of times until return."""
    names = {name.lower(): name for name in table.frame}

    def first(*patterns: str) -> str | None:
        return next((names[n] for p in patterns for n in names if re.fullmatch(p, n)), None)

    time = first("time", "durat", "duration", "days_to_.*", "time_to_.*", "months_to_.*")
    censored, returned = first("cens", "censored"), first("recid", "returned", "event", "is_recid", "recidivated")
    if time is None or (returned or censored) is None:
        return None
    who = first("person_?id", "id")
    who = who if who is not None and table.frame[who].nunique() > 2 else None
    demographics = [names[n] for n in names if re.fullmatch(r"white|black|race|male|female|sex|gender|ethnic.*", n)]
    return DurationColumns(
        time,
        returned or censored,
        returned_value=1 if returned else 0,
        follow_up=first("follow", "follow_?up"),
        person=who,
        demographics=tuple(demographics),
    )


def is_violent(offence: str) -> bool:
    """Whether an offence class reads like one of F's violent ones: homicide, robbery, threats, assault.

    Sexual ones are apart there.
    """
    return bool(re.search(_VIOLENT, offence, re.IGNORECASE)) and not re.search(r"sex", offence, re.IGNORECASE)


def is_possession(offence: str) -> bool:
    """Whether an offence class reads like possession of drugs."""
    return bool(re.search(_POSSESSION, offence, re.IGNORECASE))
