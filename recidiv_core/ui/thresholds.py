"""The controls of the Thresholds page: definitions to press, a slider per group, objective and limits."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from recidiv_core.stats import ScoreCurves
from recidiv_core.thresholds import DEFINITIONS, OBJECTIVES, ThresholdAudit
from recidiv_core.ui.parts import literal, spoken
from recidiv_core.ui.state import Grid, Search, Session, session

BY_HAND = "by hand"
_TOLERANCES = (0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.2)
_OBJECTIVE_TITLES = {
    "f_beta": "F score (precision and recall)",
    "balanced_accuracy": "Balanced accuracy",
    "accuracy": "Accuracy",
    "cost": "Cost of errors",
}


def definition_buttons(current: Session) -> None:
    """One button for each definition, and one for thresholds by hand."""
    key = _key(current, "definition")
    wanted = current.search.definition or BY_HAND
    if st.session_state.get(key) != wanted:
        st.session_state[key] = wanted

    def press() -> None:
        pressed = st.session_state[key]
        if pressed == BY_HAND:
            keep_as_by_hand(session())
        else:
            current.search = replace(current.search, definition=pressed)

    st.segmented_control(
        "Press a definition for the exact best thresholds, or move them by hand",
        [BY_HAND, *DEFINITIONS],
        required=True,
        format_func=lambda name: "By hand" if name == BY_HAND else DEFINITIONS[name].title,
        key=key,
        on_change=press,
        width="stretch",
    )


def keep_as_by_hand(current: Session, changed: Mapping[str, float] | None = None) -> None:
    """Go on by hand from the thresholds that are there."""
    current.by_hand[current.attribute] = current.threshold_audit().thresholds | dict(changed or {})
    current.search = replace(current.search, definition=None)


def _key(current: Session, name: str) -> str:
    return f"thresholds {name} {current.dataset.digest[:12]} {current.attribute}"


def group_slider(current: Session, audit: ThresholdAudit, group: str, grid: Grid) -> None:
    """The slider of one group; it offers the grid, the exact thresholds found last, and "nobody"."""
    exact = audit.thresholds[group]
    found = current.found.get(current.attribute, {}).get(group, exact)
    choices = _choices(grid, exact, found, audit.options["baseline"][group])
    key = f"{_key(current, 'slider')} {group} {zlib.crc32(repr(choices).encode())}"
    # The widget follows the thresholds, whoever changed them last.
    if st.session_state.get(key) != exact:
        st.session_state[key] = exact
    st.select_slider(
        f"Threshold of {spoken(group)}",
        choices,
        format_func=lambda t: "nobody" if math.isinf(t) else f"{t:.6g}",
        key=key,
        on_change=lambda: keep_as_by_hand(session(), {group: st.session_state[key]}),
        label_visibility="collapsed",
    )


def _choices(grid: Grid, *exact: float) -> list[float]:
    steps = grid.values or [
        round(grid.low + i * grid.step, grid.digits) for i in range(round((grid.high - grid.low) / grid.step) + 1)
    ]
    return [*sorted({*steps, *(t for t in exact if not math.isinf(t))}), math.inf]


def search_controls(current: Session, curves: ScoreCurves) -> None:
    """Tolerance, objective, limits per group, partial parity and weights; each takes effect at once."""
    st.markdown("**Controls**")
    tolerance = current.settings.tolerance
    options = tuple(sorted({*_TOLERANCES, tolerance}))
    tolerance = st.select_slider(
        "Tolerance ε",
        options,
        value=tolerance,
        format_func=lambda x: f"{100 * x:g} pp",
        key="thresholds tolerance",
        help="A definition is satisfied when the largest difference between groups stays below this many percentage "
        "points (treatment equality: below this many hundredths of a person missed per person flagged wrongly).",
    )
    if tolerance != current.settings.tolerance:
        current.settings = replace(current.settings, tolerance=tolerance)
    search = current.search
    objective, beta, cost_ratio = _objective(search)
    st.markdown("**Limits for each group**")
    limits = {
        "max_selection_rate": _limit(search, "max_selection_rate", "Most people flagged", 0.6),
        "min_recall": _limit(search, "min_recall", "Least recall", 0.3),
        "min_precision": _limit(search, "min_precision", "Least precision", 0.5),
    }
    with st.expander("More"):
        partial = st.slider(
            "λ: how much of statistical parity",
            0.0,
            1.0,
            search.partial,
            0.05,
            key="thresholds partial",
            disabled=not search.allows_partial,
            help="1: the groups' rates become alike. 0: each keeps its own baseline rate. Between: each moves that "
            "part of the way.",
        )
        weights = _weights(search, curves)
    current.search = replace(
        search, objective=objective, beta=beta, cost_ratio=cost_ratio, partial=partial, weights=weights, **limits
    )


def _objective(search: Search) -> tuple[str, float, float | None]:
    """What is best among thresholds that satisfy, with β, and what a wrong flag costs where that is asked."""
    objective = st.selectbox(
        "Best means",
        list(OBJECTIVES),
        index=list(OBJECTIVES).index(search.objective),
        format_func=_OBJECTIVE_TITLES.get,
        key="thresholds objective",
        help="Among thresholds that satisfy the definition, those with the largest sum of this over the groups.",
    )
    beta, cost_ratio = search.beta, None
    if objective == "f_beta":
        beta = st.select_slider(
            "β: weight of recall against precision",
            (0.25, 0.5, 1.0, 2.0, 4.0),
            value=beta,
            format_func=lambda x: f"{x:g}",
            key="thresholds beta",
            help="1 weighs both alike; 2 counts recall for more.",
        )
    if objective == "cost":
        cost_ratio = st.number_input(
            "One wrong flag costs as much as … people missed",
            0.0,
            1000.0,
            search.cost_ratio or 1.0,
            0.25,
            key="thresholds cost",
        )
    return objective, beta, cost_ratio


def _limit(search: Search, name: str, label: str, start: float) -> float | None:
    """A limit in percent that can be switched on; the button beside a trivial optimum switches it on too."""
    value, key = getattr(search, name), f"thresholds {name}"
    if st.session_state.get(f"{key} on") != (value is not None):
        st.session_state[f"{key} on"] = value is not None
    if not st.checkbox(label, key=f"{key} on", on_change=_switch, args=(name, start)):
        return None
    if key not in st.session_state:
        st.session_state[key] = round(100 * value)
    return st.slider(label, 0, 100, step=1, format="%d %%", key=key, label_visibility="collapsed") / 100


def _switch(name: str, start: float) -> None:
    set_limit(name, start if st.session_state[f"thresholds {name} on"] else None)


def set_limit(name: str, value: float | None) -> None:
    """Set one limit of the search, and the widget that shows it."""
    current = session()
    current.search = replace(current.search, **{name: value})
    if value is not None:
        st.session_state[f"thresholds {name}"] = round(100 * value)


def offer_limit(current: Session, audit: ThresholdAudit) -> None:
    """For a trivial optimum: the limit that would exclude it, as a button."""
    kinds = set(audit.solution.trivial.values()) if audit.solution is not None else set()
    for kind, name, label, value in (
        ("flagged", "max_selection_rate", "Flag at most 60 % of each group", 0.6),
        ("spared", "min_recall", "Find at least 30 % of those with the outcome in each group", 0.3),
    ):
        if kind in kinds and getattr(current.search, name) is None:
            st.button(
                label, key=f"thresholds offer {name}", icon=":material/block:", on_click=set_limit, args=(name, value)
            )


def _weights(search: Search, curves: ScoreCurves) -> tuple[tuple[str, float], ...]:
    """A weight for each group in the sum; kept only where it is not 1."""
    known = dict(search.weights)
    st.caption("Weight of each group in the sum (1: all groups count alike)")
    found = {
        group: st.number_input(
            f"Weight of {literal(group)}", 0.0, 100.0, known.get(group, 1.0), 0.5, key=f"thresholds weight {group}"
        )
        for group in curves.groups
    }
    return tuple((group, weight) for group, weight in found.items() if weight != 1)
