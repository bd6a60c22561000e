"""Where other programs' post-processing lands on the same rows, measured as everything here is."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset
from recidiv_core.groups import score_curves
from recidiv_core.stats import ScoreCurves
from recidiv_core.thresholds.candidates import Options, left_out_groups, objective_of
from recidiv_core.thresholds.judgement import Progress
from recidiv_core.thresholds.optimum import definition_ranges, options_of

MAX_ROWS = 5_000
_GRID = 25  # aif360's own 100 × 50 settings take minutes

# Which of each program's own aims stands for which definition.
_FAIRLEARN = {
    "statistical_parity": "demographic_parity",
    "equal_opportunity": "true_positive_rate_parity",
    "equalized_odds": "equalized_odds",
}
_REJECT_OPTION = {
    "statistical_parity": "Statistical parity difference",
    "equal_opportunity": "Equal opportunity difference",
    "equalized_odds": "Average odds difference",
}
_CALIBRATED = {"equal_opportunity": "fnr", "equalized_odds": "weighted"}
PEERS = {
    "fairlearn ThresholdOptimizer": _FAIRLEARN,
    "aif360 reject option": _REJECT_OPTION,
    "aif360 calibrated equalized odds": _CALIBRATED,
}


def peer_points(
    dataset: AuditDataset,
    *,
    attribute: str,
    definition: str,
    random_state: int = 0,
    progress: Progress = None,
    **options: Any,
) -> pd.DataFrame:
    """name, range, objective, n (rows used), randomised: what each program reaches for one definition.

    Measured over all groups that take part: the range is max − min, the objective the sum over groups, as for our own
    thresholds. fairlearn and calibrated equalized odds flip coins for some people: these are one seeded run's
    decisions. aif360 knows two groups: the largest against all others. At most ``MAX_ROWS`` rows, drawn at random, are
    used; weights are not.
    """
    y, score, names = _sample(dataset, attribute, random_state)
    curves = ScoreCurves.from_arrays(y, score, names)
    checked = options_of(score_curves(dataset, attribute=attribute), definition=definition, **options)
    left_out = left_out_groups(curves, checked)
    runs: dict[str, Callable[..., np.ndarray]] = {
        "fairlearn ThresholdOptimizer": fairlearn_flags,
        "aif360 reject option": _reject_option,
        "aif360 calibrated equalized odds": _calibrated,
    }
    rows = []
    for position, (name, aims) in enumerate(PEERS.items()):
        if definition not in aims:
            continue
        if progress is not None:
            progress(position / len(PEERS), f"{name} ({len(y):,} rows)")
        flagged = runs[name](y, score, names, aims[definition], random_state)
        rows.append(
            {"name": name, "n": len(y), "randomised": name != "aif360 reject option"}
            | _judged(y, flagged, names, left_out, checked)
        )
    return pd.DataFrame(rows, columns=["name", "n", "randomised", "range", "objective"])


def decision_points(
    dataset: AuditDataset, flagged: Mapping[str, np.ndarray], *, attribute: str, definition: str, **options: Any
) -> pd.DataFrame:
    """The same for decisions that were made elsewhere: ``flagged`` holds a mask (n,) for each name.

    All rows are used, weights are not.
    """
    groups = dataset.attributes[attribute]
    names = np.array(groups.levels, dtype=object)[groups.codes]
    checked = options_of(score_curves(dataset, attribute=attribute), definition=definition, **options)
    left_out = left_out_groups(ScoreCurves.from_arrays(dataset.y_true, dataset.y_score, names), checked)
    rows = [
        {"name": name, "n": len(names), "randomised": False} | _judged(dataset.y_true, own, names, left_out, checked)
        for name, own in flagged.items()
    ]
    return pd.DataFrame(rows, columns=["name", "n", "randomised", "range", "objective"])


def _sample(dataset: AuditDataset, attribute: str, random_state: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    groups, n = dataset.attributes[attribute], len(dataset)
    chosen = np.arange(n)
    if n > MAX_ROWS:
        chosen = np.sort(np.random.default_rng(random_state).choice(n, MAX_ROWS, replace=False))
    names = np.array(groups.levels, dtype=object)[groups.codes[chosen]]
    return dataset.y_true[chosen], dataset.y_score[chosen], names


def _judged(y: np.ndarray, flagged: np.ndarray, names: np.ndarray, left_out: Any, options: Options) -> dict[str, float]:
    groups = [name for name in np.unique(names) if name not in left_out]
    counts = np.array(
        [
            [(flagged & y)[own].sum(), (flagged & ~y)[own].sum(), y[own].sum(), (~y)[own].sum()]
            for own in (names == group for group in groups)
        ],
        dtype=float,
    )
    weights = np.array([options.weights[group] for group in groups])
    return {
        "range": float(definition_ranges(counts)[options.definition]),
        "objective": float(weights @ objective_of(*counts.T, options)),
    }


def fairlearn_flags(y: np.ndarray, score: np.ndarray, names: np.ndarray, aim: str, random_state: int) -> np.ndarray:
    """Decisions of fairlearn's ThresholdOptimizer for the constraint ``aim``, one seeded run."""
    from fairlearn.postprocessing import ThresholdOptimizer
    from sklearn.base import BaseEstimator

    class Score(BaseEstimator):
        """A model that is fitted already and says the score."""

        def fit(self, X: Any, y: Any) -> Score:
            return self

        def predict(self, X: Any) -> np.ndarray:
            return np.asarray(X)[:, 0]

        def __sklearn_is_fitted__(self) -> bool:
            return True

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ThresholdOptimizer(
            estimator=Score(),
            constraints=aim,
            objective="balanced_accuracy_score",
            prefit=True,
            predict_method="predict",
        )
        model.fit(score[:, None], y.astype(int), sensitive_features=names)
        flagged = model.predict(score[:, None], sensitive_features=names, random_state=random_state)
    return np.asarray(flagged).astype(bool)


def _two_groups(y: np.ndarray, values: np.ndarray, names: np.ndarray, of: str) -> Any:
    """aif360's dataset: the largest group against the others, with ``values`` as labels or scores."""
    from aif360.datasets import BinaryLabelDataset

    levels, sizes = np.unique(names, return_counts=True)
    largest = (names == levels[sizes.argmax()]).astype(float)
    data = BinaryLabelDataset(
        df=pd.DataFrame({"label": y.astype(float), "group": largest}),
        label_names=["label"],
        protected_attribute_names=["group"],
    )
    if of == "scores":
        data.scores = values.reshape(-1, 1)
        data.labels = (values > 0.5).astype(float).reshape(-1, 1)
    return data


def _aif360(y: np.ndarray, score: np.ndarray, names: np.ndarray, make: Callable[..., Any]) -> np.ndarray:
    """Fit one of aif360's post-processors; it reads scores as probabilities, so others are stretched to [0, 1]."""
    unit = score if score.min() >= 0 and score.max() <= 1 else (score - score.min()) / (score.max() - score.min())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        truth, scored = _two_groups(y, unit, names, "labels"), _two_groups(y, unit, names, "scores")
        groups = {"unprivileged_groups": [{"group": 0}], "privileged_groups": [{"group": 1}]}
        found = make(**groups).fit(truth, scored).predict(scored)
    return found.labels.ravel() == 1


def _reject_option(y: np.ndarray, score: np.ndarray, names: np.ndarray, aim: str, random_state: int) -> np.ndarray:
    from aif360.algorithms.postprocessing import RejectOptionClassification

    def make(**groups: Any) -> Any:
        return RejectOptionClassification(
            num_class_thresh=_GRID, num_ROC_margin=_GRID, metric_name=aim, metric_lb=-0.01, metric_ub=0.01, **groups
        )

    return _aif360(y, score, names, make)


def _calibrated(y: np.ndarray, score: np.ndarray, names: np.ndarray, aim: str, random_state: int) -> np.ndarray:
    from aif360.algorithms.postprocessing import CalibratedEqOddsPostprocessing

    return _aif360(
        y, score, names, lambda **g: CalibratedEqOddsPostprocessing(cost_constraint=aim, seed=random_state, **g)
    )
