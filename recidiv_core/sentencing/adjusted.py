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
_NOTHING = {"difference": float("nan"), "low": float("nan"), "high": float("nan"), "n_used": 0}
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
    cells = (
        frame[list(adjust_for)].astype(str).agg("\x1f".join, axis=1) if adjust_for else pd.Series("", index=frame.index)
    )
    rows = []
    for group in groups:
        own = frame[attribute].isin([group, reference])
        y, is_group = frame.loc[own, "deviation"].to_numpy(), (frame.loc[own, attribute] == group).to_numpy()
        design = np.column_stack([np.empty((len(y), 0)), *(_levels(frame.loc[own, name]) for name in adjust_for)])
        ways = {
            "unadjusted": _regressed(y, is_group, np.empty((len(y), 0)), confidence_level),
            "regression": _regressed(y, is_group, design, confidence_level),
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


def _levels(column: pd.Series) -> np.ndarray:
    """Indicators of a column's levels but the most common one, (n, levels − 1); those of few sentences together, and if these are few too with the most common."""
    text = column.astype(str)
    text = text.where(text.map(text.value_counts()) >= _RARE, "(rare)")
    counts = text.value_counts()
    if counts.get("(rare)", _RARE) < _RARE:
        text = text.replace("(rare)", counts.index[0])
    return pd.get_dummies(pd.Categorical(text, categories=text.value_counts().index)).to_numpy(dtype=float)[:, 1:]


def _regressed(y: np.ndarray, is_group: np.ndarray, others: np.ndarray, confidence_level: float) -> dict[str, Any]:
    """The group's coefficient with HC3 bounds, by statsmodels; none where the other columns tell the group."""
    import statsmodels.api as sm

    others = others[:, others.std(axis=0) > 0]
    rest = np.column_stack([np.ones(len(y)), others])
    X = np.column_stack([is_group, rest]).astype(float)
    if np.linalg.matrix_rank(X) == np.linalg.matrix_rank(rest):
        return dict(_NOTHING)
    fit = sm.OLS(y, X).fit(cov_type="HC3", use_t=True)
    low, high = fit.conf_int(1 - confidence_level)[0]
    return {"difference": float(fit.params[0]), "low": float(low), "high": float(high), "n_used": len(y)}


def _matched(y: np.ndarray, is_group: np.ndarray, cells: np.ndarray, confidence_level: float) -> dict[str, Any]:
    """The mean difference within cells, weighted by the group's sentences in each; its variance from the spread within cells and sides."""
    found = (
        pd.DataFrame({"y": y, "g": is_group, "cell": cells})
        .groupby(["cell", "g"])["y"]
        .agg(["count", "mean", "var"])
        .unstack()
    )
    found = found.dropna(subset=[("count", True), ("count", False)])
    if found.empty:
        return dict(_NOTHING)
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
