"""Attacks on a copy as Giomi et al. (2022) publish them: singling out, linkability and attribute inference.

Each is tried on training records, on as many holdout records (what it gains from people who are like the others, and
whom the copy has not seen), and by guessing. The risk is what it gains on training records beyond what it gains on the
holdout: (r − c) / (1 − c), their equation 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist

from recidiv_core.plain import plain
from recidiv_core.privacy.distances import Progress
from recidiv_core.privacy.schema import Schema, spelled
from recidiv_core.stats import ratio_bounds, wilson

N_ATTACKS = 500
TOLERANCE = 0.05  # a guessed number counts that is off by no more than this share of the true one
_COLUMNS = 3  # of a predicate with several
_TRIES = 20  # predicates drawn for each that is kept
_BLOCK = 100
_ORDER = [
    "attack",
    "about",
    "n",
    "rate",
    "control",
    "baseline",
    "risk",
    "low",
    "high",
    "reason",
    "rate_low",
    "rate_high",
    "control_low",
    "control_high",
    "baseline_low",
    "baseline_high",
]
_NOT_TRUSTED = "not to be trusted: the attack does no better than guessing"


@dataclass(frozen=True, eq=False)
class AttackAudit:
    """``table``: one row per attack: attack, about, n (attacks), rate on training records, control (on the holdout),
    baseline (by guessing), each with bounds, risk with low and high, and ``reason`` where the figure says nothing.
    """

    table: pd.DataFrame
    options: dict[str, Any]

    @property
    def worst(self) -> pd.Series | None:
        """Of the attacks that can be trusted the one that gains most beyond chance, else the one with the highest
        risk.
        """
        trusted = self.table[self.table["reason"] == ""]
        if trusted.empty:
            return None
        # One that is beyond chance before one that may be larger.
        return (
            trusted.loc[trusted.sort_values(["low", "risk"]).index[-1]]
            if (trusted["low"] > 0).any()
            else trusted.loc[trusted["risk"].idxmax()]
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return plain({"table": self.table, "options": self.options})


def audit_attacks(
    real_train: pd.DataFrame,
    synthetic: pd.DataFrame,
    *,
    holdout: pd.DataFrame,
    schema: Schema,
    secrets: Sequence[str],
    n_attacks: int = N_ATTACKS,
    random_state: int = 0,
    confidence_level: float = 0.95,
    progress: Progress = None,
) -> AttackAudit:
    """Try every attack.

    ``secrets`` are columns whose values are guessed from all others. Training records and holdout are drawn down to the
    same number, so that a predicate is as likely to single out in one as in the other. Intervals are about other
    targets, Wilson's for rates; those of the risks are Donner and Zou's for the ratio (1 − r) / (1 − c), simultaneous
    over the attacks (Bonferroni).
    """
    random = np.random.default_rng(random_state)
    n = min(len(real_train), len(holdout))
    targets = [t.iloc[np.sort(random.choice(len(t), n, replace=False))] for t in (real_train, holdout)]
    tables = [_Columns(frame, schema) for frame in (*targets, synthetic)]
    secrets = [name for name in secrets if name in schema.columns and len(schema.columns) > 1]
    order = [schema.columns[i] for i in random.permutation(len(schema.columns))]
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    several = min(_COLUMNS, len(schema.columns))
    jobs: list[tuple[str, str, Any]] = [
        (
            "singling out",
            "one column",
            lambda: _singling_out(tables, _unique_values(tables[2], n_attacks, random), 1, n_attacks, random),
        ),
        (
            "singling out",
            f"{several} columns together",
            lambda: _singling_out(tables, _unique_rows(tables[2], n_attacks, random), several, n_attacks, random),
        ),
        *(("inference", secret, lambda s=secret: _inference(tables, s, n_attacks, random)) for secret in secrets),
    ]
    if len(schema.columns) > 1:
        jobs.append(
            (
                "linkability",
                "one half of the columns with the other",
                lambda: _linkability(tables, halves, n_attacks, random),
            )
        )
    rows = []
    for position, (attack, about, tried) in enumerate(jobs):
        if progress is not None:
            progress(position / len(jobs), f"attack: {attack}, {about[:40]}")
        rows.append({"attack": attack, "about": about} | _judged(*tried(), confidence_level, len(jobs)))
    return AttackAudit(
        pd.DataFrame(rows)[_ORDER],
        {
            "n_attacks": n_attacks,
            "n_targets": n,
            "halves": halves,
            "random_state": int(random_state),
            "confidence_level": confidence_level,
        },
    )


def _judged(
    main: np.ndarray, control: np.ndarray, baseline: np.ndarray, confidence_level: float, n_attacks: int = 1
) -> dict[str, Any]:
    """Rates and risk of three series of attacks, each (attacks,) bool; the risk's bounds are those of ``n_attacks``
    risks together (Bonferroni).
    """
    made: dict[str, Any] = {"n": len(main)}
    for name, own in (("rate", main), ("control", control), ("baseline", baseline)):
        rate = float(own.mean()) if len(own) else float("nan")
        low, high = wilson(rate, len(own), confidence_level=confidence_level)
        made |= {name: rate, f"{name}_low": float(low), f"{name}_high": float(high)}
    nothing = {"risk": float("nan"), "low": float("nan"), "high": float("nan")}
    if not len(main):
        return made | nothing | {"reason": "nothing singles anybody out in the copy"}
    if made["control"] == 1:
        return made | nothing | {"reason": "succeeds on everybody, seen or not: nothing is left to gain"}
    each = 1 - (1 - confidence_level) / n_attacks
    (low, high), (control_low, control_high) = (
        wilson(made[n], len(own), confidence_level=each) for n, own in (("rate", main), ("control", control))
    )
    rest, control = 1 - made["rate"], 1 - made["control"]
    ratio_low, ratio_high = ratio_bounds(rest, 1 - high, 1 - low, control, 1 - control_high, 1 - control_low)
    reason = _NOT_TRUSTED if made["rate"] <= made["baseline"] else ""
    return made | {
        "risk": 1 - rest / control,
        "low": float(1 - ratio_high),
        "high": float(1 - ratio_low),
        "reason": reason,
    }


class _Columns:
    """A table's columns as arrays of one type: numbers as float64, levels as text."""

    def __init__(self, frame: pd.DataFrame, schema: Schema):
        self.schema, self.n = schema, len(frame)
        self.values = {
            name: pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
            for name in schema.numbers
        }
        self.values |= {name: spelled(frame[name]).to_numpy(dtype=object) for name in schema.categories}

    def points(self, names: Sequence[str]) -> np.ndarray:
        """Some columns as points between which the sum of differences is Gower's distance times their number."""
        own = self.schema.only(names)
        return own.points(pd.DataFrame({name: self.values[name] for name in names}), order=1)


def _meets(values: np.ndarray, operator: str, value: Any) -> np.ndarray:
    if operator == "==":
        return (values == value) | ((value != value) & (values != values))
    return values >= value if operator == ">=" else values <= value


Predicate = tuple[tuple[str, str, Any], ...]


def _n_met(table: _Columns, predicate: Predicate) -> int:
    """How many rows meet every part."""
    met = np.ones(table.n, bool)
    for name, operator, value in predicate:
        met &= _meets(table.values[name], operator, value)
    return int(met.sum())


def _unique_values(copy: _Columns, n: int, random: np.random.Generator) -> list[Predicate]:
    """One column: values that one record of the copy has, and the ends of its numbers."""
    found: list[Predicate] = []
    for name, values in copy.values.items():
        known = values[values == values]
        own, counts = np.unique(known.astype(str) if known.dtype == object else known, return_counts=True)
        found += [((name, "==", value),) for value in own[counts == 1]]
        if name in copy.schema.numbers and len(own):
            found += [((name, "<=", own[0]),), ((name, ">=", own[-1]),)]
    found = [predicate for predicate in found if _n_met(copy, predicate) == 1]
    return [found[i] for i in np.sort(random.permutation(len(found))[:n])]


def _unique_rows(copy: _Columns, n: int, random: np.random.Generator) -> list[Predicate]:
    """Several columns of a record of the copy that it alone has: its levels, and numbers at least, or at most, as
    far out as its own.
    """
    names = copy.schema.columns
    middle = {
        name: np.nanmedian(copy.values[name]) for name in copy.schema.numbers if np.isfinite(copy.values[name]).any()
    }
    found: dict[Predicate, None] = {}
    for _ in range(_TRIES * n):
        row = int(random.integers(copy.n))
        some = sorted(random.choice(len(names), min(_COLUMNS, len(names)), replace=False))
        predicate = tuple(_part(name, copy.values[name][row], middle.get(name)) for name in (names[i] for i in some))
        if predicate not in found and _n_met(copy, predicate) == 1:
            found[predicate] = None
        if len(found) == n:
            break
    return list(found)


def _part(name: str, value: Any, middle: float | None) -> tuple[str, str, Any]:
    if middle is None or value != value:
        return name, "==", value
    return name, ">=" if value > middle else "<=", value


def _singling_out(
    tables: Sequence[_Columns], predicates: list[Predicate], n_columns: int, n: int, random: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """Whether each predicate is met by exactly one record; by guessing: predicates of random columns, operators and
    values.
    """
    train, holdout, copy = tables
    guesses = [_guess(copy, n_columns, random) for _ in range(len(predicates) or n)]
    return tuple(
        np.array([_n_met(t, p) == 1 for p in own], bool)
        for t, own in ((train, predicates), (holdout, predicates), (train, guesses))
    )


def _guess(copy: _Columns, n_columns: int, random: np.random.Generator) -> Predicate:
    names = copy.schema.columns
    made = []
    for i in random.choice(len(names), n_columns, replace=False):
        name = names[i]
        if name in copy.schema.numbers:
            low, high = copy.schema.numbers[name]
            made.append((name, random.choice([">=", "<="]), random.uniform(low, high)))
        else:
            made.append((name, "==", random.choice(np.array(copy.schema.categories[name], dtype=object))))
    return tuple(made)


def _nearest(queries: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The position of the nearest reference row of each query, by Gower's distance."""
    parts = [
        cdist(queries[i : i + _BLOCK], reference, "cityblock").argmin(axis=1) for i in range(0, len(queries), _BLOCK)
    ]
    return np.concatenate(parts) if parts else np.empty(0, int)


def _some(n: int, n_attacks: int, random: np.random.Generator) -> np.ndarray:
    return np.sort(random.choice(n, min(n, n_attacks), replace=False))


def _linkability(
    tables: Sequence[_Columns], halves: Sequence[Sequence[str]], n: int, random: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """Whether the record of the copy nearest by half of the columns is also the nearest by the others; by guessing:
    two random ones.
    """
    copy = tables[2]
    reference = [copy.points(names) for names in halves]

    def linked(table: _Columns) -> np.ndarray:
        some = _some(table.n, n, random)
        first, second = (_nearest(table.points(names)[some], ref) for names, ref in zip(halves, reference, strict=True))
        return first == second

    guesses = random.integers(copy.n, size=(2, min(n, tables[0].n)))
    return linked(tables[0]), linked(tables[1]), guesses[0] == guesses[1]


def _inference(tables: Sequence[_Columns], secret: str, n: int, random: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Whether the nearest record of the copy, by all other columns, has the target's secret; by guessing: any record
    of the copy.
    """
    copy = tables[2]
    names = [name for name in copy.schema.columns if name != secret]
    reference, told = copy.points(names), copy.values[secret]

    def is_right(table: _Columns, guess: Any) -> np.ndarray:
        some = _some(table.n, n, random)
        true, guessed = table.values[secret][some], told[guess(table, some)]
        if secret in copy.schema.categories:
            return true == guessed
        return (np.abs(true - guessed) <= TOLERANCE * np.abs(true)) | (np.isnan(true) & np.isnan(guessed))

    def by_nearest(table: _Columns, some: np.ndarray) -> np.ndarray:
        return _nearest(table.points(names)[some], reference)

    return (
        is_right(tables[0], by_nearest),
        is_right(tables[1], by_nearest),
        is_right(tables[0], lambda _, some: random.integers(copy.n, size=len(some))),
    )
