"""The decision rule: thresholds as a small file, and its application to another table."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset
from recidiv_core.errors import InputError, Problem
from recidiv_core.options import is_number
from recidiv_core.thresholds.audit import ThresholdAudit, nobody
from recidiv_core.thresholds.judgement import flagged_by
from recidiv_core.version import __version__

KIND = "recidiv decision rule"
TIES = "flag when score >= threshold; equal scores are treated alike"
_MAX_BYTES = 1_000_000
_SEARCH = ("objective", "beta", "cost_ratio", "weights", "partial", "limits", "min_support", "baseline")


def decision_rule(audit: ThresholdAudit) -> dict[str, Any]:
    """The thresholds with what is needed to apply and to check them; strict JSON values."""
    solution = audit.solution
    return {
        "kind": KIND,
        "version": __version__,
        "attribute": audit.attribute,
        "thresholds": nobody(audit.thresholds),
        "ties": TIES,
        "definition": None if solution is None else solution.definition,
        "status": "set by hand" if solution is None else solution.status,
        "tolerance": audit.options["tolerance"],
        "search": None if solution is None else {name: audit.options[name] for name in _SEARCH},
        "score": audit.roles.score,
        "data": {name: audit.dataset[name] for name in ("name", "sha256", "n")},
    }


def read_rule(source: Mapping[str, Any] | str | bytes) -> tuple[str, dict[str, float]]:
    """The attribute and the thresholds of a rule, checked: it may have been written by anybody.

    Raises
    ------
    InputError
        With what is wrong with it.
    """
    rule = source
    if isinstance(rule, (str, bytes)):
        if len(rule) > _MAX_BYTES:
            raise InputError.one("rule", f"at most {_MAX_BYTES:,} bytes", f"{len(rule):,}")
        try:
            rule = json.loads(rule, object_pairs_hook=_without_repeats)
        except (ValueError, RecursionError):
            raise InputError.one("rule", "a JSON object in which no name stands twice", "something else") from None
    if not isinstance(rule, Mapping) or rule.get("kind") != KIND:
        raise InputError.one("rule", f'a JSON object of the kind "{KIND}"', "something else")
    problems, attribute, thresholds = [], rule.get("attribute"), rule.get("thresholds")
    if not isinstance(attribute, str):
        problems.append(Problem("rule: attribute", "the name of a column", "something else"))
    if not isinstance(thresholds, Mapping) or not thresholds:
        problems.append(Problem("rule: thresholds", "a threshold for each group", "something else"))
    elif not all(_is_threshold(value) for value in thresholds.values()):
        problems.append(Problem("rule: thresholds", 'finite numbers or "nobody"', "something else"))
    if problems:
        raise InputError(problems)
    return attribute, {str(g): math.inf if t == "nobody" else float(t) for g, t in thresholds.items()}


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _is_threshold(value: Any) -> bool:
    return value == "nobody" or is_number(value, -sys.float_info.max, sys.float_info.max)


def apply_rule(rule: Mapping[str, Any] | str | bytes, dataset: AuditDataset) -> pd.Series:
    """Who is flagged, one value per row of ``dataset`` (bool, named "flagged").

    Raises
    ------
    InputError
        When the rule is none, or the dataset lacks its attribute or a score, or has groups that the rule does not know.
    """
    attribute, thresholds = read_rule(rule)
    problems = []
    if attribute not in dataset.attributes:
        problems.append(Problem("table", "the rule's attribute among its protected attributes", "a table without it"))
    elif unknown := set(dataset.attributes[attribute].levels) - set(thresholds):
        problems.append(Problem("table", "groups that the rule has a threshold for", f"{len(unknown)} that it has not"))
    if dataset.y_score is None:
        problems.append(Problem("table", "a score", "a prediction column only"))
    if problems:
        raise InputError(problems)
    return pd.Series(flagged_by(dataset, attribute, thresholds), index=dataset.frame.index, name="flagged")


def flags_of(rule: Mapping[str, Any] | str | bytes, dataset: AuditDataset) -> pd.DataFrame:
    """Who is flagged, as a table to take away: the id where there is one, else the row's number from 1; the person's
    group of the rule's attribute, its threshold, and the flag.
    """
    flagged = apply_rule(rule, dataset)
    attribute, thresholds = read_rule(rule)
    name, groups = dataset.roles.id, dataset.attributes[attribute]
    key = np.arange(1, len(flagged) + 1) if name is None else dataset.frame[name].to_numpy()
    levels = np.array(groups.levels, dtype=object)[groups.codes]
    limits = np.array([thresholds[level] for level in groups.levels])[groups.codes]
    return pd.DataFrame({name or "row": key, "group": levels, "threshold": limits, "flagged": flagged.to_numpy()})
