"""A table as it was read, before anybody said what its columns mean."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd

from recidiv_core.errors import InputError, Problem

MISSING_GROUP = "(missing)"
# Bidirectional overrides and isolates reorder the text around them: a column name could rewrite a verdict.
_REORDERING = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


@dataclass(frozen=True)
class LedgerEntry:
    """One thing that loading changed or noticed.

    ``n_rows`` rows were affected (None: the entry is about the whole table) and ``n_left`` remain after it.
    """

    step: str
    detail: str
    n_rows: int | None
    n_left: int


@dataclass(frozen=True, eq=False)
class Table:
    """A rectangular table, its name, the sha256 of what was read, and the ledger so far."""

    frame: pd.DataFrame
    name: str
    sha256: str
    ledger: tuple[LedgerEntry, ...] = ()
    steps: tuple[tuple[str, ...], ...] = ()

    def noted(self, step: str, detail: str, n_rows: int | None = None, *, n_left: int | None = None) -> Table:
        """The table with one more ledger entry; ``n_left`` where it is not the number of rows."""
        entry = LedgerEntry(step, detail, n_rows, len(self.frame) if n_left is None else n_left)
        return replace(self, ledger=(*self.ledger, entry))

    def derived(self, frame: pd.DataFrame, *step: str) -> Table:
        return replace(self, frame=frame, steps=(*self.steps, tuple(step)))


def shown(name: object, width: int = 80) -> str:
    """A column name as it may stand in a message: quoted, and cut when it is very long."""
    text = str(name)
    return f"'{text}'" if len(text) <= width else f"'{text[: width - 1]}…' ({len(text)} characters)"


def clean_names(names: Iterable[object]) -> tuple[list[str], list[str]]:
    """Unique, printable column names, and a sentence for each change.

    Repeated names get a counter, ``x``, ``x (2)``; empty names their position.
    """
    cleaned: list[str] = []
    notes: list[str] = []
    raw_names = list(names)
    taken = {str(name) for name in raw_names}
    seen: set[str] = set()
    for position, raw in enumerate(raw_names, start=1):
        text = "" if raw is None or raw is pd.NaT or raw != raw else str(raw)
        text = "".join(" " if unicodedata.category(c) == "Cc" else c for c in text.translate(_REORDERING))
        base = name = re.sub(r"\s+", " ", text).strip() or f"column {position}"
        count = 1
        while name in seen or (count > 1 and name in taken):
            count += 1
            name = f"{base} ({count})"
        if count > 1:
            notes.append(f"the name {shown(base)} occurs more than once; column {position} is now {shown(name)}")
        elif name != raw:
            notes.append(f"column {position} had a name that is empty or not printable; it is now {shown(name)}")
        seen.add(name)
        cleaned.append(name)
    return cleaned, notes


def as_groups(column: pd.Series) -> pd.Series:
    """A column as group names: text, trimmed, whole numbers without a decimal point, missing as "(missing)"."""
    values = column
    known = values.dropna() if pd.api.types.is_float_dtype(values) else None
    if known is not None and (known % 1 == 0).all() and (known.abs() < 2**53).all():
        values = values.astype("Int64")
    names = values.astype("str").str.strip()
    return names.where(column.notna() & (names != ""), MISSING_GROUP)


def person_codes(column: pd.Series) -> np.ndarray:
    """Whom each row is about, as codes of shape (rows,): a row without an id is somebody of its own."""
    names = as_groups(column)
    codes = pd.factorize(names)[0]
    missing = (names == MISSING_GROUP).to_numpy()
    return np.where(missing, codes.max(initial=0) + 1 + np.arange(len(codes)), codes)


def group_codes(column: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Each row's group as a code, and the groups: bands and numbers in their order, names in the alphabet's."""
    codes, levels = pd.factorize(as_groups(column), sort=True)
    names = [str(level) for level in levels]
    ranked = sorted(range(len(names)), key=lambda i: _rank(names[i], column))
    return np.argsort(ranked)[codes], [names[i] for i in ranked]


def _rank(name: str, column: pd.Series) -> tuple:
    if name == MISSING_GROUP:
        return (2, 0, name)
    if isinstance(column.dtype, pd.CategoricalDtype) and name in column.cat.categories:
        return (0, column.cat.categories.get_loc(name), name)
    try:
        return (0, float(name), name)
    except ValueError:
        return (1, 0, name)


def band_labels(cutpoints: Sequence[float]) -> list[str]:
    """Names of the bands that ascending ``cutpoints`` make; a value equal to a cut-point opens the next band."""
    texts = [f"{cut:.10g}" for cut in cutpoints]
    middle = [f"{low} to under {high}" for low, high in pairwise(texts)]
    return [f"under {texts[0]}", *middle, f"{texts[-1]} and over"]


def band(table: Table, column: str, *, cutpoints: Sequence[float], name: str | None = None) -> Table:
    """Add a column with ``column`` cut into bands.

    Raises
    ------
    InputError
        When the column is absent or not numeric, or the cut-points are not finite and ascending.
    """
    problems = []
    if column not in table.frame:
        problems.append(Problem(shown(column), "a column of the table", "no such column"))
    elif not pd.api.types.is_numeric_dtype(table.frame[column]):
        problems.append(Problem(shown(column), "a numeric column to band", "text"))
    cuts = np.asarray(list(cutpoints), dtype=float)
    if cuts.size == 0 or not np.isfinite(cuts).all() or (np.diff(cuts) <= 0).any():
        problems.append(Problem("cut-points", "one or more finite numbers in ascending order", f"{cuts.size} numbers"))
    if problems:
        raise InputError(problems)
    values = table.frame[column].to_numpy(dtype=float, na_value=np.nan)
    # An ordered category, so that "under 25" comes before "25 to under 45" wherever groups are listed.
    codes = np.where(np.isnan(values), -1, np.searchsorted(cuts, values, side="right"))
    banded = pd.Categorical.from_codes(codes, categories=band_labels(cuts.tolist()), ordered=True)
    target = name or f"{column} (banded)"
    frame = table.frame.assign(**{target: banded})
    cut_text = ", ".join(f"{cut:g}" for cut in cuts)
    derived = table.derived(frame, "band", column, target, cut_text)
    return derived.noted("banded", f"{shown(column)} cut at {cut_text} into {shown(target)}")


def intersect(table: Table, columns: Sequence[str], *, name: str | None = None) -> Table:
    """Add a column whose groups are the combinations of several attributes, "Black × Female"."""
    absent = [c for c in columns if c not in table.frame]
    if absent or len(set(columns)) < 2:
        found = f"no column {shown(absent[0])}" if absent else f"{len(set(columns))}"
        raise InputError.one("intersection", "two or more different columns of the table", found)
    parts = [as_groups(table.frame[column]) for column in columns]
    joined = parts[0].str.cat(parts[1:], sep=" × ")
    target = name or " × ".join(columns)
    derived = table.derived(table.frame.assign(**{target: joined}), "intersect", target, *columns)
    return derived.noted("intersected", f"{shown(target)} combines {', '.join(map(shown, columns))}")


def join(table: Table, other: Table, *, on: str, columns: Sequence[str]) -> Table:
    """Bring protected attributes in from a separate table by an id that both share.

    Every row of ``table`` stays; one without a partner gets missing values, and is counted.

    Raises
    ------
    InputError
        When a column is absent or an id occurs twice in ``other``.
    """
    problems = [
        Problem(shown(on), f"an id column in {shown(part.name)}", "no such column")
        for part in (table, other)
        if on not in part.frame
    ]
    problems += [
        Problem(shown(c), f"a column of {shown(other.name)}", "no such column") for c in columns if c not in other.frame
    ]
    problems += [
        Problem(shown(c), "a name that the first table does not use", "a column of that name in both")
        for c in columns
        if c in table.frame
    ]
    if not problems:
        keys = as_groups(other.frame[on])
        n_repeated = int(keys[keys != MISSING_GROUP].duplicated().sum())
        if n_repeated:
            found = f"{n_repeated} repeated ids"
            problems.append(Problem(shown(on), f"each id once in {shown(other.name)}", found))
    if problems:
        raise InputError(problems)
    lookup = other.frame.loc[(keys != MISSING_GROUP).to_numpy(), list(columns)]
    lookup.index = pd.Index(keys[keys != MISSING_GROUP])
    own_keys = as_groups(table.frame[on])
    found_rows = lookup.reindex(pd.Index(own_keys))
    found_rows.index = table.frame.index
    n_unmatched = int((~own_keys.isin(lookup.index)).sum())
    digest = hashlib.sha256(f"{table.sha256}{other.sha256}".encode()).hexdigest()
    merged = replace(table, sha256=digest).derived(
        pd.concat([table.frame, found_rows], axis=1), "join", other.sha256, on, *columns
    )
    detail = f"{', '.join(map(shown, columns))} taken from {shown(other.name)} by {shown(on)}; rows without a partner"
    return merged.noted("joined", detail, n_unmatched)
