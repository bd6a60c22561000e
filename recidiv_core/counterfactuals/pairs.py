"""Profiles and their clones: the same person twice, with nothing changed but the protected attributes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zlib import crc32

import mimesis
import numpy as np
import pandas as pd
from mimesis.exceptions import FieldArityError, FieldError
from mimesis.locales import Locale

from recidiv_core.counterfactuals.between import rows_between
from recidiv_core.counterfactuals.columns import clones_of, like_in, typed, typed_profile
from recidiv_core.counterfactuals.fields import GENDERED, FieldSpec, ProfileSpec, free, gender_of
from recidiv_core.data import AuditDataset, person_codes, shown
from recidiv_core.errors import InputError, Problem

LOCALES = tuple(locale.value for locale in Locale)
MAX_PROFILES, MAX_ROWS = 1_000_000, 5_000_000
_AT_ONCE = 5_000
_YEARS = {"start": 1940, "end": 2020}  # by itself Mimesis ends with the current year: a seed would not hold
Progress = Callable[[float, str], None] | None


@dataclass(frozen=True, eq=False)
class CounterfactualPairs:
    """n profiles, each cloned for all k combinations of protected values.

    Attributes
    ----------
    profiles : DataFrame, shape (n, …)
        What all clones of a profile share.
    clones : DataFrame, shape (k, …)
        The combinations; only these columns differ between the clones of a profile.
    person : ndarray of shape (n,)
        Whom a profile is made from: profiles of the same person are not independent. Without people, every profile by
        itself.
    source : str
        "profiles" (made column by column), "between" (between real rows), "rows" (real rows, flipped) or "typed" (one,
        typed in).
    reading : names of the columns that no model takes.
    polarity : whether being flagged harms ("punitive") or helps ("assistive") the person.
    """

    profiles: pd.DataFrame
    clones: pd.DataFrame
    person: np.ndarray = field(repr=False)
    source: str
    reading: tuple[str, ...]
    options: dict[str, Any]
    polarity: str
    dataset: AuditDataset | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.profiles)

    @property
    def vary(self) -> dict[str, list[Any]]:
        """The protected values, as they stand in the clones."""
        return {name: list(dict.fromkeys(self.clones[name])) for name in self.clones}

    def frame(self, rows: np.ndarray | None = None) -> pd.DataFrame:
        """The clones of all profiles, or of those at the positions ``rows``: k rows for each, one after the other."""
        own = np.arange(len(self)) if rows is None else np.asarray(rows)
        k = len(self.clones)
        shared = self.profiles.take(np.repeat(own, k)).reset_index(drop=True)
        varied = self.clones.take(np.tile(np.arange(k), len(own))).reset_index(drop=True)
        names = [*self.reading, *varied, *(name for name in shared if name not in self.reading)]
        return pd.concat([shared, varied], axis=1)[names]


def make_pairs(
    spec: ProfileSpec,
    *,
    vary: Mapping[str, Sequence[Any]],
    n_profiles: int = 1000,
    locale: str = "en",
    random_state: int = 0,
    progress: Progress = None,
) -> CounterfactualPairs:
    """Make profiles by ``spec`` and clone each for every combination of the values in ``vary`` (M, steps 3 and 4).

    Columns made by a field, a range or levels are drawn independently: together they may describe nobody who exists.
    Columns "from data" are drawn together: a random row, moved a random part of the way to the most alike of five
    others that have the same values in everything but their numbers. So every mixture of categories is a real one,
    numbers stay between those of two real people, and what holds of every row as an order or a difference between two
    columns of whole numbers, or two of others, holds of the mixture. (Whole numbers are rounded: a sum of them may be
    off by one.)

    Parameters
    ----------
    vary : mapping of column -> values
        Of all columns together at most 30 combinations. A column of ``spec`` that stands here is left out of the
        profiles.
    locale : str
        One of Mimesis's, such as "en", "es-mx", "de".

    Raises
    ------
    InputError
        With everything that is wrong, before anything is made.
    """
    columns, problems = _columns(spec, vary)
    if not isinstance(locale, str) or locale.lower() not in LOCALES:
        problems.append(Problem("locale", f"one of {', '.join(LOCALES)}", shown(locale, 20)))
    clones = clones_of(vary, spec.dataset, problems)
    n_profiles = _count(n_profiles, len(clones), random_state, problems)
    if problems:
        raise InputError(problems)
    made, source, person = {}, "profiles", np.arange(n_profiles)
    drawn = [name for name, own in columns.items() if own.kind == "data"]
    if drawn:
        source = "between"
        together, n_alone = rows_between(spec.dataset.frame[drawn], n_profiles, _random(random_state, "from data"))
        made |= {name: together[name] for name in drawn}
    slow = [name for name, own in columns.items() if own.kind == "field"]
    # Names that follow a column need it first.
    for name in sorted(columns, key=lambda n: columns[n].follows is not None):
        own = columns[name]
        if own.kind == "field":
            made[name] = _by_mimesis(name, own, made, n_profiles, locale.lower(), random_state, slow, progress)
        elif own.kind != "data":
            made[name] = typed(_drawn(own, n_profiles, _random(random_state, name)), like_in(spec.dataset, name))
    reading = tuple(
        name
        for name in columns
        if columns[name].kind == "field" and (spec.dataset is None or name not in spec.dataset.frame)
    )
    options = {"n_profiles": n_profiles, "locale": locale.lower(), "random_state": int(random_state)}
    options |= {"n_alone": n_alone} if drawn else {}
    options["columns"] = {name: own.words() for name, own in columns.items()}
    profiles = pd.DataFrame({name: made[name] for name in columns})
    return CounterfactualPairs(
        profiles=profiles,
        clones=clones,
        person=person,
        source=source,
        reading=reading,
        options=options,
        polarity=spec.polarity,
        dataset=spec.dataset,
    )


def pairs_from_rows(
    dataset: AuditDataset, *, vary: Mapping[str, Sequence[Any]], n_profiles: int | None = None, random_state: int = 0
) -> CounterfactualPairs:
    """The rows of ``dataset``, or ``n_profiles`` of them at random, each cloned for every combination in ``vary``,
    whatever it had before.
    """
    problems: list[Problem] = []
    clones = clones_of(vary, dataset, problems)
    n = len(dataset) if n_profiles is None else n_profiles
    n = min(_count(n, len(clones), random_state, problems), len(dataset))
    if problems:
        raise InputError(problems)
    rows = np.arange(len(dataset))
    if n < len(rows):
        rows = np.sort(np.random.default_rng(random_state).choice(rows, n, replace=False))
    row = free("row", [*dataset.frame, *vary])
    profiles = (
        dataset.frame.drop(columns=[name for name in vary if name in dataset.frame]).take(rows).reset_index(drop=True)
    )
    profiles.insert(0, row, rows + 1)
    person = np.arange(n) if dataset.roles.id is None else person_codes(dataset.frame[dataset.roles.id])[rows]
    options = {"n_profiles": n, "random_state": int(random_state)}
    return CounterfactualPairs(
        profiles=profiles,
        clones=clones,
        person=person,
        source="rows",
        reading=(row,),
        options=options,
        polarity=dataset.roles.polarity,
        dataset=dataset,
    )


def pairs_of(
    profile: Mapping[str, Any], *, vary: Mapping[str, Sequence[Any]], dataset: AuditDataset | None = None
) -> CounterfactualPairs:
    """One profile, typed in, and its clones."""
    problems: list[Problem] = []
    clones = clones_of(vary, dataset, problems)
    own = {name: value for name, value in profile.items() if name not in vary}
    made = typed_profile(own, dataset, problems)
    if problems:
        raise InputError(problems)
    return CounterfactualPairs(
        profiles=made,
        clones=clones,
        person=np.arange(1),
        source="typed",
        reading=(),
        options={"n_profiles": 1},
        polarity=dataset.roles.polarity if dataset else "punitive",
        dataset=dataset,
    )


def _columns(spec: ProfileSpec, vary: Any) -> tuple[dict[str, FieldSpec], list[Problem]]:
    """The columns to make, and what is wrong with them.

    A name that would follow a column that is varied is a surname: it is every clone's.
    """
    columns, problems = {}, []
    for name, own in spec.columns.items():
        if not isinstance(own, FieldSpec):
            problems.append(Problem(f"column {shown(name)}", "a FieldSpec", "something else"))
        elif not isinstance(vary, Mapping) or name not in vary:
            follows_varied = isinstance(vary, Mapping) and own.follows in vary
            columns[name] = replace(own, field="person.surname", follows=None) if follows_varied else own
    for name, own in columns.items():
        problems += own.problems(name) or _beside(name, own, columns, spec)
    if not columns and not problems:
        problems.append(Problem("columns", "at least one that is not varied", "none"))
    return columns, problems


def _beside(name: str, own: FieldSpec, columns: Mapping[str, FieldSpec], spec: ProfileSpec) -> list[Problem]:
    """What is wrong with a column beside the others and the data."""
    where = f"column {shown(name)}"
    if own.kind == "data":
        if spec.dataset is None or name not in spec.dataset.frame:
            return [Problem(where, "a dataset with this column, to draw from", "none")]
        return []
    like = like_in(spec.dataset, name)
    if own.kind == "field" and like is not None and pd.api.types.is_numeric_dtype(like):
        return [Problem(where, "a range or levels, as the column holds numbers", "a field of Mimesis")]
    if own.kind != "field":
        try:
            typed(own.levels if own.kind == "levels" else [own.low, own.high], like)
        except (ValueError, TypeError, OverflowError):
            return [Problem(where, "values that the column can hold", "others")]
        return []
    if own.follows is not None and (own.follows not in columns or columns[own.follows].kind not in ("levels", "data")):
        return [Problem(where, "to follow a column of the profile with levels", shown(own.follows, 40))]
    try:
        mimesis.Field(Locale.EN, seed=0)(own.field, **_arguments(own, None))
    except (FieldError, FieldArityError, TypeError, ValueError, KeyError, AttributeError):
        return [Problem(where, f"arguments that Mimesis's {own.field} takes", "others")]
    return []


def _count(n_profiles: Any, n_clones: int, random_state: Any, problems: list[Problem]) -> int:
    if not isinstance(random_state, (int, np.integer)) or isinstance(random_state, bool) or random_state < 0:
        problems.append(Problem("random_state", "a whole number of at least 0", "something else"))
    if not isinstance(n_profiles, (int, np.integer)) or not 1 <= n_profiles <= MAX_PROFILES:
        problems.append(Problem("n_profiles", f"1 to {MAX_PROFILES:,}", "something else"))
        return 1
    if n_profiles * n_clones > MAX_ROWS:
        problems.append(Problem("n_profiles", f"at most {MAX_ROWS:,} clones altogether", f"{n_profiles * n_clones:,}"))
    return int(n_profiles)


def _random(random_state: int, name: str) -> np.random.Generator:
    """A stream of its own for each column: one more column changes no other."""
    return np.random.default_rng([random_state, crc32(name.encode())])


def _drawn(own: FieldSpec, n: int, random: np.random.Generator) -> np.ndarray | pd.Series:
    if own.kind == "levels":
        return pd.Series(own.levels).take(random.integers(0, len(own.levels), n)).reset_index(drop=True)
    if own.is_whole:
        return random.integers(int(np.ceil(own.low)), int(np.floor(own.high)), n, endpoint=True)
    return random.uniform(own.low, own.high, n)


def _by_mimesis(
    name: str,
    own: FieldSpec,
    made: Mapping[str, Any],
    n: int,
    locale: str,
    random_state: int,
    slow: list[str],
    progress: Progress,
) -> list[Any]:
    make = mimesis.Field(Locale(locale), seed=int(_random(random_state, name).integers(2**32)))
    genders = [None] * n if own.follows is None else [gender_of(value) for value in made[own.follows]]
    ways = {gender: _arguments(own, gender) for gender in set(genders)}
    values = []
    for start in range(0, n, _AT_ONCE):
        if progress is not None:
            progress((slow.index(name) + start / n) / len(slow), f"making {name}")
        values += [make(own.field, **ways[gender]) for gender in genders[start : start + _AT_ONCE]]
    return values


def _arguments(own: FieldSpec, gender: str | None) -> dict[str, Any]:
    """The field's own arguments, a gender as Mimesis takes it."""
    found = (_YEARS if own.field == "datetime.formatted_date" else {}) | dict(own.arguments)
    if gender is not None and own.field in GENDERED:
        found["gender"] = gender
    if isinstance(found.get("gender"), str):
        found["gender"] = mimesis.Gender(found["gender"])
    return found
