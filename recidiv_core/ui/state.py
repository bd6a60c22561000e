"""What one session of the dashboard holds. Nothing here is shared with another session."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import streamlit as st

from recidiv_core.data import SAMPLE_PREFIX, SAMPLES, AuditDataset, Roles, Table, load_dataset, sample_table
from recidiv_core.errors import InputError
from recidiv_core.groups import GroupAudit, audit_groups, matching_threshold
from recidiv_core.report import Entry

FIRST_SAMPLE = "nc_releases"
_KEY = "recidiv session"
_KEPT_AUDITS = 16
_STEPS = 400
_MAX_CHOICES = 20


@dataclass(frozen=True)
class Settings:
    """The choices of the Groups page, with the values it starts from."""

    threshold: float | None = None
    tolerance: float = 0.01
    confidence_level: float = 0.95
    min_support: int = 30
    random_state: int = 0
    reference: tuple[tuple[str, str], ...] = ()


@dataclass
class Session:
    """The dataset being audited, the table being prepared, the settings, and the report so far.

    ``draft`` and ``draft_roles`` are what the Data page edits; they become ``dataset`` only when their roles hold, so a
    bad file never costs what was loaded before.
    """

    dataset: AuditDataset
    settings: Settings
    draft: Table
    draft_roles: Roles | None
    attribute: str
    entries: list[Entry] = field(default_factory=list)
    uploads: dict[str, str] = field(default_factory=dict)
    failures: dict[str, InputError] = field(default_factory=dict)
    _audits: dict[Any, GroupAudit] = field(default_factory=dict)

    def audit(self) -> GroupAudit:
        """The audit of the current dataset at the current settings; recent ones are kept."""
        key = (self.dataset.digest, self.settings)
        if key not in self._audits:
            while len(self._audits) >= _KEPT_AUDITS:
                self._audits.pop(next(iter(self._audits)))
            s = self.settings
            self._audits[key] = audit_groups(
                self.dataset, threshold=s.threshold, tolerance=s.tolerance, confidence_level=s.confidence_level,
                min_support=s.min_support, random_state=s.random_state, reference=dict(s.reference),
            )  # fmt: skip
        return self._audits[key]

    def use(self, dataset: AuditDataset) -> None:
        """Make ``dataset`` the one that every page audits. The settings that belong to the old one go back."""
        self.dataset, self.settings = dataset, first_settings(dataset, self.settings)
        self.attribute = dataset.roles.sensitive[0]
        self._audits.clear()

    def prepare(self, table: Table, roles: Roles | None) -> None:
        """Put a table on the Data page's bench."""
        self.draft, self.draft_roles = table, roles
        self.failures.pop("roles", None)


def first_settings(dataset: AuditDataset, old: Settings | None = None) -> Settings:
    """Settings for a new dataset: its suggested cut-point, its prediction column, or the cut-point at which as many
    people are flagged as had the outcome; the rest as before.

    The baseline of :func:`audit_groups` often flags next to nobody, and a first picture of that misleads.
    """
    threshold = dataset.threshold
    if threshold is None and dataset.y_pred is None:
        threshold = grid_of(dataset).nearest(matching_threshold(dataset))
    return replace(old or Settings(), threshold=threshold, reference=())


@dataclass(frozen=True)
class Grid:
    """The cut-points that the slider offers: each value of a score with few, else round steps over its range."""

    values: tuple[float, ...] | None
    low: float
    high: float
    step: float
    digits: int

    def nearest(self, threshold: float) -> float:
        return threshold if self.values else min(max(round(threshold, self.digits), self.low), self.high)


def grid_of(dataset: AuditDataset) -> Grid:
    """The slider's cut-points for a dataset with a score."""
    return dataset.reduced("slider", lambda: _grid(np.unique(dataset.y_score)))


def _grid(values: np.ndarray) -> Grid:
    low, high = float(values[0]), float(values[-1])
    if len(values) <= _MAX_CHOICES:
        return Grid(tuple(values.tolist()), low, high, 0.0, 0)
    step = 10.0 ** np.ceil(np.log10((high - low) / _STEPS))  # a power of ten, so that the cut-point reads well
    digits = max(0, int(-np.floor(np.log10(step))))
    ends = round(np.floor(low / step) * step, digits), round(np.ceil(high / step) * step, digits)
    return Grid(None, *map(float, ends), float(step), digits)


def session() -> Session:
    """This browser session's state; at first the real sample, loaded and ready."""
    if _KEY not in st.session_state:
        dataset = load_dataset(SAMPLE_PREFIX + FIRST_SAMPLE)
        st.session_state[_KEY] = Session(
            dataset=dataset,
            settings=first_settings(dataset),
            draft=sample_table(SAMPLE_PREFIX + FIRST_SAMPLE),
            draft_roles=dataset.roles,
            attribute=dataset.roles.sensitive[0],
        )
    return st.session_state[_KEY]


def use_sample(name: str) -> None:
    """Load a sample and audit it."""
    current = session()
    current.use(load_dataset(SAMPLE_PREFIX + name))
    current.prepare(sample_table(SAMPLE_PREFIX + name), SAMPLES[name].roles)
