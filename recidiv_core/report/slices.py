"""The section of the room of slices."""

from __future__ import annotations

import dataclasses
import math
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.charts.slices import slices_chart
from recidiv_core.report.blocks import DASH, WITHHELD, figure_block, table_block, text_block
from recidiv_core.slices import BY_HAND, MARKS, SliceAudit, error_text, is_share, slice_answer, slice_notes
from recidiv_core.words import listed, opened, outward, percent

_NUMBERS = [
    "n",
    "share",
    "mean_error",
    "score",
    "held_out_n",
    "held_out_share",
    "held_out_error",
    "excess",
    "low",
    "high",
    "p_value",
    "p_holm",
]


def protect(audit: SliceAudit, *, min_cell: int) -> SliceAudit:
    """The audit as it may be published.

    A slice's numbers are withheld when it, its complement, the errors (where they are counted) or the right decisions
    in either are fewer than ``min_cell`` people, among the rows searched or held out; also when two slices published,
    one inside the other or one beside the other, leave fewer than that between them. The largest error is one person's,
    and never published.
    """
    table = audit.table.copy()
    cells = _cells(audit)
    hidden = (cells < min_cell).any(axis=(1, 2))
    for inner, outer in permutations(range(len(table)), 2):
        if not hidden[[inner, outer]].any() and _is_inside(table["slice"].iloc[inner], table["slice"].iloc[outer]):
            hidden[inner] = (cells[outer, 0] - cells[inner, 0] < min_cell).any()
    for members, parent in _families(table["slice"]):
        own = [i for i in members if not hidden[i]]
        if len(own) > 1 and (parent is None or not hidden[parent]):
            whole = cells[0].sum(axis=0) if parent is None else cells[parent, 0]
            hidden[own[-1]] |= (whole - cells[own, 0].sum(axis=0) < min_cell).any()
    for name in _NUMBERS:
        table[name] = table[name].astype(float).mask(hidden)
    table["max_error"] = np.nan
    # Levels are small cells too, and each column's add up: published are the cut-points only.
    binning = dataclasses.replace(audit.binning, table=audit.binning.table.iloc[:0])
    return dataclasses.replace(audit, table=table, folded=audit.folded.iloc[:0], binning=binning)


def withheld(audit: SliceAudit, *, min_cell: int) -> pd.DataFrame:
    """attribute, group, what: the slices whose numbers are not published."""
    public = protect(audit, min_cell=min_cell).table
    hidden = public.loc[public["n"].isna(), "words"]
    return pd.DataFrame({"attribute": "slice", "group": hidden, "what": "its numbers"})


def _cells(audit: SliceAudit) -> np.ndarray:
    """People of each slice and of its complement, in each part of the rows: shape (slices, 2, cells).

    The cells are the rows searched and held out, and where errors are counted those of each with and without an error.
    """
    found = []
    for row in audit.table.itertuples():
        parts = (
            (row.n, row.mean_error, audit.n_search, audit.mean_error),
            (row.held_out_n, row.held_out_error, audit.n_held_out, audit.held_out_error),
        )
        inside, outside = [], []
        for n, error, n_all, error_all in parts:
            inside.append(n)
            outside.append(n_all - n)
            if is_share(audit):
                wrong, wrong_all = n * np.nan_to_num(error), n_all * error_all
                inside += [wrong, n - wrong]
                outside += [wrong_all - wrong, n_all - n - (wrong_all - wrong)]
        found.append([inside, outside])
    n_cells = 6 if is_share(audit) else 2
    return np.rint(np.array(found, float).reshape(-1, 2, n_cells))


def _is_inside(inner: dict[str, Any], outer: dict[str, Any]) -> bool:
    """Whether everybody in ``inner`` is in ``outer`` by what the two say."""
    return inner != outer and all(
        name in inner and _levels(inner[name]) <= _levels(value) for name, value in outer.items()
    )


def _levels(value: Any) -> set[Any]:
    return set(value) if isinstance(value, (list, tuple)) else {value}


def _families(slices: pd.Series) -> list[tuple[list[int], int | None]]:
    """Slices that differ in the level of one column only, with the slice that they are parts of (None: everybody).

    What is left when they are taken away from it could be a few people.
    """
    keys = [frozenset((name, frozenset(_levels(value))) for name, value in own.items()) for own in slices]
    families: dict[Any, list[int]] = {}
    for i, key in enumerate(keys):
        for name, levels in key:
            families.setdefault((name, key - {(name, levels)}), []).append(i)
    return [
        (members, keys.index(rest) if rest else None)
        for (_, rest), members in families.items()
        if len(members) > 1 and (not rest or rest in keys)
    ]


def facts(audit: SliceAudit) -> list[list[str]]:
    """What was searched, and how it was tested."""
    options = audit.options
    flagged = [] if audit.threshold is None else [["Flagged means", f"score ≥ {audit.threshold:g}"]]
    level = f"{100 * options['confidence_level']:g} %"
    return [
        ["Error", f"{audit.error_title}, of {audit.about}"],
        *flagged,
        ["Searched", f"{audit.n_predicates:,} values of {len(audit.features)} columns: {', '.join(audit.features)}"],
        ["Rows", f"{audit.n_search:,} searched, {audit.n_held_out:,} held out"],
        [
            "Search",
            f"α = {options['alpha']:g}, at least {options['min_support']:g} rows, {_depth(options['max_level'])}",
        ],
        ["Confidence", f"{level}, over all slices of the search together (Holm)"],
    ]


def _depth(level: int | None) -> str:
    return "any number of parts" if level is None else f"at most {level} part{'s' if level != 1 else ''}"


def summary(audit: SliceAudit) -> list[tuple[str, str | None, str]]:
    """Where the model fails."""
    return [(f"Slices by {audit.error_title.lower()}", None, slice_answer(audit))]


def sections(audit: SliceAudit) -> list[dict[str, Any]]:
    """One section."""
    n_shown = int((audit.table["kind"] != BY_HAND).sum())
    chosen = (
        []
        if n_shown == audit.n_found
        else [
            text_block(f"Shown are {n_shown} of the {audit.n_found} slices found, chosen by whoever made this report.")
        ]
    )
    blocks = [
        text_block(slice_answer(audit)),
        *chosen,
        *(text_block(note) for note in slice_notes(audit)),
        _table(audit),
    ]
    public = dataclasses.replace(audit, table=audit.table[audit.table["held_out_error"].notna()])
    if len(public.table):
        blocks.append(
            figure_block(
                f"{opened(audit.error_mean)} of each slice on held-out rows (dashed: of all; tick: on the rows "
                "searched)",
                slices_chart(public),
            )
        )
    cuts = [
        f"{name} at {', '.join(f'{cut:g}' for cut in own)}"
        for name, own in audit.binning.cutpoints.items()
        if name in audit.features
    ]
    if cuts:
        blocks.append(text_block(f"Numbers were cut, on the rows searched: {'; '.join(cuts)}."))
    reasons: dict[str, list[str]] = {}
    for name, reason in audit.left_out.items():
        reasons.setdefault(reason, []).append(name)
    if reasons:
        told = "; ".join(f"{listed(names)} ({reason})" for reason, names in reasons.items())
        blocks.append(text_block(f"Columns not searched: {told}."))
    return [{"title": f"Slices: {audit.error_title.lower()}", "blocks": blocks}]


def _table(audit: SliceAudit) -> dict[str, Any]:
    def error(value: float, n: float) -> str:
        return f"{error_text(audit, value)} of {n:,.0f}"

    rows = [
        [
            "all",
            error(audit.mean_error, audit.n_search),
            error(audit.held_out_error, audit.n_held_out),
            "100 %",
            *[DASH] * 3,
        ]
    ]
    for row in audit.table.itertuples():
        words = f"{'by hand: ' if row.kind == BY_HAND else ''}{row.words}"
        test = row.reason or MARKS[row.confirmed]
        if math.isnan(row.n):
            rows.append([words, *[WITHHELD] * 5, test])
            continue
        searched, held_out = (
            DASH if math.isnan(v) else error(v, n)
            for v, n in ((row.mean_error, row.n), (row.held_out_error, row.held_out_n))
        )
        tested = [DASH, DASH] if row.reason else [outward(row.low, row.high, percent=is_share(audit)), _p(row.p_holm)]
        rows.append([words, searched, held_out, percent(row.held_out_share), *tested, test])
    unit = "percentage points" if is_share(audit) else audit.error_mean
    columns = ["Slice", "Rows searched", "Rows held out", "Share", "More than all by", "p (Holm)", "Test"]
    title = f"{opened(audit.error_mean)} of each slice; what it is more than over all, in {unit}, with its interval"
    return table_block(title, columns, [False, *[True] * 5, False], rows)


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"
