"""Tuned on one part, judged on another: the rows in folds, reduced once."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from recidiv_core.data import AuditDataset
from recidiv_core.errors import InputError
from recidiv_core.stats import ScoreCurves


@dataclass(frozen=True, eq=False)
class Folds:
    """``parts[k]`` are the curves of fold k's rows; ``fold`` (n,) says where each row is."""

    dataset: AuditDataset
    attribute: str
    fold: np.ndarray
    parts: tuple[ScoreCurves, ...]
    _rest: dict[int, ScoreCurves] = field(default_factory=dict, init=False, repr=False)

    def rest(self, k: int) -> ScoreCurves:
        """The curves of all rows but fold k's."""
        if k not in self._rest:
            others = [part for i, part in enumerate(self.parts) if i != k]
            merged = others[0]
            for other in others[1:]:
                merged = merged.merge(other)
            self._rest[k] = merged
        return self._rest[k]

    def flagged(self, thresholds: Sequence[Mapping[str, float]]) -> np.ndarray:
        """Who is flagged when fold k is judged by ``thresholds[k]``, shape (n,)."""
        groups = self.dataset.attributes[self.attribute]
        limits = np.array([[own[level] for level in groups.levels] for own in thresholds])
        return self.dataset.y_score >= limits[self.fold, groups.codes]


def folds_of(dataset: AuditDataset, *, attribute: str, n_folds: int, random_state: int) -> Folds:
    """Rows dealt at random into folds, each group's positives and negatives evenly; made once and kept."""
    if not 2 <= n_folds <= 20 or n_folds != int(n_folds):
        raise InputError.one("n_folds", "a whole number from 2 to 20", f"{n_folds:g}")
    return dataset.reduced(
        ("folds", attribute, n_folds, random_state), lambda: _dealt(dataset, attribute, n_folds, random_state)
    )


def _dealt(dataset: AuditDataset, attribute: str, n_folds: int, random_state: int) -> Folds:
    groups = dataset.attributes[attribute]
    # By the attribute's name, as in the audit: another attribute beside it changes nothing.
    random = np.random.default_rng([random_state, zlib.crc32(attribute.encode())])
    shuffled = random.permutation(len(dataset))
    stratum = (2 * groups.codes.astype(np.int64) + dataset.y_true)[shuffled]
    order = np.argsort(stratum, kind="stable")
    sizes = np.bincount(stratum)
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    fold = np.empty(len(order), dtype=np.int8)
    fold[shuffled[order]] = place % n_folds
    n_levels = len(groups.levels)
    names = tuple(str(i) for i in range(n_folds * n_levels))
    both = ScoreCurves.from_codes(
        dataset.y_true, dataset.y_score, fold.astype(np.int16) * n_levels + groups.codes, names,
        sample_weight=dataset.weight,
    )  # fmt: skip
    curves = list(both.groups.values())
    parts = (curves[k * n_levels : (k + 1) * n_levels] for k in range(n_folds))
    return Folds(dataset, attribute, fold, tuple(ScoreCurves(dict(zip(groups.levels, p, strict=True))) for p in parts))
