"""How well the features tell a protected attribute, and which of them do: why unawareness is not enough."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from recidiv_core.data import MISSING_GROUP, AuditDataset
from recidiv_core.errors import InputError
from recidiv_core.models.algorithms import algorithm_of
from recidiv_core.models.evaluate import auc_of
from recidiv_core.models.fitting import Progress, fit
from recidiv_core.models.prepare import Rows, rows_of, splits, usable_features
from recidiv_core.models.tables import mean_auc

_MOST_ROWS, _FEWEST = 20_000, 20


def proxy_probe(
    dataset: AuditDataset, *, attribute: str, features: Sequence[str] | None = None, n_folds: int = 1, n_repeats: int = 5, random_state: int = 0,
    progress: Progress = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Two tables: for each group how well it can be told (group, n, auc, low, high), and what tells it (feature, importance, sd, group).

    Each group against all others, by gradient boosting on every feature but the protected attributes, on the 30 % of the people held out (all
    rows of one person on one side): there the interval holds; over folds it does not where nothing tells the group. Importance is the AUC lost
    when the column is shuffled among the people held out, for the group that is told best. An AUC of 0.5 means that nothing gives the group away.
    """
    from sklearn.metrics import roc_auc_score

    used, _ = usable_features(dataset, unaware=True, features=features)
    rows = rows_of(dataset, used, attribute)
    some = np.arange(len(rows.y))
    if len(some) > _MOST_ROWS:
        some = np.sort(np.random.default_rng(random_state).choice(some, _MOST_ROWS, replace=False))
    groups = [
        g
        for g in dataset.attributes[attribute].levels
        if g != MISSING_GROUP and min(own := int((rows.group[some] == g).sum()), len(some) - own) >= _FEWEST
    ]
    if not groups:
        raise InputError.one(
            f"attribute {attribute!r}", f"a group of at least {_FEWEST} rows, and as many others", "none"
        )
    if len(dataset.attributes[attribute].levels) == 2:
        groups = groups[-1:]  # telling one of two is telling the other
    algorithm = algorithm_of("gradient_boosting")
    found, kept = [], {}
    for position, group in enumerate(groups):
        told = Rows(rows.X, rows.group == group, rows.person, rows.group)
        folds = []
        for fold, (train, test) in enumerate(splits(told, n_folds, random_state, of=some)):
            if progress is not None:
                progress((position + fold / n_folds) / len(groups), f"telling {group} from the others")
            fitted = fit(algorithm, used, told, train, random_state=random_state)
            folds.append(auc_of(told, test, fitted.score(told.X.iloc[test])))
            kept.setdefault(group, (fitted, test, told))
        auc, low, high = mean_auc(*np.array(folds).T, confidence_level=0.95)
        found.append((group, int(told.y[some].sum()), auc, low, high))
    groups_table = pd.DataFrame(found, columns=["group", "n", "auc", "low", "high"]).sort_values(
        "auc", ascending=False, ignore_index=True
    )
    best = groups_table["group"].iloc[0]
    fitted, test, told = kept[best]
    random = np.random.default_rng(random_state)
    X, y = told.X.iloc[test], told.y[test]
    whole, lost = roc_auc_score(y, fitted.score(X)), []
    for feature in used:
        drops = [
            whole
            - roc_auc_score(
                y,
                fitted.score(
                    X.assign(
                        **{
                            feature.name: pd.Series(
                                X[feature.name].to_numpy()[random.permutation(len(X))],
                                index=X.index,
                                dtype=X[feature.name].dtype,
                            )
                        }
                    )
                ),
            )
            for _ in range(n_repeats)
        ]
        lost.append((feature.name, float(np.mean(drops)), float(np.std(drops, ddof=1)), best))
    table = pd.DataFrame(lost, columns=["feature", "importance", "sd", "group"])
    return groups_table, table.sort_values("importance", ascending=False, kind="stable", ignore_index=True)
