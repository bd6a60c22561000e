"""A table with its roles checked: what every room takes."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from recidiv_core.data.reading import read_table
from recidiv_core.data.roles import Roles
from recidiv_core.data.samples import SAMPLE_PREFIX, sample_of, sample_table
from recidiv_core.data.suggest import suggest_roles
from recidiv_core.data.tables import MISSING_GROUP, LedgerEntry, Table, band, group_codes, shown
from recidiv_core.errors import InputError, Problem

MAX_GROUPS = 60
_MAX_NUMERIC_LEVELS = 10  # a numeric protected attribute with more values is banded
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Attribute:
    """A protected attribute as codes: row i belongs to group ``levels[codes[i]]``."""

    name: str
    levels: tuple[str, ...]
    codes: np.ndarray


@dataclass(frozen=True, eq=False)
class AuditDataset:
    """A table whose roles have been checked; the rows without label, score or prediction are gone, and counted.

    Attributes
    ----------
    frame : DataFrame, shape (n, columns)
    y_true : bool array, shape (n,)
    y_score : float array or None
    y_pred : bool array or None
    weight : float array with mean 1, or None
        Only ratios of weights matter, so they are scaled once, here.
    attributes : dict of name -> Attribute
    digest : str
        sha256 over the data, every derivation and the roles: two datasets with one digest audit alike.
    threshold : float or None
        A cut-point that the data's own documentation suggests; None when there is none.
    sources : frozenset of str
        The columns that protected attributes were banded or combined from.
    """

    frame: pd.DataFrame
    roles: Roles
    name: str
    sha256: str
    digest: str
    ledger: tuple[LedgerEntry, ...]
    y_true: np.ndarray
    y_score: np.ndarray | None
    y_pred: np.ndarray | None
    weight: np.ndarray | None
    attributes: dict[str, Attribute]
    threshold: float | None = None
    sources: frozenset[str] = frozenset()
    _reduced: dict[Any, Any] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.y_true)

    @property
    def n_excluded(self) -> int:
        """How many rows the ledger says were excluded."""
        return sum(entry.n_rows or 0 for entry in self.ledger if entry.step == "excluded")

    @property
    def base_rate(self) -> float:
        """The share of rows with the outcome."""
        return float(self.y_true.mean())

    @property
    def has_probabilities(self) -> bool:
        """Whether every score lies in [0, 1], so that it can be read as a probability."""
        return self.y_score is not None and self.reduced(
            "unit", lambda: bool(((self.y_score >= 0) & (self.y_score <= 1)).all())
        )

    def reduced(self, key: Any, reduce: Callable[[], T]) -> T:
        """``reduce()``, computed at the first call and kept: the rows never change, so neither does it."""
        if key not in self._reduced:
            self._reduced[key] = reduce()
        return self._reduced[key]

    def only(self, attribute: str) -> AuditDataset:
        """The same rows with one protected attribute; what was reduced for it before is kept."""
        if tuple(self.attributes) == (attribute,):
            return self
        return self.reduced(("only", attribute), lambda: self._narrowed(attribute))

    def _narrowed(self, attribute: str) -> AuditDataset:
        roles = Roles(**(self.roles.to_dict() | {"sensitive": (attribute,)}))
        known = {key: value for key, value in self._reduced.items() if key == "unit" or attribute in key}
        own = {attribute: self.attributes[attribute]}
        digest = hashlib.sha256(f"{self.digest} {attribute}".encode()).hexdigest()
        return replace(self, roles=roles, attributes=own, digest=digest, _reduced=known)

    def where(self, rows: np.ndarray) -> AuditDataset:
        """Some of the rows: ``rows`` is a mask, shape (n,). Every attribute keeps the groups that are left."""

        def part(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[rows]

        own = {n: _used_levels(Attribute(n, a.levels, a.codes[rows])) for n, a in self.attributes.items()}
        digest = hashlib.sha256(self.digest.encode() + np.packbits(rows).tobytes()).hexdigest()
        return replace(
            self,
            frame=self.frame.loc[rows],
            digest=digest,
            attributes=own,
            _reduced={},
            y_true=part(self.y_true),
            y_score=part(self.y_score),
            y_pred=part(self.y_pred),
            weight=part(self.weight),
        )

    def ledger_table(self) -> pd.DataFrame:
        """The ledger as a table: step, detail, n_rows, n_left."""
        return pd.DataFrame([vars(entry) for entry in self.ledger], columns=["step", "detail", "n_rows", "n_left"])


def load_dataset(source: Any, *, roles: Roles | None = None, name: str | None = None) -> AuditDataset:
    """Load a table and check its roles.

    Parameters
    ----------
    source : path, bytes, file object, DataFrame, Table or "sample:NAME"
    roles : Roles
        Needed for everything but a sample, which brings its own.

    Raises
    ------
    InputError
        With every problem found.
    """
    threshold = None
    if isinstance(source, str) and source.startswith(SAMPLE_PREFIX):
        sample = sample_of(source)
        table = sample_table(source)
        roles, threshold = (roles or sample.roles), (sample.threshold if roles in (None, sample.roles) else None)
    else:
        table = source if isinstance(source, Table) else read_table(source, name=name)
    if roles is None:
        hint = suggest_roles(table)
        raise InputError.one(
            "roles",
            "the columns of label, score or prediction, and protected attributes",
            f"none (a guess from the names: {hint})",
        )
    return assign_roles(table, roles, threshold=threshold)


def assign_roles(table: Table, roles: Roles, *, threshold: float | None = None, is_scored: bool = True) -> AuditDataset:
    """Check ``roles`` against ``table`` and encode the columns that have one.

    ``is_scored`` False: neither score nor prediction is needed, as for a table that a model is to be trained on.
    """
    problems = _missing_columns(table, roles)
    if is_scored and roles.score is None and roles.prediction is None:
        problems.append(Problem("score or prediction", "at least one of the two", "neither"))
    if not roles.sensitive:
        problems.append(Problem("sensitive", "at least one protected attribute", "none"))
    if problems:
        raise InputError(problems)
    frame = table.frame
    y_true, has_label = _binary(frame[roles.label], "label", roles, problems)
    y_score, has_score = _score(frame, roles, problems)
    y_pred, has_pred = None, True
    if roles.prediction is not None:
        labels = frame[roles.label].dropna().unique()
        y_pred, has_pred = _binary(frame[roles.prediction], "prediction", roles, problems, labels)
    weight = _weight(frame, roles, problems)
    table, attributes = _attributes(table, roles, problems)
    if problems:
        raise InputError(problems)
    keep = np.ones(len(frame), dtype=bool)
    for role, present in (("label", has_label), ("score", has_score), ("prediction", has_pred)):
        column = getattr(roles, role)
        if column is None:
            continue
        dropped = int((keep & ~present).sum()) if present is not True else 0
        keep &= present
        table = table.noted("excluded", f"rows without a {role} in {shown(column)}", dropped, n_left=int(keep.sum()))
    _both_classes(y_true[keep], roles, problems)
    table = _lost_groups(table, attributes, keep, problems)
    if weight is not None and not weight[keep].any():
        where = f"weight {shown(roles.weight)}"
        problems.append(Problem(where, "a weight above 0 among the rows that are used", "only zeros"))
    if problems:
        raise InputError(problems)
    return _assembled(table, roles, threshold, keep, y_true, y_score, y_pred, weight, attributes)


def _assembled(
    table: Table,
    roles: Roles,
    threshold: float | None,
    keep: np.ndarray,
    y_true: np.ndarray,
    y_score: np.ndarray | None,
    y_pred: np.ndarray | None,
    weight: np.ndarray | None,
    attributes: dict[str, Attribute],
) -> AuditDataset:
    """The dataset of the rows to ``keep``, with what is worth noticing in its ledger."""
    everything = bool(keep.all())

    def kept(values: np.ndarray | None) -> np.ndarray | None:
        return values if values is None or everything else values[keep]

    for attribute in attributes.values():
        missing = [i for i, level in enumerate(attribute.levels) if level == MISSING_GROUP]
        if missing:
            count = int((kept(attribute.codes) == missing[0]).sum())
            note = f"{shown(attribute.name)} is missing; kept as the group (missing)"
            table = table.noted("kept", note, count, n_left=int(keep.sum()))
    table = _noted_doubts(table, roles, kept(y_true), kept(y_score))
    n_repeated = 0 if roles.id is None else int(table.frame[roles.id].duplicated().sum())
    if n_repeated:
        detail = f"ids in {shown(roles.id)} that repeat: rows count as if independent"
        table = table.noted("noticed", detail, n_repeated, n_left=int(keep.sum()))
    weights = kept(weight)
    identity = json.dumps([table.sha256, table.steps, roles.to_dict()], default=str, sort_keys=True)
    return AuditDataset(
        frame=table.frame if everything else table.frame.loc[keep].reset_index(drop=True),
        roles=roles,
        name=table.name,
        sha256=table.sha256,
        digest=hashlib.sha256(identity.encode()).hexdigest(),
        ledger=table.ledger,
        y_true=kept(y_true),
        y_score=kept(y_score),
        y_pred=kept(y_pred),
        weight=None if weights is None else weights / weights.mean(),
        attributes={n: _used_levels(Attribute(n, a.levels, kept(a.codes))) for n, a in attributes.items()},
        threshold=threshold,
        sources=_sources(table, roles),
    )


def _sources(table: Table, roles: Roles) -> frozenset[str]:
    """What the protected attributes were made from, by the table's steps, through any number of them."""
    made = {}
    for step in table.steps:
        if step[0] == "band":
            made[step[2]] = (step[1],)
        elif step[0] == "intersect":
            made[step[1]] = step[2:]
    found, open_ = set(), list(roles.sensitive)
    while open_:
        parts = [part for part in made.get(open_.pop(), ()) if part not in found]
        found |= set(parts)
        open_ += parts
    return frozenset(found - set(roles.sensitive))


def _noted_doubts(table: Table, roles: Roles, y_true: np.ndarray, y_score: np.ndarray | None) -> Table:
    """Point out, without acting on it, a score that looks like a copy of the label or holds a code for missing."""
    if y_score is None:
        return table
    negative = y_score[y_score < 0]
    if len(negative) > 1 and len(np.unique(negative)) == 1:
        detail = f"the score {shown(roles.score)} has a single negative value: is it a code for missing?"
        table = table.noted("noticed", detail, len(negative), n_left=len(y_score))
    positive, negative = y_score[y_true], y_score[~y_true]
    if positive.min() > negative.max():
        return table.noted(
            "noticed",
            f"the score {shown(roles.score)} separates the outcomes of "
            f"{shown(roles.label)} perfectly: is it a copy of the label?",
        )
    return table


def _used_levels(attribute: Attribute) -> Attribute:
    present = np.flatnonzero(np.bincount(attribute.codes, minlength=len(attribute.levels)))
    if len(present) == len(attribute.levels):
        return attribute
    position = np.zeros(len(attribute.levels), dtype=attribute.codes.dtype)
    position[present] = np.arange(len(present))
    return Attribute(attribute.name, tuple(attribute.levels[i] for i in present), position[attribute.codes])


def _missing_columns(table: Table, roles: Roles) -> list[Problem]:
    problems = []
    for role, column in roles.columns():
        if column in table.frame:
            continue
        close = difflib.get_close_matches(column, table.frame.columns, n=1)
        hint = f"no such column; did you mean {shown(close[0])}?" if close else "no such column"
        problems.append(Problem(f"{role} {shown(column)}", f"a column of {shown(table.name)}", hint))
    single = [c for r, c in roles.columns() if r in ("label", "score", "prediction", "weight")]
    for column in sorted({c for c in single if single.count(c) > 1}):
        problems.append(Problem(shown(column), "one role", "the same column in two roles"))
    if roles.id is not None and roles.id in roles.sensitive:
        problems.append(Problem(shown(roles.id), "one role", "both id and protected attribute"))
    if roles.label in roles.sensitive:
        problems.append(Problem(shown(roles.label), "one role", "both label and protected attribute"))
    return problems


def _plain(value: Any) -> str:
    """A label value in one spelling: 1, 1.0, "1" and True agree."""
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    if isinstance(value, (int, float, np.number)) and np.isfinite(value):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    text = str(value).strip()
    return {"true": "1", "false": "0"}.get(text.lower(), text)


def _binary(
    column: pd.Series, role: str, roles: Roles, problems: list[Problem], labels: Sequence[Any] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Whether each row has the positive value, and whether it has a value at all; a prediction must use ``labels``."""
    where = f"{role} {shown(column.name)}"
    codes, values = pd.factorize(column)
    present = codes >= 0
    spellings = [_plain(value) for value in values]
    positive = _plain(roles.positive_label)
    n_values = len(set(spellings))
    if n_values == 0:
        problems.append(Problem(where, "two values", "no values at all"))
    elif n_values > 2 or (n_values < 2 and role == "label"):
        problems.append(Problem(where, "two values", f"{n_values:,} different value{'s' if n_values != 1 else ''}"))
    elif role == "prediction" and not set(spellings) <= {_plain(value) for value in labels}:
        problems.append(Problem(where, "the values of the label", "other values"))
    elif positive not in spellings and role == "label":
        problems.append(Problem(where, f"the positive value {shown(roles.positive_label, 40)} to occur", "it does not"))
    is_positive = np.array([s == positive for s in spellings] + [False])
    return is_positive[codes], present


def _score(frame: pd.DataFrame, roles: Roles, problems: list[Problem]) -> tuple[np.ndarray | None, Any]:
    if roles.score is None:
        return None, True
    column, where = frame[roles.score], f"score {shown(roles.score)}"
    values, n_bad = _numbers(column)
    if column.notna().sum() == 0:
        problems.append(Problem(where, "numbers", "no values at all"))
    elif n_bad:
        problems.append(
            Problem(where, "a number in every row that has a value", f"{n_bad:,} rows that are not numbers")
        )
    elif np.isinf(values).any():
        found = f"{int(np.isinf(values).sum()):,} infinite values"
        problems.append(Problem(where, "finite numbers", found))
    elif np.nanmin(values) == np.nanmax(values):
        problems.append(Problem(where, "at least two different values", "the same value in every row"))
    return values, ~np.isnan(values)


def _numbers(column: pd.Series) -> tuple[np.ndarray, int]:
    """A column as floats, and how many of its values are not numbers."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return np.full(len(column), np.nan), len(column)
    numeric = pd.to_numeric(column, errors="coerce")
    return numeric.to_numpy(dtype=float, na_value=np.nan), int((numeric.isna() & column.notna()).sum())


def _weight(frame: pd.DataFrame, roles: Roles, problems: list[Problem]) -> np.ndarray | None:
    if roles.weight is None:
        return None
    values, _ = _numbers(frame[roles.weight])
    n_unusable = int((~(values >= 0) | np.isinf(values)).sum())
    if n_unusable or not values.any():
        found = f"{n_unusable:,} rows that are missing, negative or not finite" if n_unusable else "only zeros"
        problems.append(Problem(f"weight {shown(roles.weight)}", "non-negative finite numbers", found))
    return values if n_unusable or not values.any() else values / values.max()


def _attributes(table: Table, roles: Roles, problems: list[Problem]) -> tuple[Table, dict[str, Attribute]]:
    attributes = {}
    for column in roles.sensitive:
        values = table.frame[column]
        if values.notna().sum() == 0:
            problems.append(Problem(f"sensitive {shown(column)}", "at least two groups", "no values at all"))
            continue
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            table, values = _banded_if_fine(table, column)
        codes, levels = group_codes(values)
        if not 2 <= len(levels) <= MAX_GROUPS:
            found = f"{len(levels):,} group{'s' if len(levels) != 1 else ''}"
            problems.append(Problem(f"sensitive {shown(column)}", f"2 to {MAX_GROUPS} groups", found))
            continue
        attributes[column] = Attribute(column, tuple(levels), codes.astype(np.int8))
    return table, attributes


def _banded_if_fine(table: Table, column: str) -> tuple[Table, pd.Series]:
    values = table.frame[column]
    if values.nunique() <= _MAX_NUMERIC_LEVELS or not np.isfinite(values.dropna().to_numpy(dtype=float)).all():
        return table, values
    cuts = suggest_cutpoints(values)
    banded = band(table, column, cutpoints=cuts, name=column)
    # The bands are this audit's: the table keeps its numbers.
    return replace(banded, frame=table.frame), banded.frame[column]


def suggest_cutpoints(values: pd.Series) -> list[float]:
    """The quartiles of a numeric column as cut-points for bands, rounded to a hundredth of its spread."""
    numbers = values.dropna().astype(float)
    low, high = numbers.min(), numbers.max()
    digits = 2 - math.floor(math.log10(high - low)) if high > low else 0
    rounded = sorted({round(float(cut), digits) for cut in numbers.quantile([0.25, 0.5, 0.75])})
    inside = [cut for cut in rounded if low < cut <= high]
    return inside or [float(high)]


def _lost_groups(table: Table, attributes: dict[str, Attribute], keep: np.ndarray, problems: list[Problem]) -> Table:
    """Name the groups of which no row is used; an attribute that is left with one group compares nothing, and is
    refused.
    """
    for name, attribute in attributes.items():
        used = np.bincount(attribute.codes[keep], minlength=len(attribute.levels)) > 0
        lost = [level for level, is_used in zip(attribute.levels, used, strict=True) if not is_used]
        if keep.any() and used.sum() < 2:
            found = f"one group; {len(lost):,} without any such row"
            problems.append(Problem(f"sensitive {shown(name)}", "at least two groups with rows to audit", found))
        for level in lost:
            rows = int((attribute.codes == attribute.levels.index(level)).sum())
            detail = f"the group {shown(level)} of {shown(name)} has no row left: it is not in this audit"
            table = table.noted("excluded", detail, rows, n_left=int(keep.sum()))
    return table


def _both_classes(y_true: np.ndarray, roles: Roles, problems: list[Problem]) -> None:
    if len(y_true) == 0:
        problems.append(Problem("rows", "some with both label and score", "none"))
    elif y_true.all() or not y_true.any():
        where = f"label {shown(roles.label)}"
        problems.append(Problem(where, "both outcomes among the rows that have a score", "one outcome only"))
