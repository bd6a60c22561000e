"""Thresholds per group, judged: on the rows at hand, and on rows that they were not tuned on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset, Roles
from recidiv_core.errors import InputError
from recidiv_core.groups import GroupAudit, score_curves
from recidiv_core.options import LARGEST_SEED, is_seed, is_threshold
from recidiv_core.plain import plain
from recidiv_core.thresholds.candidates import Options, left_out_groups
from recidiv_core.thresholds.definitions import DEFINITIONS
from recidiv_core.thresholds.folds import Halves, halves_of
from recidiv_core.thresholds.judgement import judged
from recidiv_core.thresholds.optimum import ThresholdSolution, group_table, options_of, solve


@dataclass(frozen=True, eq=False)
class ThresholdAudit:
    """What one choice of thresholds does.

    Attributes
    ----------
    attribute : str
    thresholds : dict of group -> float
        Flag at score ≥ threshold; infinity flags nobody.
    solution : ThresholdSolution or None
        What the thresholds come from; None when they were set by hand.
    by_group : DataFrame
        As :attr:`ThresholdSolution.by_group`.
    definitions : DataFrame
        One row per definition. On these rows: range (over the groups that take part), satisfied (range < tolerance;
        None where there is no range), low, high, verdict, not_compared, share and n_resamples (see ``judged``). With a
        solution the same once more, with ``held_out_`` before the name: thresholds tuned in the same way on one half of
        the rows, judged on the other.
    groups, held_out : GroupAudit
        The audits that the intervals come from; ``held_out`` is None without a solution, and where none could be tuned
        on half of the rows.
    """

    room: ClassVar[str] = "thresholds"

    dataset: dict[str, Any]
    roles: Roles
    attribute: str
    options: dict[str, Any]
    thresholds: dict[str, float]
    solution: ThresholdSolution | None
    by_group: pd.DataFrame
    definitions: pd.DataFrame
    groups: GroupAudit
    held_out: GroupAudit | None

    @property
    def attributes(self) -> tuple[str, ...]:
        """The protected attribute, as a sequence of one."""
        return (self.attribute,)

    @property
    def decided(self) -> dict[str, Any]:
        """What decides who is flagged, for the manifest."""
        return {"attribute": self.attribute, "thresholds": nobody(self.thresholds)}

    @property
    def verdict(self) -> str | None:
        """The verdict on the definition searched for, on rows that were not tuned on.

        None where there is nothing to judge: set by hand, not satisfied, trivial, or partial parity.
        """
        if self.solution is None or self.solution.status != "optimal" or self.solution.trivial:
            return None
        return self.of(self.solution.definition).held_out_verdict if self.options["partial"] == 1 else None

    def of(self, definition: str) -> Any:
        """The row of one definition, as a named tuple."""
        return next(row for row in self.definitions.itertuples(index=False) if row.definition == definition)

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON values; "nobody" stands for an infinite threshold."""
        own = {
            "thresholds": nobody(self.thresholds),
            "solution": None if self.solution is None else self.solution.to_dict(),
            "groups": self.groups.to_dict(),
            "held_out": None if self.held_out is None else self.held_out.to_dict(),
            "roles": plain(self.roles.to_dict()),
        }
        return {"room": self.room, **plain(self), **own}


def nobody(thresholds: Mapping[str, float]) -> dict[str, float | str]:
    """Thresholds as JSON can hold them: "nobody" for infinity."""
    return {group: "nobody" if np.isinf(t) else float(t) for group, t in thresholds.items()}


def audit_thresholds(
    dataset: AuditDataset,
    *,
    attribute: str,
    definition: str | None = None,
    thresholds: Mapping[str, float] | None = None,
    tolerance: float = 0.01,
    confidence_level: float = 0.95,
    n_boot: int = 1000,
    random_state: int = 0,
    **options: Any,
) -> ThresholdAudit:
    """Find the thresholds for a definition, or take those given, and judge them.

    Parameters
    ----------
    definition : str, optional
        As in :func:`optimal_thresholds`.
    thresholds : mapping of group -> float, optional
        Set by hand instead; a threshold for every group.
    **options
        As in :func:`optimal_thresholds`.

    Raises
    ------
    InputError
        When an option is out of range, there is no score, or not exactly one of definition and thresholds is given.
    """
    checked_dataset(dataset, attribute, random_state=random_state)
    if (definition is None) == (thresholds is None):
        raise InputError.one("definition or thresholds", "exactly one of the two", "both or neither")
    dataset = dataset.only(attribute)
    curves = score_curves(dataset, attribute=attribute)
    checked = options_of(curves, definition=definition or "statistical_parity", tolerance=tolerance, **options)
    excluded = left_out_groups(curves, checked)
    solution = None
    if definition is not None:
        solution = solve(curves, checked)
        thresholds = solution.thresholds
    elif set(thresholds) != set(curves.groups) or not all(is_threshold(t) for t in thresholds.values()):
        raise InputError.one("thresholds", f"a number for each of the {len(curves.groups)} groups", "something else")
    judging = {
        "tolerance": tolerance,
        "confidence_level": confidence_level,
        "n_boot": n_boot,
        "min_support": checked.min_support,
        "random_state": random_state,
    }
    if solution is None:
        by_group = group_table(curves, thresholds, options=checked, excluded=excluded)
    else:
        by_group = solution.by_group
    taking_part = [group for group in curves.groups if group not in excluded]
    table, groups = judged(dataset, attribute, thresholds, taking_part, judging)
    held_out = None
    if solution is not None:
        halves = halves_of(dataset, attribute=attribute, random_state=random_state)
        own, held_out = judged_held_out(halves, attribute, checked, excluded, judging)
        table = table.join(own.drop(columns="definition").add_prefix("held_out_"))
    return ThresholdAudit(
        dataset=groups.dataset,
        roles=dataset.roles,
        attribute=attribute,
        options=judging | plain(checked),
        thresholds={g: float(thresholds[g]) for g in curves.groups},
        solution=solution,
        by_group=by_group,
        definitions=table,
        groups=groups,
        held_out=held_out,
    )


def judged_held_out(
    halves: Halves, attribute: str, options: Options, excluded: Mapping[str, str], judging: dict[str, Any]
) -> tuple[pd.DataFrame, GroupAudit | None]:
    """As ``judged``, on one half, for thresholds tuned on the other; all missing and no audit where none could be
    tuned.

    Who takes part is settled on all rows, so half of them may be fewer than the smallest support.
    """
    tuned = solve(halves.tuning, options, excluded=excluded)
    curves = score_curves(halves.judging, attribute=attribute)
    taking_part = [group for group in halves.tuning.groups if group not in excluded]
    is_empty = tuned.status == "infeasible" and math.isnan(tuned.smallest_range)
    if is_empty or not set(taking_part) <= set(curves.groups):
        missing = {
            "range": math.nan,
            "satisfied": None,
            "low": math.nan,
            "high": math.nan,
            "verdict": "cannot conclude",
        }
        rows = [
            {"definition": name, **missing, "not_compared": (), "share": math.nan, "n_resamples": 0}
            for name in DEFINITIONS
        ]
        return pd.DataFrame(rows), None
    half = judging | {"min_support": max(1, judging["min_support"] // 2)}
    return judged(halves.judging, attribute, options.baseline | tuned.thresholds, taking_part, half)


def checked_dataset(dataset: AuditDataset, attribute: str, *, random_state: int) -> None:
    """Raises InputError without a score, when the attribute is none of the dataset's, or for a seed that is none."""
    if attribute not in dataset.attributes:
        raise InputError.one("attribute", "a protected attribute of the table", "something else")
    if dataset.y_score is None:
        raise InputError.one("score", "a column with a score, to set thresholds on", "a prediction column only")
    if not is_seed(random_state):
        raise InputError.one("random_state", f"a whole number from 0 to {LARGEST_SEED}", "something else")
