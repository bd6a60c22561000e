"""What an audit of groups found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import pandas as pd

from recidiv_core.data import Roles
from recidiv_core.plain import plain

Verdict = Literal["within", "exceeds", "cannot conclude"]
VERDICTS: tuple[Verdict, ...] = ("exceeds", "cannot conclude", "within")


@dataclass(frozen=True, eq=False)
class GroupAudit:
    """Every number of one audit, with what it was computed from.

    Attributes
    ----------
    dataset : dict
        name, sha256 of the data, digest of data and roles, n.
    threshold : float or None
        Rows with score ≥ threshold count as flagged; None when something else decided.
    threshold_source : str
        "prediction", "baseline", "given", or "rule" when the caller said who is flagged.
    by_group : DataFrame
        One row per (attribute, group): n, n_positive (rows), tp, fp, fn, tn (summed weights; rows without weights)
        and one column per metric.
    intervals : DataFrame
        attribute, group, metric, estimate, low, high, n (effective denominator), method, reason. Each interval
        covers its own value at the confidence level.
    disparities : DataFrame
        attribute, metric, range, low, high, verdict, detectable, p_value, worst_pair (highest, lowest),
        excluded_groups, reason. low and high bound the range, for all metrics of the attribute simultaneously.
    pairs : DataFrame
        attribute, metric, group_a, group_b, difference, low, high, p_value; simultaneous too.
    references : DataFrame
        attribute, metric, group, reference, difference, low, high, ratio, ratio_low, ratio_high, reason.
    four_fifths : DataFrame
        attribute, group, most_favoured, favourable_rate, ratio, low, high, reading, reason. The favourable result is
        not being flagged where a flag harms (punitive), being flagged where it helps (assistive).
    left_out : DataFrame
        attribute, group, metric, reason: what was not compared, and why.
    roc, calibration, cutpoints : DataFrame
        What the score does at every threshold, per attribute and group; empty without a score, ``cutpoints``
        also when the score has more than 20 values.
    cells : DataFrame
        One row per combination of all attributes' groups with the number of rows in each cell.
    ledger : DataFrame
        What loading changed or excluded.
    critical : dict of attribute -> float
        The simultaneous critical value, in standard normal units.
    """

    room: ClassVar[str] = "groups"

    dataset: dict[str, Any]
    roles: Roles
    options: dict[str, Any]
    threshold: float | None
    threshold_source: str
    by_group: pd.DataFrame
    intervals: pd.DataFrame
    disparities: pd.DataFrame
    pairs: pd.DataFrame
    references: pd.DataFrame
    four_fifths: pd.DataFrame
    left_out: pd.DataFrame
    roc: pd.DataFrame
    calibration: pd.DataFrame
    cutpoints: pd.DataFrame
    cells: pd.DataFrame
    ledger: pd.DataFrame
    critical: dict[str, float]
    _parts: dict[tuple[str, str], Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def attributes(self) -> tuple[str, ...]:
        """The protected attributes audited."""
        return self.roles.sensitive

    @property
    def decided(self) -> dict[str, Any]:
        """What decided who is flagged, for the manifest."""
        return {"threshold": self.threshold, "threshold_source": self.threshold_source}

    @property
    def n_flagged(self) -> int:
        """How many rows are flagged."""
        return int(self.cells[["tp", "fp"]].to_numpy().sum())

    def of(self, attribute: str, table: str) -> pd.DataFrame:
        """The rows of one table that belong to one attribute."""
        key = (attribute, table)
        if key not in self._parts:
            rows = getattr(self, table)
            own = rows if rows.empty else rows[rows["attribute"] == attribute].reset_index(drop=True)
            self._parts[key] = own
        return self._parts[key]

    def rows(self, attribute: str, table: str) -> tuple[Any, ...]:
        """The same rows as named tuples, for those that go through them one by one."""
        key = (attribute, f"{table} rows")
        if key not in self._parts:
            self._parts[key] = tuple(self.of(attribute, table).itertuples(index=False))
        return self._parts[key]

    def value(self, attribute: str, group: str, metric: str) -> float:
        """One metric of one group, NaN where it does not exist."""
        return next(getattr(row, metric) for row in self.rows(attribute, "by_group") if row.group == group)

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON values; what does not exist is null, with the reason beside it."""
        return {"room": self.room, **plain(self), "roles": plain(self.roles.to_dict())}
