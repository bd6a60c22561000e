"""Average marginal effects of a logit, complete and stepwise, as C's Table 4.1."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import expit, ndtr

from recidiv_core.data import MISSING_GROUP, AuditDataset
from recidiv_core.errors import InputError
from recidiv_core.models.fitting import Progress
from recidiv_core.models.prepare import NUMBER, Feature, Rows, outcome_part, rows_of, usable_features
from recidiv_core.stats import normal_quantile

_ENTER = 0.05
_Z = normal_quantile(0.95)


def marginal_effects(
    dataset: AuditDataset,
    *,
    selection: str | None = None,
    outcome: str | None = None,
    features: Sequence[str] | None = None,
    unaware: bool = False,
    progress: Progress = None,
) -> pd.DataFrame:
    """Average marginal effects of a logit on every feature, as C's Table 4.1: variable, level, against, effect, se, z,
    p_value, stars, low, high, n, reason.

    An effect is the mean over rows of the derivative of the probability; of a level, or of a 0/1 column, the mean of
    the difference that it makes (against the most common level, ``against``). Standard errors by the delta method, with
    people as clusters where somebody has several rows. A number that is missing is set to its mean, with an indicator,
    "(missing)", beside it: no row is lost.

    Parameters
    ----------
    selection : None, "forward" or "backward"
        Forward takes in, one at a time, the variable with the smallest p-value of Rao's score test while it is below
        0.05; backward takes out the one with the largest p-value of Wald's test while it is at least 0.05. All levels
        of a category come and go together.

    Raises
    ------
    InputError
        For an unknown selection.
    """
    if selection not in (None, "forward", "backward"):
        raise InputError.one("selection", "None, 'forward' or 'backward'", repr(selection)[:40])
    own, _ = outcome_part(dataset, outcome or dataset.roles.label)
    used, _ = usable_features(own, unaware=unaware, features=features)
    rows = rows_of(own, used, dataset.roles.sensitive[0])
    design, blocks = _design(rows, used)
    y, person = rows.y.astype(float), rows.person
    blocks, dropped = _estimable(design, blocks)
    blocks, separating = _without_separating(y, design, blocks)
    dropped |= separating
    try:
        kept = {
            None: lambda: list(blocks),
            "forward": lambda: _forward(y, design, blocks, progress),
            "backward": lambda: _backward(y, design, blocks, person, progress),
        }[selection]()
        table = _effects(y, design, {name: blocks[name] for name in kept}, person)
    except (np.linalg.LinAlgError, FloatingPointError, _NotConverged):
        reason = "the logit cannot be fitted: a column separates the outcomes"
        table, kept = pd.DataFrame(), []
        dropped |= dict.fromkeys(blocks, reason)
    for name in blocks:
        if name not in kept and name not in dropped:
            dropped[name] = f"not selected ({selection}, 0.05)"
    gone = pd.DataFrame(
        [{"variable": name, "level": "", "stars": "", "reason": reason} for name, reason in dropped.items()]
    )
    found = pd.concat([table.assign(reason=""), gone], ignore_index=True).assign(n=len(y))
    base = {f.name: _levels_of(rows, f)[0] for f in used if f.kind != NUMBER}
    found["against"] = [base.get(row.variable, "") if row.level else "" for row in found.itertuples()]
    columns = ["variable", "level", "against", "effect", "se", "z", "p_value", "stars", "low", "high", "n", "reason"]
    return found.reindex(columns=columns)


class _NotConverged(Exception):
    pass


def _design(rows: Rows, used: Sequence[Feature]) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Numbers as they are, categories as indicators of every level but the most common; and the columns of each
    variable.
    """
    columns, blocks = {}, {}
    for feature in used:
        own = rows.X[feature.name]
        if feature.kind == NUMBER:
            missing = own.isna().to_numpy()
            columns[feature.name] = own.fillna(own.mean()).to_numpy()
            blocks[feature.name] = [feature.name]
            if missing.any():
                columns[f"{feature.name} = {MISSING_GROUP}"] = missing.astype(float)
                blocks[feature.name].append(f"{feature.name} = {MISSING_GROUP}")
            continue
        filled, levels = own.fillna(MISSING_GROUP), _levels_of(rows, feature)
        blocks[feature.name] = []
        for level in levels[1:]:
            columns[f"{feature.name} = {level}"] = (filled == level).to_numpy(float)
            blocks[feature.name].append(f"{feature.name} = {level}")
    return pd.DataFrame(columns), blocks


def _levels_of(rows: Rows, feature: Feature) -> list[str]:
    """A category's levels, the most common first: a rare one as the base would make every effect uncertain."""
    counts = rows.X[feature.name].fillna(MISSING_GROUP).value_counts().sort_index()
    return [str(level) for level in counts.sort_values(ascending=False, kind="stable").index]


def _estimable(design: pd.DataFrame, blocks: dict[str, list[str]]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Without the columns that are sums of others before them: their effect is not estimable."""
    kept, dropped = {}, {}
    basis = [np.ones(len(design)) / np.sqrt(len(design))]
    for name, columns in blocks.items():
        kept[name] = []
        for column in columns:
            values = design[column].to_numpy()
            rest = values - sum((b * (b @ values) for b in basis), np.zeros(len(values)))
            rest = rest - sum((b * (b @ rest) for b in basis), np.zeros(len(values)))
            scale = np.linalg.norm(values)
            if scale > 0 and np.linalg.norm(rest) > 1e-8 * scale:
                basis.append(rest / np.linalg.norm(rest))
                kept[name].append(column)
        if not kept[name]:
            del kept[name]
            dropped[name] = "constant, or the sum of variables before it"
    return kept, dropped


def _without_separating(
    y: np.ndarray, design: pd.DataFrame, blocks: dict[str, list[str]]
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Without indicators whose people all came back, or none: their coefficient is infinite.

    Their people count as of the base level.
    """
    kept, dropped = {}, {}
    for name, columns in blocks.items():
        pure = []
        for column in columns:
            values = design[column].to_numpy()
            if np.isin(values, (0.0, 1.0)).all() and any(
                y[values == side].min() == y[values == side].max() for side in (0.0, 1.0)
            ):
                pure.append(column)
        left = [column for column in columns if column not in pure]
        if left:
            kept[name] = left
        for column in pure:
            level = column.removeprefix(f"{name} = ") if column != name else ""
            dropped[f"{name} = {level}" if level and left else name] = (
                "everybody with it, or without it, has one outcome"
            )
    return kept, dropped


def _logit(y: np.ndarray, design: pd.DataFrame, columns: Sequence[str], person: np.ndarray | None = None):
    import statsmodels.api as sm

    X = sm.add_constant(design[list(columns)], has_constant="add")
    how = {} if person is None else {"cov_type": "cluster", "cov_kwds": {"groups": person}}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        fitted = sm.Logit(y, X).fit(disp=False, maxiter=200, **how)
    if not fitted.mle_retvals["converged"] or not np.isfinite(np.asarray(fitted.bse)).all():
        raise _NotConverged
    return fitted


def _effects(
    y: np.ndarray, design: pd.DataFrame, blocks: dict[str, list[str]], person: np.ndarray | None
) -> pd.DataFrame:
    columns = [column for own in blocks.values() for column in own]
    if not columns:
        return pd.DataFrame(columns=["variable", "level", "effect", "se", "z", "p_value", "stars", "low", "high"])
    fitted = _logit(y, design, columns, person)
    X = np.column_stack([np.ones(len(y)), design[columns].to_numpy()])
    coefficients, covariance = np.asarray(fitted.params), np.asarray(fitted.cov_params())
    found = []
    for name, own in blocks.items():
        places = [1 + columns.index(column) for column in own]
        for place, column in zip(places, own, strict=True):
            effect, gradient = _average_effect(X, coefficients, place, places)
            error = float(np.sqrt(gradient @ covariance @ gradient))
            level = column.removeprefix(f"{name} = ") if column != name else ""
            found.append(
                (
                    name,
                    level,
                    effect,
                    error,
                    effect / error,
                    2 * float(ndtr(-abs(effect / error))),
                    effect - _Z * error,
                    effect + _Z * error,
                )
            )
    found = pd.DataFrame(found, columns=["variable", "level", "effect", "se", "z", "p_value", "low", "high"])
    # C's stars: *** p < 0.01, ** p < 0.05, * p < 0.1.
    found["stars"] = np.select(
        [found["p_value"] < 0.01, found["p_value"] < 0.05, found["p_value"] < 0.1], ["***", "**", "*"], ""
    )
    return found


def _average_effect(X: np.ndarray, coefficients: np.ndarray, place: int, block: list[int]) -> tuple[float, np.ndarray]:
    """The mean effect of one column on the probability, and its gradient by the coefficients.

    Of a number the mean derivative. Of an indicator the mean difference that it makes when everybody has it and none of
    its block's other indicators, against everybody having none: the levels of a category exclude each other.
    """
    values = X[:, place]
    if not np.isin(values, (0.0, 1.0)).all():
        p = expit(X @ coefficients)
        slope = p * (1 - p)
        gradient = coefficients[place] * ((slope * (1 - 2 * p)) @ X) / len(X)
        gradient[place] += slope.mean()
        return float(coefficients[place] * slope.mean()), gradient
    others = [other for other in block if np.isin(X[:, other], (0.0, 1.0)).all()]
    with_it, without = X.copy(), X.copy()
    with_it[:, others] = without[:, others] = 0.0
    with_it[:, place] = 1.0
    p, q = expit(with_it @ coefficients), expit(without @ coefficients)
    gradient = ((p * (1 - p)) @ with_it - (q * (1 - q)) @ without) / len(X)
    return float((p - q).mean()), gradient


def _forward(y: np.ndarray, design: pd.DataFrame, blocks: dict[str, list[str]], progress: Progress) -> list[str]:
    from scipy.stats import chi2

    kept: list[str] = []
    while len(kept) < len(blocks):
        if progress is not None:
            progress(len(kept) / len(blocks), f"{len(kept)} variables in")
        columns = [column for name in kept for column in blocks[name]]
        X = np.column_stack([np.ones(len(y)), design[columns].to_numpy()])
        p = np.asarray(_logit(y, design, columns).predict()) if columns else np.full(len(y), y.mean())
        weight, rest = p * (1 - p), y - p
        inner = np.linalg.inv(X.T @ (X * weight[:, None]))
        best, chosen = 1.0, None
        for name in (name for name in blocks if name not in kept):
            Z = design[blocks[name]].to_numpy()
            cross = X.T @ (Z * weight[:, None])
            information = Z.T @ (Z * weight[:, None]) - cross.T @ inner @ cross
            score = Z.T @ rest
            p_value = float(chi2.sf(score @ np.linalg.pinv(information) @ score, Z.shape[1]))
            if p_value < best or chosen is None:
                best, chosen = p_value, name
        if best >= _ENTER:
            break
        kept.append(chosen)
    return [name for name in blocks if name in kept]


def _backward(
    y: np.ndarray, design: pd.DataFrame, blocks: dict[str, list[str]], person: np.ndarray | None, progress: Progress
) -> list[str]:
    from scipy.stats import chi2

    kept = list(blocks)
    while kept:
        if progress is not None:
            progress(1 - len(kept) / len(blocks), f"{len(kept)} variables left")
        columns = [column for name in kept for column in blocks[name]]
        fitted = _logit(y, design, columns, person)
        coefficients, covariance = fitted.params, fitted.cov_params()
        p_values = {}
        for name in kept:
            own = coefficients[blocks[name]].to_numpy()
            p_values[name] = float(
                chi2.sf(own @ np.linalg.pinv(covariance.loc[blocks[name], blocks[name]].to_numpy()) @ own, len(own))
            )
        worst = max(kept, key=p_values.get)
        if p_values[worst] < _ENTER:
            break
        kept.remove(worst)
    return kept
