"""From rows, one for each offence, to appearances: one person on one day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from recidiv_core.data import Table, as_groups, shown
from recidiv_core.data.tables import MISSING_GROUP
from recidiv_core.errors import InputError
from recidiv_core.recidivism.columns import EventColumns
from recidiv_core.recidivism.dates import NO_DAY, as_days, day_text

MAX_CLASSES = 60
_NO = {"", "0", "0.0", "no", "n", "none", "false", "f", MISSING_GROUP.lower()}
Note = Callable[..., None]


@dataclass(frozen=True, eq=False)
class Appearances:
    """The m usable events, sorted by person and day, and the k appearances that they make.

    ``event_of`` (m,) is each event's appearance; ``person``, ``day``, ``release`` (k,) are codes and days; ``primary``
    (k,) is the row of the table that stands for the appearance. ``offence`` (m,) are codes of ``classes``, −1 where
    missing.
    """

    rows: np.ndarray
    event_of: np.ndarray
    person: np.ndarray
    day: np.ndarray
    release: np.ndarray
    primary: np.ndarray
    offence: np.ndarray
    classes: tuple[str, ...]
    cutoff: int

    def first_of_person(self) -> np.ndarray:
        """The position of each appearance's person's first appearance, shape (k,)."""
        starts = np.flatnonzero(np.r_[True, self.person[1:] != self.person[:-1]])
        return np.repeat(starts, np.diff(np.r_[starts, len(self.person)]))

    def total(self, values: np.ndarray) -> np.ndarray:
        """``values`` (m,) of the events added up over each appearance, shape (k,)."""
        return np.bincount(self.event_of, weights=values, minlength=len(self.person))

    def has(self, classes: Sequence[str]) -> np.ndarray:
        """Whether any offence of each appearance is of one of ``classes``, shape (k,)."""
        wanted = np.isin(np.array(self.classes, dtype=object), list(classes))
        return self.total(np.r_[wanted, False][self.offence].astype(float)) > 0


def appearances(
    table: Table, columns: EventColumns, *, cutoff: str | None, violent: Sequence[str], note: Note
) -> Appearances:
    """Sort, drop what cannot be placed in time, and join what happened to one person on one day.

    ``note(step, issue, solution, n_rows, n_left)`` is called for everything done. The appearance is told by its primary
    offence: the one marked so, else that with most days in custody, the largest fine, a violent class, the first in the
    alphabet.
    """
    frame = table.frame
    people = as_groups(frame[columns.person])
    day = dated(frame, columns, columns.date, note)
    keep = np.ones(len(frame), bool)

    def drop(bad: np.ndarray, issue: str, solution: str) -> None:
        n = int((keep & bad).sum())
        keep[bad] = False
        note("excluded", issue, solution, n, int(keep.sum()))

    nowhere = "left out: it cannot be placed in anybody's history"
    drop((people == MISSING_GROUP).to_numpy(), f"no {shown(columns.person)}", nowhere)
    drop(day == NO_DAY, f"no readable date in {shown(columns.date)}", nowhere)
    last = _cutoff(day[keep], cutoff, columns)
    drop(day > last, f"dated after the cut-off, {day_text(last)}", "left out, also as a return")
    if not keep.any():
        raise InputError.one("events", "rows with a person and a date up to the cut-off", "none")
    offence, classes = _classes(frame, columns)
    rows = _sorted(frame, columns, np.flatnonzero(keep), people, day, offence, classes, violent)
    codes = pd.factorize(people.to_numpy()[rows])[0]
    starts = np.r_[True, (codes[1:] != codes[:-1]) | (day[rows][1:] != day[rows][:-1])]
    primary = rows[starts]
    n_simultaneous = len(rows) - len(primary)
    note(
        "reduced",
        "several offences of one person on one day",
        "the primary offence stands for the day; the others stay in the history",
        n_simultaneous,
        len(primary),
    )
    event_of = np.cumsum(starts) - 1
    release = day[primary]
    if columns.release is not None:
        release = _released(frame, columns, rows, event_of, release, note)
    return Appearances(
        rows=rows,
        event_of=event_of,
        person=codes[starts],
        day=day[primary],
        release=release,
        primary=primary,
        offence=offence[rows],
        classes=classes,
        cutoff=last,
    )


def _released(
    frame: pd.DataFrame, columns: EventColumns, rows: np.ndarray, event_of: np.ndarray, day: np.ndarray, note: Note
) -> np.ndarray:
    """The day of release (n_events,) for events on ``day``; what cannot be believed is read as not released."""
    release = dated(frame, columns, columns.release, note)
    unread = int(((release == NO_DAY) & frame[columns.release].notna().to_numpy()).sum())
    # The last release of the day's offences; one that lies before its own event is not to be believed.
    latest = np.full(len(day), NO_DAY)
    np.maximum.at(latest, event_of, release[rows])
    n_before = int(((latest != NO_DAY) & (latest < day)).sum())
    for n, issue in (
        (unread, f"no readable date in {shown(columns.release)}"),
        (n_before, f"{shown(columns.release)} before {shown(columns.date)}"),
    ):
        if n:
            note("noticed", issue, "read as not released", n, len(day))
    return np.where(latest < day, NO_DAY, latest)


def dated(frame: pd.DataFrame, columns: EventColumns, name: str, note: Note | None = None) -> np.ndarray:
    """A column of dates as days, shape (rows,).

    Day and month stand in one order in all of a file's date columns: that which fits most.
    """
    own = [frame[c] for c in (columns.date, columns.release, columns.birth) if c is not None]
    day, said = as_days(frame[name], together=own)
    if said and note is not None:
        note("noticed", f"dates in {shown(name)}", said, None, len(frame))
    return day


def _cutoff(day: np.ndarray, cutoff: str | None, columns: EventColumns) -> int:
    """The last day that was watched: as given, else the latest event that is not in the future (a date such as
    9999-12-31 stands for none).
    """
    today = int(np.datetime64("today", "D").astype(np.int64))
    if cutoff is not None:
        day_asked = parsed_day(cutoff, "cutoff")
        if day_asked > today:
            raise InputError.one(
                "cutoff", "a day that is over: nobody has watched the days to come", "one in the future"
            )
        return day_asked
    past = day[day <= today]
    if not len(past):
        raise InputError.one(shown(columns.date), "dates up to today", "none")
    return int(past.max())


def parsed_day(text: str, where: str) -> int:
    """One ISO date as a day."""
    value = pd.to_datetime(str(text), errors="coerce", format="ISO8601")
    if value is pd.NaT:
        raise InputError.one(where, "a date like 2006-02-03", shown(text, 40))
    return int(np.datetime64(value, "D").astype(np.int64))


def _classes(frame: pd.DataFrame, columns: EventColumns) -> tuple[np.ndarray, tuple[str, ...]]:
    if columns.offence is None:
        return np.full(len(frame), -1), ()
    names = as_groups(frame[columns.offence])
    codes, classes = pd.factorize(names.mask(names == MISSING_GROUP), sort=True)
    if len(classes) > MAX_CLASSES:
        raise InputError.one(
            f"offence {shown(columns.offence)}",
            f"at most {MAX_CLASSES} offence classes",
            f"{len(classes):,}; group them first",
        )
    return codes, tuple(map(str, classes))


def _sorted(
    frame: pd.DataFrame,
    columns: EventColumns,
    rows: np.ndarray,
    people: pd.Series,
    day: np.ndarray,
    offence: np.ndarray,
    classes: Sequence[str],
    violent: Sequence[str],
) -> np.ndarray:
    """The rows by person and day, the primary offence of each day first, whatever order the file had."""
    own = frame.iloc[rows]
    rank = np.r_[[name not in set(violent) for name in classes], True].astype(int)[offence[rows]]
    keys = [pd.factorize(people.to_numpy()[rows], sort=True)[0], day[rows]]
    if columns.primary is not None:
        keys.append(~yes(own[columns.primary]))
    keys += [-amount(own, columns.custody_days), -amount(own, columns.fines), rank, offence[rows]]
    # What else tells two rows apart decides last, so that the file's order never does.
    rest = [n for n in (*columns.demographics, *columns.covariates, columns.age, columns.birth) if n is not None]
    keys += [pd.factorize(as_groups(own[name]), sort=True)[0] for name in rest]
    return rows[np.lexsort(keys[::-1])]


def yes(column: pd.Series) -> np.ndarray:
    """Whether each cell says yes: anything but empty, 0, no, none or false."""
    return ~as_groups(column).str.lower().isin(_NO).to_numpy()


def amount(frame: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """Non-negative amounts added up over columns, shape (rows,); what is missing, negative or no number counts as
    none.
    """
    total = np.zeros(len(frame))
    for name in names:
        values = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        total += np.where(np.isfinite(values) & (values > 0), values, 0.0)
    return total
