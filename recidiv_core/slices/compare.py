"""The same slices in several models or versions of the data (R, Table 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset
from recidiv_core.errors import InputError
from recidiv_core.slices.audit import FOUND, SliceAudit, audit_slices, audit_with, prepared, slice_words
from recidiv_core.slices.binning import Progress
from recidiv_core.slices.confirm import LEAST_ROWS, Moments, mean_bounds
from recidiv_core.slices.find import slice_rows
from recidiv_core.slices.prepare import Prepared
from recidiv_core.stats import normal_quantile

N_COMMON = 3
_WIDE = ("held_out_error", "wide_low", "wide_high")
COLUMNS = [
    "variant",
    "kind",
    "words",
    "held_out_n",
    "held_out_share",
    "held_out_error",
    "low",
    "high",
    "change",
    "change_low",
    "change_high",
]


def compare_slices(
    variants: Mapping[str, AuditDataset],
    *,
    error: str = "log_loss",
    manual: Sequence[Mapping[str, Any]] = (),
    confidence_level: float = 0.95,
    progress: Progress = None,
    **options: Any,
) -> pd.DataFrame:
    """Each variant's error as a whole, in its own worst slice, in the first variant's best three, and in those written
    by hand.

    Parameters
    ----------
    variants : mapping of name -> AuditDataset
        At least two; the first is what the others are compared with, and its bins serve all.
    options
        As of :func:`audit_slices`.

    Returns
    -------
    DataFrame
        variant, kind ("all rows", "worst found", "found in NAME", "by hand"), words, held_out_n, held_out_share,
        held_out_error, low, high, and the change of the error against the first variant with its interval (for the same
        slice; NaN otherwise). All on rows held out: a row that the first variant searched, the same in all columns but
        score and prediction, is searched in the others too. Each interval is at the confidence level by itself; that of
        a change holds whatever the variants have in common (Bonferroni).

    Raises
    ------
    InputError
        When there is one variant only, or one of them lacks a column that the first one's slices need.
    """
    if len(variants) < 2:
        raise InputError.one("variants", "at least two", f"{len(variants)}")
    start, dataset = next(iter(variants.items()))
    first = audit_slices(dataset, error=error, manual=manual, confidence_level=confidence_level, **options)
    own = first.options | {
        "manual": [],
        "features": list(first.features),
        "min_support": options.get("min_support"),
        "binning": first.options["binning"] | {"cutpoints": first.binning.cutpoints},
    }
    shared = [
        (f"found in {start}", row.slice)
        for row in first.table[first.table["kind"] == FOUND].head(N_COMMON).itertuples()
    ]
    shared += [("by hand", dict(slice_)) for slice_ in manual]
    searched = prepared(dataset, error, first.options).bins.held_out
    rows: list[dict[str, Any]] = []
    for position, (name, other) in enumerate(variants.items()):
        if progress is not None:
            progress(position / len(variants), f"Searching {name}")
        held_out = searched if position == 0 else _matched(dataset, searched, other, first.options)
        audit = first if position == 0 else audit_with(other, error, own, held_out=held_out)
        # The slices of the first variant need their columns even where they are not searched.
        ready = prepared(other, error, own | {"manual": [slice_ for _, slice_ in shared]}, held_out=held_out)
        rows += _rows(audit, ready, name, shared)
    return _with_changes(pd.DataFrame(rows), start)[COLUMNS]


def _matched(first: AuditDataset, held_out: np.ndarray, other: AuditDataset, options: Mapping[str, Any]) -> np.ndarray:
    """Which rows of ``other`` to hold out: those that are rows held out of ``first``, and of rows that are not in it
    a random part.
    """
    scores = {role for data in (first, other) for role in (data.roles.score, data.roles.prediction)}
    columns = [name for name in first.frame.columns if name in other.frame.columns and name not in scores]
    keys = [_row_keys(data.frame[columns]) for data in (first, other)]
    known = pd.Series(held_out.astype(float), index=keys[0]).reindex(keys[1]).to_numpy()
    chance = np.random.default_rng(options["random_state"]).random(len(known)) < options["holdout"]
    return np.where(np.isnan(known), chance, known == 1)


def _row_keys(frame: pd.DataFrame) -> pd.MultiIndex:
    """A key for each row: a hash of its values, and which of the equal rows it is."""
    numbers = {name: pd.api.types.is_numeric_dtype(column) for name, column in frame.items()}
    alike = frame.astype({name: float if is_number else str for name, is_number in numbers.items()})
    hashes = pd.util.hash_pandas_object(alike, index=False)
    return pd.MultiIndex.from_arrays([hashes, hashes.groupby(hashes).cumcount()])


def _rows(
    audit: SliceAudit, ready: Prepared, variant: str, shared: Sequence[tuple[str, Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """One variant: all rows, its worst slice, and the slices that it shares with the others."""
    errors, levels = ready.errors[ready.held_out], ready.levels[ready.held_out]
    weight = np.ones(len(errors)) if ready.weight is None else ready.weight[ready.held_out]
    worst = [("worst found", row.slice) for row in audit.table[audit.table["kind"] == FOUND].head(1).itertuples()]
    # Half the error for each of the two variants that a change is between, so that their bounds may be taken together.
    level = audit.options["confidence_level"]
    z_one, z_two = normal_quantile(level), normal_quantile((1 + level) / 2)
    is_binary = bool(np.isin(errors, (0.0, 1.0)).all())
    pool, rows = Moments.of(errors, weight), []
    for kind, slice_ in [("all rows", {}), *worst, *shared]:
        inside = slice_rows(levels, slice_)
        of = Moments.of(errors[inside], weight[inside])
        bounds = [np.nan] * 4
        if of.n >= LEAST_ROWS * (1 - 1e-9):
            bounds = [x for z in (z_one, z_two) for x in mean_bounds(of, pool, z, is_binary=is_binary)]
        rows.append(
            {
                "variant": variant,
                "kind": kind,
                "words": slice_words(slice_, ready.quantities) or "everybody",
                "held_out_n": of.rows,
                "held_out_share": float(weight[inside].sum() / weight.sum()),
                "held_out_error": of.mean,
                **dict(zip(("low", "high", "wide_low", "wide_high"), bounds, strict=True)),
            }
        )
    return rows


def _with_changes(table: pd.DataFrame, start: str) -> pd.DataFrame:
    """The change of each slice's error against the first variant; NaN for a variant's own worst slice."""
    key = ["kind", "words"]
    before = table[table["variant"] == start].drop_duplicates(key)[[*key, *_WIDE]]
    both = table.merge(before, on=key, how="left", suffixes=("", "_before"))
    is_same = (both["kind"] != "worst found") & (both["variant"] != start)
    after, low, high = (both[name].where(is_same) for name in _WIDE)
    old, old_low, old_high = (both[f"{name}_before"] for name in _WIDE)
    return both.assign(change=after - old, change_low=low - old_high, change_high=high - old_low)
