"""How like the real table a copy is: column by column, pair by pair, and to a classifier that tries to tell them
apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from recidiv_core.models import Feature, auc_interval, transferred_scores
from recidiv_core.plain import plain
from recidiv_core.privacy.schema import Schema, spelled

_BINS = 8
_TOLD_ROWS = 20_000


@dataclass(frozen=True, eq=False)
class Fidelity:
    """How like the real table a copy is.

    ``columns``: column, kind, similarity (1 − the Kolmogorov–Smirnov distance of numbers, 1 − the total variation
    distance of levels).
    ``pairs``: first, second, and Cramér's V of the two, corrected for bias (Bergsma 2013), in the ``real`` and the
    ``synthetic`` table; numbers in eighths of the real ones. ``told``: auc, low, high, n of a classifier on rows held
    out; 0.5 means that it cannot tell.
    """

    columns: pd.DataFrame
    pairs: pd.DataFrame
    told: dict[str, float]

    @property
    def summary(self) -> dict[str, float]:
        """Means over columns and pairs, the worst column, and the classifier's AUC."""
        gap = (self.pairs["real"] - self.pairs["synthetic"]).abs()
        return {
            "marginals": float(self.columns["similarity"].mean()),
            "worst_marginal": float(self.columns["similarity"].min()),
            "association_gap": float(gap.mean()) if len(gap) else float("nan"),
            "told_auc": self.told["auc"],
            "told_low": self.told["low"],
            "told_high": self.told["high"],
        }

    def to_dict(self) -> dict:
        """Plain values for JSON."""
        return plain({"summary": self.summary, "columns": self.columns, "pairs": self.pairs, "told": self.told})


def fidelity(real: pd.DataFrame, synthetic: pd.DataFrame, *, schema: Schema, random_state: int = 0) -> Fidelity:
    """Compare a copy with real rows, best with ones that it was not made from: then a fresh sample is the best that
    can be had.
    """
    columns = [(name, "number", 1 - _ks(_numbers(real[name]), _numbers(synthetic[name]))) for name in schema.numbers]
    columns += [(name, "levels", 1 - _total_variation(real[name], synthetic[name])) for name in schema.categories]
    codes = [_binned(name, real, synthetic, schema) for name in schema.columns]
    pairs = [
        (first, second, cramers_v(codes[i][0], codes[j][0]), cramers_v(codes[i][1], codes[j][1]))
        for (i, first), (j, second) in combinations(enumerate(schema.columns), 2)
    ]
    return Fidelity(
        pd.DataFrame(columns, columns=["column", "kind", "similarity"]).sort_values(
            "similarity", ignore_index=True, kind="stable"
        ),
        pd.DataFrame(pairs, columns=["first", "second", "real", "synthetic"]),
        _told(real, synthetic, schema, random_state),
    )


def _numbers(column: pd.Series) -> np.ndarray:
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return values[np.isfinite(values)]


def _ks(first: np.ndarray, second: np.ndarray) -> float:
    """The largest distance between two distribution functions; 1 where one of them has no values."""
    from scipy.stats import ks_2samp

    if not len(first) or not len(second):
        return float(len(first) != len(second))
    return float(ks_2samp(first, second, method="asymp").statistic)


def _total_variation(first: pd.Series, second: pd.Series) -> float:
    shares = [spelled(own).value_counts(normalize=True) for own in (first, second)]
    return float(shares[0].sub(shares[1], fill_value=0.0).abs().sum() / 2)


def _binned(name: str, real: pd.DataFrame, synthetic: pd.DataFrame, schema: Schema) -> tuple[np.ndarray, np.ndarray]:
    """Both tables' values of a column as codes: eighths of the real numbers, with missing as one more; levels as
    they are.
    """
    if name in schema.numbers:
        edges = (
            np.unique(np.quantile(_numbers(real[name]), np.linspace(0, 1, _BINS + 1)[1:-1]))
            if len(_numbers(real[name]))
            else np.empty(0)
        )
        made = []
        for frame in (real, synthetic):
            values = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
            made.append(np.where(np.isfinite(values), np.searchsorted(edges, values, side="right"), len(edges) + 1))
        return made[0], made[1]
    together = pd.factorize(pd.concat([spelled(real[name]), spelled(synthetic[name])], ignore_index=True))[0]
    return together[: len(real)], together[len(real) :]


def cramers_v(first: np.ndarray, second: np.ndarray) -> float:
    """Cramér's V of two columns of codes, corrected for bias (Bergsma 2013); 0 where one of them does not vary."""
    table = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(table, (first, second), 1)
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    (r, c), n = table.shape, table.sum()
    if min(r, c) < 2 or n < 3:
        return 0.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi = ((table - expected) ** 2 / expected).sum() / n
    phi = max(phi - (r - 1) * (c - 1) / (n - 1), 0.0)
    most = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    return float(min(np.sqrt(phi / most), 1.0)) if most > 0 else 0.0


def _told(real: pd.DataFrame, synthetic: pd.DataFrame, schema: Schema, random_state: int) -> dict[str, float]:
    """How well gradient boosting tells made rows from as many real ones, trained on half of each and judged on the
    others.
    """
    random = np.random.default_rng(random_state)
    n = min(len(real), len(synthetic), _TOLD_ROWS)
    parts = [frame.iloc[random.permutation(len(frame))[:n]] for frame in (real, synthetic)]
    features = _features(schema)
    halves = [
        pd.concat([_texts(part.iloc[own], schema) for part in parts], ignore_index=True)
        for own in (slice(0, n // 2), slice(n // 2, n))
    ]
    y = [np.repeat([False, True], len(half) // 2) for half in halves]
    (score,) = transferred_scores(
        halves[0], y[0], [halves[1]], features=features, algorithm="gradient_boosting", random_state=random_state
    )
    auc, low, high = auc_interval(y[1], score)
    return {"auc": auc, "low": low, "high": high, "n": len(halves[1])}


def _features(schema: Schema) -> Sequence[Feature]:
    return [
        *(Feature(name, "number") for name in schema.numbers),
        *(Feature(name, "category", levels) for name, levels in schema.categories.items()),
    ]


def _texts(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Levels as text, so that two tables whose columns have different types can stand in one."""
    return pd.DataFrame(
        {
            name: spelled(frame[name]).astype(object)
            if name in schema.categories
            else pd.to_numeric(frame[name], errors="coerce").astype(float)
            for name in schema.columns
        }
    )
