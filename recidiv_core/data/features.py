"""Which columns may be features of a person, and which look as if they were recorded after the outcome."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from recidiv_core.data.datasets import AuditDataset
from recidiv_core.stats import wilson

# A column known only afterwards gives itself away: it ranks people by outcome as no forecast does, or has a level in
# which nearly everybody, or nobody, has an outcome that is common.
_TOO_GOOD, _PURE, _COMMON = 0.85, 0.9, 0.7
# What the room of recidivism data calls its outcomes: one must not predict another.
_OUTCOME = re.compile(r"recidivism (within \d+ (year|month)s?|at any time)$")
_SCORE = re.compile(r"score|decile|proba|\brisk\b|_risk$|^pred", re.IGNORECASE)
ANOTHER_SCORE = "named as another model's score is; choose it to use it all the same"
AFTERWARDS = "an outcome itself; choose it to use it all the same"
GIVEN_AWAY = "tells the outcome so well that it looks recorded afterwards; choose it to use it all the same"


def candidates(dataset: AuditDataset, *, include_sensitive: bool = True, error: str = "") -> list[str]:
    """The columns that may be features: those that the roles name, else every column without another role."""
    roles = dataset.roles
    taken = {roles.label, roles.score, roles.prediction, roles.weight, roles.id, error}
    names = [
        name for name in (roles.features or dataset.frame.columns) if name not in taken and name not in roles.sensitive
    ]
    return names + (list(dataset.attributes) if include_sensitive else [])


def is_score(name: str) -> bool:
    """Whether a column is named as another model's score is."""
    return bool(_SCORE.search(name))


def is_outcome(name: str) -> bool:
    """Whether a column is named as the outcomes that this program makes."""
    return bool(_OUTCOME.search(name))


def gives_away(column: pd.Series, y: np.ndarray) -> bool:
    """Whether a column of levels looks as if it was recorded after the outcome."""
    codes = pd.factorize(column)[0] + 1
    n, events = np.bincount(codes), np.bincount(codes, weights=y)
    n, events = n[n > 0], events[n > 0]
    order = np.argsort(events / n)
    hits, misses = events[order], (n - events)[order]
    auc = (hits @ (np.cumsum(misses) - misses / 2)) / (hits.sum() * misses.sum())
    low, high = wilson(events / n, n)
    base = y.mean()
    return bool(
        auc >= _TOO_GOOD or (base < _COMMON and low.max() >= _PURE) or (base > 1 - _COMMON and high.min() <= 1 - _PURE)
    )
