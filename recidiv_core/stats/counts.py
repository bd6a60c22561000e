"""Confusion counts: the sufficient statistic of everything at one threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CELLS = ("tn", "fp", "fn", "tp")  # cell = 2 · outcome + prediction


@dataclass(frozen=True, eq=False)
class ConfusionCounts:
    """For each group the four cells, as rows, as summed weights and as summed squared weights.

    ``n``, ``weight`` and ``weight_squared`` have shape (groups, 4), cells in the order of ``CELLS``.
    Without weights all three are equal. Counts of two parts of the rows merge by addition.
    """

    groups: tuple[str, ...]
    n: np.ndarray
    weight: np.ndarray
    weight_squared: np.ndarray

    @classmethod
    def from_codes(
        cls, groups: tuple[str, ...], cell_codes: np.ndarray, *, sample_weight: np.ndarray | None = None
    ) -> ConfusionCounts:
        """Count ``cell_codes`` = 4 · group + 2 · outcome + prediction, shape (n,)."""
        size = 4 * len(groups)
        n = np.bincount(cell_codes, minlength=size).reshape(-1, 4)
        if sample_weight is None:
            return cls(groups, n, n, n)
        weight = np.bincount(cell_codes, weights=sample_weight, minlength=size).reshape(-1, 4)
        squared = np.bincount(cell_codes, weights=sample_weight**2, minlength=size).reshape(-1, 4)
        return cls(groups, n, weight, squared)

    def merge(self, other: ConfusionCounts) -> ConfusionCounts:
        """The counts of both parts together; groups are matched by name."""
        groups = tuple(dict.fromkeys((*self.groups, *other.groups)))
        parts = []
        for name in ("n", "weight", "weight_squared"):
            total = np.zeros((len(groups), 4), dtype=np.result_type(getattr(self, name), getattr(other, name)))
            for part in (self, other):
                total[[groups.index(g) for g in part.groups]] += getattr(part, name)
            parts.append(total)
        return ConfusionCounts(groups, *parts)

    def collapse(self, onto: np.ndarray, groups: tuple[str, ...]) -> ConfusionCounts:
        """Sum groups: group i becomes part of ``groups[onto[i]]``."""
        parts = []
        for cells in (self.n, self.weight, self.weight_squared):
            total = np.zeros((len(groups), 4), dtype=cells.dtype)
            np.add.at(total, onto, cells)
            parts.append(total)
        return ConfusionCounts(groups, *parts)

    def effective(self, cells: np.ndarray) -> np.ndarray:
        """Kish's effective size of unions of cells: (Σw)² / Σw².

        ``cells`` has shape (metrics, 4) and holds the multiplicity of each cell, 0 or 1 for a union.
        Returns shape (groups, metrics); without weights it is the number of rows.
        """
        member = (cells > 0).T
        with np.errstate(divide="ignore", invalid="ignore"):
            size = (self.weight @ member) ** 2 / (self.weight_squared @ member)
        return np.nan_to_num(size)
