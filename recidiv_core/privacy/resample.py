"""Copies made of the real rows: fewer of the common outcome, or further rows of the rare one between those that there are."""

from __future__ import annotations

import warnings

import numpy as np

from recidiv_core.errors import InputError

_NEIGHBOURS = 5


def smote(
    numbers: np.ndarray, codes: np.ndarray, *, outcome: int, ratio: float, random_state: int
) -> tuple[np.ndarray, np.ndarray]:
    """The rows, and behind them made ones of the rarer outcome until it has the share ``ratio``.

    imbalanced-learn's SMOTE (Chawla et al. 2002), SMOTENC where there are levels besides the outcome's.
    """
    from imblearn.over_sampling import SMOTE, SMOTENC

    y = codes[:, outcome]
    counts = np.bincount(y, minlength=2)
    rare = int(counts.argmin())
    wanted = round(counts[1 - rare] * ratio / (1 - ratio))
    if counts[rare] <= _NEIGHBOURS:
        raise InputError.one("smote", f"more than {_NEIGHBOURS} rows of the rarer outcome", f"{counts[rare]}")
    if wanted <= counts[rare]:
        return numbers, codes
    others = np.delete(codes, outcome, axis=1)
    X = np.column_stack([numbers, others])
    options = {"sampling_strategy": {rare: wanted}, "k_neighbors": _NEIGHBOURS, "random_state": random_state}
    p = numbers.shape[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's and imbalanced-learn's notes to one another
        sampler = SMOTENC(list(range(p, X.shape[1])), **options) if others.shape[1] else SMOTE(**options)
        made, label = sampler.fit_resample(X, y)
    return made[:, :p], np.insert(made[:, p:].astype(np.int64), outcome, label, axis=1)
