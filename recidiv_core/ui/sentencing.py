"""The widgets of the Sentencing page: where the sentences come from, what their columns are, which case, and which
groups.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import streamlit as st

from recidiv_core.data import Table, read_table
from recidiv_core.sentencing import (
    LEVELS,
    SAMPLE,
    SEED,
    TRUTH,
    AdjustedDisparity,
    SentenceColumns,
    SentencingRecords,
    adjusters_of,
    contrast_of,
    group_name,
    reference_for,
    sentencing_records,
    simulated_table,
    suggest_sentences,
)
from recidiv_core.ui.bench import TABLE_TYPES
from recidiv_core.ui.state import Sentences, Session
from recidiv_core.ui.uploads import uploaded
from recidiv_core.ui.work import long_work

_NONE = "(none)"
_ANY, _ALL_LEVELS, _ELSE = "(all)", "all levels", "everybody else"
_QUICK = 100_000  # counted sentences; up to here like cases are compared in about a second
_PARTS = {
    "charge": ("Charge", False, "The charge that was sentenced."),
    "given": ("Sentence given", False, "In months, or “life”."),
    "guideline": ("Guideline", True, "In months; where there is a range, use the two beside it instead."),
    "guideline_low": ("Guideline, minimum", True, None),
    "guideline_high": ("Guideline, maximum", True, None),
    "disposition": ("Disposition", True, "Only those that say “prison” are counted."),
    "level": ("Quantity level", True, "0 to 17, of a controlled substance."),
    "race": ("Race", True, None),
    "gender": ("Gender", True, None),
    "history": ("Criminal history", True, None),
    "district": ("District", True, None),
    "plea": ("Plea", True, None),
    "year": ("Year", True, None),
}


@dataclass(frozen=True)
class CaseChoices:
    """The choices of the page: the case, whom to compare it with, and the groups compared over all.

    None: the first there is, or all.
    """

    charge: str | None = None
    level: int | None = None
    race: str | None = None
    gender: str | None = None
    compare_to: tuple[tuple[str, str], ...] | None = None
    attribute: str = "race"
    reference: str | None = None
    adjust_for: tuple[str, ...] | None = None

    def case(self) -> dict[str, Any]:
        """As the library takes it."""
        own = {name: getattr(self, name) for name in ("charge", "level", "race", "gender")}
        return own | {"compare_to": None if self.compare_to is None else dict(self.compare_to)}


# S's own question, and the two groups that its outputs are about.
SAMPLE_CASE = CaseChoices(
    "Drug trafficking", 6, "Black", "Male", (("race", "White"), ("gender", "Male")), reference="White"
)


def first_sentences(source: str = SAMPLE, *, random_state: int = SEED) -> Sentences:
    """Simulated sentences with the truth planted in them."""
    table = simulated_table(source, random_state=random_state)
    return Sentences(table, suggest_sentences(table.frame), dict(TRUTH))


def first_case(sentences: Sentences) -> CaseChoices:
    """What the page asks first."""
    return CaseChoices() if sentences.truth is None else SAMPLE_CASE


def source(current: Session) -> None:
    """Two ways to sentences."""
    own, simulated = st.columns(2, gap="large")
    with own:

        def load(data: bytes, name: str) -> Table:
            table = read_table(data, name=name)
            _use(current, Sentences(table, suggest_sentences(table.frame)))
            return table

        uploaded(
            current,
            "sentences",
            label="Your own sentences: CSV, Parquet or XLSX",
            types=TABLE_TYPES,
            load=load,
            hint="One row for each sentence. It stays on this machine.",
        )
    with simulated:
        n = st.number_input("Sentences to simulate", 100, 1_000_000, 20_000, 1_000, key="sentencing people")
        seed = st.number_input(
            "Seed", 0, 2**31 - 1, SEED, key="sentencing seed", help="The same seed, the same sentences."
        )
        if st.button("Simulate sentences", key="sentencing simulate", icon=":material/casino:"):
            with st.spinner("Simulating …", show_time=True):
                _use(current, first_sentences(f"simulated:{int(n)}", random_state=int(seed)))


def _use(current: Session, sentences: Sentences) -> None:
    current.sentences, current.case_choices = sentences, first_case(sentences)


def is_known(sentences: Sentences) -> bool:
    """Whether every column that is needed could be guessed."""
    own = sentences.columns
    needed = {own.charge, own.given, own.guideline or own.guideline_low, own.disposition}
    return needed <= set(sentences.table.frame.columns)


def columns(sentences: Sentences) -> SentenceColumns | None:
    """What each column is; None until those that are needed are chosen."""
    key = sentences.table.sha256[:10]
    names = list(sentences.table.frame.columns)
    if sentences.columns.disposition is None:
        st.warning("Choose the disposition too: only sentences that say “prison” are counted.", icon=":material/info:")
    places = [place for _ in range(-(-len(_PARTS) // 4)) for place in st.columns(4)]
    found: dict[str, str | None] = {}
    for place, (part, (label, optional, hint)) in zip(places, _PARTS.items(), strict=False):
        start = getattr(sentences.columns, part)
        options = [_NONE, *names] if optional else names
        index = options.index(start) if start in options else (0 if optional else None)
        chosen = place.selectbox(
            label, options, index=index, key=f"sentencing {part} {key}", placeholder="Choose a column", help=hint
        )
        found[part] = None if chosen == _NONE else chosen
    ranged = found["guideline_low"] is not None and found["guideline_high"] is not None
    if found["charge"] is None or found["given"] is None or not (ranged or found["guideline"]):
        st.info("Choose the columns of charge, sentence given and guideline (one, or the two ends of a range) first.")
        return None
    return SentenceColumns(**found)


def records_of(current: Session, sentences: Sentences, chosen: SentenceColumns) -> SentencingRecords:
    """The sentences read, once for the same choices."""

    def read() -> SentencingRecords:
        with st.spinner("Reading the sentences …", show_time=True):
            return sentencing_records(sentences.table, columns=chosen)

    return current.built(("sentences", sentences.table.sha256, dataclasses.astuple(chosen)), read)


def case(records: SentencingRecords, start: CaseChoices) -> CaseChoices:
    """Which case: charge, level, race, gender, and whom to compare it with."""
    key, counted = records.dataset["sha256"][:10], records.counted
    sizes = counted["charge"].value_counts()
    charges = [*sizes.index, *sorted(records.values["charge"] - set(sizes.index))]
    places = st.columns([2, 1, 1, 1, 2])
    charge = places[0].selectbox(
        "Charge",
        charges,
        index=_at(charges, start.charge),
        key=f"sentencing case charge {key}",
        format_func=lambda name: f"{name} ({sizes.get(name, 0):,})",
    )
    levels = [_ALL_LEVELS, *_levels(counted[counted["charge"] == charge])]
    level = places[1].selectbox(
        "Quantity level",
        levels,
        index=_at(levels, start.level),
        key=f"sentencing case level {key} {charge}",
        help="0 to 17, of a controlled substance.",
    )
    found = {}
    for place, name in zip(places[2:4], ("race", "gender"), strict=True):
        values = [_ANY, *counted[name].value_counts().index] if name in counted else [_ANY]
        value = place.selectbox(
            name.capitalize(), values, index=_at(values, getattr(start, name)), key=f"sentencing case {name} {key}"
        )
        found[name] = None if value == _ANY else value
    others = _others(records, found)
    pick = places[4].selectbox(
        "Compare with",
        list(others),
        index=_at(list(others.values()), start.compare_to),
        key=f"sentencing compare {key} {sorted(map(str, found.values()))}",
        disabled=len(others) < 2,
    )
    return replace(
        start, charge=charge, level=None if level == _ALL_LEVELS else level, compare_to=others[pick], **found
    )


def _at(options: list[Any], value: Any) -> int:
    return options.index(value) if value in options else 0


def _levels(frame: pd.DataFrame) -> list[int]:
    known = frame["level"].dropna().unique() if "level" in frame else []
    return sorted(int(level) for level in known if level in LEVELS)


def _others(records: SentencingRecords, asked: dict[str, str | None]) -> dict[str, tuple[tuple[str, str], ...] | None]:
    """Whom a case can be compared with, by name: everybody else, or one race and gender."""
    pairs = sorted({(race, gender) for _, _, race, gender in records.cells})
    found: dict[str, tuple[tuple[str, str], ...] | None] = {_ELSE: None}
    for pair in pairs:
        own = {name: value for name, value in zip(("race", "gender"), pair, strict=True) if value}
        if own and any(asked[name] not in (None, value) for name, value in own.items()):
            found[group_name(*pair)] = tuple(own.items())
    return found


def groups(records: SentencingRecords, start: CaseChoices) -> CaseChoices:
    """Whose groups are compared over all sentences, with which, and what has to be alike."""
    key, counted = records.dataset["sha256"][:10], records.counted
    attributes = [name for name in ("race", "gender") if name in counted]
    if not attributes or counted.empty:
        return start
    left, middle, right = st.columns([1, 1, 2])
    attribute = left.selectbox(
        "Groups of", attributes, index=_at(attributes, start.attribute), key=f"sentencing attribute {key}"
    )
    levels = list(counted[attribute].value_counts().index)
    first = (
        start.reference if start.reference in levels else reference_for(records, attribute, getattr(start, attribute))
    )
    reference = middle.selectbox(
        "Compared with",
        levels,
        index=_at(levels, first),
        key=f"sentencing reference {key} {attribute}",
        help="The group that the others are compared with.",
    )
    able = list(adjusters_of(records))
    alike = right.multiselect(
        "Alike in",
        able,
        able if start.adjust_for is None else [n for n in start.adjust_for if n in able],
        key=f"sentencing alike {key}",
        help="What cases have to share to be like cases.",
    )
    return replace(start, attribute=attribute, reference=reference, adjust_for=tuple(alike))


def contrast(
    current: Session, records: SentencingRecords, chosen: CaseChoices
) -> tuple[AdjustedDisparity | None, str] | None:
    """The adjusted disparity, made once for the same choices; None while it is made, or was stopped."""
    own = {"attribute": chosen.attribute, "reference": chosen.reference, "adjust_for": chosen.adjust_for}
    key = ("like cases", records.dataset["sha256"], str(records.columns), str(own))
    if key not in current.finished:

        def run(report: Any) -> None:
            current.finished[key] = contrast_of(records, **own, progress=report)

        if len(records.counted) <= _QUICK:
            run(None)
        else:
            long_work("Compare like cases", key="like cases", run=run, of=key)
    return current.finished.get(key)
