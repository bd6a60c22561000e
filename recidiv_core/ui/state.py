"""What one session of the dashboard holds. Nothing here is shared with another session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from threading import Thread
from typing import Any, TypeVar

import numpy as np
import streamlit as st

from recidiv_core.data import SAMPLE_PREFIX, SAMPLES, AuditDataset, Roles, Table, load_dataset, sample_table
from recidiv_core.errors import InputError
from recidiv_core.groups import GroupAudit, audit_groups, matching_threshold
from recidiv_core.recidivism import DurationColumns, EventColumns, SimulatedEvents
from recidiv_core.report import Entry
from recidiv_core.sentencing import SentenceColumns
from recidiv_core.slices import LOSSES, SliceAudit, SliceDetail, default_error, slice_detail
from recidiv_core.stats import ScoreCurves
from recidiv_core.thresholds import (
    Options,
    ThresholdAudit,
    ThresholdSolution,
    audit_thresholds,
    hold_together,
    options_of,
)

FIRST_SAMPLE = "nc_releases"
_KEY = "recidiv session"
_KEPT_RESULTS = 24
_STEPS = 400
_MAX_CHOICES = 20
T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """The choices of the Groups page, with the values it starts from."""

    threshold: float | None = None
    tolerance: float = 0.01
    confidence_level: float = 0.95
    min_support: int = 30
    random_state: int = 0
    reference: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Search:
    """The choices of the Thresholds page. ``definition`` None: the thresholds are set by hand."""

    definition: str | None = None
    objective: str = "f_beta"
    beta: float = 1.0
    cost_ratio: float | None = None
    partial: float = 1.0
    min_precision: float | None = None
    max_selection_rate: float | None = None
    min_recall: float | None = None
    weights: tuple[tuple[str, float], ...] = ()

    def options(self) -> dict[str, Any]:
        """As the library takes them, without the definition."""
        own = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "definition"}
        return own | {"weights": dict(self.weights), "partial": self.partial if self.allows_partial else 1.0}

    @property
    def allows_partial(self) -> bool:
        return self.definition == "statistical_parity"


@dataclass(frozen=True)
class Slicing:
    """The choices of the Slices page.

    ``error`` None: log loss where the score is a probability, else the wrong decision.

    ``manual`` holds slices written by hand, each as pairs (column, levels); ``cutpoints``, ``special`` and
    ``monotonic`` pairs of a column and what was set for it.
    """

    error: str | None = None
    features: tuple[str, ...] | None = None
    include_sensitive: bool = True
    k: int = 10
    alpha: float = 0.95
    min_support: int | None = None
    max_level: int | None = None
    holdout: float = 0.5
    max_bins: int = 8
    cutpoints: tuple[tuple[str, tuple[float, ...]], ...] = ()
    special: tuple[tuple[str, tuple[float, ...]], ...] = ()
    monotonic: tuple[tuple[str, str], ...] = ()
    manual: tuple[tuple[tuple[str, tuple[str, ...]], ...], ...] = ()

    def options(self, current: Session) -> dict[str, Any]:
        """As the library takes them."""
        own = {
            name: getattr(self, name)
            for name in ("features", "include_sensitive", "k", "alpha", "min_support", "max_level", "holdout")
        }
        binning = {"max_bins": self.max_bins} | {
            name: dict(getattr(self, name)) for name in ("cutpoints", "special", "monotonic")
        }
        error = self.error or default_error(current.dataset)
        needs_flag = error in LOSSES and error != "log_loss"
        return own | {
            "error": error,
            "threshold": current.settings.threshold if needs_flag else None,
            "binning": binning,
            "manual": [
                {name: list(levels) if len(levels) > 1 else levels[0] for name, levels in one} for one in self.manual
            ],
            "confidence_level": current.settings.confidence_level,
            "random_state": current.settings.random_state,
        }


@dataclass(frozen=True, eq=False)
class Training:
    """What models are trained on: a table, and its roles, of which no score is needed."""

    table: Table
    roles: Roles


@dataclass(frozen=True, eq=False)
class Events:
    """What outcomes are built from: a table, what its columns are, and the simulation that it came from, if it did."""

    table: Table
    columns: EventColumns | DurationColumns | None
    simulated: SimulatedEvents | None = None


@dataclass(frozen=True, eq=False)
class Sentences:
    """What the Sentencing page reads: a table, what its columns are, and the truth planted in it, where it is
    simulated.
    """

    table: Table
    columns: SentenceColumns
    truth: dict[str, float] | None = None


@dataclass
class Session:
    """The dataset being audited, the table being prepared, the settings, and the report so far.

    ``events`` is what the Recidivism page builds outcomes from, ``sentences`` what the Sentencing page reads,
    ``training`` what the Models page trains on, ``compared`` the models finished there, what they were asked, and the
    copies of the Privacy page;
    ``mitigated`` holds the decisions of its mitigations for the rows of ``dataset``.
    ``by_hand`` and ``found`` hold the thresholds set by hand and found last, per attribute; ``finished`` what long work
    has brought so far. ``draft`` and
    ``draft_roles`` are what the Data page edits; they become ``dataset`` only when their roles hold, so a
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
    room: str = ""
    drawn: Any = None
    training: Training | None = None
    events: Events | None = None
    sentences: Sentences | None = None
    case_choices: Any = None
    model_choices: Any = None
    pair_choices: Any = None
    copy_choices: Any = None
    compared: dict[Any, Any] = field(default_factory=dict)
    mitigated: dict[str, np.ndarray] = field(default_factory=dict)
    search: Search = field(default_factory=Search)
    slicing: Slicing = field(default_factory=Slicing)
    by_hand: dict[str, dict[str, float]] = field(default_factory=dict)
    found: dict[str, dict[str, float]] = field(default_factory=dict)
    finished: dict[Any, Any] = field(default_factory=dict)
    _results: dict[Any, Any] = field(default_factory=dict)

    def audit(self) -> GroupAudit:
        """The audit of the current dataset at the current settings."""
        s = self.settings
        return self._kept(
            (self.dataset.digest, s),
            lambda: audit_groups(
                self.dataset,
                threshold=s.threshold,
                tolerance=s.tolerance,
                confidence_level=s.confidence_level,
                min_support=s.min_support,
                random_state=s.random_state,
                reference=dict(s.reference),
            ),
        )

    @property
    def baseline(self) -> float:
        """The one threshold that thresholds per group are compared with: that of the Groups page."""
        threshold = self.settings.threshold
        return matching_threshold(self.dataset) if threshold is None else threshold

    def threshold_options(self) -> dict[str, Any]:
        """What the search and the trade-off take, from both pages' choices."""
        return self.search.options() | {"min_support": self.settings.min_support, "baseline": self.baseline}

    def threshold_audit(self) -> ThresholdAudit:
        """The thresholds of the current attribute, searched for or set by hand, judged."""
        s, attribute, definition = self.settings, self.attribute, self.search.definition
        hand = None
        if definition is None:
            levels = self.dataset.attributes[attribute].levels
            hand = dict.fromkeys(levels, self.baseline) | self.by_hand.get(attribute, {})
        options = self.threshold_options()
        audit = self._kept(
            (self.dataset.digest, attribute, s, self.search, self.baseline, tuple((hand or {}).items())),
            lambda: audit_thresholds(
                self.dataset,
                attribute=attribute,
                definition=definition,
                thresholds=hand,
                tolerance=s.tolerance,
                confidence_level=s.confidence_level,
                random_state=s.random_state,
                **options,
            ),
        )
        if definition is not None:
            self.found[attribute] = audit.thresholds
        return audit

    def chosen(self) -> Any:
        """All that the search depends on: where it changes, more has to be drawn again than follows a slider."""
        return self.attribute, self.search, self.settings, self.baseline

    def search_options(self, curves: ScoreCurves, definition: str) -> Options:
        """The search's choices for any definition, checked."""
        options = self.threshold_options()
        if definition != self.search.definition:
            options["partial"] = 1.0
        return options_of(curves, definition=definition, tolerance=self.settings.tolerance, **options)

    def hold_together(self, curves: ScoreCurves, first: str, second: str) -> ThresholdSolution:
        """The best thresholds for two definitions at once."""
        options = self.search_options(curves, first)
        return self._kept(
            (self.dataset.digest, self.attribute, first, second, str(options)),
            lambda: hold_together(curves, first, second, options),
        )

    def close_by(self, audit: SliceAudit, slice_: dict[str, Any]) -> SliceDetail:
        """One slice of an audit from close by."""
        key = ("close by", self.dataset.digest, audit.error, repr(audit.options), repr(slice_))
        return self._kept(key, lambda: slice_detail(self.dataset, audit, slice_))

    def built(self, key: Any, make: Callable[[], T]) -> T:
        """What the Recidivism page builds from its events, made once for the same choices."""
        return self._kept(("built", key), make)

    def variant(self, key: str, load: Callable[[], AuditDataset]) -> AuditDataset:
        """Another version of the dataset, loaded once."""
        return self._kept(("variant", self.dataset.digest, key), load)

    def _kept(self, key: Any, make: Callable[[], T]) -> T:
        """A result made at the first call; the last few are kept."""
        if key not in self._results:
            made = make()
            while len(self._results) >= _KEPT_RESULTS:
                self._results.pop(next(iter(self._results)))
            self._results[key] = made
        return self._results[key]

    def train_on(self, table: Table, roles: Roles) -> None:
        """Make ``table`` the one that models are trained on, or scored by one from a file."""
        self.training, self.model_choices, self.pair_choices, self.copy_choices = (
            Training(table, roles),
            None,
            None,
            None,
        )
        outside = self.compared.get("outside")  # a model from a file may be asked about any table
        self.compared.clear()
        if outside is not None:
            self.compared["outside"] = outside

    def use(self, dataset: AuditDataset) -> None:
        """Make ``dataset`` the one that every page audits. The settings that belong to the old one go back."""
        self.mitigated.clear()
        self.dataset, self.settings = dataset, first_settings(dataset, self.settings)
        self.attribute = dataset.roles.sensitive[0]
        self.search, self.slicing = Search(), Slicing()
        for kept in (self.by_hand, self.found, self.finished, self._results):
            kept.clear()

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


@cache
def _compile_ahead() -> None:
    """Compile the loops of the rooms, or load them, while the first page is being read."""

    def load() -> None:
        for name in ("slices.kernels", "thresholds.kernels", "slices.optimal"):
            import_module(f"recidiv_core.{name}")

    Thread(target=load, daemon=True).start()


def session() -> Session:
    """This browser session's state; at first the real sample, loaded and ready."""
    _compile_ahead()
    if _KEY not in st.session_state:
        start_again()
    return st.session_state[_KEY]


def start_again() -> None:
    """Put the first sample in the place of whatever this session held."""
    dataset, table = load_dataset(SAMPLE_PREFIX + FIRST_SAMPLE), sample_table(SAMPLE_PREFIX + FIRST_SAMPLE)
    st.session_state[_KEY] = Session(
        dataset=dataset,
        settings=first_settings(dataset),
        draft=table,
        draft_roles=dataset.roles,
        training=Training(table, dataset.roles),
        attribute=dataset.roles.sensitive[0],
    )


def use_sample(name: str) -> None:
    """Load a sample and audit it."""
    current = session()
    table = sample_table(SAMPLE_PREFIX + name)
    current.use(load_dataset(SAMPLE_PREFIX + name))
    current.prepare(table, SAMPLES[name].roles)
    current.train_on(table, SAMPLES[name].roles)
