"""Copies made of the real rows: fewer of the common outcome, or further rows of the rare one between those that
there are.
"""

from __future__ import annotations

import warnings

import numpy as np

from recidiv_core.errors import InputError

_NEIGHBOURS = 5


def smote(
    numbers: np.ndarray, codes: np.ndarray, *, outcome: int, ratio: float, random_state: int
) -> tuple[np.ndarray, np.ndarray]:
    """Made rows of the rarer outcome, as many as it lacks for the share ``ratio``.

    imbalanced-learn's SMOTE (Chawla et al. 2002); SMOTENC where there are levels besides the outcome's, SMOTEN where
    there are no numbers.
    """
    from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC

    y = codes[:, outcome]
    counts = np.bincount(y, minlength=2)
    rare = int(counts.argmin())
    if counts[rare] <= _NEIGHBOURS:
        raise InputError.one("smote", f"more than {_NEIGHBOURS} rows of the rarer outcome", f"{counts[rare]}")
    options = {
        "sampling_strategy": {rare: round(counts[1 - rare] * ratio / (1 - ratio))},
        "k_neighbors": _NEIGHBOURS,
        "random_state": random_state,
    }
    others, p = np.delete(codes, outcome, axis=1), numbers.shape[1]
    if not p:
        sampler = SMOTEN(**options)
    else:
        sampler = SMOTENC(list(range(p, p + others.shape[1])), **options) if others.shape[1] else SMOTE(**options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's and imbalanced-learn's notes to one another
        made, label = sampler.fit_resample(np.column_stack([numbers, others]), y)
    made, label = made[len(y) :], label[len(y) :]
    return made[:, :p], np.insert(made[:, p:].astype(np.int64), outcome, label, axis=1)
