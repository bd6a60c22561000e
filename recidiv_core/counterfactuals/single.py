"""One profile: what would have altered its decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.counterfactuals.audit import CounterfactualAudit, audit_counterfactuals
from recidiv_core.counterfactuals.pairs import pairs_of, typed_profile
from recidiv_core.data import AuditDataset, shown
from recidiv_core.errors import InputError, Problem
from recidiv_core.models import TrainedModel

_POINTS = 512
_MOST_LEVELS = 100


@dataclass(frozen=True, eq=False)
class Single:
    """One profile: its ``clones`` with score and decision, and ``changes``, as :func:`smallest_changes` gives them. ``is_real``: a row of the data."""

    clones: pd.DataFrame
    changes: pd.DataFrame
    is_real: bool


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
    changes = smallest_changes(
        model, profile, allowed=allowed, dataset=audit.made.dataset, threshold=audit.threshold
    )  # fmt: skip
    return Single(own.pairs.drop(columns=own.answers[2]), changes, is_real)


def smallest_changes(
    model: TrainedModel, profile: Mapping[str, Any], *, allowed: Sequence[str], dataset: AuditDataset, threshold: float
) -> pd.DataFrame:
    """feature, now, needed, change, share_of_range, score: for each column of ``allowed`` the smallest change of it alone that alters the decision.

    Numbers are moved within the data's range, both ways, over 512 values and then over 512 between the last that does not alter the decision
    and the first that does; whole numbers exactly where the range has no more values than that. A stretch of other decisions narrower than
    the first steps can be missed. Texts are set to each value in the data, and of those that alter it the most common is given. ``needed`` is missing where nothing in the range alters it.
    The smallest as a share of the range comes first; another text, or a number where it is missing, counts as 1.

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
    is_flagged = score >= threshold
    tried = {name: _candidates(dataset.frame[name], profile[name]) for name in allowed}
    altered = _altered(model, base, tried, threshold, is_flagged)
    finer = {}
    for name, (values, alters, _) in altered.items():
        if _is_number(dataset.frame[name]) and alters.any():
            now = _start(dataset.frame[name], profile[name])
            found = values[alters][np.abs(values[alters] - now).argmin()]
            between = values[
                ~alters & (np.sign(values - now) == np.sign(found - now)) & (np.abs(values - now) < abs(found - now))
            ]
            near = between[np.abs(between - found).argmin()] if len(between) else now
            finer[name] = _steps(near, found, is_whole=_is_whole(dataset.frame[name]))
    refined = _altered(model, base, finer, threshold, is_flagged) if finer else {}
    rows = [_row(name, dataset.frame[name], profile[name], [altered[name], refined.get(name)]) for name in allowed]
    table = pd.DataFrame(rows, columns=["feature", "now", "needed", "change", "share_of_range", "score"])
    return table.sort_values("share_of_range", kind="stable", ignore_index=True)


def _row(name: str, column: pd.Series, now: Any, tries: list[Any]) -> tuple:
    """The nearest value that alters the decision, over both rounds."""
    values = np.concatenate([t[0][t[1]] for t in tries if t is not None])
    scores = np.concatenate([t[2][t[1]] for t in tries if t is not None])
    if not len(values):
        return name, str(now), None, None, np.nan, np.nan
    if not _is_number(column):
        return name, str(now), str(values[0]), "another value", 1.0, float(scores[0])
    start = _start(column, now)
    best = int(np.abs(values.astype(float) - start).argmin())
    if pd.isna(now):
        return name, "missing", f"{float(values[best]):,.6g}", "a value", 1.0, float(scores[best])
    known = column.dropna().astype(float)
    spread = float(known.max() - known.min()) or 1.0
    change = float(values[best]) - start
    return (
        name,
        f"{now:,.6g}",
        f"{float(values[best]):,.6g}",
        f"{change:+,.6g}",
        abs(change) / spread,
        float(scores[best]),
    )


def _altered(
    model: TrainedModel, base: pd.DataFrame, tried: Mapping[str, np.ndarray], threshold: float, is_flagged: bool
) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each column its values tried, whether each alters the decision, and the scores: one call of the model for all."""
    parts = []
    for name, values in tried.items():
        part = base.take(np.zeros(len(values), dtype=int)).reset_index(drop=True)
        part[name] = values
        parts.append(part)
    scores = model.predict_score(pd.concat(parts, ignore_index=True))
    found, start = {}, 0
    for name, values in tried.items():
        own = scores[start : start + len(values)]
        found[name] = values, (own >= threshold) != is_flagged, own
        start += len(values)
    return found


def _candidates(column: pd.Series, now: Any) -> np.ndarray:
    if not _is_number(column):
        levels = column.dropna().value_counts().index[:_MOST_LEVELS]
        return np.array([level for level in levels if str(level) != str(now)] or [now], dtype=object)
    known = column.dropna().astype(float)
    is_whole = _is_whole(column)
    now = _start(column, now)
    below, above = (_steps(now, end, is_whole=is_whole) for end in (min(known.min(), now), max(known.max(), now)))
    return np.unique(np.concatenate([below, above]))


def _start(column: pd.Series, now: Any) -> float:
    """Where the search begins: at the value, or where it is missing in the middle of the column's."""
    if not pd.isna(now):
        return float(now)
    middle = float(column.dropna().astype(float).median())
    return float(np.rint(middle)) if _is_whole(column) else middle


def _steps(start: float, end: float, *, is_whole: bool) -> np.ndarray:
    """Up to 512 values from ``start`` to ``end``, both included."""
    if is_whole and abs(end - start) <= _POINTS:
        return np.arange(min(start, end), max(start, end) + 1)
    values = np.linspace(start, end, _POINTS)
    return np.unique(np.rint(values)) if is_whole else values


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _is_whole(column: pd.Series) -> bool:
    return bool((column.dropna() % 1 == 0).all())
