"""Who came back: descriptive statistics by outcome, and the share returned by time."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from recidiv_core.data import as_groups, person_codes
from recidiv_core.recidivism.result import RecidivismData
from recidiv_core.stats import wilson_of_people

_MAX_LEVELS = 12
_MAX_POINTS = 60
_MIN_AT_RISK = 10


def describe_outcomes(data: RecidivismData) -> pd.DataFrame:
    """Means of every feature by outcome, as C's Table 3.3.1: variable, level, and for all rows and each outcome's "yes"
    and "no" the mean.

    The first row is N. A category has a row for each level, whose mean is its share; missing values are left out of a
    mean.
    """
    columns = {"all": np.ones(len(data), bool)}
    for name in data.outcomes:
        values = data.table[name].to_numpy(dtype=float)
        columns |= {f"{name}: yes": values == 1, f"{name}: no": values == 0}
    rows = [{"variable": "N", "level": ""} | {title: float(own.sum()) for title, own in columns.items()}]
    for name in (*data.demographics, *data.features):
        own = data.table[name]
        if pd.api.types.is_numeric_dtype(own):
            parts = {"": own.to_numpy(dtype=float, na_value=np.nan)}
        else:
            groups = as_groups(own)
            levels = groups.value_counts().index[:_MAX_LEVELS] if groups.nunique() <= 60 else []
            parts = {level: (groups == level).to_numpy(dtype=float) for level in levels}
        for level, values in parts.items():
            rows.append(
                {"variable": name, "level": level} | {title: _mean(values[rows_]) for title, rows_ in columns.items()}
            )
    return pd.DataFrame(rows)


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def outcome_rates(data: RecidivismData, *, by: str | None = None, confidence_level: float = 0.95) -> pd.DataFrame:
    """outcome, years, group, n, n_returned, rate, low, high, n_people, n_too_short: each outcome's rate, of all or of
    each group of ``by``.

    The interval is Wilson's, at the effective number of rows where people have several: their rows hang together.
    """
    groups = pd.Series("all", index=data.table.index) if by is None else as_groups(data.table[by])
    person = None if data.person is None else person_codes(data.table[data.person])
    rows = []
    for name, outcome in data.outcomes.items():
        values = data.table[name].to_numpy(dtype=float)
        for group in sorted(groups.unique()):
            own = (groups == group).to_numpy()
            known = own & ~np.isnan(values)
            n, came = int(known.sum()), int(values[known].sum())
            people = np.arange(n) if person is None else person[known]
            low, high = wilson_of_people(values[known], people, confidence_level=confidence_level)
            rows.append(
                (
                    name,
                    outcome.years,
                    group,
                    n,
                    came,
                    came / n if n else np.nan,
                    low,
                    high,
                    len(np.unique(people)),
                    int(own.sum()) - n,
                )
            )
    columns = ["outcome", "years", "group", "n", "n_returned", "rate", "low", "high", "n_people", "n_too_short"]
    return pd.DataFrame(rows, columns=columns)


def return_curve(
    data: RecidivismData, *, by: str | None = None, kind: str = "", confidence_level: float = 0.95
) -> pd.DataFrame:
    """group, years, share, low, high, n_at_risk: the share returned by each time (by an offence of ``kind``), censoring
    allowed for.

    Kaplan and Meier's estimate with Greenwood's variance on the log-log scale, at most 60 points a group, as long as
    ten are at risk. Rows count as independent, also those of one person.
    """
    groups = pd.Series("all", index=data.table.index) if by is None else as_groups(data.table[by])
    z = float(ndtri(0.5 + confidence_level / 2))
    parts = []
    for group in sorted(groups.unique()):
        own = (groups == group).to_numpy()
        parts.append(
            _kaplan_meier(
                data.follow_up[kind]["time"].to_numpy()[own], data.follow_up[kind]["returned"].to_numpy()[own], z
            ).assign(group=group)
        )
    return pd.concat(parts, ignore_index=True)[["group", "years", "share", "low", "high", "n_at_risk"]]


def _kaplan_meier(time: np.ndarray, returned: np.ndarray, z: float) -> pd.DataFrame:
    times, inverse = np.unique(time, return_inverse=True)
    events = np.bincount(inverse, weights=returned, minlength=len(times))
    leaving = np.bincount(inverse, minlength=len(times))
    at_risk = len(time) - np.r_[0, np.cumsum(leaving)[:-1]]
    with np.errstate(divide="ignore", invalid="ignore"):
        survival = np.cumprod(1 - events / at_risk)
        greenwood = np.cumsum(events / (at_risk * (at_risk - events)))
        spread = z * np.sqrt(greenwood) / -np.log(survival)
        low, high = 1 - survival ** np.exp(-spread), 1 - survival ** np.exp(spread)
    own = pd.DataFrame({"years": times, "share": 1 - survival, "low": low, "high": high, "n_at_risk": at_risk})
    own = own[own["n_at_risk"] >= _MIN_AT_RISK]
    grid = np.unique(
        np.searchsorted(own["years"], np.linspace(0, own["years"].max() if len(own) else 0, _MAX_POINTS), side="right")
        - 1
    )
    own = own.iloc[grid[grid >= 0]]
    start = pd.DataFrame({"years": [0.0], "share": [0.0], "low": [0.0], "high": [0.0], "n_at_risk": [len(time)]})
    return pd.concat([start, own[own["years"] > 0]], ignore_index=True)
