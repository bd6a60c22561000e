"""One fit: a part of the rows, an algorithm with its parameters, and a model that scores."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.models.algorithms import Algorithm
from recidiv_core.models.prepare import Feature, Rows, balanced, pipeline, splits

Progress = Callable[[float, str], None] | None
_GRADIENT_ROWS = 20_000  # each of its up to fifty steps fits a model


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted model; ``n_warnings`` says how often the fit complained (mostly: not converged)."""

    model: Any
    n_train: int
    n_warnings: int

    def score(self, X: pd.DataFrame) -> np.ndarray:
        """The probability of the outcome, shape (rows,)."""
        probability = self.model._pmf_predict(X) if hasattr(self.model, "_pmf_predict") else self.model.predict_proba(X)
        return np.asarray(probability)[:, 1]


def fit(
    algorithm: Algorithm,
    features: Sequence[Feature],
    rows: Rows,
    train: np.ndarray,
    *,
    params: dict[str, Any] | None = None,
    balance: float | None = None,
    random_state: int = 0,
) -> Fitted:
    """Fit on the rows ``train``, balanced first where asked to. Weights of rows are not used."""
    own = balanced(train, rows.y, balance, random_state)
    model = pipeline(algorithm.make(random_state), features, needs_scaling=algorithm.needs_scaling)
    if params:
        model.set_params(**{f"model__{name}": value for name, value in params.items()})
    X, y = rows.X.iloc[own], rows.y[own].astype(int)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        if algorithm.name == "reweighing":
            model.fit(X, y, model__sample_weight=reweighed(y, rows.group[own]))
        elif algorithm.mitigates:
            model = _gradient(model, algorithm, X, y, rows.group[own], random_state)
        else:
            model.fit(X, y)
    if "model__n_jobs" in model.get_params():
        model.set_params(
            model__n_jobs=1
        )  # a forest adds its trees up in the order in which threads finish: the last bit would vary
    return Fitted(model, len(own), sum(issubclass(w.category, (UserWarning, RuntimeWarning)) for w in said))


def reweighed(y: np.ndarray, group: np.ndarray) -> np.ndarray:
    """aif360's Reweighing: weights that make outcome and group independent; it knows two groups, the largest and the
    others.
    """
    from aif360.algorithms.preprocessing import Reweighing
    from aif360.datasets import BinaryLabelDataset

    levels, sizes = np.unique(group, return_counts=True)
    largest = (group == levels[sizes.argmax()]).astype(float)
    data = BinaryLabelDataset(
        df=pd.DataFrame({"label": y.astype(float), "group": largest}),
        label_names=["label"],
        protected_attribute_names=["group"],
    )
    own = Reweighing(unprivileged_groups=[{"group": 0}], privileged_groups=[{"group": 1}]).fit_transform(data)
    return own.instance_weights


def _gradient(
    model: Any, algorithm: Algorithm, X: pd.DataFrame, y: np.ndarray, group: np.ndarray, random_state: int
) -> Any:
    from fairlearn.reductions import DemographicParity, EqualizedOdds, ExponentiatedGradient

    if len(y) > _GRADIENT_ROWS:
        some = np.random.default_rng(random_state).choice(len(y), _GRADIENT_ROWS, replace=False)
        X, y, group = X.iloc[some], y[some], group[some]
    constraint = DemographicParity if algorithm.name == "parity_gradient" else EqualizedOdds
    found = ExponentiatedGradient(model, constraint(difference_bound=0.01), sample_weight_name="model__sample_weight")
    return found.fit(X, pd.Series(y), sensitive_features=group)


@dataclass(frozen=True)
class Tuned:
    """The parameters with the best mean AUC over the inner folds, that AUC (NaN where nothing was searched), and how
    many were tried.
    """

    params: dict[str, Any]
    auc: float
    n_tried: int


def tune(
    algorithm: Algorithm,
    features: Sequence[Feature],
    rows: Rows,
    train: np.ndarray,
    *,
    n_iter: int,
    n_inner: int,
    balance: float | None,
    random_state: int,
    tick: Callable[[str], None],
) -> Tuned:
    """Random search over the algorithm's space, by AUC over inner folds of the rows ``train`` alone.

    ``tick`` is called for each fit.
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import ParameterSampler

    if not algorithm.space or n_iter < 1:
        return Tuned({}, float("nan"), 0)
    tried = list(ParameterSampler(dict(algorithm.space), _n_tried(algorithm, n_iter), random_state=random_state))
    parts = list(splits(rows, n_inner, random_state, of=train))
    means = []
    for position, params in enumerate(tried):
        found = []
        for inner, held_out in parts:
            tick(f"combination {position + 1} of {len(tried)}")
            fitted = fit(algorithm, features, rows, inner, params=params, balance=balance, random_state=random_state)
            found.append(roc_auc_score(rows.y[held_out], fitted.score(rows.X.iloc[held_out])))
        means.append(float(np.mean(found)))
    best = int(np.argmax(means))
    return Tuned(tried[best], means[best], len(tried))


def n_fits(algorithm: Algorithm, *, n_iter: int, n_inner: int) -> int:
    """How many fits tuning and the fit after it take."""
    return 1 + (_n_tried(algorithm, n_iter) * n_inner if algorithm.space and n_iter > 0 else 0)


def _n_tried(algorithm: Algorithm, n_iter: int) -> int:
    """A space of lists only may hold fewer combinations than are asked for."""
    lists = all(isinstance(values, list) for values in algorithm.space.values())
    return min(n_iter, int(np.prod([len(v) for v in algorithm.space.values()]))) if lists else n_iter
