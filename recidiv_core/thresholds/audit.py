"""Thresholds per group, judged: on the rows at hand, and on rows that they were not tuned on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset, Roles
from recidiv_core.errors import InputError
from recidiv_core.groups import GroupAudit, audit_groups, score_curves
from recidiv_core.plain import plain
from recidiv_core.thresholds.candidates import counts_at
from recidiv_core.thresholds.folds import folds_of
from recidiv_core.thresholds.judgement import (
    Progress,
    flagged_by,
    judged_held_out,
    left_out_groups,
    tuned_on_the_rest,
    verdicts,
)
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
        None where there is no range), low, high, verdict. With a solution also held_out_range, held_out_low, held_out_high,
        held_out_verdict and held_out_share, from rows judged by thresholds tuned on the other folds; share is that of
        resamples in which the range is below the tolerance. Intervals are those of the group audit: simultaneous
        over all pairs of groups and all its measures.
    groups, held_out : GroupAudit
        The audits that the intervals come from; ``held_out`` is None without a solution.
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
    n_folds: int = 5,
    confidence_level: float = 0.95,
    n_boot: int = 1000,
    random_state: int = 0,
    progress: Progress = None,
    **options: Any,
) -> ThresholdAudit:
    """Find the thresholds for a definition, or take those given, and judge them.

    Parameters
    ----------
    definition : str, optional
        As in :func:`optimal_thresholds`.
    thresholds : mapping of group -> float, optional
        Set by hand instead; a threshold for every group.
    n_folds : int
        Thresholds tuned on all folds but one are judged on that one, for each fold in turn.
    **options
        As in :func:`optimal_thresholds`.

    Raises
    ------
    InputError
        When an option is out of range, there is no score, or not exactly one of definition and thresholds is given.
    """
    checked_dataset(dataset, attribute)
    if (definition is None) == (thresholds is None):
        raise InputError.one("definition or thresholds", "exactly one of the two", "both or neither")
    dataset = dataset.only(attribute)
    curves = score_curves(dataset, attribute=attribute)
    checked = options_of(curves, definition=definition or "statistical_parity", tolerance=tolerance, **options)
    judging = {
        "tolerance": tolerance, "confidence_level": confidence_level, "n_boot": n_boot,
        "min_support": checked.min_support, "random_state": random_state,
    }  # fmt: skip
    solution = None if definition is None else solve(curves, checked)
    if solution is not None:
        thresholds = solution.thresholds
    elif set(thresholds) != set(curves.groups) or any(np.isnan(t) for t in thresholds.values()):
        raise InputError.one("thresholds", f"a number for each of the {len(curves.groups)} groups", "something else")
    excluded = left_out_groups(curves, checked)
    takes_part = np.array([group not in excluded for group in curves.groups])
    groups = audit_groups(dataset, flagged=flagged_by(dataset, attribute, thresholds), **judging)
    table = verdicts(groups, counts_at(curves, thresholds), takes_part, tolerance)
    held_out = None
    if solution is not None:
        folds = folds_of(dataset, attribute=attribute, n_folds=n_folds, random_state=random_state)
        tuned = [found.thresholds for found in tuned_on_the_rest(folds, checked, progress)]
        held_out = audit_groups(dataset, flagged=folds.flagged(tuned), **judging)
        own = judged_held_out(held_out, folds, tuned, takes_part)
        table = table.join(own.drop(columns=["definition", "satisfied"]).add_prefix("held_out_"))
    return ThresholdAudit(
        dataset=groups.dataset, roles=dataset.roles, attribute=attribute,
        options=judging | {"n_folds": n_folds, **plain(checked)}, thresholds={g: float(thresholds[g]) for g in curves.groups},
        solution=solution, by_group=group_table(curves, thresholds, options=checked, excluded=excluded),
        definitions=table, groups=groups, held_out=held_out,
    )  # fmt: skip


def checked_dataset(dataset: AuditDataset, attribute: str) -> None:
    """Raises InputError without a score, or when the attribute is none of the dataset's."""
    if attribute not in dataset.attributes:
        raise InputError.one("attribute", "a protected attribute of the table", "something else")
    if dataset.y_score is None:
        raise InputError.one("score", "a column with a score, to set thresholds on", "a prediction column only")
