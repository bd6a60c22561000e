"""How well the features tell a protected attribute, and which of them do: why unawareness is not enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import MISSING_GROUP, AuditDataset
from recidiv_core.errors import InputError
from recidiv_core.models.algorithms import algorithm_of
from recidiv_core.models.evaluate import auc_of
from recidiv_core.models.explain import shuffled_losses
from recidiv_core.models.fitting import Progress, fit
from recidiv_core.models.prepare import Rows, rows_of, splits, usable_features
from recidiv_core.plain import plain
from recidiv_core.stats import auc_bounds, normal_quantile

_MOST_ROWS, _FEWEST = 20_000, 20


@dataclass(frozen=True, eq=False)
class ProxyProbe:
    """How well the features tell ``attribute``.

    ``groups``: for each group how well it can be told (group, n_group of the n rows held out, auc, low, high), the best
    told first. ``features``: what tells that one (feature, importance, sd, group). ``others`` is what it is told from.
    An AUC of 0.5 means that nothing gives the group away.
    """

    attribute: str
    groups: pd.DataFrame
    features: pd.DataFrame
    others: str = "the others"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return plain(vars(self))

    def sentence(self) -> str:
        """What it found."""
        best, feature = self.groups.iloc[0], self.features["feature"].iloc[0]
        told = (
            f"Most is told by {feature} (a column that says the same as another shares its importance)."
            if best["low"] > 0.5
            else "Chance could do that too."
        )
        return (
            f"From the other columns {best['group']} can be told from {self.others} with an AUC of "
            f"{best['auc']:.3f} ({best['low']:.3f} to {best['high']:.3f}, on {best['n']:,} rows held out); 0.5 "
            f"would mean not at all. {told}"
        )


def proxy_probe(
    dataset: AuditDataset,
    *,
    attribute: str,
    features: Sequence[str] | None = None,
    n_repeats: int = 5,
    random_state: int = 0,
    progress: Progress = None,
) -> ProxyProbe:
    """Whether a model that is not given ``attribute`` can know it all the same.

    Each group against all others, by gradient boosting on every feature but the protected attributes, on the 30 % of
    the people held out (all rows of one person on one side): there the interval holds; over folds it does not where
    nothing tells the group. Importance is the AUC lost when the column is shuffled among the people held out, for the
    group that is told best.
    """
    used, _ = usable_features(dataset, unaware=True, features=features)
    rows = rows_of(dataset, used, attribute)
    some = np.arange(len(rows.y))
    if len(some) > _MOST_ROWS:
        some = np.sort(np.random.default_rng(random_state).choice(some, _MOST_ROWS, replace=False))
    groups = _groups_to_tell(dataset, attribute, rows.group[some])
    found, fits = [], {}
    for position, group in enumerate(groups):
        if progress is not None:
            progress(position / len(groups), f"telling {group} from the others")
        told = Rows(rows.X, rows.group == group, rows.person, rows.group)
        ((train, test),) = splits(told, 1, random_state, of=some)
        fitted = fit(algorithm_of("gradient_boosting"), used, told, train, random_state=random_state)
        auc, error = auc_of(told, test, fitted.score(told.X.iloc[test]))
        n_own = int(told.y[test].sum())
        bounds = auc_bounds(auc, error, n_own, len(test) - n_own, normal_quantile(0.95))
        found.append((group, n_own, len(test), auc, *map(float, bounds)))
        fits[group] = fitted, told.X.iloc[test], told.y[test]
    table = pd.DataFrame(found, columns=["group", "n_group", "n", "auc", "low", "high"])
    table = table.sort_values("auc", ascending=False, ignore_index=True)
    best = table["group"].iloc[0]
    random = np.random.default_rng(random_state)
    lost = [
        (feature.name, float(losses.mean()), float(losses.std(ddof=1)), best)
        for feature in used
        for losses in [shuffled_losses(*fits[best], feature.name, n_repeats, random)]
    ]
    tells = pd.DataFrame(lost, columns=["feature", "importance", "sd", "group"])
    tells = tells.sort_values("importance", ascending=False, kind="stable", ignore_index=True)
    levels = dataset.attributes[attribute].levels
    return ProxyProbe(
        attribute, table, tells, next(g for g in levels if g != best) if len(levels) == 2 else "the others"
    )


def _groups_to_tell(dataset: AuditDataset, attribute: str, group: np.ndarray) -> list[str]:
    """Those with enough rows on either side; of two only one, for telling it is telling the other."""
    levels = dataset.attributes[attribute].levels
    sizes = {level: int((group == level).sum()) for level in levels if level != MISSING_GROUP}
    found = [level for level, n in sizes.items() if min(n, len(group) - n) >= _FEWEST]
    if not found:
        raise InputError.one(
            f"attribute {attribute!r}", f"a group of at least {_FEWEST} rows, and as many others", "none"
        )
    return found[-1:] if len(levels) == 2 else found
