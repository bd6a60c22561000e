"""Cells too small to publish, and the further cells from which they could be worked out.

Every published figure of a group is a linear combination of its cell counts, and so are the totals. A small count is
safe exactly when it is not in the linear span of what is published. So figures are published one by one, the
totals first and then group after group by size, and one that would bring a small count into the span is withheld: that is
the "second cell". Groups of all attributes are combinations of the same joint cells, so intersections and totals over
several attributes are covered too. (Hundepool et al. 2012, "Statistical Disclosure Control", ch. 4; bounds that an
attacker could infer from non-negativity are not considered.)
"""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd

from recidiv_core.groups import METRICS, GroupAudit
from recidiv_core.stats import CELLS

_NEAR_ZERO = 1e-8
# What is published of a group, in the order of preference; with these four everything else follows.
_FIGURES = (CELLS, ("fn", "tp"), ("fp", "tp"), ("tp",))
_SENSITIVE = (*((cell,) for cell in CELLS), CELLS, ("fn", "tp"), ("fp", "tn"), ("fp", "tp"), ("tn", "fn"))


class _Published:
    """The linear span of what has been published, and what must stay outside it."""

    def __init__(self, sensitive: np.ndarray):
        self._basis: list[np.ndarray] = []
        self._hidden = sensitive.astype(float)

    def _new_direction(self, vector: np.ndarray) -> np.ndarray | None:
        """The part of ``vector`` outside the span, of length 1; None when it lies inside."""
        rest = vector.astype(float)
        for _ in range(2):  # twice: Gram-Schmidt loses figures in one pass
            for direction in self._basis:
                rest = rest - (rest @ direction) * direction
        length = np.linalg.norm(rest)
        return rest / length if length > _NEAR_ZERO * max(np.linalg.norm(vector), 1) else None

    def holds(self, vector: np.ndarray) -> bool:
        return self._new_direction(vector) is None

    def offer(self, vector: np.ndarray, *, always: bool = False) -> None:
        """Publish ``vector`` unless a hidden one would follow from it."""
        direction = self._new_direction(vector)
        if direction is None:
            return
        left = self._hidden - np.outer(self._hidden @ direction, direction)
        if not always and (np.linalg.norm(left, axis=1) < _NEAR_ZERO).any():
            return
        # What follows from the totals alone cannot be hidden any more, and must not block everything after it.
        self._hidden = left[np.linalg.norm(left, axis=1) >= _NEAR_ZERO]
        self._basis.append(direction)


def published_metrics(audit: GroupAudit, *, min_cell: int) -> pd.DataFrame:
    """attribute, group, what ("n", "n_positive", a cell or a metric), published (bool)."""
    counts = audit.cells[list(CELLS)].to_numpy(dtype=float)
    members = {
        (attribute, group): (audit.cells[attribute] == group).to_numpy()
        for attribute in audit.attributes
        for group in audit.of(attribute, "by_group")["group"]
    }

    def vector(member: np.ndarray, cells: tuple[str, ...]) -> np.ndarray:
        return np.outer(member, [cell in cells for cell in CELLS]).ravel().astype(float)

    flat = counts.ravel()
    small = [vector(m, cells) for m in members.values() for cells in _SENSITIVE if vector(m, cells) @ flat < min_cell]
    everyone = np.ones(len(counts), dtype=bool)
    published = _Published(np.array(small).reshape(-1, flat.size))
    for cell in CELLS:
        published.offer(vector(everyone, (cell,)), always=True)
    by_size = sorted(members, key=lambda key: -(counts[members[key]].sum()))
    for figure in _FIGURES:
        for key in by_size:
            published.offer(vector(members[key], figure))
    rows = []
    for (attribute, group), member in members.items():
        parts = {"n": [CELLS], "n_positive": [("fn", "tp")], **{cell: [(cell,)] for cell in CELLS}}
        parts |= {m.name: _parts_of(m.name) for m in METRICS.values()}
        for what, needed in parts.items():
            allowed = all(published.holds(vector(member, cells)) for cells in needed)
            rows.append({"attribute": attribute, "group": group, "what": what, "published": allowed})
    return pd.DataFrame(rows)


def _parts_of(metric: str) -> list[tuple[str, ...]]:
    """The counts that a metric with its denominator gives away."""
    found = METRICS[metric]
    return [CELLS, ("fn", "tp")] if found.from_scores else [found.numerator, found.denominator]


def suppress(audit: GroupAudit, *, min_cell: int) -> GroupAudit:
    """The audit as it may be published: what would show a cell of fewer than ``min_cell`` people is withheld.

    Verdicts and the names of the groups stay; withheld numbers become NaN with the reason beside them. Tables
    from which single records could be read (ROC, all cut-points, joint cells) are left out.
    """
    reason = f"withheld: a cell holds fewer than {min_cell} people, or one could be worked out"
    table = published_metrics(audit, min_cell=min_cell)
    hidden = {(r.attribute, r.group, r.what) for r in table.itertuples() if not r.published}

    def is_hidden(rows: pd.DataFrame, group: str, what: str = "metric") -> np.ndarray:
        keys = zip(rows["attribute"], rows[group], rows[what], strict=True)
        return np.array([key in hidden for key in keys], dtype=bool)

    by_group = audit.by_group.copy()
    for what in by_group.columns[2:]:
        by_group[what] = by_group[what].astype(float).mask(is_hidden(by_group.assign(what=what), "group", "what"))
    pairs_hidden = is_hidden(audit.pairs, "group_a") | is_hidden(audit.pairs, "group_b")
    pairs = _masked(audit.pairs, pairs_hidden, ["difference", "low", "high", "p_value"], None)
    references_hidden = is_hidden(audit.references, "group") | is_hidden(audit.references, "reference")
    fifths = audit.four_fifths.assign(what="selection_rate")
    fifths_hidden = is_hidden(fifths, "group", "what") | is_hidden(fifths, "most_favoured", "what")
    return dataclasses.replace(
        audit,
        options=audit.options | {"min_cell": min_cell},
        by_group=by_group,
        intervals=_masked(
            audit.intervals, is_hidden(audit.intervals, "group"), ["estimate", "low", "high", "n"], reason
        ),
        disparities=_disparities(audit.disparities, pairs, reason),
        pairs=pairs,
        references=_masked(
            audit.references,
            references_hidden,
            ["difference", "low", "high", "ratio", "ratio_low", "ratio_high"],
            reason,
        ),
        four_fifths=_masked(audit.four_fifths, fifths_hidden, ["favourable_rate", "ratio", "low", "high"], reason),
        left_out=audit.left_out.assign(reason=[re.sub(r" \(\d+\)$", "", r) for r in audit.left_out["reason"]]),
        roc=audit.roc.iloc[:0],
        cutpoints=audit.cutpoints.iloc[:0],
        calibration=_large_bins(audit.calibration, min_cell),
        cells=audit.cells.iloc[:0],
        ledger=_ledger(audit.ledger, min_cell),
    )


def _disparities(disparities: pd.DataFrame, pairs: pd.DataFrame, reason: str) -> pd.DataFrame:
    """The disparities with range, lower bound and pair taken over the published pairs only.

    The verdict stays that of all groups. The upper bound, the p-value and the detectable difference stay where the
    published pairs give them, and are withheld where a group whose numbers are withheld does.
    """
    published = pairs.dropna(subset="difference")
    published = published.assign(
        apart=published["difference"].abs(),
        least=np.where(published["low"] > 0, published["low"], np.maximum(-published["high"], 0)),
        most=np.maximum(published["low"].abs(), published["high"].abs()),
    )
    rows = []
    for _, row in disparities.iterrows():
        own = published[(published["attribute"] == row["attribute"]) & (published["metric"] == row["metric"])]
        row = row.copy()
        if row["worst_pair"] is not None and len(own) == 0:
            row[["range", "low", "high", "detectable", "p_value"]], row["reason"] = np.nan, reason
        elif row["worst_pair"] is not None:
            widest = own.loc[own["apart"].idxmax()]
            order = ["group_a", "group_b"] if widest["difference"] >= 0 else ["group_b", "group_a"]
            pair = tuple(widest[order])
            if pair != row["worst_pair"]:
                row["range"], row["worst_pair"] = widest["apart"], pair
                row[["detectable", "p_value", "high"]], row["reason"] = np.nan, reason
            if own["most"].max() != row["high"]:
                row["high"], row["reason"] = np.nan, reason
            row["low"] = own["least"].max()
        rows.append(row)
    return pd.DataFrame(rows, columns=disparities.columns)


def _masked(table: pd.DataFrame, hidden: np.ndarray, columns: list[str], reason: str | None) -> pd.DataFrame:
    masked = table.copy()
    for column in columns:
        masked[column] = masked[column].astype(float).mask(hidden)
    if reason:  # what does not exist keeps its own reason
        masked["reason"] = masked["reason"].where(~hidden | (masked["reason"] != ""), reason)
    return masked


def _large_bins(calibration: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """The calibration of the groups whose every bin is large enough in both outcomes: one gap would show the rest."""
    if calibration.empty:
        return calibration
    negatives = calibration["n"] - calibration["n_positive"]
    small = (calibration["n_positive"] < min_cell) | (negatives < min_cell)
    keys = list(zip(calibration["attribute"], calibration["group"], strict=True))
    dropped = {key for key, is_small in zip(keys, small, strict=True) if is_small}
    return calibration[[key not in dropped for key in keys]].reset_index(drop=True)


def _ledger(ledger: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """A count of a "(missing)" group is a cell like any other."""
    small = (ledger["step"] == "kept") & (ledger["n_rows"] < min_cell)
    return ledger.assign(n_rows=ledger["n_rows"].astype(float).mask(small))
