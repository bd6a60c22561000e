"""What the table holds, before any metric."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recidiv_core.data.datasets import AuditDataset
from recidiv_core.data.tables import Table
from recidiv_core.stats import wilson

N_BINS = 30


def describe_types(table: Table) -> pd.DataFrame:
    """One row per column: column, type (as inferred), n_values (different ones), n_missing."""
    frame = table.frame
    rows = [
        {
            "column": name,
            "type": _type_of(frame[name].dtype),
            "n_values": int(frame[name].nunique()),
            "n_missing": int(frame[name].isna().sum()),
        }
        for name in frame.columns
    ]
    return pd.DataFrame(rows)


def _type_of(kind: object) -> str:
    tests = pd.api.types
    names = [
        (tests.is_bool_dtype, "yes/no"),
        (tests.is_integer_dtype, "whole number"),
        (tests.is_numeric_dtype, "number"),
        (tests.is_datetime64_any_dtype, "date"),
    ]
    return next((name for test, name in names if test(kind)), "text")


def describe_groups(dataset: AuditDataset) -> pd.DataFrame:
    """One row per (attribute, group): n, share, n_positive, base_rate with its 95 % Wilson interval, and
    the share of this group's rows in which any feature is missing (NaN when no features are named).
    """
    features = list(dataset.roles.features)
    holes = dataset.frame[features].isna().any(axis=1).to_numpy() if features else None
    tables = []
    for attribute in dataset.attributes.values():
        size = len(attribute.levels)
        n = np.bincount(attribute.codes, minlength=size)
        positive = np.bincount(attribute.codes, weights=dataset.y_true, minlength=size)
        low, high = wilson(positive / n, n, confidence_level=0.95)
        missing = np.bincount(attribute.codes, weights=holes, minlength=size) / n if features else np.nan
        tables.append(
            pd.DataFrame(
                {
                    "attribute": attribute.name,
                    "group": attribute.levels,
                    "n": n,
                    "share": n / n.sum(),
                    "n_positive": positive.astype(int),
                    "base_rate": positive / n,
                    "low": low,
                    "high": high,
                    "share_with_missing_features": missing,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def score_histogram(dataset: AuditDataset, *, attribute: str) -> pd.DataFrame:
    """Counts of scores per group: group, low and high edge of the bin, n, share of the group.

    A score with few values keeps them, one bin each; another is cut into ``N_BINS`` equal bins.
    """
    if dataset.y_score is None:
        return pd.DataFrame(columns=["group", "low", "high", "n", "share"])
    groups, scores = dataset.attributes[attribute], dataset.y_score
    values = np.unique(scores)
    if len(values) <= N_BINS:
        step = np.diff(values).min() / 2 if len(values) > 1 else 0.5
        edges, low, high = np.r_[values, np.inf], values - step, values + step
    else:
        edges = np.linspace(values[0], values[-1], N_BINS + 1)
        low, high = edges[:-1], edges[1:]
    tables = []
    for code, level in enumerate(groups.levels):
        own = scores[groups.codes == code]
        counts = np.histogram(own, bins=edges)[0]
        tables.append(pd.DataFrame({"group": level, "low": low, "high": high, "n": counts, "share": counts / len(own)}))
    return pd.concat(tables, ignore_index=True)
