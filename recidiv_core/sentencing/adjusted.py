"""The difference between groups that is left when offence, level, history and district are alike, in two ways, and
whether it changes over the years.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from recidiv_core.data import MISSING_GROUP, shown
from recidiv_core.errors import InputError, Problem
from recidiv_core.plain import plain
from recidiv_core.sentencing.records import ADJUSTERS, SentencingRecords
from recidiv_core.stats import robust_coefficient

AGREE, DISAGREE, ONE_CANNOT_TELL, ONE_WAY, NEITHER = "agree", "disagree", "one cannot tell", "one way only", "neither"
_LEAST = 30  # counted sentences of a group
_NOTHING = {"difference": float("nan"), "low": float("nan"), "high": float("nan"), "n_used": 0}
_OWN_SPREAD = 4  # sentences on a side, from which its spread can be told
_FEW_CELLS, _MOST_OF_ONE = 5, 0.25  # cells with fewer on a side: how many it takes, and the most weight of one of them


@dataclass(frozen=True, eq=False)
class AdjustedDisparity:
    """The disparity of each group of ``attribute`` against ``reference``, in months of mean deviation.

    Attributes
    ----------
    table : DataFrame
        group, n, n_reference, way ("unadjusted", "regression", "matched"), difference, low, high, n_used; ``agreement``
        of the two adjusted ways: they "agree", they "disagree" (opposite signs, or each estimate outside the other's
        bounds), "one cannot tell" (its bounds hold 0, the other's do not), "one way only", or "neither" can be used.
    left_out : DataFrame
        group, n: those with too few counted sentences to compare, and those whose group is not known.
    by_year : DataFrame
        group, year, n, n_reference, difference, low, high by regression within each year; empty where the records say
        no years.
    change : DataFrame
        group, per_year (how many months the adjusted difference grows a year), low, high, p_value.

    Bounds of ``table`` and ``change`` hold for all groups at once (Bonferroni), those of ``by_year`` for a year each.
    """

    attribute: str
    reference: str
    table: pd.DataFrame
    left_out: pd.DataFrame
    by_year: pd.DataFrame
    change: pd.DataFrame
    options: dict[str, Any]

    def of(self, group: str) -> dict[str, dict[str, Any]]:
        """The rows of one group, by way."""
        own = self.table[self.table["group"] == group]
        return {row["way"]: row for row in own.to_dict("records")}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return plain({name: getattr(self, name) for name in self.__dataclass_fields__})


def adjusted_disparity(
    records: SentencingRecords,
    *,
    attribute: str,
    reference: str,
    adjust_for: Sequence[str] = ADJUSTERS,
    confidence_level: float = 0.95,
    progress: Callable[[float, str], None] | None = None,
) -> AdjustedDisparity:
    """The disparity of an attribute's groups against one of them, unadjusted and adjusted.

    Regression: deviation on group and each of ``adjust_for`` as categories, with the robust covariance HC3 (MacKinnon
    and White 1985). Matching: the difference within each cell of sentences alike in all of ``adjust_for``, weighted by
    how many of the group are in it; cells without both are left out. The change over the years is the product of group
    and year in a regression with the years as further categories.

    Raises
    ------
    InputError
        For columns the records lack, a reference that does not occur, or too few counted sentences.
    """
    frame = records.counted
    _check(frame, attribute, reference, adjust_for)
    sizes = frame[attribute].value_counts()
    groups = [g for g in sizes.index if g not in (reference, MISSING_GROUP) and sizes[g] >= _LEAST]
    if sizes[reference] < _LEAST or not groups:
        raise InputError.one(
            "records", f"at least {_LEAST} counted sentences of the reference and of another group", "fewer"
        )
    each = 1 - (1 - confidence_level) / len(groups)
    rows, by_year, change = [], [], []
    for place, group in enumerate(groups):
        if progress:
            progress(place / len(groups), f"Like cases of {group} and {reference}")
        pair = frame[frame[attribute].isin([group, reference])]
        is_group = (pair[attribute] == group).to_numpy()
        ways = {
            "unadjusted": _regressed(pair, is_group, (), each),
            "regression": _regressed(pair, is_group, adjust_for, each),
            "matched": _matched(pair, is_group, adjust_for, each),
        }
        head = {"group": group, "n": int(is_group.sum()), "n_reference": int((~is_group).sum())}
        agreement = _agreement(ways["regression"], ways["matched"])
        rows += [head | {"way": way} | found | {"agreement": agreement} for way, found in ways.items()]
        if "year" not in pair:
            continue
        dated = pair.dropna(subset=["year"])
        for year, own in dated.groupby("year"):
            found = _in_year(own, (own[attribute] == group).to_numpy(), adjust_for, confidence_level)
            by_year.append({"group": group, "year": int(year)} | found)
        if sum(r["group"] == group and np.isfinite(r["difference"]) for r in by_year) > 1:
            change.append({"group": group} | _change(dated, (dated[attribute] == group).to_numpy(), adjust_for, each))
    small = [(g, int(n)) for g, n in sizes.items() if g not in (reference, *groups)]
    return AdjustedDisparity(
        attribute=attribute,
        reference=reference,
        table=pd.DataFrame(rows),
        left_out=pd.DataFrame(small, columns=["group", "n"]),
        by_year=pd.DataFrame(by_year, columns=["group", "year", "n", "n_reference", "difference", "low", "high"]),
        change=pd.DataFrame(change, columns=["group", "per_year", "low", "high", "p_value"]).dropna(
            subset=["per_year"]
        ),
        options={"adjust_for": list(adjust_for), "confidence_level": confidence_level},
    )


def _check(frame: pd.DataFrame, attribute: str, reference: str, adjust_for: Sequence[str]) -> None:
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


def _agreement(regression: dict[str, Any], matched: dict[str, Any]) -> str:
    ways = (regression, matched)
    usable = sum(np.isfinite(way["low"]) for way in ways)
    if usable < 2:
        return ONE_WAY if usable else NEITHER
    signs = {np.sign(way["low"]) if way["low"] * way["high"] > 0 else 0.0 for way in ways}
    outside = [not b["low"] <= a["difference"] <= b["high"] for a, b in ((regression, matched), (matched, regression))]
    if {-1.0, 1.0} <= signs or all(outside):
        return DISAGREE
    return AGREE if len(signs) == 1 else ONE_CANNOT_TELL


def _design(frame: pd.DataFrame, names: Sequence[str]) -> list[np.ndarray]:
    """The levels of each column as codes; what is missing is a level."""
    return [pd.factorize(frame[name], use_na_sentinel=False)[0] for name in names]


def _regressed(
    frame: pd.DataFrame, is_group: np.ndarray, adjust_for: Sequence[str], confidence_level: float
) -> dict[str, Any]:
    """The group's coefficient with bounds; none where the other columns tell the group, or leave nothing to judge
    chance by.
    """
    y = frame["deviation"].to_numpy()
    found = robust_coefficient(y, [is_group.astype(float)], _design(frame, adjust_for))
    if found is None:
        return dict(_NOTHING)
    low, high = found.bounds(confidence_level)
    return {"difference": found.value, "low": low, "high": high, "n_used": len(y)}


def _matched(
    frame: pd.DataFrame, is_group: np.ndarray, alike_in: Sequence[str], confidence_level: float
) -> dict[str, Any]:
    """The mean difference within cells, weighted by the group's sentences in each.

    Its variance comes from the spread within a cell's sides where both have four sentences or more; the differences of
    the other cells, in which a spread can hardly be seen, are held against one another (Pashley and Miratrix 2021).
    These need to be several, none of them with most of the weight; else they are left out. Degrees of freedom are
    Satterthwaite's.
    """
    cell = frame.groupby(list(alike_in), sort=False, dropna=False).ngroup() if alike_in else 0
    found = (
        pd.DataFrame({"y": frame["deviation"], "g": is_group, "cell": cell})
        .groupby(["cell", "g"])["y"]
        .agg(["count", "mean", "var"])
        .unstack()
    )
    found = found.dropna(subset=[("count", True), ("count", False)])
    small = (found["count"] < _OWN_SPREAD).any(axis=1).to_numpy()
    here = found[("count", True)].to_numpy(dtype=float)
    share = here[small] / max(here[small].sum(), 1)
    if small.sum() < _FEW_CELLS or share.max() > _MOST_OF_ONE:
        found, here, small = found[~small], here[~small], small[~small]
    if found.empty:
        return dict(_NOTHING)
    weight = here / here.sum()
    differences = (found[("mean", True)] - found[("mean", False)]).to_numpy()
    pieces = [
        (weight[~small] ** 2 * own.to_numpy() / count.to_numpy(), count.to_numpy() - 1)
        for own, count in ((found[("var", side)][~small], found[("count", side)][~small]) for side in (True, False))
    ]
    if small.any():
        pieces.append(_between(weight[small], differences[small]))
    variances, degrees = (np.concatenate([np.atleast_1d(piece[i]) for piece in pieces]) for i in (0, 1))
    variance, difference = float(variances.sum()), float(weight @ differences)
    n_used = int(found["count"].to_numpy().sum())
    if not variance:
        return {"difference": difference, "low": float("nan"), "high": float("nan"), "n_used": n_used}
    freedom = variance**2 / float((variances**2 / degrees).sum())
    half = float(stdtrit(freedom, 0.5 + confidence_level / 2)) * variance**0.5
    return {"difference": difference, "low": difference - half, "high": difference + half, "n_used": n_used}


def _between(weight: np.ndarray, differences: np.ndarray) -> tuple[float, float]:
    """The variance that cells with a side of few sentences add to a weighted mean, from how they differ, and its
    degrees of freedom.

    With weights u and variances v the expected square of a cell's distance from the mean is v(1 − 2u) + Σu²v, so Σ
    u²/(1 − 2u) · distance² expects (1 + Σ u²/(1 − 2u)) Σu²v: right on average where the difference is the same in all
    cells, too large where it is not.
    """
    own = weight / weight.sum()
    parts = own**2 / (1 - 2 * own)
    variance = float((parts * (differences - own @ differences) ** 2).sum() / (1 + parts.sum()))
    return weight.sum() ** 2 * variance, float(1 / (own**2).sum() - 1)


def _in_year(
    own: pd.DataFrame, is_group: np.ndarray, adjust_for: Sequence[str], confidence_level: float
) -> dict[str, Any]:
    """The adjusted difference of one year; none where a side has too few."""
    n = (int(is_group.sum()), int((~is_group).sum()))
    found = _regressed(own, is_group, adjust_for, confidence_level) if min(n) >= _LEAST else _NOTHING
    return {"n": n[0], "n_reference": n[1]} | {name: found[name] for name in ("difference", "low", "high")}


def _change(
    pair: pd.DataFrame, is_group: np.ndarray, adjust_for: Sequence[str], confidence_level: float
) -> dict[str, Any]:
    """How many months the adjusted difference grows a year, on average."""
    year, here = pair["year"].to_numpy(), is_group.astype(float)
    if np.ptp(year) == 0:
        return {"per_year": float("nan")}
    asked = [here * (year - year.mean()), here]
    found = robust_coefficient(pair["deviation"].to_numpy(), asked, _design(pair, ("year", *adjust_for)))
    if found is None:
        return {"per_year": float("nan")}
    low, high = found.bounds(confidence_level)
    return {"per_year": found.value, "low": low, "high": high, "p_value": found.p_value}
