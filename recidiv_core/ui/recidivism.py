"""The widgets of the Recidivism page: where the events come from, what their columns are, and what counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from recidiv_core.data import read_table, sample_raw
from recidiv_core.errors import InputError
from recidiv_core.recidivism import (
    AGE_RISK,
    EVENT_COLUMNS,
    FEASIBLE_AGES,
    DurationColumns,
    EventColumns,
    RecidivismData,
    build_outcomes,
    outcome_rates,
    simulate_events,
    suggest_durations,
    suggest_events,
)
from recidiv_core.ui.exchange import taken
from recidiv_core.ui.parts import literal, problems
from recidiv_core.ui.state import Events, Session

_TYPES = ["csv", "txt", "tsv", "parquet", "pq", "xlsx"]
_NONE = "(none)"
_HORIZONS = {
    "half a year": 0.5,
    "1 year": 1.0,
    "2 years": 2.0,
    "3 years": 3.0,
    "4 years": 4.0,
    "5 years": 5.0,
    "any time": None,
}
_KINDS = {
    EventColumns: "An event: a conviction, an admission, an arrest",
    DurationColumns: "A release, with the time until return",
}
_EVENT_PARTS = {
    "person": ("Person", False, False),
    "date": ("Date", False, False),
    "release": ("Release date", True, False),
    "offence": ("Offence class", True, False),
    "birth": ("Birth date", True, False),
    "age": ("Age at the event", True, False),
    "primary": ("Primary offence (yes or no)", True, False),
    "weapon": ("Weapon involved", True, False),
    "minor_victim": ("Minor targeted", True, False),
    "custody_days": ("Days in custody", True, True),
    "fines": ("Fines", True, True),
    "demographics": ("Protected attributes", True, True),
    "covariates": ("Other columns to keep", True, True),
}
_DURATION_PARTS = {
    "time": ("Time until return", False, False),
    "returned": ("Returned", False, False),
    "follow_up": ("Length of follow-up", True, False),
    "person": ("Person", True, False),
    "demographics": ("Protected attributes", True, True),
}


def first_events() -> Events:
    """The real sample: its releases with the time until return."""
    raw = sample_raw("nc_releases")
    # The file's score is another model's, and its 0 and 1 stand for words.
    frame = raw.frame.drop(columns="score").assign(black=raw.frame["black"].map({1: "Black", 0: "not Black"}))
    columns = DurationColumns("durat", "cens", returned_value=0, follow_up="follow", demographics=("black",))
    return Events(raw.derived(frame, "without", "score"), columns)


def source(current: Session) -> None:
    """Three ways to a table of events."""
    own, simulated, real = st.columns(3, gap="large")
    with own:
        uploaded = st.file_uploader(
            "Your own events or releases: CSV, Parquet or XLSX",
            _TYPES,
            key="recidivism upload",
            help="One row for each conviction, admission or arrest, or for each release. It stays on this machine.",
        )
        if uploaded is not None and current.uploads.get("events") != uploaded.file_id:
            current.uploads["events"] = uploaded.file_id
            _read(current, uploaded)
        if error := current.failures.get("events"):
            problems(error)
    with simulated:
        n = st.number_input("People to simulate", 100, 200_000, 10_000, 1_000, key="recidivism people")
        seed = st.number_input(
            "Seed", 0, 2**31 - 1, 0, key="recidivism seed", help="The same seed makes the same events."
        )
        if st.button("Simulate events", key="recidivism simulate", icon=":material/casino:"):
            with st.spinner("Simulating …", show_time=True):
                made = simulate_events(int(n), random_state=int(seed))
            current.events = Events(
                read_table(made.events, name=f"simulated events ({int(n):,} people, seed {int(seed)})"),
                EVENT_COLUMNS,
                made,
            )
            current.failures.pop("events", None)
    with real:
        st.caption("Releases from North Carolina prisons, 1977–78: 1,445 real records with the time until return.")
        if st.button("Use this sample", key="recidivism sample"):
            current.events = first_events()
            current.failures.pop("events", None)


def _read(current: Session, uploaded) -> None:
    current.failures.pop("events", None)
    try:
        with st.spinner("Reading the file …", show_time=True):
            table = read_table(taken(uploaded), name=uploaded.name)
    except InputError as error:
        current.failures["events"] = error
    else:
        current.events = Events(table, suggest_events(table) or suggest_durations(table))


def columns(events: Events) -> Any:
    """What each column is; None until those that are needed are chosen."""
    key = events.table.sha256[:10]
    start = DurationColumns if isinstance(events.columns, DurationColumns) else EventColumns
    kind = st.radio(
        "A row is",
        list(_KINDS),
        list(_KINDS).index(start),
        format_func=_KINDS.get,
        key=f"recidivism kind {key}",
        horizontal=True,
    )
    parts = _EVENT_PARTS if kind is EventColumns else _DURATION_PARTS
    names = list(events.table.frame.columns)
    found: dict[str, Any] = {}
    for place, (part, (label, optional, many)) in zip(_places(len(parts)), parts.items(), strict=True):
        given = getattr(events.columns, part, None) if isinstance(events.columns, kind) else None
        with place:
            if many:
                found[part] = tuple(
                    st.multiselect(label, names, [n for n in given or () if n in names], key=f"recidivism {part} {key}")
                )
                continue
            options = [_NONE, *names] if optional else names
            index = options.index(given) if given in options else (0 if optional else None)
            chosen = st.selectbox(
                label, options, index=index, key=f"recidivism {part} {key}", placeholder="Choose a column"
            )
            found[part] = None if chosen == _NONE else chosen
    if kind is DurationColumns:
        found |= _durations(events, found.get("returned"), key)
    needed = ("person", "date") if kind is EventColumns else ("time", "returned")
    if any(found[part] is None for part in needed):
        st.info(f"Choose the columns {' and '.join(parts[part][0].lower() for part in needed)} first.")
        return None
    return kind(**found)


def _places(n: int) -> list[Any]:
    """n places in rows of three."""
    return [place for _ in range(-(-n // 3)) for place in st.columns(3)][:n]


def _durations(events: Events, returned: str | None, key: str) -> dict[str, Any]:
    left, right = st.columns(2)
    unit = left.selectbox("Times are in", ["days", "weeks", "months", "years"], 2, key=f"recidivism unit {key}")
    values = [] if returned is None else events.table.frame[returned].dropna().unique()[:10].tolist()
    start = getattr(events.columns, "returned_value", 1)
    index = next((i for i, value in enumerate(values) if str(value) == str(start)), 0)
    value = (
        right.selectbox("Returned when it says", values, index=index, key=f"recidivism value {key} {returned}")
        if values
        else 1
    )
    return {"unit": unit, "returned_value": value}


def choices(events: Events, chosen: Any) -> dict[str, Any]:
    """What counts: horizons, window, ages and which offences are violent."""
    key = events.table.sha256[:10]
    names = st.multiselect(
        "Within",
        list(_HORIZONS),
        ["1 year", "2 years", "3 years", "any time"],
        key="recidivism horizons",
        help="How soon a return counts. Whoever was not watched for so long is left out of that outcome, and counted.",
    )
    found: dict[str, Any] = {"horizons": tuple(_HORIZONS[name] for name in names)}
    if isinstance(chosen, DurationColumns):
        return found
    with st.expander("More"):
        left, right = st.columns(2)
        found["start"] = (
            left.text_input(
                "No rows before",
                "",
                key=f"recidivism start {key}",
                placeholder="2000-01-01",
                help="Earlier events stay in the history.",
            )
            or None
        )
        found["cutoff"] = (
            right.text_input(
                "Watched until",
                "",
                key=f"recidivism cutoff {key}",
                placeholder="the latest event",
                help="The last day on which a return would have been seen.",
            )
            or None
        )
        youngest = left.number_input("Youngest feasible age", 0, 120, int(FEASIBLE_AGES[0]), key="recidivism youngest")
        oldest = right.number_input("Oldest feasible age", 0, 150, int(FEASIBLE_AGES[1]), key="recidivism oldest")
        medium = left.number_input("Age–crime risk is medium from", 10, 100, int(AGE_RISK[0]), key="recidivism medium")
        low = right.number_input("… and low from", 10, 100, int(AGE_RISK[1]), key="recidivism low")
        found |= {"ages": (float(youngest), float(oldest)), "age_risk": (float(medium), float(low))}
    return found


def codebook(events: Events, chosen: EventColumns, data: RecidivismData) -> dict[str, tuple[str, ...]] | None:
    """Which offence classes count as violent and which as drug possession, as ticks that can be changed; None where
    nothing was changed.
    """
    own = data.codebook.reindex(columns=["offence", "n", "violent", "possession"]).fillna(
        {"violent": False, "possession": False}
    )
    shown = st.data_editor(
        own.astype({"violent": bool, "possession": bool}),
        hide_index=True,
        disabled=["offence", "n"],
        key=f"recidivism codebook {events.table.sha256[:10]} {chosen.offence}",
        column_config={
            "offence": "Offence class",
            "n": "Offences",
            "violent": "Violent",
            "possession": "Drug possession",
        },
    )
    ticked = {kind: tuple(shown.loc[shown[kind].astype(bool), "offence"]) for kind in ("violent", "possession")}
    before = {kind: tuple(own.loc[own[kind].astype(bool), "offence"]) for kind in ("violent", "possession")}
    return None if ticked == before else ticked


def built(
    current: Session, events: Events, chosen: Any, options: dict[str, Any], ticked: dict[str, tuple[str, ...]] | None
) -> RecidivismData:
    """Outcomes and history for these choices, made once."""
    own = options | (ticked or {})
    key = (events.table.sha256, repr(chosen), repr(sorted(own.items())))
    with st.spinner("Building outcomes and history …", show_time=True):
        return current.built(key, lambda: build_outcomes(events.table, columns=chosen, **own))


def true_rates(events: Events, data: RecidivismData, by: str) -> pd.DataFrame | None:
    """Measured against true rates by group, where the events were simulated."""
    if events.simulated is None:
        return None
    columns, frame = events.simulated.columns, data.table.copy()
    for outcome in data.outcomes.values():
        true = events.simulated.offended(frame[columns.person], frame[columns.date], years=outcome.years).astype(float)
        frame[outcome.name] = pd.Series(true, index=frame.index).where(frame[outcome.name].notna())
    both = {"measured": outcome_rates(data, by=by), "true": outcome_rates(replace(data, table=frame), by=by)}
    own = {name: rates[[data.outcomes[o].kind == "" for o in rates["outcome"]]] for name, rates in both.items()}
    found = own["measured"][["outcome", "group", "n", "n_people"]].copy()
    for name, rates in own.items():
        for part in ("rate", "low", "high"):
            found[f"{name} {part}"] = rates[part]
    return found


def hand_over(current: Session, data: RecidivismData) -> None:
    """Give the table to the Data and Models pages; protected attributes are those chosen, or none that a model could
    be audited by.
    """
    table, roles = data.as_table(), data.roles
    if not roles.sensitive:
        raise InputError.one("protected attributes", "at least one, chosen above", "none")
    current.prepare(table, roles)
    current.train_on(table, roles)
    st.toast(f"{literal(table.name)}: ready for the Models page.", icon=":material/check:")
