"""Events with a truth that is known: who offended, and who of them was convicted."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import shown
from recidiv_core.errors import InputError
from recidiv_core.recidivism.columns import EventColumns
from recidiv_core.recidivism.dates import add_months

# Offence class: its share among those not inclined to violence, and among those who are.
_CLASSES = {
    "homicide": (0.001, 0.01),
    "assault": (0.06, 0.36),
    "threats": (0.03, 0.12),
    "robbery": (0.03, 0.16),
    "sexual offence": (0.01, 0.02),
    "burglary": (0.12, 0.06),
    "theft": (0.37, 0.11),
    "fraud": (0.07, 0.02),
    "criminal damage": (0.08, 0.05),
    "drug possession": (0.14, 0.05),
    "public order": (0.089, 0.04),
}
_SERIOUS = ("homicide", "sexual offence", "robbery", "assault", "burglary", "threats")
TRUTH: dict[str, Any] = {
    # Share of each group, how much each offends, and how likely an offence is to end in a conviction. B offends as A
    # does and is watched more; C offends more and is watched as A is.
    "shares": {"A": 0.55, "B": 0.25, "C": 0.20},
    "offending": {"A": 1.0, "B": 1.0, "C": 1.5},
    "detection": {"A": 0.35, "B": 0.65, "C": 0.35},
    # A proxy: where a group lives. Nothing else depends on it.
    "district": {
        "A": {"North": 0.08, "East": 0.46, "South": 0.46},
        "B": {"North": 0.8, "East": 0.1, "South": 0.1},
        "C": {"North": 0.08, "East": 0.46, "South": 0.46},
    },
    # A sub-population in which offending grows with age instead of falling.
    "reversed_share": 0.12,
    "rate": 0.7,
    "male": 0.78,
    "female_rate": 0.6,
    "inclined_to_violence": 0.25,
    "further_charges": 0.45,
    "from": "1995-01-01",
    "to": "2011-02-03",
}
EVENT_COLUMNS = EventColumns(
    "person",
    "court date",
    offence="offence class",
    birth="birth date",
    primary="primary offence",
    weapon="weapon",
    minor_victim="minor victim",
    custody_days=("custody days 1", "custody days 2"),
    fines=("fine 1", "fine 2"),
    demographics=("group", "sex"),
    covariates=("district", "housing", "area offences per 1,000", "area drug offences per 1,000"),
)


@dataclass(frozen=True, eq=False)
class SimulatedEvents:
    """``events``: one row for each offence convicted.

    ``offences``: every offence, convicted or not (person, date, convicted).

    ``truth`` is what was planted; ``columns`` says which column of ``events`` is what.
    """

    events: pd.DataFrame
    offences: pd.DataFrame
    truth: dict[str, Any]
    columns: EventColumns = EVENT_COLUMNS

    def offended(self, person: pd.Series, day: pd.Series, *, years: float | None) -> np.ndarray:
        """Whether each person truly offended after ``day`` within ``years``, seen or not: bool, shape (rows,)."""
        date = day.to_numpy(dtype="datetime64[D]").astype(np.int64)
        own = self.offences["date"].to_numpy(dtype="datetime64[D]").astype(np.int64)
        base, span = own.min(), int(own.max() - own.min()) + 10_000
        keys = np.sort(self.offences["person"].to_numpy().astype(np.int64) * span + own - base)
        asked = person.to_numpy().astype(np.int64) * span - base
        end = asked + (np.full(len(date), own.max()) if years is None else add_months(date, round(12 * years)))
        return np.searchsorted(keys, end, side="right") > np.searchsorted(keys, asked + date, side="right")


def simulate_events(n_people: int, *, random_state: int = 0, truth: Mapping[str, Any] | None = None) -> SimulatedEvents:
    """Convictions of ``n_people``, in the shape of F's Tables 5 to 7.

    Each person offends by a Poisson process whose rate is a personal propensity (exponential) times an age–crime curve
    times their group's
    ``offending``; each offence ends in a conviction with their group's ``detection``, independently. So among
    appearances the true risk of offending again does not depend on detection, while measured history and measured
    outcomes do. Nobody is incapacitated by a sentence.

    Parameters
    ----------
    n_people : int
        People with at least one conviction.
    truth : mapping
        Changes to ``TRUTH``, by key.
    """
    if n_people < 1:
        raise InputError.one("n_people", "at least 1", f"{n_people}")
    planted = copy.deepcopy(TRUTH) | dict(truth or {})
    if unknown := set(planted) - set(TRUTH):
        raise InputError.one("truth", f"keys among {', '.join(TRUTH)}", shown(sorted(unknown)[0], 40))
    random = np.random.default_rng(random_state)
    parts, n_found, n_drawn = [], 0, 0
    while n_found < n_people:
        batch = max(1_000, int(1.3 * (n_people - n_found)))
        people, offences = _drawn(batch, planted, random)
        seen = np.unique(offences["person"][offences["convicted"]])[: n_people - n_found]
        own = offences[np.isin(offences["person"], seen)]
        parts.append((people.loc[seen].assign(person=seen + n_drawn), own.assign(person=own["person"] + n_drawn)))
        n_found, n_drawn = n_found + len(seen), n_drawn + batch
    people = pd.concat([part[0] for part in parts]).set_index("person", drop=False)
    offences = pd.concat([part[1] for part in parts], ignore_index=True)
    # Ids that do not tell the order in which people were drawn.
    ids = pd.Series(random.permutation(len(people)) + 1, index=people.index)
    events = _events(people, offences[offences["convicted"]], planted, random)
    events["person"] = ids.loc[events["person"]].to_numpy()
    offences["person"] = ids.loc[offences["person"]].to_numpy()
    return SimulatedEvents(events.sort_values(["person", "court date"], ignore_index=True), offences, planted)


def _drawn(n: int, planted: Mapping[str, Any], random: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """n people, and all their offences."""
    groups = list(planted["shares"])
    group = random.choice(len(groups), n, p=np.array(list(planted["shares"].values())))
    male = random.random(n) < planted["male"]
    reversed_ = random.random(n) < planted["reversed_share"]
    first, last = (np.datetime64(planted[key], "D").astype(int) for key in ("from", "to"))
    born = random.integers(
        np.datetime64("1940-01-01", "D").astype(int), np.datetime64("1993-01-01", "D").astype(int), n
    )
    district = np.empty(n, dtype=object)
    for code, name in enumerate(groups):
        where = planted["district"][name]
        own = group == code
        district[own] = random.choice(list(where), own.sum(), p=list(where.values()))
    propensity = random.exponential(1.0, n) * np.where(male, 1.0, planted["female_rate"])
    offending = np.array([planted["offending"][name] for name in groups])[group]
    most = planted["rate"] * propensity * offending * (last - first) / 365.25
    n_most = random.poisson(most)
    person = np.repeat(np.arange(n), n_most)
    date = random.integers(first, last + 1, len(person))
    age = (date - born[person]) / 365.25
    kept = random.random(len(person)) < _curve(age, reversed_[person])
    person, date = person[kept], date[kept]
    detection = np.array([planted["detection"][name] for name in groups])[group]
    offences = pd.DataFrame(
        {
            "person": person,
            "date": date.astype("datetime64[D]").astype("datetime64[s]"),
            "convicted": random.random(len(person)) < detection[person],
        }
    )
    people = pd.DataFrame(
        {
            "group": np.array(groups, dtype=object)[group],
            "sex": np.where(male, "Male", "Female"),
            "district": district,
            "housing": np.where(reversed_, "hostel", "own or rented"),
            "birth date": born.astype("datetime64[D]").astype("datetime64[s]"),
            "violent": random.random(n) < planted["inclined_to_violence"],
        }
    )
    return people, offences


def _curve(age: np.ndarray, is_reversed: np.ndarray) -> np.ndarray:
    """Offending by age, at most 1: none under 10, a peak at 19, then down to a fifth; reversed, up from a fifth."""
    rise = np.clip((age - 10) / 9, 0, 1)
    fall = np.exp(-np.clip(age - 19, 0, None) / 9)
    usual = rise * (0.08 + 0.92 * fall)
    other = rise * (1 - 0.92 * fall)
    return np.where(is_reversed, other, usual)


def _events(
    people: pd.DataFrame, convicted: pd.DataFrame, planted: Mapping[str, Any], random: np.random.Generator
) -> pd.DataFrame:
    """One row for each offence convicted: several on one day of court, one of them primary."""
    n_charges = 1 + random.poisson(planted["further_charges"], len(convicted))
    row = np.repeat(np.arange(len(convicted)), n_charges)
    person = convicted["person"].to_numpy()[row]
    names = np.array(list(_CLASSES), dtype=object)
    shares = np.array(list(_CLASSES.values())) / np.array(list(_CLASSES.values())).sum(axis=0)
    own = people.loc[person]
    violent = own["violent"].to_numpy()
    offence = np.empty(len(row), dtype=np.int64)
    for kind in (False, True):
        here = violent == kind
        offence[here] = random.choice(len(names), here.sum(), p=shares[:, int(kind)])
    rank = np.array([_SERIOUS.index(name) if name in _SERIOUS else len(_SERIOUS) for name in names])[offence]
    order = np.lexsort((np.arange(len(row)), rank, row))
    primary = np.zeros(len(row), bool)
    primary[order[np.r_[True, row[order][1:] != row[order][:-1]]]] = True
    serious = rank < len(_SERIOUS)
    custody = random.random((2, len(row))) < np.where(serious, 0.35, 0.08) * np.array([[1.0], [0.2]])
    days = np.where(custody, random.choice([7, 14, 30, 60, 120, 180, 360, 720], (2, len(row))), 0)
    fined = random.random((2, len(row))) < np.where(serious, 0.1, 0.4) * np.array([[1.0], [0.15]])
    fine = np.where(fined, np.round(random.gamma(2.0, 60.0, (2, len(row))), 2), 0.0)
    weapon = np.where(
        serious & (random.random(len(row)) < 0.12),
        random.choice(["knife", "gun", "other"], len(row), p=[0.7, 0.1, 0.2]),
        None,
    )
    area = {"North": (92.4, 6.1), "East": (61.7, 3.9), "South": (58.2, 4.4)}
    where = own["district"].to_numpy()
    return pd.DataFrame(
        {
            "person": person,
            "court date": convicted["date"].to_numpy()[row],
            "offence class": names[offence],
            "primary offence": primary,
            "weapon": weapon,
            "minor victim": random.random(len(row)) < np.where(names[offence] == "sexual offence", 0.4, 0.03),
            "custody days 1": days[0],
            "custody days 2": days[1],
            "fine 1": fine[0],
            "fine 2": fine[1],
            "birth date": own["birth date"].to_numpy(),
            "group": own["group"].to_numpy(),
            "sex": own["sex"].to_numpy(),
            "district": where,
            "housing": own["housing"].to_numpy(),
            "area offences per 1,000": [area.get(name, (60.0, 4.0))[0] for name in where],
            "area drug offences per 1,000": [area.get(name, (60.0, 4.0))[1] for name in where],
        }
    )
