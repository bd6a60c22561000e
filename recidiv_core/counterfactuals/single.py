"""One profile: what would have altered its decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.counterfactuals.audit import CounterfactualAudit, audit_counterfactuals
from recidiv_core.counterfactuals.bands import even_edges
from recidiv_core.counterfactuals.pairs import pairs_of, typed_profile
from recidiv_core.data import AuditDataset, shown
from recidiv_core.errors import InputError, Problem
from recidiv_core.models import TrainedModel

_POINTS, _ROUNDS = 512, 2
_MOST_LEVELS = 100


@dataclass(frozen=True, eq=False)
class Single:
    """One profile: its ``clones`` with score and decision, and ``changes``, as :func:`smallest_changes` gives them.

    ``is_real``: a row of the data.
    """

    clones: pd.DataFrame
    changes: pd.DataFrame
    is_real: bool

    def to_dict(self) -> dict[str, Any] | None:
        """Plain values for JSON; None of a row of the data."""
        return None if self.is_real else {"clones": self.clones, "changes": self.changes}


def ask_one(
    model: TrainedModel,
    audit: CounterfactualAudit,
    profile: Mapping[str, Any],
    *,
    allowed: Sequence[str],
    is_real: bool,
) -> Single:
    """What the audit asks, about one profile. Raises InputError where the model cannot score it."""
    made = pairs_of(profile, vary=audit.made.vary, dataset=audit.made.dataset)
    own = audit_counterfactuals(model, made, threshold=audit.threshold)
    changes = smallest_changes(model, profile, allowed=allowed, dataset=audit.made.dataset, threshold=audit.threshold)
    return Single(own.pairs.drop(columns=own.answers[2]), changes, is_real)


def smallest_changes(
    model: TrainedModel, profile: Mapping[str, Any], *, allowed: Sequence[str], dataset: AuditDataset, threshold: float
) -> pd.DataFrame:
    """feature, now, needed, change, share_of_range, score: for each column of ``allowed`` the smallest change of it
    alone that alters the decision.

    Numbers are moved within the data's range, to either side: over 512 values, then twice over some 512 round ones
    between the last that does not alter the decision and the first that does. A stretch of other decisions narrower
    than the first steps can be missed; whole numbers are found exactly where a side has no more values than that. Texts
    are set to each value in the data, and of those that alter it the most common is given. ``needed`` is missing where
    nothing in the range alters it. The smallest as a share of the range comes first; another text, or a number where it
    is missing, counts as 1.

    Raises
    ------
    InputError
        For a column that the model does not take or the data do not have, and where the model cannot score the profile.
    """
    takes = {model.columns.get(f.name, f.name) for f in model.features}
    problems = [
        Problem(f"column {shown(name)}", "one that the model takes and the data have", "another")
        for name in allowed
        if name not in takes or name not in dataset.frame or name not in profile
    ]
    base = typed_profile(profile, dataset, problems)
    if problems or not allowed:
        raise InputError(problems or [Problem("allowed", "at least one column", "none")])
    score = float(model.predict_score(base)[0])
    ask = partial(_altered, model, base, threshold, score >= threshold)
    tried = {(n, i): side for n in allowed for i, side in enumerate(_sides(dataset.frame[n], base[n].iloc[0]))}
    found = ask(tried)
    for _ in range(_ROUNDS):
        finer = {}
        for (name, side), (value, _) in found.items():
            if (name, side) not in tried or not _is_number(dataset.frame[name]):
                continue
            own = tried[(name, side)]
            place = int(np.flatnonzero(own == value)[0])
            near = own[place - 1] if place else _start(dataset.frame[name], base[name].iloc[0])
            finer[(name, side)] = np.append(_between(near, value, is_whole=_is_whole(dataset.frame[name])), value)
        tried = finer
        found |= ask(tried)
    rows = [
        _row(n, dataset.frame[n], base[n].iloc[0], [own for key, own in found.items() if key[0] == n]) for n in allowed
    ]
    table = pd.DataFrame(rows, columns=["feature", "now", "needed", "change", "share_of_range", "score"])
    return table.sort_values("share_of_range", kind="stable", ignore_index=True)


def _row(name: str, column: pd.Series, now: Any, found: list[tuple[Any, float]]) -> tuple:
    """The nearest of the values that alter the decision, one for each side."""
    text = "missing" if pd.isna(now) else f"{now:,.10g}" if _is_number(column) else str(now)
    if not found:
        return name, text, None, None, np.nan, np.nan
    if not _is_number(column):
        return name, text, str(found[0][0]), "another value", 1.0, found[0][1]
    start = _start(column, now)
    value, score = min(found, key=lambda own: abs(own[0] - start))
    if pd.isna(now):
        return name, text, f"{value:,.10g}", "a value", 1.0, score
    known = column.dropna().astype(float)
    spread = float(known.max() - known.min()) or 1.0
    return name, text, f"{value:,.10g}", f"{value - start:+,.6g}", abs(value - start) / spread, score


def _altered(
    model: TrainedModel, base: pd.DataFrame, threshold: float, is_flagged: bool, tried: Mapping[Any, np.ndarray]
) -> dict[Any, tuple[Any, float]]:
    """Of each column's values, in their order, the first that alters the decision, with its score: one call of the
    model for all.
    """
    parts = []
    for (name, _), values in tried.items():
        part = base.take(np.zeros(len(values), dtype=int)).reset_index(drop=True)
        part[name] = values
        parts.append(part)
    if not parts:
        return {}
    scores = model.predict_score(pd.concat(parts, ignore_index=True))
    found, start = {}, 0
    for key, values in tried.items():
        own = scores[start : start + len(values)]
        start += len(values)
        alters = np.flatnonzero((own >= threshold) != is_flagged)
        if len(alters):
            found[key] = values[alters[0]], float(own[alters[0]])
    return found


def _sides(column: pd.Series, now: Any) -> list[np.ndarray]:
    """The values to try: below and above the present one, each from near to far; other texts from common to rare."""
    if not _is_number(column):
        levels = [level for level in column.dropna().value_counts().index[:_MOST_LEVELS] if str(level) != str(now)]
        return [np.array(levels, dtype=object)] if levels else []
    known = column.dropna().astype(float)
    known = known[np.isfinite(known)]
    start, is_whole = _start(column, now), _is_whole(column)
    below, above = (_steps(start, end, is_whole=is_whole) for end in (min(known.min(), start), max(known.max(), start)))
    sides = [below[::-1], above]
    if not pd.isna(now):
        sides = [side[side != start] for side in sides]
    return [side for side in sides if len(side)]


def _steps(start: float, end: float, *, is_whole: bool) -> np.ndarray:
    """Up to 512 values from ``start`` to ``end``, upwards; whole ones inside where they are to be whole."""
    low, high = min(start, end), max(start, end)
    if is_whole and high - low <= _POINTS:
        return np.arange(np.ceil(low), np.floor(high) + 1)
    values = np.linspace(low, high, _POINTS)
    return np.unique(np.rint(values)) if is_whole else values


def _between(near: float, far: float, *, is_whole: bool) -> np.ndarray:
    """Round values between the two, from the near one on."""
    low, high = min(near, far), max(near, far)
    values = even_edges(low, high, _POINTS, is_whole=is_whole) if high > low else np.empty(0)
    inside = values[(values > low) & (values < high)]
    return inside if near < far else inside[::-1]


def _start(column: pd.Series, now: Any) -> float:
    """Where the search begins: at the value, or where it is missing in the middle of the column's."""
    if not pd.isna(now):
        return float(now)
    middle = float(column.dropna().astype(float).median())
    return float(np.rint(middle)) if _is_whole(column) else middle


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _is_whole(column: pd.Series) -> bool:
    return bool((column.dropna() % 1 == 0).all())
