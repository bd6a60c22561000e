"""Linking a copy to a public table: which records could be of which place, how surely, and how often that is true
(R, section 3.6 and Table 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import MISSING_GROUP, as_groups, shown
from recidiv_core.errors import InputError, Problem
from recidiv_core.plain import plain
from recidiv_core.privacy.distances import Progress
from recidiv_core.stats import wilson_of_people

SIMILARITIES = {
    "number": "falls evenly with the difference, to 0 at the width of the public column",
    "exact": "1 where the same, else 0",
    "text": "Jaro and Winkler's: 1 where the same, near 1 where letters are swapped",
}
_SHARES = (0.95, 0.975, 0.995, 0.9975, 0.9995)  # of the most that can be reached: with two fields R's certainties
_CURVE, _FROM = 101, 0.8  # points of the curve, and where it begins: below that nearly every pair is in
_CHUNK = 1_000_000  # pairs at once
_ROUNDING = 1e-9  # two similarities added up may miss a certainty by the last bit
_MOST_PAIRS = 2_000_000_000
_MOST_TEXTS = 50_000_000


@dataclass(frozen=True)
class LinkField:
    """A field that both tables have, by its name in each (``public`` None: the same), and how alike two values are.

    ``scale``: the difference of two numbers at which they are not alike at all; None: the width of the public column.
    """

    name: str
    similarity: str = "exact"
    public: str | None = None
    scale: float | None = None

    @property
    def there(self) -> str:
        """Its name in the public table."""
        return self.name if self.public is None else self.public


@dataclass(frozen=True, eq=False)
class LinkageAudit:
    """What an attacker gets who links a copy to a public table.

    Attributes
    ----------
    table : DataFrame
        One row per certainty: n_pairs that reach it, n_records and n_public records in them; with a truth n_true of the
        pairs, share_true, and
        ``chance``: the share of true ones among all candidates.
    curve : DataFrame
        n_pairs (and n_true) at a hundred certainties.
    best : dict
        When each record is linked to the one public record most like it: n_linked (those without a tie), n_public
        different ones; with a truth n_right, share_right with bounds (records of one public record are one sample), and
        chance.
    """

    table: pd.DataFrame
    curve: pd.DataFrame
    best: dict[str, Any]
    n_candidates: int
    options: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; no pair among them."""
        return plain(
            {
                "table": self.table,
                "curve": self.curve,
                "best": self.best,
                "n_candidates": self.n_candidates,
                "options": self.options,
            }
        )


def link_records(
    synthetic: pd.DataFrame,
    public: pd.DataFrame,
    *,
    block_on: str | tuple[str, str] | None,
    fields: Sequence[LinkField | str],
    certainties: Sequence[float] | None = None,
    truth: Sequence[Any] | None = None,
    confidence_level: float = 0.95,
    progress: Progress = None,
) -> LinkageAudit:
    """Compare every record with every public one that has the same key, field by field, and add the similarities up.

    Parameters
    ----------
    block_on : column of both tables, or its name in each; None compares all with all
    fields : LinkField, or a name: then numbers are compared as numbers, else exactly
    certainties : sums of similarities, by default R's: 1.9, 1.95, 1.99, 1.995 and 1.999 of 2, and likewise for other
    numbers of fields truth : (n,) for each record the label, in ``public``'s index, of the public record it truly comes
    from; missing where none

    A value that is missing is like no other. Raises InputError with every problem found.
    """
    key = (block_on, block_on) if isinstance(block_on, str) else block_on
    own = _checked(synthetic, public, key, fields, truth, certainties)
    if certainties is None:
        certainties = tuple(round(len(own) * share, 10) for share in _SHARES)
    left, right = _blocks(synthetic, public, key)
    n_candidates = sum(len(a) * len(right[k]) for k, a in left.items() if k in right)
    if n_candidates > _MOST_PAIRS:
        raise InputError.one("block_on", f"a key that leaves at most {_MOST_PAIRS:,} pairs", f"{n_candidates:,}")
    similar = [_Similarity(synthetic[f.name], public[f.there], f) for f in own]
    of = _positions(truth, public, len(synthetic))
    found = _Found(
        len(synthetic), len(public), np.r_[sorted(certainties)], np.linspace(_FROM * len(own), len(own), _CURVE), of
    )
    done = 0
    for value, rows in left.items():
        if value not in right:
            continue
        others = right[value]
        step = max(_CHUNK // len(others), 1)
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            if progress is not None:
                progress(done / max(n_candidates, 1), "comparing pairs")
            found.add(some, others, sum(s.of(some, others) for s in similar))
            done += len(some) * len(others)
    options = {
        "block_on": key,
        "fields": [
            {"name": f.name, "public": f.there, "similarity": f.similarity, "scale": s.scale}
            for f, s in zip(own, similar, strict=True)
        ],
        "certainties": list(certainties),
        "n_synthetic": len(synthetic),
        "n_public": len(public),
        "confidence_level": confidence_level,
    }
    return LinkageAudit(
        found.table(n_candidates), found.curve_table(), found.best(confidence_level), n_candidates, options
    )


def _checked(
    synthetic: pd.DataFrame,
    public: pd.DataFrame,
    key: tuple[str, str] | None,
    fields: Sequence[LinkField | str],
    truth: Sequence[Any] | None,
    certainties: Sequence[float] | None,
) -> list[LinkField]:
    problems = []
    own = [LinkField(f) if isinstance(f, str) else f for f in fields]
    if not own:
        problems.append(Problem("fields", "at least one", "none"))
    if key is not None and key[0] not in synthetic:
        problems.append(Problem(f"key {shown(key[0])}", "a column of the copy", "no such column"))
    if key is not None and key[1] not in public:
        problems.append(Problem(f"key {shown(key[1])}", "a column of the public table", "no such column"))
    made = []
    for given, one in zip(fields, own, strict=True):
        where = f"field {shown(one.name)}"
        if one.name not in synthetic or one.there not in public:
            problems.append(Problem(where, "a column of both tables", "no such column in one of them"))
            continue
        are_numbers = all(pd.api.types.is_numeric_dtype(c) for c in (synthetic[one.name], public[one.there]))
        if isinstance(given, str) and are_numbers:
            one = LinkField(one.name, "number")
        if one.similarity not in SIMILARITIES:
            problems.append(Problem(where, f"a similarity of {', '.join(SIMILARITIES)}", "another"))
        elif one.similarity == "number" and not are_numbers:
            problems.append(Problem(where, "numbers in both tables", "something else"))
        elif one.scale is not None and not (np.isfinite(one.scale) and one.scale > 0):
            problems.append(Problem(where, "a scale above 0", f"{one.scale:g}"))
        made.append(one)
    if truth is not None and len(truth) != len(synthetic):
        problems.append(Problem("truth", f"one label for each of {len(synthetic):,} records", f"{len(truth):,}"))
    elif truth is not None and (
        n_unknown := int((~pd.Index(truth).isin(public.index) & pd.notna(pd.Index(truth))).sum())
    ):
        problems.append(Problem("truth", "labels of the public table's index", f"{n_unknown:,} that are none"))
    if certainties is not None and (not len(certainties) or not np.isfinite(np.asarray(certainties, float)).all()):
        problems.append(Problem("certainties", "numbers, at least one", "none"))
    if not public.index.is_unique:
        problems.append(Problem("public table", "an index that names each record once", "labels that repeat"))
    if problems:
        raise InputError(problems)
    return made


def _blocks(
    synthetic: pd.DataFrame, public: pd.DataFrame, key: tuple[str, str] | None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The positions of the records of each key, in either table; a missing key is nobody's."""
    if key is None:
        return {"": np.arange(len(synthetic))}, {"": np.arange(len(public))}
    made = []
    for frame, name in zip((synthetic, public), key, strict=True):
        values = as_groups(frame[name]).reset_index(drop=True)
        made.append(
            {value: own.to_numpy() for value, own in values.index.to_series().groupby(values) if value != MISSING_GROUP}
        )
    return made[0], made[1]


def _positions(truth: Sequence[Any] | None, public: pd.DataFrame, n: int) -> np.ndarray | None:
    return None if truth is None else public.index.get_indexer(pd.Index(truth)) if n else np.empty(0, int)


class _Similarity:
    """How alike the values of one field are, for any records of the two tables."""

    def __init__(self, left: pd.Series, right: pd.Series, field: LinkField):
        self.scale: float | None = None
        self._table: np.ndarray | None = None
        if field.similarity == "number":
            self._left, self._right = (pd.to_numeric(c).to_numpy(dtype=float, na_value=np.nan) for c in (left, right))
            known = self._right[np.isfinite(self._right)]
            width = float(np.ptp(known)) if len(known) else 0.0
            self.scale = field.scale or width or 1.0
            return
        texts = [
            as_groups(own).str.casefold() if field.similarity == "text" else as_groups(own) for own in (left, right)
        ]
        is_known = [(as_groups(own) != MISSING_GROUP).to_numpy() for own in (left, right)]
        if field.similarity == "text":
            from rapidfuzz.distance import JaroWinkler
            from rapidfuzz.process import cdist

            (self._left, names), (self._right, others) = (pd.factorize(own) for own in texts)
            if len(names) * len(others) > _MOST_TEXTS:
                raise InputError.one(
                    f"field {shown(field.name)}",
                    f"at most {_MOST_TEXTS:,} pairs of different texts",
                    f"{len(names) * len(others):,}",
                )
            self._table = cdist(list(names), list(others), scorer=JaroWinkler.similarity, dtype=np.float64)
        else:
            codes = pd.factorize(pd.concat(texts, ignore_index=True))[0]
            self._left, self._right = codes[: len(left)], codes[len(left) :]
        self._known = is_known

    def of(self, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
        """(rows, others), each in [0, 1]."""
        a, b = self._left[rows][:, None], self._right[others][None, :]
        if self.scale is not None:
            return np.nan_to_num(np.maximum(1 - np.abs(a - b) / self.scale, 0.0), nan=0.0)
        alike = self._table[a, b] if self._table is not None else (a == b).astype(float)
        return alike * (self._known[0][rows][:, None] & self._known[1][others][None, :])


class _Found:
    """What is kept of all pairs: how many reach each certainty, and the best of each record."""

    def __init__(self, n: int, n_public: int, certainties: np.ndarray, curve: np.ndarray, truth: np.ndarray | None):
        self.certainties, self.curve, self.truth = certainties, curve, truth
        self._at = np.unique(np.r_[certainties, curve])
        self._counts = np.zeros(len(self._at) + 1, np.int64)
        self._record, self._public = np.full(n, -1.0), np.full(n_public, -1.0)
        self._best, self._ties, self._size = np.full(n, -1), np.zeros(n, np.int64), np.zeros(n, np.int64)
        self._true = np.full(n, -1.0)

    def add(self, rows: np.ndarray, others: np.ndarray, score: np.ndarray) -> None:
        self._counts += np.bincount(
            np.searchsorted(self._at, score.ravel() + _ROUNDING, side="right"), minlength=len(self._counts)
        )
        most = score.max(axis=1)
        self._record[rows], self._size[rows] = most, len(others)
        self._best[rows] = others[score.argmax(axis=1)]
        self._ties[rows] = (score >= most[:, None] - _ROUNDING).sum(axis=1)
        self._public[others] = np.maximum(self._public[others], score.max(axis=0))
        if self.truth is not None:
            place = np.full(len(self._public), -1)
            place[others] = np.arange(len(others))
            at = np.where(self.truth[rows] >= 0, place[self.truth[rows]], -1)
            own = np.flatnonzero(at >= 0)
            self._true[rows[own]] = score[own, at[own]]

    def _reached(self, at: np.ndarray) -> np.ndarray:
        beyond = self._counts[::-1].cumsum()[::-1]
        return beyond[np.searchsorted(self._at, at) + 1]

    def _counted(self, values: np.ndarray, at: np.ndarray) -> np.ndarray:
        known = np.sort(values[values >= 0])
        return len(known) - np.searchsorted(known, at - _ROUNDING, side="left")

    def table(self, n_candidates: int) -> pd.DataFrame:
        at = self.certainties
        made = pd.DataFrame(
            {
                "certainty": at,
                "n_pairs": self._reached(at),
                "n_records": self._counted(self._record, at),
                "n_public": self._counted(self._public, at),
            }
        )
        if self.truth is not None:
            made["n_true"] = self._counted(self._true, at)
            made["share_true"] = made["n_true"] / made["n_pairs"].where(made["n_pairs"] > 0)
            made["chance"] = (self._true >= 0).sum() / max(n_candidates, 1)
        return made

    def curve_table(self) -> pd.DataFrame:
        made = pd.DataFrame({"certainty": self.curve, "n_pairs": self._reached(self.curve)})
        return made if self.truth is None else made.assign(n_true=self._counted(self._true, self.curve))

    def best(self, confidence_level: float) -> dict[str, Any]:
        is_linked = (self._best >= 0) & (self._ties == 1)
        made: dict[str, Any] = {
            "n": len(self._best),
            "n_linked": int(is_linked.sum()),
            "n_tied": int((self._ties > 1).sum()),
            "n_with_candidates": int((self._best >= 0).sum()),
            "n_public": len(np.unique(self._best[is_linked])),
        }
        if self.truth is not None:
            with_truth = self.truth >= 0
            is_right = (is_linked & (self._best == self.truth))[with_truth]
            low, high = wilson_of_people(
                is_right.astype(float), self.truth[with_truth], confidence_level=confidence_level
            )
            size = self._size[with_truth & (self._true >= 0)]
            used = np.unique(self.truth[with_truth])
            made |= {
                "n_with_truth": int(with_truth.sum()),
                "n_right": int(is_right.sum()),
                "share_right": float(is_right.mean()) if len(is_right) else float("nan"),
                "low": low,
                "high": high,
                "chance": float((1 / size).sum() / max(with_truth.sum(), 1)),
                "n_used": len(used),
                "n_public_used": len(np.intersect1d(np.unique(self._best[is_linked]), used)),
            }
        return made
