"""What the room makes: a table with outcomes, and the ledger of how it came about."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from recidiv_core.data import LedgerEntry, Roles, Table, shown
from recidiv_core.errors import InputError, Problem
from recidiv_core.plain import plain

GENERAL, VIOLENT = "", "violent"


@dataclass(frozen=True)
class Outcome:
    """One outcome: within ``years`` (None: at any time), of offences of ``kind`` ("": any), and how many rows can
    say.
    """

    name: str
    years: float | None
    kind: str
    n: int
    n_returned: int
    n_too_short: int


@dataclass(frozen=True, eq=False)
class RecidivismData:
    """Outcomes and history, one row for each appearance or release.

    Attributes
    ----------
    table : DataFrame
        Id, date, demographics, features and the outcomes (1, 0, missing where the window is too short).
    ledger : DataFrame
        step, issue, solution, n_rows, n_left, as F's Table 7.
    outcomes : dict of name -> Outcome
    codebook : DataFrame
        offence, n, violent, possession: what counts as what.
    follow_up : dict of kind of return -> DataFrame
        time (years at risk until the first return or the end), returned; row for row with ``table``. "" is any return.
    """

    table: pd.DataFrame
    ledger: pd.DataFrame
    outcomes: dict[str, Outcome]
    codebook: pd.DataFrame
    follow_up: dict[str, pd.DataFrame]
    features: tuple[str, ...]
    demographics: tuple[str, ...]
    person: str | None
    source: dict[str, Any]
    options: dict[str, Any]
    room: ClassVar[str] = "recidivism"

    def __len__(self) -> int:
        return len(self.table)

    def as_table(self) -> Table:
        """The table with its ledger, for the rooms that read tables."""
        identity = json.dumps([self.source["sha256"], plain(self.options)], sort_keys=True, default=str)
        entries = tuple(
            LedgerEntry(
                row.step,
                f"{row.issue}: {row.solution}",
                None if pd.isna(row.n_rows) else int(row.n_rows),
                int(row.n_left),
            )
            for row in self.ledger.itertuples()
        )
        return Table(self.table, self.source["name"], hashlib.sha256(identity.encode()).hexdigest(), entries)

    @property
    def dataset(self) -> dict[str, Any]:
        """Name, rows and digest, as every result has them."""
        return {"name": self.source["name"], "n": len(self), "sha256": self.source["sha256"]}

    @property
    def roles(self) -> Roles:
        """The roles for the first outcome."""
        return self.roles_for()

    @property
    def attributes(self) -> tuple[str, ...]:
        """The protected attributes."""
        return self.demographics

    @property
    def decided(self) -> dict[str, Any]:
        """The outcomes made."""
        return {"outcomes": list(self.outcomes)}

    def roles_for(self, outcome: str | None = None) -> Roles:
        """Roles for one outcome (the first): features are the history, protected attributes the demographics."""
        label = next(iter(self.outcomes), "(withheld)") if outcome is None else outcome
        return Roles(label, sensitive=self.demographics, features=self.features, id=self.person)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: counts, never rows."""
        return plain(
            {
                "source": self.source,
                "options": self.options,
                "n": len(self),
                "ledger": self.ledger,
                "outcomes": [vars(outcome) for outcome in self.outcomes.values()],
                "codebook": self.codebook,
            }
        )


class Ledger:
    """What was done, in order."""

    def __init__(self, n: int):
        self.rows: list[tuple[str, str, str, int | None, int]] = [("read", "all rows", "read", n, n)]

    def note(self, step: str, issue: str, solution: str, n_rows: int | None, n_left: int) -> None:
        self.rows.append((step, issue, solution, n_rows, n_left))

    def frame(self) -> pd.DataFrame:
        frame = pd.DataFrame(self.rows, columns=["step", "issue", "solution", "n_rows", "n_left"])
        return frame.astype({"n_rows": "Int64"})


def months_of(horizons: Sequence[float | None]) -> list[int | None]:
    found: list[int | None] = []
    for years in horizons:
        months = None if years is None else 12 * float(years)
        if months is not None and not (months > 0 and abs(months - round(months)) < 1e-9):
            raise InputError.one("horizons", "years that make whole months, or None for any time", repr(years)[:40])
        found.append(None if months is None else round(months))
    if not found:
        raise InputError.one("horizons", "at least one", "none")
    return list(dict.fromkeys(found))


def outcome_name(kind: str, months: int | None) -> str:
    lead = f"{kind} recidivism" if kind else "recidivism"
    if months is None:
        return f"{lead} at any time"
    years, rest = divmod(months, 12)
    span = f"{years} year{'s' if years != 1 else ''}" if not rest else f"{months} months"
    return f"{lead} within {span}"


def check_names(frame: pd.DataFrame, names: Iterable[str]) -> None:
    """Refuse a file that has a column of an outcome's name already: which of the two is meant could not be told."""
    if taken := [name for name in names if name in frame]:
        raise InputError([Problem(shown(name), "no column of that name in the file", "one") for name in taken])


def counted(
    made: Mapping[str, tuple[str, int | None, np.ndarray, np.ndarray]], keep: np.ndarray, ledger: Ledger
) -> tuple[dict[str, Outcome], pd.DataFrame]:
    """The outcomes of the rows kept, with the windows too short for each; rows that no outcome can use go."""
    usable = np.zeros(len(keep), bool)
    outcomes, values = {}, {}
    seen_months = set()
    for name, (kind, months, came, whole) in made.items():
        whole = whole & keep
        usable |= whole
        n_short = int((keep & ~whole).sum())
        if months is not None and months not in seen_months:
            seen_months.add(months)
            ledger.note(
                "set aside",
                f"watched for less than {outcome_name('', months).removeprefix('recidivism within ')}",
                "no value of outcomes within it, returned or not",
                n_short,
                int(whole.sum()),
            )
        years = None if months is None else months / 12
        outcomes[name] = Outcome(
            name=name,
            years=years,
            kind=kind,
            n=int(whole.sum()),
            n_returned=int((came & whole).sum()),
            n_too_short=n_short,
        )
        values[name] = np.where(whole, came.astype(float), np.nan)
    if not usable.any():
        raise InputError.one(
            "horizons",
            "a window that ends before the cut-off for some rows",
            "none; choose a shorter one or a later cut-off",
        )
    if (keep & ~usable).any():
        ledger.note(
            "excluded",
            "watched too briefly for every outcome",
            "left out",
            int((keep & ~usable).sum()),
            int(usable.sum()),
        )
    keep &= usable
    return outcomes, pd.DataFrame(values)
