"""The difference between groups that is left when offence, level, history and district are alike, in two ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import shown
from recidiv_core.errors import InputError, Problem
from recidiv_core.plain import plain
from recidiv_core.sentencing.records import ADJUSTERS, SentencingRecords
from recidiv_core.stats import normal_quantile, student

_LEAST = 30  # counted sentences of a group
_RARE = 10  # levels of fewer are taken together


@dataclass(frozen=True, eq=False)
class AdjustedDisparity:
    """``table``: for each group against ``reference`` the difference of mean deviations in months: unadjusted (Welch), by regression, and between sentences matched
    exactly (group, n, n_reference, way, difference, low, high, n_used), and ``agree``: whether the two adjusted ways say the same of its sign, or one of them nothing.
    """

    attribute: str
    reference: str
    table: pd.DataFrame
    notes: tuple[str, ...]
    options: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return plain({name: getattr(self, name) for name in self.__dataclass_fields__})


def adjusted_disparity(
    records: SentencingRecords, *, attribute: str, reference: str, adjust_for: Sequence[str] = ADJUSTERS, confidence_level: float = 0.95
) -> AdjustedDisparity:  # fmt: skip
    """The disparity of an attribute's groups against one of them, unadjusted and adjusted.

    Regression: deviation on group and each of ``adjust_for`` as categories, with the robust covariance HC3 (MacKinnon and White 1985). Matching: the
    difference within each cell of sentences alike in all of ``adjust_for``, weighted by how many of the group are in it; cells without both are left out.

    Raises
    ------
    InputError
        For columns the records lack, a reference that does not occur, or too few counted sentences.
    """
    frame = records.frame[records.frame["is_counted"]]
    problems = [
        Problem(shown(name), "a column of the records", "no such column")
        for name in (attribute, *adjust_for)
        if name not in frame
    ]
    if attribute in adjust_for:
        problems.append(Problem("adjust_for", "other columns than the attribute", shown(attribute)))
    if not problems and reference not in set(frame[attribute]):
        problems.append(
            Problem("reference", f"a group of {shown(attribute)} with counted sentences", shown(reference, 40))
        )
    if problems:
        raise InputError(problems)
    sizes = frame[attribute].value_counts()
    groups = [g for g in sizes.index if g != reference and sizes[g] >= _LEAST]
    if sizes[reference] < _LEAST or not groups:
        raise InputError.one(
            "records", f"at least {_LEAST} counted sentences of the reference and of another group", "fewer"
        )
    design = (
        pd.concat([_levels(frame[name], name) for name in adjust_for], axis=1)
        if adjust_for
        else pd.DataFrame(index=frame.index)
    )
    cells = (
        frame[list(adjust_for)].astype(str).agg("\x1f".join, axis=1) if adjust_for else pd.Series("", index=frame.index)
    )
    rows = []
    for group in groups:
        own = frame[attribute].isin([group, reference])
        y, is_group = frame.loc[own, "deviation"].to_numpy(), (frame.loc[own, attribute] == group).to_numpy()
        ways = {
            "unadjusted": _regressed(y, is_group, np.empty((len(y), 0)), confidence_level),
            "regression": _regressed(y, is_group, design[own].to_numpy(dtype=float), confidence_level),
            "matched": _matched(y, is_group, cells[own].to_numpy(), confidence_level),
        }
        signs = {
            np.sign(w["low"]) if w["low"] * w["high"] > 0 else 0.0
            for n, w in ways.items()
            if n != "unadjusted" and np.isfinite(w["low"])
        }
        head = {"group": group, "n": int(is_group.sum()), "n_reference": int((~is_group).sum())}
        rows += [head | {"way": way} | found | {"agree": not {-1.0, 1.0} <= signs} for way, found in ways.items()]
    left_out = [f"{g} ({n:,})" for g, n in sizes.items() if g != reference and n < _LEAST]
    notes = (f"Too few counted sentences to compare: {', '.join(left_out)}.",) if left_out else ()
    return AdjustedDisparity(
        attribute,
        reference,
        pd.DataFrame(rows),
        notes,
        {"adjust_for": list(adjust_for), "confidence_level": confidence_level},
    )


def _levels(column: pd.Series, name: str) -> pd.DataFrame:
    """Indicators of a column's levels but the most common one; rare ones together."""
    text = column.astype(str)
    counts = text.value_counts()
    text = text.where(text.map(counts) >= _RARE, "(rare)")
    order = text.value_counts().index
    return pd.get_dummies(pd.Categorical(text, categories=order), prefix=name).iloc[:, 1:].set_axis(column.index)


def _regressed(y: np.ndarray, is_group: np.ndarray, others: np.ndarray, confidence_level: float) -> dict[str, Any]:
    """The group's coefficient with HC3 bounds; what the data do not tell apart is dropped first."""
    X = np.column_stack([np.ones(len(y)), is_group, others]).astype(float)
    kept = [0, 1]
    for column in range(2, X.shape[1]):  # indicators that follow from those before say nothing
        if np.linalg.matrix_rank(X[:, [*kept, column]]) > len(kept):
            kept.append(column)
    X = X[:, kept]
    inverse = np.linalg.pinv(X.T @ X)
    beta = inverse @ X.T @ y
    leverage = np.clip(np.einsum("ij,jk,ik->i", X, inverse, X), 0, 1 - 1e-9)
    weighted = X * ((y - X @ beta) / (1 - leverage))[:, None]
    error = float(np.sqrt((inverse @ weighted.T @ weighted @ inverse)[1, 1]))
    z = float(student(normal_quantile(confidence_level), len(y) - X.shape[1]))
    return {
        "difference": float(beta[1]),
        "low": float(beta[1]) - z * error,
        "high": float(beta[1]) + z * error,
        "n_used": len(y),
    }


def _matched(y: np.ndarray, is_group: np.ndarray, cells: np.ndarray, confidence_level: float) -> dict[str, Any]:
    """The mean difference within cells, weighted by the group's sentences in each; its variance from the spread within cells and sides."""
    found = (
        pd.DataFrame({"y": y, "g": is_group, "cell": cells})
        .groupby(["cell", "g"])["y"]
        .agg(["count", "mean", "var"])
        .unstack()
    )
    found = found.dropna(subset=[("count", True), ("count", False)])
    nothing = {"difference": float("nan"), "low": float("nan"), "high": float("nan"), "n_used": 0}
    if found.empty:
        return nothing
    weight = found[("count", True)] / found[("count", True)].sum()
    difference = float((weight * (found[("mean", True)] - found[("mean", False)])).sum())
    variance = 0.0
    for side in (True, False):
        count, own = found[("count", side)], found[("var", side)]
        usual = (
            np.average(own.dropna(), weights=count[own.notna()] - 1) if own.notna().any() else np.nan
        )  # where a side is one sentence: the others' spread
        variance += float((weight**2 * own.fillna(usual) / count).sum())
    n_used = int(found["count"].to_numpy().sum())
    z = float(student(normal_quantile(confidence_level), max(n_used - 2 * len(found), 1)))
    half = z * np.sqrt(variance)
    return {"difference": difference, "low": difference - half, "high": difference + half, "n_used": n_used}
