"""One table of algorithms: what is trained, what is searched for it, and what it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from recidiv_core.data import shown
from recidiv_core.errors import InputError

LAYERS = (256, 128, 64, 32)  # F, section 3.5


@dataclass(frozen=True)
class Algorithm:
    """``make(random_state)`` gives an unfitted scikit-learn classifier; ``space`` holds a list, or what draws a number,
    for each parameter.

    ``cost`` is the time of a fit against the others', for the time left. ``mitigates``: it takes the protected
    attribute into account while it is trained, and is no candidate for tuning or saving.
    """

    name: str
    title: str
    make: Callable[[int], Any]
    space: Mapping[str, Any] = field(default_factory=dict)
    needs_scaling: bool = False
    cost: float = 1.0
    mitigates: bool = False


def _logistic(random_state: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000, random_state=random_state)


def _elastic_net(random_state: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(solver="saga", l1_ratio=0.5, C=0.1, max_iter=200, tol=1e-3, random_state=random_state)


def _linear_discriminant(random_state: int) -> Any:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(solver="svd")


def _random_forest(random_state: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(100, min_samples_leaf=10, n_jobs=-1, random_state=random_state)


def _gradient_boosting(random_state: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(early_stopping=False, random_state=random_state)


def _xgboost(random_state: int) -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(
        n_estimators=150, max_depth=4, learning_rate=0.1, tree_method="hist", n_jobs=-1, random_state=random_state
    )


def _multilayer_perceptron(random_state: int) -> Any:
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(
        LAYERS, early_stopping=True, n_iter_no_change=5, max_iter=60, batch_size=256, random_state=random_state
    )


def _decision_tree(random_state: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_depth=6, min_samples_leaf=20, random_state=random_state)


@dataclass(frozen=True)
class _LogUniform:
    """A number between two others, all orders of magnitude alike, as scikit-learn draws from it.

    (scipy's takes a second to import.)
    """

    low: float
    high: float

    def rvs(self, random_state: Any = None) -> float:
        return float(self.low * (self.high / self.low) ** random_state.uniform())


ALGORITHMS: dict[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm(
            name="logistic_regression",
            title="Logistic regression",
            make=_logistic,
            space={"C": _LogUniform(1e-3, 1e2)},
            needs_scaling=True,
            cost=1.0,
        ),
        Algorithm(
            name="elastic_net",
            title="Elastic net",
            make=_elastic_net,
            space={"C": _LogUniform(1e-3, 1e0), "l1_ratio": [0.1, 0.3, 0.5, 0.7, 0.9]},
            needs_scaling=True,
            cost=2.0,
        ),
        # The two that F tuned by hand, or not at all: nothing is searched, so no inner folds are needed.
        Algorithm(
            name="linear_discriminant",
            title="Linear discriminant analysis",
            make=_linear_discriminant,
            space={},
            needs_scaling=True,
            cost=0.5,
        ),
        Algorithm(
            name="random_forest",
            title="Random forest",
            make=_random_forest,
            space={
                "min_samples_leaf": [5, 10, 20, 50],
                "max_features": ["sqrt", 0.3, 0.5],
                "max_depth": [8, 12, 20, None],
            },
            needs_scaling=False,
            cost=4.0,
        ),
        Algorithm(
            name="gradient_boosting",
            title="Gradient boosting",
            make=_gradient_boosting,
            space={
                "learning_rate": _LogUniform(0.02, 0.3),
                "max_leaf_nodes": [7, 15, 31],
                "min_samples_leaf": [10, 20, 50],
                "max_iter": [50, 100, 200],
                "l2_regularization": [0.0, 0.1, 1.0],
            },
            needs_scaling=False,
            cost=1.0,
        ),
        Algorithm(
            name="xgboost",
            title="XGBoost",
            make=_xgboost,
            space={
                "learning_rate": _LogUniform(0.02, 0.3),
                "max_depth": [2, 3, 4, 6],
                "n_estimators": [50, 100, 200],
                "subsample": [0.6, 0.8, 1.0],
                "min_child_weight": [1, 5, 20],
            },
            needs_scaling=False,
            cost=1.0,
        ),
        Algorithm(
            name="multilayer_perceptron",
            title="Multilayer perceptron",
            make=_multilayer_perceptron,
            space={},
            needs_scaling=True,
            cost=6.0,
        ),
        Algorithm(
            name="decision_tree",
            title="Decision tree",
            make=_decision_tree,
            space={"max_depth": [3, 4, 5, 6, 8, 10], "min_samples_leaf": [10, 20, 50, 100]},
            needs_scaling=False,
            cost=0.4,
        ),
        Algorithm(
            name="reweighing",
            title="Reweighing (aif360), logistic regression",
            make=_logistic,
            space={},
            needs_scaling=True,
            cost=1.0,
            mitigates=True,
        ),
        Algorithm(
            name="parity_gradient",
            title="Exponentiated gradient (fairlearn), demographic parity",
            make=_logistic,
            space={},
            needs_scaling=True,
            cost=25.0,
            mitigates=True,
        ),
        Algorithm(
            name="odds_gradient",
            title="Exponentiated gradient (fairlearn), equalized odds",
            make=_logistic,
            space={},
            needs_scaling=True,
            cost=25.0,
            mitigates=True,
        ),
    )
}
TRAINABLE = tuple(name for name, algorithm in ALGORITHMS.items() if not algorithm.mitigates)
MITIGATIONS = tuple(name for name, algorithm in ALGORITHMS.items() if algorithm.mitigates)


def algorithm_of(name: str) -> Algorithm:
    """The algorithm called ``name``."""
    if name not in ALGORITHMS:
        raise InputError.one("algorithm", f"one of {', '.join(ALGORITHMS)}", shown(name, 40))
    return ALGORITHMS[name]
