"""Compare algorithms on people they have not seen: nested cross-validation, or one 70/30 split."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset, Roles, Table, assign_roles, person_codes
from recidiv_core.errors import InputError
from recidiv_core.models.algorithms import Algorithm, algorithm_of
from recidiv_core.models.fitting import Progress, fit, n_fits, tune
from recidiv_core.models.prepare import (
    Feature,
    Rows,
    check_search,
    check_size,
    outcome_part,
    rows_of,
    splits,
    usable_features,
)
from recidiv_core.models.tables import performance_table
from recidiv_core.options import as_found, is_number
from recidiv_core.plain import plain
from recidiv_core.stats import ScoreCurve, ScoreCurves, baseline_threshold
from recidiv_core.words import percent

MIN_PRECISION = 0.85
_MAX_POINTS = 101


@dataclass(frozen=True, eq=False)
class ModelComparison:
    """What each algorithm does with each outcome, on rows that it was not trained on.

    Attributes
    ----------
    folds : DataFrame
        One row for each outcome, algorithm and fold: sizes, parameters, AUC with DeLong's standard error, and what it
        does at two thresholds: the one with most recall at a precision of 0.85 (else most precision), and 0.5.
    table : DataFrame
        Means and SDs over folds, as F's Table 10 and C's Table 5.1.
    scores : DataFrame, shape (n, outcome × algorithm)
        Out of fold; with one split of the held-out rows only; missing elsewhere.
    points : DataFrame
        ROC and threshold curves of the first fold, as F's Figure 6.
    """

    folds: pd.DataFrame
    scores: pd.DataFrame
    points: pd.DataFrame
    features: dict[str, tuple[Feature, ...]]
    left_out: dict[str, str]
    roles: Roles
    dataset: dict[str, Any]
    options: dict[str, Any]
    ledger: pd.DataFrame = field(repr=False)
    room: ClassVar[str] = "models"

    @property
    def table(self) -> pd.DataFrame:
        """Performance with held-out thresholds."""
        return performance_table(self.folds)

    @property
    def attributes(self) -> tuple[str, ...]:
        """The protected attributes."""
        return self.roles.sensitive

    @property
    def decided(self) -> dict[str, Any]:
        """What was compared."""
        pairs = self.folds[["outcome", "algorithm"]].drop_duplicates()
        return {"compared": [f"{row.algorithm}: {row.outcome}" for row in pairs.itertuples()]}

    def merged(self, other: ModelComparison) -> ModelComparison:
        """Both comparisons as one; they must be of the same data and options.

        What is in both is taken from ``other``.
        """
        if (self.dataset, self.options) != (other.dataset, other.options):
            raise InputError.one("comparisons", "the same data and options", "different ones")
        new = set(map(tuple, other.folds[["outcome", "algorithm"]].drop_duplicates().to_numpy()))

        def joined(name: str) -> pd.DataFrame:
            own = getattr(self, name)
            kept = [pair not in new for pair in zip(own["outcome"], own["algorithm"], strict=True)]
            return pd.concat([own[kept], getattr(other, name)], ignore_index=True)

        scores = pd.concat([self.scores[[c for c in self.scores if c not in new]], other.scores], axis=1)
        return replace(
            self,
            folds=joined("folds"),
            points=joined("points"),
            scores=scores,
            features=self.features | other.features,
            left_out=self.left_out | other.left_out,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; no row's score among them."""
        return plain(
            {
                "dataset": self.dataset,
                "roles": self.roles.to_dict(),
                "options": self.options,
                "table": self.table,
                "folds": self.folds,
                "points": self.points,
                "features": {k: [f.name for f in v] for k, v in self.features.items()},
                "left_out": self.left_out,
            }
        )


def evaluate_models(
    dataset: AuditDataset,
    *,
    algorithms: Sequence[str],
    outcomes: Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    unaware: bool = False,
    balance: float | None = None,
    n_outer: int = 5,
    n_inner: int = 5,
    n_iter: int = 20,
    attribute: str | None = None,
    random_state: int = 0,
    progress: Progress = None,
) -> ModelComparison:
    """Train each algorithm for each outcome and judge it on people it has not seen.

    Parameters
    ----------
    dataset : AuditDataset
        As :func:`training_dataset` makes it; a score in it is not used.
    algorithms : names of ``ALGORITHMS``
    outcomes : columns, default the label
        Each on the rows that can say it.
    features : columns, default those of the roles, else all that may be features
    unaware : bool
        Leave the protected attributes out (F's level 1).
    balance : share of the rarer outcome, at most 0.5
        Down-sample the training part until it is reached. The scores are then no probabilities of the whole.
    n_outer : int
        Folds; 1 is one 70/30 split.
    n_inner, n_iter : int
        Random search of ``n_iter`` combinations by AUC over ``n_inner`` folds of the training part; 0 takes the
        defaults.
    attribute : protected attribute that mitigations work on, default the first

    Raises
    ------
    InputError
        With every problem found.
    """
    chosen = [algorithm_of(name) for name in dict.fromkeys(algorithms)]
    names = list(dict.fromkeys(outcomes or [dataset.roles.label]))
    attribute = attribute or dataset.roles.sensitive[0]
    _check_comparison(dataset, chosen, n_outer, attribute)
    check_search(n_inner=n_inner, n_iter=n_iter, random_state=random_state)
    extra = n_inner if n_outer == 1 else 0
    total = len(names) * sum(a.cost * (n_outer * n_fits(a, n_iter=n_iter, n_inner=n_inner) + extra) for a in chosen)
    done = 0.0
    parts = []
    for outcome in names:
        own, which = outcome_part(dataset, outcome)
        used, left_out = usable_features(own, unaware=unaware, features=features, outcomes=names)
        rows = rows_of(own, used, attribute)
        check_size(rows, n_outer, n_inner if n_iter else 2)
        for algorithm in chosen:

            def tick(text: str, algorithm=algorithm, outcome=outcome) -> None:
                nonlocal done
                if progress is not None:
                    progress(done / total, f"{algorithm.title}, {outcome}: {text}")
                done += algorithm.cost

            found = _cross_validated(
                rows,
                used,
                algorithm,
                outcome,
                n_outer=n_outer,
                n_inner=n_inner,
                n_iter=n_iter,
                balance=balance,
                random_state=random_state,
                tick=tick,
            )
            parts.append((outcome, algorithm.name, which, used, left_out, *found))
    options = {
        "unaware": unaware,
        "balance": balance,
        "n_outer": n_outer,
        "n_inner": n_inner,
        "n_iter": n_iter,
        "attribute": attribute,
        "random_state": random_state,
        "features": None if features is None else list(features),
    }
    return _comparison(dataset, parts, options)


def _check_comparison(dataset: AuditDataset, chosen: Sequence[Algorithm], n_outer: int, attribute: str) -> None:
    """Raise with what cannot be compared."""
    if not chosen:
        raise InputError.one("algorithms", "at least one", "none")
    if not is_number(n_outer, 1, 1_000, whole=True):
        raise InputError.one("n_outer", "a whole number from 1 to 1,000", as_found(n_outer))
    if attribute not in dataset.attributes:
        raise InputError.one("attribute", f"one of {', '.join(dataset.attributes)}", "another")


def _comparison(dataset: AuditDataset, parts: list[tuple], options: dict[str, Any]) -> ModelComparison:
    """The result from its parts: outcome, algorithm, rows, features, those left out, folds, scores and points."""
    scores = {(outcome, name): _placed(which, score) for outcome, name, which, _, _, _, score, _ in parts}
    return ModelComparison(
        folds=pd.concat([part[5] for part in parts], ignore_index=True),
        scores=pd.DataFrame(scores, columns=pd.MultiIndex.from_tuples(scores, names=["outcome", "algorithm"])),
        points=pd.concat([part[7] for part in parts], ignore_index=True),
        features={part[0]: part[3] for part in parts},
        left_out={name: reason for part in parts for name, reason in part[4].items()},
        roles=dataset.roles,
        dataset={
            "name": dataset.name,
            "n": len(dataset),
            "sha256": dataset.sha256,
            "digest": dataset.digest,
            "base_rate": dataset.base_rate,
            "n_people": _n_people(dataset),
        },
        options=options,
        ledger=dataset.ledger_table(),
    )


def _n_people(dataset: AuditDataset) -> int:
    """People, where the roles say who a row is about; else rows."""
    return len(dataset) if dataset.roles.id is None else len(np.unique(person_codes(dataset.frame[dataset.roles.id])))


def _placed(which: np.ndarray, score: np.ndarray) -> np.ndarray:
    placed = np.full(len(which), np.nan)
    placed[which] = score
    return placed


def _cross_validated(
    rows: Rows,
    features: Sequence[Feature],
    algorithm: Any,
    outcome: str,
    *,
    n_outer: int,
    n_inner: int,
    n_iter: int,
    balance: float | None,
    random_state: int,
    tick: Any,
) -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame]:
    """folds, out-of-fold scores, and the first fold's curves."""
    score, folds, made, inner = np.full(len(rows.y), np.nan), [], [], None
    for fold, (train, test) in enumerate(splits(rows, n_outer, random_state)):
        begun = monotonic()
        seed = random_state + fold
        tuned = tune(
            algorithm,
            features,
            rows,
            train,
            n_iter=n_iter,
            n_inner=n_inner,
            balance=balance,
            random_state=seed,
            tick=lambda text, f=fold: tick(f"fold {f + 1} of {n_outer}, {text}"),
        )
        tick(f"fold {fold + 1} of {n_outer}, the last fit")
        fitted = fit(algorithm, features, rows, train, params=tuned.params, balance=balance, random_state=seed)
        score[test] = fitted.score(rows.X.iloc[test])
        if n_outer == 1:
            inner = _inner_curve(rows, features, algorithm, train, tuned.params, n_inner, balance, seed, tick)
        curve = curve_of(rows.y[test], score[test])
        auc, error = auc_of(rows, test, score[test])
        n_positive, n_negative = curve.total
        made.append((test, curve))
        folds.append(
            {
                "outcome": outcome,
                "algorithm": algorithm.name,
                "title": algorithm.title,
                "fold": fold,
                "n_train": fitted.n_train,
                "n_test": len(test),
                "n_positive": int(n_positive),
                "n_negative": int(n_negative),
                "auc": auc,
                "auc_se": error,
                "inner_auc": tuned.auc,
                "n_tried": tuned.n_tried,
                "params": json.dumps(plain(tuned.params), sort_keys=True),
                "n_warnings": fitted.n_warnings,
            }
            | {"seconds": monotonic() - begun}
        )
    for row, (test, curve) in zip(folds, made, strict=True):
        own = baseline_threshold(curve, min_precision=MIN_PRECISION)
        # Chosen on other people's held-out scores: a fold's own outcomes must not choose the threshold that it is
        # judged at.
        others = np.isfinite(score)
        others[test] = False
        chosen = baseline_threshold(
            inner if n_outer == 1 else curve_of(rows.y[others], score[others]), min_precision=MIN_PRECISION
        )
        row |= {"threshold": chosen} | _at(curve, chosen, "")
        row |= {"threshold_paper": own} | _at(curve, own, "_paper") | _at(curve, 0.5, "_half")
    return pd.DataFrame(folds), score, _points(made[0][1], outcome, algorithm)


def _inner_curve(
    rows: Rows,
    features: Sequence[Feature],
    algorithm: Any,
    train: np.ndarray,
    params: dict[str, Any],
    n_inner: int,
    balance: float | None,
    seed: int,
    tick: Any,
) -> ScoreCurve:
    """Out-of-fold scores of the training part: where there is one split, the only ones that a threshold may be
    chosen on.
    """
    score = np.full(len(rows.y), np.nan)
    for part, held_out in splits(rows, n_inner, seed, of=train):
        tick("scores to choose the threshold on")
        fitted = fit(algorithm, features, rows, part, params=params, balance=balance, random_state=seed)
        score[held_out] = fitted.score(rows.X.iloc[held_out])
    return curve_of(rows.y[train], score[train])


def curve_of(y: np.ndarray, score: np.ndarray) -> ScoreCurve:
    """All rows as one curve."""
    return ScoreCurves.from_codes(y, score, np.zeros(len(y), np.int8), ("all",)).pooled


def auc_of(rows: Rows, test: np.ndarray, score: np.ndarray) -> tuple[float, float]:
    """The AUC on the rows ``test`` and its standard error: DeLong's, or where people have several rows that of
    clusters.

    The latter adds up each person's influence before squaring (Obuchowski 1997, with the infinitesimal jackknife).
    """
    from scipy.stats import rankdata

    auc, error, _, _ = curve_of(rows.y[test], score).auc()
    if rows.person is None:
        return auc, error
    y = rows.y[test]
    n_positive, n_negative = y.sum(), (~y).sum()
    influence = np.empty(len(y))
    ranks = rankdata(score)
    # The share of the other outcome's rows that lie below a positive row, or above a negative one; ties count one half.
    influence[y] = ((ranks[y] - rankdata(score[y])) / n_negative - auc) / n_positive
    influence[~y] = (1 - (ranks[~y] - rankdata(score[~y])) / n_positive - auc) / n_negative
    people, codes = np.unique(rows.person[test], return_inverse=True)
    sums = np.bincount(codes, weights=influence)
    return auc, float(np.sqrt((sums**2).sum() * len(people) / (len(people) - 1)))


def _at(curve: ScoreCurve, threshold: float, suffix: str) -> dict[str, float]:
    """Recall, precision, specificity and accuracy when a score of ``threshold`` and above is flagged."""
    positives, negatives = curve.total
    (true,), (false,) = curve.flagged_at(np.array([threshold]))
    values = {
        "recall": true / positives,
        "precision": true / (true + false) if true + false else float("nan"),
        "specificity": 1 - false / negatives,
        "accuracy": (true + negatives - false) / (positives + negatives),
    }
    return {f"{name}{suffix}": float(value) for name, value in values.items()}


def _points(curve: ScoreCurve, outcome: str, algorithm: Any) -> pd.DataFrame:
    """At most 101 thresholds of the first fold: false and true positive rate, precision, F1."""
    thresholds = np.unique(np.r_[np.quantile(curve.scores, np.linspace(0, 1, _MAX_POINTS - 1)), np.inf])
    true, false = curve.flagged_at(thresholds)
    positives, negatives = curve.total
    with np.errstate(invalid="ignore"):
        precision = np.where(true + false > 0, true / (true + false), np.nan)
    return pd.DataFrame(
        {
            "outcome": outcome,
            "algorithm": algorithm.name,
            "title": algorithm.title,
            "threshold": thresholds,
            "false_positive_rate": false / negatives,
            "true_positive_rate": true / positives,
            "precision": precision,
            "f1": 2 * true / (true + false + positives),
        }
    )


def scored_dataset(dataset: AuditDataset, comparison: ModelComparison, *, outcome: str, algorithm: str) -> AuditDataset:
    """The rows that a model was not trained on, with its score: what the other rooms audit.

    With folds these are all rows that can say the outcome, each scored by a model that did not see that person; with
    one split the held-out part.
    """
    own, which = outcome_part(dataset, outcome)
    title = algorithm_of(algorithm).title
    score = comparison.scores[(outcome, algorithm)].to_numpy()[which]
    name = f"score of {title}"
    while name in own.frame:
        name += " (new)"
    table = Table(own.frame.assign(**{name: score}), own.name, own.sha256, own.ledger).derived(
        own.frame.assign(**{name: score}), "score", algorithm, outcome, repr(comparison.options)
    )
    n_outer = comparison.options["n_outer"]
    how = (
        f"out of fold ({n_outer} folds)"
        if n_outer > 1
        else f"on the {percent(float(np.isfinite(score).mean()))} held out"
    )
    table = table.noted("scored", f"{name} made by a model trained here, {how}")
    left = [n for n, reason in comparison.left_out.items() if n not in own.roles.sensitive]
    used = tuple(f.name for f in comparison.features[outcome] if f.name not in left)
    roles = Roles(**(own.roles.to_dict() | {"score": name, "features": used}))
    return assign_roles(table, roles)
