"""One case, the contrast between groups over all offences, and what was counted: all that the page and the report
show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from recidiv_core.data import MISSING_GROUP
from recidiv_core.errors import InputError
from recidiv_core.plain import plain
from recidiv_core.sentencing.adjusted import AdjustedDisparity, adjusted_disparity
from recidiv_core.sentencing.disparity import SentencingDisparity, sentencing_disparity
from recidiv_core.sentencing.records import ADJUSTERS, SentenceColumns, SentencingRecords


@dataclass(frozen=True, eq=False)
class SentencingAudit:
    """``case``: sentences like one asked about.

    ``contrast``: the groups of an attribute over all counted sentences; None where ``reason`` says why.
    """

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
    records: SentencingRecords,
    *,
    charge: str,
    level: int | None = None,
    race: str | None = None,
    gender: str | None = None,
    compare_to: Mapping[str, str] | None = None,
    attribute: str = "race",
    reference: str | None = None,
    adjust_for: Sequence[str] | None = None,
    min_n: int = 10,
    confidence_level: float = 0.95,
) -> SentencingAudit:
    """:func:`sentencing_disparity` of a case and :func:`adjusted_disparity` of an attribute; see :func:`contrast_of`
    for its options.

    Raises
    ------
    InputError
        For a case or an adjustment that cannot be.
    """
    case = sentencing_disparity(
        records,
        charge=charge,
        level=level,
        race=race,
        gender=gender,
        compare_to=compare_to,
        min_n=min_n,
        confidence_level=confidence_level,
    )
    reference = reference or reference_for(records, attribute, case.asked.get(attribute))
    contrast, reason = contrast_of(
        records, attribute=attribute, reference=reference, adjust_for=adjust_for, confidence_level=confidence_level
    )
    return audit_of(records, case, contrast, reason)


def contrast_of(
    records: SentencingRecords,
    *,
    attribute: str,
    reference: str | None = None,
    adjust_for: Sequence[str] | None = None,
    confidence_level: float = 0.95,
    progress: Callable[[float, str], None] | None = None,
) -> tuple[AdjustedDisparity | None, str]:
    """The adjusted disparity, or None and why: too few sentences are no error.

    Parameters
    ----------
    reference : str, optional
        The group that the others are compared with; by default that of :func:`reference_for`.
    adjust_for : sequence of str, optional
        By default charge, level, history and district, as far as the records have them.

    Raises
    ------
    InputError
        For an adjustment that cannot be.
    """
    counted = records.counted
    if attribute not in counted:
        return None, f"The records have no column for {attribute}."
    if counted.empty:
        return None, "No sentence is counted."
    if adjust_for is None:
        adjust_for = adjusters_of(records)
    reference = reference or reference_for(records, attribute, None)
    if reference is None:
        return None, f"No sentence says the {attribute}."
    try:
        found = adjusted_disparity(
            records,
            attribute=attribute,
            reference=reference,
            adjust_for=adjust_for,
            confidence_level=confidence_level,
            progress=progress,
        )
    except InputError as error:
        if any(problem.where != "records" for problem in error.problems):
            raise
        return None, "Fewer than 30 counted sentences in the reference group, or in every other one."
    return found, ""


def reference_for(records: SentencingRecords, attribute: str, asked: str | None) -> str | None:
    """The group with most counted sentences, of those whose group is known and that are not asked about; None where
    there is no other.
    """
    counted = records.counted
    by_size = counted[attribute].value_counts().index if attribute in counted else []
    return next((name for name in by_size if name not in (asked, MISSING_GROUP)), None)


def adjusters_of(records: SentencingRecords) -> tuple[str, ...]:
    """What the records have of charge, level, history and district."""
    return tuple(name for name in ADJUSTERS if name in records.frame)


def audit_of(
    records: SentencingRecords, case: SentencingDisparity, contrast: AdjustedDisparity | None, reason: str
) -> SentencingAudit:
    """Both parts as one result."""
    options = dict(case.options)
    if contrast is not None:
        options |= {"attribute": contrast.attribute, "reference": contrast.reference, **contrast.options}
    return SentencingAudit(
        case=case,
        contrast=contrast,
        reason=reason,
        ledger=records.ledger,
        dataset=records.dataset,
        roles=records.columns,
        options=options,
    )
