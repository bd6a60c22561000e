"""Rows dealt into parts: two halves to tune on one and judge on the other, or folds as in F."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from recidiv_core.data import AuditDataset
from recidiv_core.errors import InputError
from recidiv_core.groups import score_curves
from recidiv_core.stats import ScoreCurves


@dataclass(frozen=True, eq=False)
class Halves:
    """The curves to tune thresholds on, and the rows to judge them on. No row is in both.

    Two separate halves, and not the pooled folds of a cross-validation: there each row helps to tune the thresholds of
    the others, the errors of tuning and judging cancel in the sum, and the pooled range comes out too small.
    """

    tuning: ScoreCurves
    judging: AuditDataset


def halves_of(dataset: AuditDataset, *, attribute: str, random_state: int) -> Halves:
    """Rows dealt at random, by their place in the table, each group's positives and negatives evenly; made once and
    kept.
    """

    def deal() -> Halves:
        part = _dealt(dataset, attribute, 2, random_state)
        return Halves(score_curves(dataset.where(part == 0), attribute=attribute), dataset.where(part == 1))

    return dataset.reduced(("halves", attribute, random_state), deal)


def folds_of(dataset: AuditDataset, *, attribute: str, n_folds: int, random_state: int) -> tuple[ScoreCurves, ...]:
    """The curves of each fold's rows, dealt as the halves are; made once and kept."""
    if not isinstance(n_folds, int) or not 2 <= n_folds <= 20:
        raise InputError.one("n_folds", "a whole number from 2 to 20", "something else")

    def deal() -> tuple[ScoreCurves, ...]:
        fold = _dealt(dataset, attribute, n_folds, random_state)
        groups = dataset.attributes[attribute]
        n_levels = len(groups.levels)
        names = tuple(str(i) for i in range(n_folds * n_levels))
        codes = fold.astype(np.int16) * n_levels + groups.codes
        both = ScoreCurves.from_codes(dataset.y_true, dataset.y_score, codes, names, sample_weight=dataset.weight)
        curves = list(both.groups.values())
        parts = (curves[k * n_levels : (k + 1) * n_levels] for k in range(n_folds))
        return tuple(ScoreCurves(dict(zip(groups.levels, part, strict=True))) for part in parts)

    return dataset.reduced(("folds", attribute, n_folds, random_state), deal)


def _dealt(dataset: AuditDataset, attribute: str, n_parts: int, random_state: int) -> np.ndarray:
    """The part that each row goes to, shape (n,)."""
    groups = dataset.attributes[attribute]
    # By the attribute's name, as in the audit: another attribute beside it changes nothing.
    random = np.random.default_rng([random_state, zlib.crc32(attribute.encode())])
    shuffled = random.permutation(len(dataset))
    stratum = (2 * groups.codes.astype(np.int64) + dataset.y_true)[shuffled]
    order = np.argsort(stratum, kind="stable")
    sizes = np.bincount(stratum)
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    part = np.empty(len(order), dtype=np.int8)
    part[shuffled[order]] = place % n_parts
    return part
