"""Train on one table, score others: what a copy of the data is worth, and what a model remembers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from recidiv_core.models.algorithms import algorithm_of
from recidiv_core.models.evaluate import auc_of
from recidiv_core.models.fitting import fit
from recidiv_core.models.prepare import Feature, Rows, model_frame
from recidiv_core.stats import auc_bounds, normal_quantile


def transferred_scores(
    train: pd.DataFrame,
    y: np.ndarray,
    others: Sequence[pd.DataFrame],
    *,
    features: Sequence[Feature],
    algorithm: str,
    random_state: int = 0,
) -> list[np.ndarray]:
    """Train ``algorithm`` with its usual parameters on all rows of ``train``, whose outcome is ``y`` (n,) bool, and
    score each of ``others``.
    """
    rows = Rows(model_frame(train, features), np.asarray(y, bool), None, np.full(len(y), ""))
    fitted = fit(algorithm_of(algorithm), features, rows, np.arange(len(y)), random_state=random_state)
    return [fitted.score(model_frame(other, features)) for other in others]


def auc_interval(
    y: np.ndarray, score: np.ndarray, *, person: np.ndarray | None = None, confidence_level: float = 0.95
) -> tuple[float, float, float]:
    """The AUC of a score with its bounds; with ``person`` (n,) codes, people instead of rows are the sample."""
    y = np.asarray(y, bool)
    auc, error = auc_of(Rows(pd.DataFrame(), y, person, np.empty(0)), np.arange(len(y)), np.asarray(score, float))
    low, high = auc_bounds(auc, error, y.sum(), (~y).sum(), normal_quantile(confidence_level))
    return auc, float(low), float(high)
