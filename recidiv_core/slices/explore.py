"""One slice from close by: who is in it, how its error spreads, which of its parts matters, and what lies around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset
from recidiv_core.slices.audit import SliceAudit, prepared, slice_words
from recidiv_core.slices.confirm import confirm
from recidiv_core.slices.find import slice_rows, slice_score
from recidiv_core.slices.prepare import Prepared
from recidiv_core.stats import wilson

N_CHILDREN, _N_BINS = 6, 20


@dataclass(frozen=True, eq=False)
class SliceDetail:
    """A slice from close by.

    Attributes
    ----------
    words : str
    makeup : DataFrame
        attribute, group, n, share, low, high (Wilson; of the slice's rows), share_all: the protected groups in the
        slice against those of all rows that the error is about, searched and held out together; counted as rows,
        whatever their weights.
    spread : DataFrame
        low, high, where ("in the slice" or "all others"), n, share: the errors of held-out rows, in bins.
    parts : DataFrame
        dropped (in words), left (in words), held_out_n, held_out_error (of what is left without it), change (the
        slice's error less that), low, high, reason: what each predicate adds, on held-out rows; each interval at the
        confidence level by itself.
    lattice : DataFrame
        relation ("parent", "slice", "child"), slice, words, added (the predicate more or fewer, in words), n, share,
        mean_error, score (rows searched), held_out_n, held_out_error. All parents; of the children large enough those
        with the highest scores.
    """

    words: str
    makeup: pd.DataFrame
    spread: pd.DataFrame
    parts: pd.DataFrame
    lattice: pd.DataFrame


def slice_detail(dataset: AuditDataset, audit: SliceAudit, slice_: Mapping[str, Any]) -> SliceDetail:
    """Look at one slice of an audit of ``dataset``; ``slice_`` is as in its table."""
    ready = prepared(dataset, audit.error, audit.options)
    rows = slice_rows(ready.levels, slice_)
    return SliceDetail(
        slice_words(slice_, ready.quantities),
        _makeup(dataset, ready, rows),
        _spread(ready, rows),
        _parts(ready, slice_, audit.options["confidence_level"]),
        _lattice(ready, slice_, audit.options),
    )


def _makeup(dataset: AuditDataset, ready: Prepared, rows: np.ndarray) -> pd.DataFrame:
    found = []
    for name, attribute in dataset.attributes.items():
        codes = attribute.codes[ready.of.rows]
        n_all = np.bincount(codes, minlength=len(attribute.levels))
        n = np.bincount(codes[rows], minlength=len(attribute.levels))
        with np.errstate(invalid="ignore"):
            share = n / n.sum()
        low, high = wilson(share, np.full(len(n), n.sum()))
        found += [(name, *row) for row in zip(attribute.levels, n, share, low, high, n_all / n_all.sum(), strict=True)]
    return pd.DataFrame(found, columns=["attribute", "group", "n", "share", "low", "high", "share_all"])


def _spread(ready: Prepared, rows: np.ndarray) -> pd.DataFrame:
    errors, own = ready.errors[ready.held_out], rows[ready.held_out]
    values = np.unique(errors)
    if len(values) <= _N_BINS:
        edges = np.append(values, values[-1])
        place = np.searchsorted(values, errors)
    else:
        # To the 99.5th percentile; what lies above goes into the last bin, which says so by its upper end.
        edges = np.append(np.linspace(0, np.quantile(errors, 0.995), _N_BINS), errors.max())
        place = np.clip(np.searchsorted(edges, errors, side="right") - 1, 0, _N_BINS - 1)
    found = []
    for where, part in (("in the slice", own), ("all others", ~own)):
        n = np.bincount(place[part], minlength=len(edges) - 1)
        found += [(*row, where) for row in zip(edges[:-1], edges[1:], n, n / max(n.sum(), 1), strict=True)]
    return pd.DataFrame(found, columns=["low", "high", "n", "share", "where"])


def _parts(ready: Prepared, slice_: Mapping[str, Any], confidence_level: float) -> pd.DataFrame:
    held = ready.held_out
    errors, levels = ready.errors[held], ready.levels[held]
    weight = None if ready.weight is None else ready.weight[held]
    own, rows = slice_rows(levels, slice_), []
    for name in slice_:
        left = {other: value for other, value in slice_.items() if other != name}
        parent = slice_rows(levels, left)
        judged = confirm(
            errors[parent], None if weight is None else weight[parent], [own[parent]], confidence_level=confidence_level
        ).iloc[0]
        error = _mean(errors, weight, parent)
        rows.append(
            {
                "dropped": slice_words({name: slice_[name]}, ready.quantities),
                "left": slice_words(left, ready.quantities) if left else "everybody",
                "held_out_n": int(parent.sum()),
                "held_out_error": error,
                "change": judged["excess"],
                "low": judged["low"],
                "high": judged["high"],
                "reason": judged["reason"],
            }
        )
    return pd.DataFrame(rows)


def _mean(errors: np.ndarray, weight: np.ndarray | None, rows: np.ndarray) -> float:
    own = None if weight is None else weight[rows]
    return float(np.average(errors[rows], weights=own)) if rows.any() and (own is None or own.any()) else np.nan


def _lattice(ready: Prepared, slice_: Mapping[str, Any], options: Mapping[str, Any]) -> pd.DataFrame:
    own = [("slice", dict(slice_), "")]
    parents = [
        ("parent", {n: v for n, v in slice_.items() if n != name}, slice_words({name: slice_[name]}, ready.quantities))
        for name in slice_
        if len(slice_) > 1
    ]
    children = [
        ("child", {**slice_, name: level}, slice_words({name: level}, ready.quantities))
        for name, level in _best_children(ready, slice_, options)
    ]
    rows = []
    seen = ~ready.held_out
    weight = _weight(ready)
    for relation, one, added in [*parents, *own, *children]:
        inside = slice_rows(ready.levels, one)
        rows.append(
            {
                "relation": relation,
                "slice": one,
                "words": slice_words(one, ready.quantities),
                "added": added,
                "n": int((inside & seen).sum()),
                "share": float(weight[inside & seen].sum() / weight[seen].sum()),
                "mean_error": _mean(ready.errors, ready.weight, inside & seen),
                "score": _score(ready, inside, options["alpha"]),
                "held_out_n": int((inside & ready.held_out).sum()),
                "held_out_error": _mean(ready.errors, ready.weight, inside & ready.held_out),
            }
        )
    return pd.DataFrame(rows)


def _score(ready: Prepared, inside: np.ndarray, alpha: float) -> float:
    seen, weight = ~ready.held_out, _weight(ready)
    mean, whole = (_mean(ready.errors, ready.weight, rows) for rows in (inside & seen, seen))
    return slice_score(mean, float(weight[inside & seen].sum()), whole=whole, n=float(weight[seen].sum()), alpha=alpha)


def _weight(ready: Prepared) -> np.ndarray:
    return np.ones(len(ready.held_out)) if ready.weight is None else ready.weight


def _best_children(ready: Prepared, slice_: Mapping[str, Any], options: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The predicates that, added to a slice, leave enough rows and have the highest score."""
    seen, weight = ~ready.held_out, _weight(ready)
    inside = slice_rows(ready.levels, slice_) & seen
    own, n, whole = weight[inside], float(weight[seen].sum()), _mean(ready.errors, ready.weight, seen)
    least, most = options["min_support"] * n / seen.sum() * (1 - 1e-9), own.sum() * (1 - 1e-9)
    found = []
    for name in ready.features:
        if name in slice_:
            continue
        column = ready.levels[name].cat
        codes = column.codes.to_numpy()[inside] + 1  # 0 is no level
        sizes, sums = (
            np.bincount(codes, weights=w, minlength=len(column.categories) + 1)[1:]
            for w in (own, own * ready.errors[inside])
        )
        for level, size, held in zip(column.categories, sizes, sums, strict=True):
            if least <= size < most:
                score = slice_score(held / size, size, whole=whole, n=n, alpha=options["alpha"])
                found.append((-score, name, level))
    return [(name, level) for _, name, level in sorted(found)[:N_CHILDREN]]
