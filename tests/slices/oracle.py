"""Every conjunction, one by one."""

from itertools import combinations, product

import numpy as np
import pandas as pd


def every_slice(
    features: pd.DataFrame, errors: np.ndarray, *, alpha, min_support, max_level=None, weight=None
) -> list[dict]:
    """slice, size, mean_error and score of every conjunction with enough weight and a score above 0, best first."""
    weight = np.ones(len(errors)) if weight is None else weight / weight.mean()
    n, total = weight.sum(), weight @ errors
    values = {name: [None if pd.isna(v) else v for v in column.unique()] for name, column in features.items()}
    found = []
    for level in range(1, (max_level or features.shape[1]) + 1):
        for names in combinations(features.columns, level):
            for chosen in product(*(values[name] for name in names)):
                rows = np.ones(len(features), bool)
                for name, value in zip(names, chosen, strict=True):
                    rows &= (features[name].isna() if value is None else features[name] == value).to_numpy(bool)
                size, held = weight[rows].sum(), weight[rows] @ errors[rows]
                if size < min_support - 1e-9 or size == 0:
                    continue
                score = alpha * ((held / size) / (total / n) - 1) - (1 - alpha) * (n / size - 1)
                if score > 1e-9:
                    found.append(
                        {
                            "slice": dict(zip(names, chosen, strict=True)),
                            "size": size,
                            "mean_error": held / size,
                            "score": score,
                        }
                    )
    return sorted(found, key=lambda one: (-one["score"], -one["size"], len(one["slice"])))
