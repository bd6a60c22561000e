"""From a table to what a model takes: features with their kinds, the pipeline that encodes them, and the parts of
the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import (
    AFTERWARDS,
    ANOTHER_SCORE,
    GIVEN_AWAY,
    AuditDataset,
    Roles,
    Table,
    as_groups,
    assign_roles,
    candidates,
    gives_away,
    is_outcome,
    is_score,
    person_codes,
    shown,
)
from recidiv_core.errors import InputError, Problem
from recidiv_core.options import LARGEST_SEED, as_found, is_number, is_seed

NUMBER, CATEGORY = "number", "category"
MAX_LEVELS = 60
HELD_OUT = 0.3  # of the people, where there is one split: C's 70/30
_LARGEST = 1e100
_BINS = 10


@dataclass(frozen=True)
class Feature:
    """A column as a model takes it. ``levels`` of a category are those that the training table had."""

    name: str
    kind: str
    levels: tuple[str, ...] = ()


def training_dataset(
    table: Table, *, outcomes: Sequence[str], sensitive: Sequence[str], features: Sequence[str] = (), **roles: Any
) -> AuditDataset:
    """A dataset without a score, whose label is the outcome that most rows can say: the others lack some of those rows,
    and no more.

    Raises
    ------
    InputError
        With every problem found.
    """
    absent = [
        Problem(f"outcome {shown(name)}", "a column of the table", "no such column")
        for name in outcomes
        if name not in table.frame
    ]
    if absent or not outcomes:
        raise InputError(absent or [Problem("outcomes", "at least one column", "none")])
    label = max(outcomes, key=lambda name: int(table.frame[name].notna().sum()))
    return assign_roles(
        table, Roles(label, sensitive=tuple(sensitive), features=tuple(features), **roles), is_scored=False
    )


def outcome_part(dataset: AuditDataset, outcome: str) -> tuple[AuditDataset, np.ndarray]:
    """The rows that can say ``outcome``, as a dataset with it as the label, and which rows of ``dataset`` they are
    (mask, shape (n,)).
    """
    if outcome == dataset.roles.label:
        return dataset, np.ones(len(dataset), bool)
    if outcome not in dataset.frame:
        raise InputError.one(f"outcome {shown(outcome)}", "a column of the table", "no such column")
    roles = Roles(**(dataset.roles.to_dict() | {"label": outcome, "score": None, "prediction": None}))
    table = Table(dataset.frame, dataset.name, dataset.sha256, dataset.ledger)
    own = dataset.reduced(
        ("outcome", outcome), lambda: replace(assign_roles(table, roles, is_scored=False), sources=dataset.sources)
    )
    return own, dataset.frame[outcome].notna().to_numpy()


def usable_features(
    dataset: AuditDataset, *, unaware: bool = False, features: Sequence[str] | None = None, outcomes: Sequence[str] = ()
) -> tuple[tuple[Feature, ...], dict[str, str]]:
    """The features a model may take, and what was left out with the reason.

    Those given are taken as they are; those that the roles name likewise; else every column is, that is not of dates,
    not of more than
    ``MAX_LEVELS`` texts, and does not give the outcome away. ``unaware`` leaves the protected attributes out (F's level
    1).
    """
    names = list(features) if features is not None else candidates(dataset, include_sensitive=True)
    left_out: dict[str, str] = {}
    if missing := [name for name in names if name not in dataset.frame]:
        raise InputError(
            [Problem(f"feature {shown(name)}", "a column of the table", "no such column") for name in missing]
        )
    forbidden = {dataset.roles.label, *outcomes} | {
        n for n in (dataset.roles.score, dataset.roles.prediction, dataset.roles.weight, dataset.roles.id) if n
    }
    if told := [name for name in features or () if name in forbidden]:
        raise InputError(
            [
                Problem(f"feature {shown(name)}", "something known of a person", "a column with another role")
                for name in told
            ]
        )
    named = features is not None or bool(dataset.roles.features)
    found = []
    for name in (name for name in names if name not in forbidden):
        if unaware and name in dataset.sources:
            left_out[name] = "a protected attribute was made from it, and the model is to be unaware of that"
            continue
        if unaware and name in dataset.roles.sensitive:
            left_out[name] = "a protected attribute, and the model is to be unaware of it"
            continue
        made, reason = _feature(dataset.frame[name])
        if reason is None and not named and name not in dataset.roles.sensitive:
            if is_outcome(name):
                reason = AFTERWARDS
            elif is_score(name):
                reason = ANOTHER_SCORE
            elif gives_away(_levels(dataset.frame[name]), dataset.y_true):
                reason = GIVEN_AWAY
        if reason is None:
            found.append(made)
        else:
            left_out[name] = reason
    if not found:
        raise InputError.one("features", "at least one column that a model can take", "none")
    return tuple(found), left_out


def _feature(column: pd.Series) -> tuple[Feature, str | None]:
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        return Feature(column.name, NUMBER), "a date: what happened when is no feature of a person"
    if column.nunique() < 2 and not column.isna().any():
        return Feature(column.name, NUMBER), "one value only"
    if column.notna().sum() == 0:
        return Feature(column.name, NUMBER), "no values at all"
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        is_empty = np.isnan(_usable_numbers(column)).all()
        return Feature(column.name, NUMBER), "no values that a model can take" if is_empty else None
    levels = sorted(as_groups(column[column.notna()]).unique())
    if len(levels) > MAX_LEVELS:
        return Feature(column.name, CATEGORY), f"{len(levels):,} different texts, more than {MAX_LEVELS}"
    return Feature(column.name, CATEGORY, tuple(map(str, levels))), None


def _levels(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > _BINS and not pd.api.types.is_bool_dtype(column):
        known = column.astype(float).replace([np.inf, -np.inf], np.nan)
        # By rank: numbers of 1e300 beside 1e-300 have no cut-points that differ.
        return pd.qcut(known.rank(), _BINS, duplicates="drop") if known.nunique() > _BINS else known
    return column


def model_frame(frame: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    """The features' columns as every model here takes them: numbers as float64, categories as text; missing is NaN in
    both.

    A number beyond 1e100 counts as missing, as an infinite one does: its square, which every scaling needs, does not
    exist.
    """
    columns = {}
    for feature in features:
        own = frame[feature.name]
        if feature.kind == NUMBER:
            columns[feature.name] = _usable_numbers(own)
        else:
            columns[feature.name] = _texts(own)
    # Object columns stay so: pandas would make them its own strings, which encoders saved elsewhere do not know.
    return pd.DataFrame({name: pd.Series(values, dtype=values.dtype) for name, values in columns.items()})


def _usable_numbers(column: pd.Series) -> np.ndarray:
    """A column as float64, shape (n,); missing, and what no model can reckon with, as NaN."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.abs(numbers) <= _LARGEST, numbers, np.nan)


def _texts(column: pd.Series) -> np.ndarray:
    """A category as text, shape (n,); each value is turned into text once, unless values of different types could be
    taken for one.
    """
    if column.dtype == object:
        text = as_groups(column).to_numpy(dtype=object, copy=True)
        text[column.isna().to_numpy()] = np.nan
        return text
    codes, values = pd.factorize(column)
    return np.append(as_groups(pd.Series(values)).to_numpy(dtype=object), np.nan)[codes]


def pipeline(estimator: Any, features: Sequence[Feature], *, needs_scaling: bool) -> Any:
    """Imputation, encoding and, where it is needed, scaling before the estimator: a model that takes the table's own
    columns.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = [("impute", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True))]
    if needs_scaling:
        numbers.append(("scale", StandardScaler()))
    categories = [
        ("impute", SimpleImputer(strategy="constant", fill_value="(missing)")),
        ("encode", OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10, sparse_output=False)),
    ]
    parts = [
        (kind, Pipeline(steps), [f.name for f in features if f.kind == kind])
        for kind, steps in ((NUMBER, numbers), (CATEGORY, categories))
    ]
    return Pipeline([("prepare", ColumnTransformer([part for part in parts if part[2]])), ("model", estimator)])


@dataclass(frozen=True, eq=False)
class Rows:
    """The n rows of one outcome: ``X`` as models take it, ``y`` (n,) bool, ``person`` (n,) codes or None where
    nobody has two rows.
    """

    X: pd.DataFrame
    y: np.ndarray
    person: np.ndarray | None
    group: np.ndarray = field(repr=False)


def rows_of(dataset: AuditDataset, features: Sequence[Feature], attribute: str) -> Rows:
    """A dataset's rows. All rows of one person go to one part: else a model is judged on people it has seen."""
    person = None
    if dataset.roles.id is not None:
        codes = person_codes(dataset.frame[dataset.roles.id])
        person = codes if pd.Series(codes).duplicated().any() else None
    groups = dataset.attributes[attribute]
    return Rows(
        model_frame(dataset.frame, features),
        dataset.y_true,
        person,
        np.array(groups.levels, dtype=object)[groups.codes],
    )


def splits(
    rows: Rows, n: int, random_state: int, of: np.ndarray | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(train, test) positions of ``n`` folds over the rows ``of``; with n = 1 one split, 70/30.

    Stratified by outcome, or by person where people have several rows.
    """
    from sklearn.model_selection import GroupKFold, GroupShuffleSplit, StratifiedKFold, StratifiedShuffleSplit

    own = np.arange(len(rows.y)) if of is None else of
    if rows.person is None:
        cut = (
            StratifiedShuffleSplit(1, test_size=HELD_OUT, random_state=random_state)
            if n == 1
            else StratifiedKFold(n, shuffle=True, random_state=random_state)
        )
        found = cut.split(own, rows.y[own])
    else:
        cut = (
            GroupShuffleSplit(1, test_size=HELD_OUT, random_state=random_state)
            if n == 1
            else GroupKFold(n, shuffle=True, random_state=random_state)
        )
        found = cut.split(own, groups=rows.person[own])
    for train, test in found:
        yield np.sort(own[train]), np.sort(own[test])


def check_search(*, n_inner: Any, n_iter: Any, random_state: Any) -> None:
    """Refuse folds, tries and seeds that are none."""
    wrong = []
    if not is_number(n_inner, 2, 100, whole=True):
        wrong.append(Problem("n_inner", "a whole number from 2 to 100", "something else"))
    if not is_number(n_iter, 0, 10_000, whole=True):
        wrong.append(Problem("n_iter", "a whole number from 0 to 10,000", "something else"))
    if not is_seed(random_state):
        wrong.append(Problem("random_state", f"a whole number from 0 to {LARGEST_SEED}", "something else"))
    if wrong:
        raise InputError(wrong)


def check_size(rows: Rows, n_outer: int, n_inner: int) -> None:
    """Refuse what cannot be split with both outcomes in every part."""
    people = np.arange(len(rows.y)) if rows.person is None else rows.person
    least = min(len(np.unique(people[rows.y])), len(np.unique(people[~rows.y])))
    need = 2 * max(n_outer, 2) * max(n_inner, 2)
    if least < need:
        who = "rows" if rows.person is None else "people"
        raise InputError.one(
            who,
            f"at least {need} with and {need} without the outcome, for {n_outer} outer and {n_inner} inner folds",
            f"{least:,}, by the id column" if rows.person is not None else f"{least:,}",
        )


def balanced(train: np.ndarray, y: np.ndarray, share: float | None, random_state: int) -> np.ndarray:
    """The training rows with the more common outcome down-sampled until the rarer one is ``share`` of them (C,
    section 5; R, section 3.2.1).
    """
    if share is None:
        return train
    if not 0 < share <= 0.5:
        raise InputError.one("balance", "a share of the rarer outcome above 0 and at most 0.5", as_found(share))
    positive = y[train]
    rare = positive if positive.sum() * 2 <= len(train) else ~positive
    n_common = round(rare.sum() * (1 - share) / share)
    common = np.flatnonzero(~rare)
    if n_common >= len(common):
        return train
    kept = np.random.default_rng(random_state).choice(common, n_common, replace=False)
    return train[np.sort(np.r_[np.flatnonzero(rare), kept])]
