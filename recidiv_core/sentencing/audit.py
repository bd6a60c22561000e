"""One case, the contrast between groups over all offences, and what was counted: all that the page and the report show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from recidiv_core.errors import InputError
from recidiv_core.plain import plain
from recidiv_core.sentencing.adjusted import AdjustedDisparity, adjusted_disparity
from recidiv_core.sentencing.disparity import SentencingDisparity, sentencing_disparity
from recidiv_core.sentencing.records import ADJUSTERS, SentenceColumns, SentencingRecords


@dataclass(frozen=True, eq=False)
class SentencingAudit:
    """``case``: sentences like one asked about. ``contrast``: the groups of an attribute over all counted sentences; None where ``reason`` says why."""

    case: SentencingDisparity
    contrast: AdjustedDisparity | None
    reason: str
    ledger: pd.DataFrame
    dataset: dict[str, Any]
    roles: SentenceColumns
    options: dict[str, Any]
    room: ClassVar[str] = "sentencing"

    @property
    def attributes(self) -> tuple[str, ...]:
        """The protected attributes that the records have."""
        return tuple(name for name in ("race", "gender") if getattr(self.roles, name) is not None)

    @property
    def decided(self) -> dict[str, Any]:
        """What the case is."""
        return {"case": self.case.asked}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: no rows."""
        parts = {name: getattr(self, name) for name in ("dataset", "roles", "options", "ledger", "reason")}
        contrast = None if self.contrast is None else self.contrast.to_dict()
        return plain(parts) | {"case": self.case.to_dict(), "contrast": contrast}


def audit_sentencing(
    records: SentencingRecords, *, charge: str, level: int | None = None, race: str | None = None, gender: str | None = None,
    compare_to: Mapping[str, str] | None = None, attribute: str = "race", reference: str | None = None, adjust_for: Sequence[str] | None = None,
    min_n: int = 10, confidence_level: float = 0.95,
) -> SentencingAudit:  # fmt: skip
    """:func:`sentencing_disparity` of a case and :func:`adjusted_disparity` of an attribute.

    Parameters
    ----------
    reference : str, optional
        The group that the others are compared with; by default the one with most counted sentences.
    adjust_for : sequence of str, optional
        By default charge, level, history and district, as far as the records have them.

    Raises
    ------
    InputError
        For a case or an adjustment that cannot be. Too few sentences for the contrast are no error: ``reason`` says so.
    """
    case = sentencing_disparity(
        records, charge=charge, level=level, race=race, gender=gender, compare_to=compare_to, min_n=min_n, confidence_level=confidence_level
    )  # fmt: skip
    contrast, reason = None, ""
    counted = records.counted
    if adjust_for is None:
        adjust_for = tuple(name for name in ADJUSTERS if name in counted)
    if attribute not in counted:
        reason = f"The records have no column for {attribute}."
    elif counted.empty:
        reason = "No sentence is counted."
    else:
        reference = reference or str(counted[attribute].value_counts().index[0])
        try:
            contrast = adjusted_disparity(
                records, attribute=attribute, reference=reference, adjust_for=adjust_for, confidence_level=confidence_level
            )  # fmt: skip
        except InputError as error:
            if any(problem.where != "records" for problem in error.problems):
                raise
            reason = "Fewer than 30 counted sentences in the reference group, or in every other one."
    options = case.options | {"attribute": attribute, "reference": reference, "adjust_for": list(adjust_for)}
    return SentencingAudit(case, contrast, reason, records.ledger, records.dataset, records.columns, options)
