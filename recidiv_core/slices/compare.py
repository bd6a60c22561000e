"""The same slices in several models or versions of the data (R, Table 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset
from recidiv_core.errors import InputError
from recidiv_core.slices.audit import BY_HAND, FOUND, SliceAudit, audit_slices, prepared
from recidiv_core.slices.binning import Progress
from recidiv_core.slices.confirm import LEAST_ROWS, Moments, mean_bounds
from recidiv_core.slices.find import slice_rows
from recidiv_core.stats import difference_bounds, normal_quantile

N_COMMON = 3
_BOUNDS = ("held_out_error", "low", "high", "held_out_error_before", "low_before", "high_before")
COLUMNS = [
    "variant", "kind", "words", "held_out_n", "held_out_share", "held_out_error", "low", "high", "change", "change_low", "change_high",
]  # fmt: skip


def compare_slices(
    variants: Mapping[str, AuditDataset],
    *,
    error: str = "log_loss",
    manual: Sequence[Mapping[str, Any]] = (),
    confidence_level: float = 0.95,
    progress: Progress = None,
    **options: Any,
) -> pd.DataFrame:
    """Each variant's error as a whole, in its own worst slice, in the first variant's best three, and in those written by hand.

    Parameters
    ----------
    variants : mapping of name -> AuditDataset
        At least two; the first is what the others are compared with, and its bins serve all.
    options
        As of :func:`audit_slices`.

    Returns
    -------
    DataFrame
        variant, kind ("all rows", "worst found", "found in NAME", "by hand"), words, held_out_n, held_out_share, held_out_error, low, high,
        and the change of the error against the first variant with its interval (for the same slice; NaN otherwise). All on rows held
        out, each interval at the confidence level by itself; that of a change takes the variants as independent, which for two
        models on the same people makes it too wide, not too narrow.

    Raises
    ------
    InputError
        When there is one variant only, or one of them lacks a column that the first one's slices need.
    """
    if len(variants) < 2:
        raise InputError.one("variants", "at least two", f"{len(variants)}")
    options = options | {"error": error, "confidence_level": confidence_level}
    start, dataset = next(iter(variants.items()))
    first = audit_slices(dataset, manual=manual, **options)
    options["binning"] = dict(options.get("binning") or {}) | {"cutpoints": first.binning.cutpoints}
    options["features"] = list(first.features)
    common = list(first.table.loc[first.table["kind"] == FOUND, "slice"].head(N_COMMON))
    rows: list[dict[str, Any]] = []
    for position, (name, dataset) in enumerate(variants.items()):
        if progress is not None:
            progress(position / len(variants), f"Searching {name}")
        audit = audit_slices(dataset, manual=[*common, *manual], **options)
        kinds = [f"found in {start}"] * len(common) + ["by hand"] * len(manual)
        rows += _rows(dataset, audit, name, kinds)
    return _with_changes(pd.DataFrame(rows), start)[COLUMNS]


def _rows(dataset: AuditDataset, audit: SliceAudit, variant: str, kinds: Sequence[str]) -> list[dict[str, Any]]:
    """One variant: all rows, its worst slice, and the slices that it shares with the others."""
    ready = prepared(dataset, audit.error, audit.options)
    errors, levels = ready.errors[ready.held_out], ready.levels[ready.held_out]
    weight = None if ready.weight is None else ready.weight[ready.held_out]
    found, shared = (audit.table[audit.table["kind"] == kind] for kind in (FOUND, BY_HAND))
    slices = [("all rows", {}, "everybody")]
    slices += [("worst found", row.slice, row.words) for row in found.head(1).itertuples()]
    slices += [(kind, row.slice, row.words) for kind, row in zip(kinds, shared.itertuples(), strict=True)]
    z = normal_quantile(audit.options["confidence_level"])
    is_binary = bool(np.isin(errors, (0.0, 1.0)).all())
    rows = []
    for kind, slice_, words in slices:
        own = slice_rows(levels, slice_)
        of = Moments.of(errors[own], None if weight is None else weight[own])
        low, high = mean_bounds(of, z, is_binary=is_binary) if of.rows >= LEAST_ROWS else (np.nan, np.nan)
        share = float(own.mean() if weight is None else weight[own].sum() / weight.sum())
        rows.append({
            "variant": variant, "kind": kind, "words": words, "held_out_n": of.rows, "held_out_share": share,
            "held_out_error": of.mean, "low": low, "high": high,
        })  # fmt: skip
    return rows


def _with_changes(table: pd.DataFrame, start: str) -> pd.DataFrame:
    """The change of each slice's error against the first variant (MOVER); NaN for a variant's own worst slice."""
    key = ["kind", "words"]
    before = table[table["variant"] == start].drop_duplicates(key)[[*key, "held_out_error", "low", "high"]]
    both = table.merge(before, on=key, how="left", suffixes=("", "_before"))
    is_same = (both["kind"] != "worst found") & (both["variant"] != start)
    columns = (both[name].where(is_same).to_numpy(float) for name in _BOUNDS)
    after, low, high, old, old_low, old_high = columns
    change_low, change_high = difference_bounds(after, low, high, old, old_low, old_high)
    return both.assign(change=after - old, change_low=change_low, change_high=change_high)
