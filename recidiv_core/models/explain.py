"""Why a model scores as it does: permutation importance, and the rules of a small tree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset
from recidiv_core.models.algorithms import algorithm_of
from recidiv_core.models.fitting import Fitted, Progress, fit
from recidiv_core.models.prepare import (
    NUMBER,
    Feature,
    Rows,
    check_size,
    outcome_part,
    rows_of,
    splits,
    usable_features,
)
from recidiv_core.stats import wilson_of_people

_MOST_ROWS = 20_000


def permutation_importance(
    dataset: AuditDataset,
    *,
    algorithm: str,
    outcome: str | None = None,
    features: Sequence[str] | None = None,
    unaware: bool = False,
    balance: float | None = None,
    n_repeats: int = 10,
    random_state: int = 0,
    progress: Progress = None,
) -> pd.DataFrame:
    """feature, importance, sd, low, high, n: how much AUC is lost on held-out people when a column is shuffled among
    them.

    The model is trained on 70 % with its usual parameters; ``sd`` and the bounds (the 2.5 and 97.5 percentiles) are
    over ``n_repeats`` shuffles. Two columns that say the same share their importance (Breiman 2001).
    """
    rows, used, train, test = _parts(dataset, outcome, features, unaware, random_state)
    fitted = fit(algorithm_of(algorithm), used, rows, train, balance=balance, random_state=random_state)
    random = np.random.default_rng(random_state)
    if len(test) > _MOST_ROWS:
        test = np.sort(random.choice(test, _MOST_ROWS, replace=False))
    X, y = rows.X.iloc[test], rows.y[test]
    found = []
    for position, feature in enumerate(used):
        if progress is not None:
            progress(position / len(used), f"shuffling {feature.name}")
        lost = shuffled_losses(fitted, X, y, feature.name, n_repeats, random)
        low, high = np.percentile(lost, [2.5, 97.5])
        found.append((feature.name, float(lost.mean()), float(lost.std(ddof=1)), float(low), float(high), len(test)))
    table = pd.DataFrame(found, columns=["feature", "importance", "sd", "low", "high", "n"])
    return table.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def shuffled_losses(
    fitted: Fitted, X: pd.DataFrame, y: np.ndarray, name: str, n_repeats: int, random: np.random.Generator
) -> np.ndarray:
    """How much AUC is lost each time the column ``name`` is shuffled among the rows, shape (n_repeats,)."""
    from sklearn.metrics import roc_auc_score

    whole = roc_auc_score(y, fitted.score(X))
    column = X[name].to_numpy()
    shuffled = (
        pd.Series(column[random.permutation(len(X))], index=X.index, dtype=X[name].dtype) for _ in range(n_repeats)
    )
    return np.array([whole - roc_auc_score(y, fitted.score(X.assign(**{name: own}))) for own in shuffled])


def _parts(
    dataset: AuditDataset, outcome: str | None, features: Sequence[str] | None, unaware: bool, random_state: int
) -> tuple[Rows, tuple[Feature, ...], np.ndarray, np.ndarray]:
    """Rows, features, and the positions of the 70 % trained on and of those held out."""
    own, _ = outcome_part(dataset, outcome or dataset.roles.label)
    used, _ = usable_features(own, unaware=unaware, features=features)
    rows = rows_of(own, used, dataset.roles.sensitive[0])
    check_size(rows, 2, 2)
    ((train, test),) = splits(rows, 1, random_state)
    return rows, used, train, test


def tree_rules(
    dataset: AuditDataset,
    *,
    depth: int = 3,
    outcome: str | None = None,
    features: Sequence[str] | None = None,
    unaware: bool = False,
    random_state: int = 0,
) -> pd.DataFrame:
    """rule, n, n_people, rate, low, high: the leaves of a small tree in words, each with the outcome's rate on held-out
    people (Wilson's interval, with people as clusters). A missing number goes where its column's median goes.
    """
    rows, used, train, test = _parts(dataset, outcome, features, unaware, random_state)
    params = {"max_depth": depth, "min_samples_leaf": max(20, len(train) // 100)}
    fitted = fit(algorithm_of("decision_tree"), used, rows, train, params=params, random_state=random_state)
    tree = fitted.model["model"].tree_
    prepare = fitted.model["prepare"]
    names = _encoded_names(prepare, used)
    leaf_of = fitted.model["model"].apply(prepare.transform(rows.X.iloc[test]))
    people = np.arange(len(rows.y)) if rows.person is None else rows.person
    found = []

    def walk(node: int, parts: list[tuple[Encoded, str, float]]) -> None:
        if tree.children_left[node] < 0:
            own = leaf_of == node
            y, who = rows.y[test][own].astype(float), people[test][own]
            rate = float(y.mean()) if len(y) else float("nan")
            found.append((_in_words(parts), len(y), len(np.unique(who)), rate, *wilson_of_people(y, who)))
            return
        name, threshold = names[tree.feature[node]], tree.threshold[node]
        walk(tree.children_left[node], [*parts, (name, "low", threshold)])
        walk(tree.children_right[node], [*parts, (name, "high", threshold)])

    walk(0, [])
    table = pd.DataFrame(found, columns=["rule", "n", "n_people", "rate", "low", "high"])
    return table.sort_values("rate", ascending=False, ignore_index=True)


Encoded = tuple[str, str | None]


def _encoded_names(prepare, used: Sequence[Feature]) -> list[Encoded]:
    """Of each column that the encoding makes, the feature, and what of it: a level, "is missing", or None for the
    number itself.
    """
    found: list[Encoded] = []
    for kind, steps, _ in prepare.transformers_:
        own = [feature.name for feature in used if feature.kind == kind]
        if kind == NUMBER:
            found += [(name, None) for name in own]
            found += [(own[i], "is missing") for i in steps["impute"].indicator_.features_]
            continue
        encoder = steps["encode"]
        for name, levels, rare in zip(own, encoder.categories_, encoder.infrequent_categories_, strict=True):
            rare = [] if rare is None else list(rare)
            found += [(name, f"= {level}") for level in levels if level not in rare]
            found += [(name, "= one of the rare values")] if rare else []
    return found


def _in_words(parts: list[tuple[Encoded, str, float]]) -> str:
    """A path as a conjunction; of several bounds of one number the tightest."""
    low: dict[Encoded, float] = {}
    high: dict[Encoded, float] = {}
    for what, side, threshold in parts:
        if side == "low":
            high[what] = min(high.get(what, np.inf), threshold)
        else:
            low[what] = max(low.get(what, -np.inf), threshold)
    words = []
    for what in dict.fromkeys(what for what, _, _ in parts):
        name, level = what
        if level is not None:
            other = "is known" if level == "is missing" else f"is not {level.removeprefix('= ')}"
            words.append(f"{name} {level if what in low else other}")
        elif what in low and what in high:
            words.append(f"{name} over {low[what]:.4g} and up to {high[what]:.4g}")
        else:
            words.append(f"{name} over {low[what]:.4g}" if what in low else f"{name} up to {high[what]:.4g}")
    return " and ".join(words) or "everybody"
