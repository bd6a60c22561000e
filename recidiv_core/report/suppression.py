"""Cells too small to publish, and the further cells from which they could be worked out.

Every published figure of a group is a linear combination of its cell counts, and so are the totals. A small count is
safe exactly when it is not in the linear span of what is published. So figures are published one by one, the
totals first and then group after group by size, and one that would bring a small count into the span is withheld: that
is the "second cell". Small are also the cells of a combination of attributes (two overlapping age bands differ by one)
and the sum of an attribute's small cells. (Hundepool et al. 2012, "Statistical Disclosure Control", ch. 4. Not
considered: bounds that follow because no count is negative, and two results of the same table at nearby cut-points.)
"""

from __future__ import annotations

import dataclasses
import itertools
import re

import numpy as np
import pandas as pd

from recidiv_core.groups import METRICS, NO_PROBABILITY, GroupAudit
from recidiv_core.stats import CELLS

_NEAR_ZERO = 1e-8
_PLAIN = 1e-4  # the square of a length that rounding does not make of nothing
# What is published of a group, in the order of preference; with these four everything else follows.
_FIGURES = (CELLS, ("fn", "tp"), ("fp", "tp"), ("tp",))
_SENSITIVE = (*((cell,) for cell in CELLS), CELLS, ("fn", "tp"), ("fp", "tn"), ("fp", "tp"), ("tn", "fn"))


def hide_small(counts: np.ndarray, min_cell: int) -> np.ndarray:
    """Which of the counts that add up to a published total are hidden: the small ones, and of the others the
    smallest until those hidden are several and sum to ``min_cell``.
    """
    n = np.asarray(counts, dtype=float)
    hidden = n < min_cell
    for place in np.argsort(n, kind="stable"):
        if not hidden.any() or (hidden.sum() > 1 and n[hidden].sum() >= min_cell):
            break
        hidden[place] = True
    return hidden


class _Published:
    """The linear span of what has been published, and what must stay outside it."""

    def __init__(self, sensitive: np.ndarray):
        self._basis = np.empty((0, sensitive.shape[1]))
        self._hidden = sensitive.astype(float)

    def _new_direction(self, vector: np.ndarray) -> np.ndarray | None:
        """The part of ``vector`` outside the span, of length 1; None when it lies inside."""
        rest = vector.astype(float)
        for _ in range(2):  # twice: Gram-Schmidt loses figures in one pass
            rest = rest - (self._basis @ rest) @ self._basis
        length = np.linalg.norm(rest)
        return rest / length if length > _NEAR_ZERO * max(np.linalg.norm(vector), 1) else None

    def holds(self, vector: np.ndarray) -> bool:
        return self._new_direction(vector) is None

    def offer(self, vector: np.ndarray, *, always: bool = False) -> None:
        """Publish ``vector`` unless a hidden one would follow from it."""
        direction = self._new_direction(vector)
        if direction is None:
            return
        along = self._hidden @ direction
        # Of most it is plain that something is left; only of the others is it worked out to the last figure.
        near = np.flatnonzero(np.einsum("ij,ij->i", self._hidden, self._hidden) - along**2 < _PLAIN)
        left = np.linalg.norm(self._hidden[near] - np.outer(along[near], direction), axis=1)
        given_away = near[left < _NEAR_ZERO]
        if not always and len(given_away):
            return
        self._hidden -= np.outer(along, direction)
        # What follows from the totals alone cannot be hidden any more, and must not block everything after it.
        self._hidden = np.delete(self._hidden, given_away, axis=0)
        self._basis = np.vstack([self._basis, direction])


def withheld_metrics(audit: GroupAudit, *, min_cell: int) -> pd.DataFrame:
    """attribute, group, what: the figures of groups that are not published."""
    table = published_metrics(audit, min_cell=min_cell)
    return table[~table["published"]].drop(columns="published")


def published_metrics(audit: GroupAudit, *, min_cell: int) -> pd.DataFrame:
    """attribute, group, what ("n", "n_positive", a cell or a metric), published (bool)."""
    counts = audit.cells[list(CELLS)].to_numpy(dtype=float)
    keys = [(a, row.group) for a in audit.attributes for row in audit.rows(a, "by_group")]
    member = np.array([(audit.cells[attribute] == group).to_numpy() for attribute, group in keys], dtype=float)
    # Groups span few of the dimensions that the combinations of many attributes have: work in those alone.
    _, singular, rows = np.linalg.svd(member, full_matrices=False)
    axes = rows[singular > _NEAR_ZERO * singular[0]].T

    def vector(place: np.ndarray, cells: tuple[str, ...]) -> np.ndarray:
        return np.outer(place @ axes, [cell in cells for cell in CELLS]).ravel()

    def count(place: np.ndarray, cells: tuple[str, ...]) -> float:
        return float((place @ counts)[[CELLS.index(cell) for cell in cells]].sum())

    places = [*member, *_combinations(axes), *_small_unions(audit, keys, member, counts, min_cell)]
    small = [vector(p, cells) for p in places for cells in _SENSITIVE if count(p, cells) < min_cell and p.any()]
    published = _Published(np.array(small).reshape(-1, axes.shape[1] * len(CELLS)))
    everyone = np.ones(len(counts))
    for cell in CELLS:
        published.offer(vector(everyone, (cell,)), always=True)
    by_size = sorted(range(len(keys)), key=lambda i: -count(member[i], CELLS))
    for figure, i in itertools.product(_FIGURES, by_size):
        published.offer(vector(member[i], figure))
    found = []
    for (attribute, group), place in zip(keys, member, strict=True):
        parts = {"n": [CELLS], "n_positive": [("fn", "tp")], **{cell: [(cell,)] for cell in CELLS}}
        parts |= {name: _parts_of(name) for name in METRICS}
        for what, needed in parts.items():
            allowed = all(published.holds(vector(place, cells)) for cells in needed)
            found.append({"attribute": attribute, "group": group, "what": what, "published": allowed})
    return pd.DataFrame(found)


def _combinations(axes: np.ndarray) -> np.ndarray:
    """The combinations of attributes that the groups could give away at all: those inside the groups' span."""
    inside = np.linalg.norm(axes, axis=1) > 1 - _NEAR_ZERO
    return np.eye(len(axes))[inside]


def _small_unions(audit: GroupAudit, keys, member: np.ndarray, counts: np.ndarray, min_cell: int) -> list[np.ndarray]:
    """For each attribute and cell: the groups in which it is small, taken together and in pairs."""
    unions = []
    for attribute in audit.attributes:
        own = member[[a == attribute for a, _ in keys]]
        for cell in range(len(CELLS)):
            small = own[(own @ counts)[:, cell] < min_cell]
            unions += [a + b for a, b in itertools.combinations(small, 2)]
            if len(small) > 2:
                unions.append(small.sum(axis=0))
    return unions


def _parts_of(metric: str) -> list[tuple[str, ...]]:
    """The counts that a metric with its denominator gives away; from a score with two values, all of them."""
    found = METRICS[metric]
    return [(cell,) for cell in CELLS] if found.from_scores else [found.numerator, found.denominator]


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
        left_out=_left_out(audit.left_out, is_hidden(audit.left_out, "group"), reason),
        roc=audit.roc.iloc[:0],
        cutpoints=audit.cutpoints.iloc[:0],
        calibration=_calibration(audit, {attribute for attribute, _, _ in hidden}, min_cell),
        cells=audit.cells.iloc[:0],
        ledger=_ledger(audit.ledger, min_cell, anything_hidden=bool(hidden)),
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
    if reason:  # "nobody was flagged" would be a count of 0: only what the score is stays said
        masked["reason"] = masked["reason"].where(~hidden | (masked["reason"] == NO_PROBABILITY), reason)
    return masked


def _left_out(table: pd.DataFrame, hidden: np.ndarray, reason: str) -> pd.DataFrame:
    """The reasons without their counts, and without what a reason itself would give away."""
    known = [re.sub(r" \(\d+\)$", "", r) for r in table["reason"]]
    harmless = [r == NO_PROBABILITY or r.startswith("fewer than") for r in known]
    return table.assign(reason=np.where(hidden & ~np.array(harmless, dtype=bool), reason, known))


def _calibration(audit: GroupAudit, touched: set[str], min_cell: int) -> pd.DataFrame:
    """The calibration of the attributes in which nothing is withheld and no bin is small in either outcome.

    One gap would show the rest, since the bins of all groups add up. Bins hold weights, not people, where there are
    any.
    """
    calibration = audit.calibration
    if calibration.empty or audit.roles.weight is not None:
        return calibration.iloc[:0]
    least = np.minimum(calibration["n_positive"], calibration["n"] - calibration["n_positive"])
    touched = touched | set(calibration.loc[least < min_cell, "attribute"])
    return calibration[~calibration["attribute"].isin(touched)].reset_index(drop=True)


def _ledger(ledger: pd.DataFrame, min_cell: int, *, anything_hidden: bool) -> pd.DataFrame:
    """A count of a "(missing)" group, or of rows without a partner, is a cell like any other."""
    of_groups = ledger["step"].isin(["kept", "joined"])
    return ledger.assign(
        n_rows=ledger["n_rows"].astype(float).mask(of_groups & (anything_hidden | (ledger["n_rows"] < min_cell)))
    )
