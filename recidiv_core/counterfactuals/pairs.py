"""Profiles and their clones: the same person twice, with nothing changed but the protected attributes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import mimesis
import numpy as np
import pandas as pd
from mimesis.exceptions import FieldArityError, FieldError
from mimesis.locales import Locale

from recidiv_core.counterfactuals.between import rows_between
from recidiv_core.counterfactuals.fields import FIELDS, GENDERED, FieldSpec, ProfileSpec, free, gender_of
from recidiv_core.data import AuditDataset, person_codes, shown
from recidiv_core.errors import InputError, Problem

LOCALES = tuple(locale.value for locale in Locale)
MAX_PROFILES, MAX_CLONES, MAX_ROWS = 1_000_000, 30, 5_000_000
_AT_ONCE = 5_000
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
        Whom a profile is made from: profiles of the same person are not independent. Without people, every profile by itself.
    source : str
        "profiles" (made column by column), "between" (between real rows) or "rows" (real rows, flipped).
    reading : names of the columns that no model takes.
    """

    profiles: pd.DataFrame
    clones: pd.DataFrame
    person: np.ndarray = field(repr=False)
    source: str
    reading: tuple[str, ...]
    options: dict[str, Any]
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
    spec: ProfileSpec, *, vary: Mapping[str, Sequence[Any]], n_profiles: int = 1000, locale: str = "en", random_state: int = 0,
    progress: Progress = None,
) -> CounterfactualPairs:  # fmt: skip
    """Make profiles by ``spec`` and clone each for every combination of the values in ``vary`` (M, steps 3 and 4).

    Columns made by a field, a range or levels are drawn independently: together they may describe nobody who exists. Columns "from data"
    are drawn together: a random row, moved a random part of the way to the most alike of five others that have the same values in
    everything but their numbers. So every mixture of categories is a real one, numbers stay between those of two real people, and
    what holds of every row as an order or a difference between two columns holds of the mixture (whole numbers are rounded, both the same way).

    Parameters
    ----------
    vary : mapping of column -> values
        Of all columns together at most 30 combinations. A column of ``spec`` that stands here is left out of the profiles.
    locale : str
        One of Mimesis's, such as "en", "es-mx", "de".

    Raises
    ------
    InputError
        With everything that is wrong, before anything is made.
    """
    columns = {name: own for name, own in spec.columns.items() if name not in vary}
    problems = [p for name, own in columns.items() for p in (*own.problems(name), *_beside(name, own, columns, spec))]
    if locale.lower() not in LOCALES:
        problems.append(Problem("locale", f"one of {', '.join(LOCALES)}", shown(locale, 20)))
    if not columns:
        problems.append(Problem("columns", "at least one that is not varied", "none"))
    clones = _clones(vary, spec.dataset, problems)
    n_profiles = _count(n_profiles, len(clones), random_state, problems)
    problems += _untypable(columns, spec)
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
    return CounterfactualPairs(profiles, clones, person, source, reading, options, spec.dataset)


def pairs_from_rows(
    dataset: AuditDataset, *, vary: Mapping[str, Sequence[Any]], n_profiles: int | None = None, random_state: int = 0
) -> CounterfactualPairs:
    """The rows of ``dataset``, or ``n_profiles`` of them at random, each cloned for every combination in ``vary``, whatever it had before."""
    problems: list[Problem] = []
    clones = _clones(vary, dataset, problems)
    n = len(dataset) if n_profiles is None else n_profiles
    n = min(_count(n, len(clones), random_state, problems), len(dataset))
    if problems:
        raise InputError(problems)
    rows = np.arange(len(dataset))
    if n < len(rows):
        rows = np.sort(np.random.default_rng(random_state).choice(rows, n, replace=False))
    row = free("row", list(dataset.frame))
    profiles = (
        dataset.frame.drop(columns=[name for name in vary if name in dataset.frame]).take(rows).reset_index(drop=True)
    )
    profiles.insert(0, row, rows + 1)
    person = np.arange(n) if dataset.roles.id is None else person_codes(dataset.frame[dataset.roles.id])[rows]
    options = {"n_profiles": n, "random_state": int(random_state)}
    return CounterfactualPairs(profiles, clones, person, "rows", (row,), options, dataset)


def pairs_of(
    profile: Mapping[str, Any], *, vary: Mapping[str, Sequence[Any]], dataset: AuditDataset | None = None
) -> CounterfactualPairs:
    """One profile, typed in, and its clones."""
    problems: list[Problem] = []
    clones = _clones(vary, dataset, problems)
    own = {name: value for name, value in profile.items() if name not in vary}
    made = typed_profile(own, dataset, problems)
    if problems:
        raise InputError(problems)
    return CounterfactualPairs(made, clones, np.arange(1), "typed", (), {"n_profiles": 1}, dataset)


def typed_profile(profile: Mapping[str, Any], dataset: AuditDataset | None, problems: list[Problem]) -> pd.DataFrame:
    """One row, its values of the types that the data's columns have; what they cannot hold joins ``problems``."""
    made = {}
    for name, value in profile.items():
        try:
            made[name] = typed([value], like_in(dataset, name))
        except (ValueError, TypeError, OverflowError):
            problems.append(Problem(f"column {shown(name)}", "a value like those of the column", "something else"))
    return pd.DataFrame(made)


def _beside(name: str, own: FieldSpec, columns: Mapping[str, FieldSpec], spec: ProfileSpec) -> list[Problem]:
    """What is wrong with a column beside the others and the data."""
    where = f"column {shown(name)}"
    if own.kind == "data" and (spec.dataset is None or name not in spec.dataset.frame):
        return [Problem(where, "a dataset with this column, to draw from", "none")]
    if own.follows is not None and own.follows not in columns:
        return [Problem(where, "to follow another column of the profile that is not varied", shown(own.follows, 40))]
    if own.kind != "field" or own.field not in FIELDS:
        return []
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


def _clones(vary: Mapping[str, Sequence[Any]], dataset: AuditDataset | None, problems: list[Problem]) -> pd.DataFrame:
    """Every combination of the values, typed as the dataset's columns are; with the first attribute changing slowest."""
    if not vary:
        problems.append(Problem("vary", "at least one protected attribute with its values", "none"))
        return pd.DataFrame(index=[0])
    columns = {}
    for name, values in vary.items():
        where = f"values of {shown(name)}"
        listed = [values] if isinstance(values, str) else list(values)
        try:
            columns[name] = typed(listed, like_in(dataset, name))
        except (ValueError, TypeError, OverflowError):
            problems.append(Problem(where, "values that the column can hold", "others"))
            continue
        if columns[name].nunique() < len(listed) or columns[name].isna().any() or len(listed) < 2:
            problems.append(Problem(where, "at least two different values, none missing", f"{columns[name].nunique()}"))
    number = int(np.prod([len(own) for own in columns.values()])) if columns else 0
    if number > MAX_CLONES:
        problems.append(Problem("vary", f"at most {MAX_CLONES} combinations of values", f"{number:,}"))
    if problems or not columns:
        return pd.DataFrame(index=[0])
    places = np.array(list(itertools.product(*(range(len(own)) for own in columns.values()))))
    return pd.DataFrame(
        {name: own.take(places[:, i]).reset_index(drop=True) for i, (name, own) in enumerate(columns.items())}
    )


def like_in(dataset: AuditDataset | None, name: str) -> pd.Series | None:
    """The data's column of that name."""
    return dataset.frame[name] if dataset is not None and name in dataset.frame else None


def typed(values: Sequence[Any] | np.ndarray, like: pd.Series | None) -> pd.Series:
    """Values as a column of the type that ``like`` has. Raises ValueError, TypeError or OverflowError where it cannot hold them."""
    made = pd.Series(values)
    if like is None or made.isna().any():
        return made
    if isinstance(like.dtype, pd.CategoricalDtype):
        return pd.Series(pd.Categorical(_known(values, {str(v): v for v in like.cat.categories}), dtype=like.dtype))
    if pd.api.types.is_bool_dtype(like):
        known = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
        return pd.Series(_known([str(v).strip().lower() for v in values], known), dtype=like.dtype)
    if pd.api.types.is_numeric_dtype(like):
        numbers = pd.to_numeric(made).astype(float)
        if pd.api.types.is_integer_dtype(like) and (numbers % 1 == 0).all():
            return numbers.astype(like.dtype)
        return numbers
    return made.astype(str).astype(like.dtype)


def _known(values: Sequence[Any], known: Mapping[str, Any]) -> list[Any]:
    if unknown := [v for v in map(str, values) if v not in known]:
        raise ValueError(f"{len(unknown)} unknown")
    return [known[str(v)] for v in values]


def _untypable(columns: Mapping[str, FieldSpec], spec: ProfileSpec) -> list[Problem]:
    found = []
    for name, own in columns.items():
        if own.kind != "levels":
            continue
        try:
            typed(own.levels, like_in(spec.dataset, name))
        except (ValueError, TypeError, OverflowError):
            found.append(Problem(f"column {shown(name)}", "levels that the column can hold", "others"))
    return found


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
    found = dict(own.arguments)
    if gender is not None and own.field in GENDERED:
        found["gender"] = gender
    if isinstance(found.get("gender"), str):
        found["gender"] = mimesis.Gender(found["gender"])
    return found
