"""The controls of the Groups page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from recidiv_core.groups import default_threshold, matching_threshold
from recidiv_core.ui.state import Session, Settings, grid_of

_TOLERANCES = (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.2)
_LEVELS = (0.9, 0.95, 0.99)


def controls(current: Session) -> Settings:
    """Draw the controls and return what they say."""
    settings, key = current.settings, current.dataset.digest[:12]
    st.markdown("**Controls**")
    if current.dataset.y_score is not None:
        settings = replace(settings, threshold=_threshold(current, key))
    tolerance = st.select_slider(
        "Tolerance",
        _TOLERANCES,
        value=settings.tolerance,
        format_func=lambda x: f"{100 * x:g} pp",
        key="groups tolerance",
        help="A difference below this many percentage points is within tolerance (pp: percentage points).",
    )
    reference = _reference(current, key)
    with st.expander("More"):
        more = _more(settings)
    return replace(settings, tolerance=tolerance, reference=reference, **more)


def _threshold(current: Session, key: str) -> float | None:
    """The cut-point on the score, in its own unit; None: the prediction column."""
    dataset, chosen = current.dataset, current.settings.threshold
    if dataset.y_pred is not None and not st.toggle(
        "Use a cut-point on the score",
        value=chosen is not None,
        key=f"groups cut {key}",
        help="Off: people count as flagged where the prediction column says so.",
    ):
        return None
    grid = grid_of(dataset)
    start = grid.nearest(matching_threshold(dataset)) if chosen is None else chosen
    label, key = "Flag people at a score of … and above", f"groups threshold {key}"
    if grid.values:
        value = st.select_slider(label, grid.values, value=start, format_func=lambda x: f"{x:g}", key=key)
    else:
        value = st.slider(label, grid.low, grid.high, start, grid.step, format=f"%.{grid.digits}f", key=key)
        value = round(value, grid.digits)
    share = float((dataset.y_score >= value).mean())
    st.caption(
        f"{100 * share:.1f} % of all people are flagged. It starts where about as many are flagged as had the outcome. "
        f"Most recall at a precision of 85 %, else most precision: {default_threshold(dataset):g}."
    )
    return value


def _reference(current: Session, key: str) -> tuple[tuple[str, str], ...]:
    """The group that the others are compared with, of each attribute where one was chosen."""
    levels = list(current.dataset.attributes[current.attribute].levels)
    references = dict(current.settings.reference)
    sizes = np.bincount(current.dataset.attributes[current.attribute].codes)
    start = references.get(current.attribute, levels[int(sizes.argmax())])
    references[current.attribute] = st.selectbox(
        "Reference group",
        levels,
        index=levels.index(start),
        key=f"groups reference {key} {current.attribute}",
        help="Differences and ratios are taken to this group; the verdicts compare all groups and do not depend on it.",
    )
    return tuple(sorted(references.items()))


def _more(settings: Settings) -> dict[str, Any]:
    """The settings that are seldom changed: confidence, the smallest group compared, and the seed."""
    level = st.selectbox(
        "Confidence",
        _LEVELS,
        index=_LEVELS.index(settings.confidence_level),
        format_func=lambda x: f"{100 * x:g} %",
        key="groups confidence",
    )
    support = st.number_input(
        "Smallest group compared",
        1,
        100_000,
        settings.min_support,
        key="groups support",
        help="Groups with fewer people are shown but not compared.",
    )
    seed = st.number_input(
        "Seed",
        0,
        2**31 - 1,
        settings.random_state,
        key="groups seed",
        help="The bootstrap is random; the same seed gives the same numbers again.",
    )
    return {"confidence_level": level, "min_support": int(support), "random_state": int(seed)}
