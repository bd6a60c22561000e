"""Criminal history as it was known on the day of each appearance: F's Tables 5 and 6."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from recidiv_core.recidivism.appearances import Appearances, amount, dated, yes
from recidiv_core.recidivism.columns import EventColumns
from recidiv_core.recidivism.dates import DAYS_PER_YEAR, NO_DAY

AGE_RISK = (25.0, 40.0)  # where the age–crime curve has come down by about half, and to about a fifth of its peak
_ADULT = 18


def history(
    frame: pd.DataFrame,
    columns: EventColumns,
    found: Appearances,
    *,
    ages: tuple[float, float],
    possession: Sequence[str],
    age_risk: tuple[float, float],
) -> pd.DataFrame:
    """One row for each appearance, shape (k, features).

    Everything counts the day itself and what was before, nothing later.

    ``ages`` is the feasible range; an age outside is missing here. The diversity index is 1 − Σ p² over the shares p of
    the offence classes, 0 to 1 − 1/K with K classes. What no column tells is not made.
    """
    first = found.first_of_person()
    made: dict[str, np.ndarray] = {}

    def running(values: np.ndarray) -> np.ndarray:
        """Each person's sum up to and with each appearance."""
        total = np.cumsum(values)
        return total - (total - values)[first]

    made |= _ages(frame, columns, found, first, ages, age_risk)
    made["appearances"] = running(np.ones(len(first)))
    made["offences"] = running(found.total(np.ones(len(found.rows))))
    since = np.r_[np.nan, np.diff(found.day).astype(float)] / DAYS_PER_YEAR
    made["years since last appearance"] = np.where(first == np.arange(len(first)), np.nan, since)
    for code, name in enumerate(found.classes):
        made[f"lifetime offences: {name}"] = running(found.total(found.offence == code))
    if found.classes:
        made["diversity index"] = _diversity(found, running)
    if possession:
        made["ever possessed drugs"] = running(found.has(possession).astype(float)) > 0
    own = frame.iloc[found.rows]
    for part, title in (("weapon", "ever involved a weapon"), ("minor_victim", "ever targeted a minor")):
        name = getattr(columns, part)
        if name is not None:
            made[title] = running(found.total(yes(own[name]))) > 0
    for part, ever, now, lifetime in (
        ("custody_days", "ever sentenced to custody", "custody days", "custody days over lifetime"),
        ("fines", "ever fined", "fine", "fine over lifetime"),
    ):
        names = getattr(columns, part)
        if names:
            made[now] = found.total(amount(own, names))
            made[lifetime] = running(made[now])
            made[ever] = made[lifetime] > 0
    return pd.DataFrame(made)


def age_at(frame: pd.DataFrame, columns: EventColumns, day: np.ndarray) -> np.ndarray:
    """Age in whole years on ``day``, shape (rows,), NaN where it is not known."""
    if columns.birth is not None:
        born = dated(frame, columns, columns.birth)
        both = (born != NO_DAY) & (day != NO_DAY)
        a, b = (np.where(both, x, 0).astype("datetime64[D]") for x in (day, born))
        months = (a.astype("datetime64[M]") - b.astype("datetime64[M]")).astype(int)
        into = [(x - x.astype("datetime64[M]").astype("datetime64[D]")).astype(int) for x in (a, b)]
        return np.where(both, (months - (into[0] < into[1])) // 12, np.nan)
    if columns.age is None:
        return np.full(len(frame), np.nan)
    age = pd.to_numeric(frame[columns.age], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    if columns.age_on is not None:
        asked = np.datetime64(pd.Timestamp(columns.age_on), "D").astype(np.int64)
        # A whole age stands for half a year more, on average: the age on the event is right to within a year.
        half = 0.5 if (np.nan_to_num(age) % 1 == 0).all() else 0.0
        age = age + half - (asked - day) / DAYS_PER_YEAR
    return np.floor(age)


def _ages(
    frame: pd.DataFrame,
    columns: EventColumns,
    found: Appearances,
    first: np.ndarray,
    ages: tuple[float, float],
    age_risk: tuple[float, float],
) -> dict[str, np.ndarray]:
    if columns.age is None and columns.birth is None:
        return {}
    age = age_at(frame.iloc[found.primary], columns, found.day)
    age = np.where((age >= ages[0]) & (age <= ages[1]), age, np.nan)
    youngest = pd.Series(age).groupby(first).cummin().groupby(first).ffill().to_numpy()
    risk = np.array(["low", "high", "medium", "low"], dtype=object)[
        1 + np.searchsorted(age_risk, np.nan_to_num(age), side="right")
    ]
    return {
        "age": age,
        "minor": np.where(np.isnan(age), np.nan, age < _ADULT),
        "age at first appearance": youngest,
        "age–crime risk": np.where(np.isnan(age), None, risk),
    }


def _diversity(found: Appearances, running) -> np.ndarray:
    """1 − Σ p²: with each offence of a class that occurred n times before, Σ n² grows by 2n + 1."""
    known = found.offence >= 0
    person = found.person[found.event_of]
    before = pd.Series(person[known]).groupby([person[known], found.offence[known]]).cumcount().to_numpy()
    growth = np.zeros(len(known))
    growth[known] = 2 * before + 1
    squares, n = running(found.total(growth)), running(found.total(known.astype(float)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(n > 0, 1 - squares / n**2, np.nan)
