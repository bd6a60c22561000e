"""The score against one feature, a line for each protected value."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recidiv_core.counterfactuals.bands import even_edges
from recidiv_core.counterfactuals.contrasts import clone_names
from recidiv_core.counterfactuals.pairs import CounterfactualPairs
from recidiv_core.data import shown
from recidiv_core.errors import InputError
from recidiv_core.models import TrainedModel

_POINTS, _PROFILES, _FEW = 100, 200, 30


def response_curve(
    model: TrainedModel, pairs: CounterfactualPairs, *, feature: str, random_state: int = 0
) -> pd.DataFrame:
    """feature, value, group, score, n: the mean score of up to 200 profiles as each clone, when ``feature`` alone takes
    each value.

    The values run over the data's range as well as the profiles', in round steps (each value, where there are few): a
    step of the model outside the profiles is seen too. Raises InputError for a column that has no numbers. (Friedman
    2001, section 8.2, for each protected value.)
    """
    if feature not in pairs.profiles or not pd.api.types.is_numeric_dtype(pairs.profiles[feature]):
        raise InputError.one("feature", "a column of the profiles with numbers", shown(feature))
    some = np.arange(len(pairs))
    if len(some) > _PROFILES:
        some = np.sort(np.random.default_rng(random_state).choice(some, _PROFILES, replace=False))
    frame = pairs.frame(some)
    values = _values(pairs, feature)
    column = frame[feature].dtype
    repeated = frame.take(np.tile(np.arange(len(frame)), len(values))).reset_index(drop=True)
    at = np.repeat(values, len(frame))
    repeated[feature] = at if np.issubdtype(values.dtype, np.floating) else pd.Series(at).astype(column)
    scores = model.predict_score(repeated).reshape(len(values), len(some), len(pairs.clones))
    groups = clone_names(pairs.clones)
    return pd.DataFrame(
        {
            "feature": feature,
            "value": np.repeat(values, len(groups)),
            "group": groups * len(values),
            "score": scores.mean(axis=1).ravel(),
            "n": len(some),
        }
    )


def _values(pairs: CounterfactualPairs, feature: str) -> np.ndarray:
    dataset = pairs.dataset
    own = pairs.profiles[feature].dropna()
    known = (
        own if dataset is None or feature not in dataset.frame else pd.concat([own, dataset.frame[feature].dropna()])
    )
    unique = np.sort(known[np.isfinite(known.to_numpy(dtype=float))].unique())
    if len(unique) <= _FEW:
        return unique
    low, high = float(unique[0]), float(unique[-1])
    is_whole = bool((unique % 1 == 0).all())
    inside = [v for v in even_edges(low, high, _POINTS, is_whole=is_whole) if low < v < high]
    values = np.array([low, *inside, high])
    return values.astype(np.int64) if is_whole else values
