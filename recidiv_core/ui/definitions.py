"""The definitions on the Thresholds page: what the dots mean, a badge for each, the scale as table and in words."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from recidiv_core.charts.thresholds import DOTS
from recidiv_core.thresholds import DEFINITIONS, FairnessScale, ThresholdAudit, scale_text, spread
from recidiv_core.ui.parts import literal, table, verdict_mark


def dots_key() -> None:
    """What the dots mean."""
    marks = " · ".join(
        f":{'blue' if kind in ('flagged rightly', 'left alone') else 'orange'}[{sign}] {kind}"
        for kind, (sign, *_) in DOTS.items()
    )
    st.caption(
        f"{marks} · solid line: the group's threshold · dotted: the baseline, one threshold for all. People at the "
        "line and right of it are flagged."
    )


def badges(audit: ThresholdAudit) -> None:
    """The five definitions with their range, whether they are satisfied in these data, and the verdict."""
    for place, row in zip(st.columns(len(DEFINITIONS)), audit.definitions.itertuples(), strict=True):
        definition = DEFINITIONS[row.definition]
        is_own = audit.solution is not None and audit.solution.definition == row.definition
        state = {None: "not estimable", True: "● satisfied", False: "not satisfied"}[row.satisfied]
        with place.container(border=True):
            st.markdown(
                f"**{definition.title}**" + (" ◆" if is_own else ""),
                help=f"{definition.equalises} {definition.assumption}",
            )
            st.markdown(
                f"{'**' if row.satisfied else ''}{state}{'**' if row.satisfied else ''}  \nrange "
                f"{_short(row.range, row.definition, audit)}"
            )
            st.caption(_beyond(audit, row))


def _beyond(audit: ThresholdAudit, row: Any) -> str:
    """What is known beyond these rows: verdict and interval, and for thresholds that were searched for what they
    rest on.
    """
    if audit.solution is None:
        return f"{verdict_mark(row.verdict)} · people like these: {_between(row.low, row.high, row.definition, audit)}"
    if audit.solution.trivial:
        return "not judged on other rows: trivial"
    other = _short(row.held_out_range, row.definition, audit)
    between = _between(row.held_out_low, row.held_out_high, row.definition, audit)
    return f"{verdict_mark(row.held_out_verdict)} · tuned on half, judged on half: {other} ({between})"


def _between(low: float, high: float, definition: str, audit: ThresholdAudit) -> str:
    """An interval; the notes under the answer say why an end is missing."""
    ends = ["?" if math.isnan(end) else _short(end, definition, audit).removesuffix(" pp") for end in (low, high)]
    return f"{ends[0]} to {ends[1]}"


def _short(value: float, definition: str, audit: ThresholdAudit) -> str:
    text = spread(value, definition, audit.options["tolerance"])
    return f"{text.split(' ')[0]} pp" if "percentage" in text else text


def scale_table(scale: FairnessScale) -> None:
    """The table behind the scale's picture, in words and figures."""
    text = scale_text(scale)
    table(text, name="fairness-scale-text", description="The fairness scale: performance and ranges of each row.")
    st.caption(
        "As in the paper, the best thresholds are those with the largest sum of F1, without limits or weights. "
        "Parentheses: "
        + (
            "the standard deviation over the parts."
            if scale.options["protocol"] == "paper"
            else "95 % interval; % of resamples: how often the definition holds when people are drawn anew."
        )
        + " Trivial: more than 95 % of a group are flagged, or spared."
    )
    if text.eq("not estimable").any(axis=None):
        st.caption(
            "Not estimable: nobody is flagged in some group, or nobody wrongly, so there is nothing to divide by."
        )
    for row in scale.table.itertuples():
        if row.reason:
            st.caption(f"{row.title}: {row.reason}.")
        if row.n_infeasible:
            st.caption(
                f"{row.title}: the tolerance could not be met in {row.n_infeasible} of the parts; there the "
                "nearest was taken."
            )
    if scale.excluded_groups:
        st.caption(
            literal(f"Left out of the ranges: {', '.join(f'{g} ({why})' for g, why in scale.excluded_groups.items())}.")
        )


def scale_cards(active: str | None) -> None:
    """F's scale as a picture in words: intention, definition, assumption, what it equalises, whom it may hurt."""
    st.caption("Level 1")
    with st.container(border=True):
        st.markdown(
            "**No explicit discrimination** → **Fairness through unawareness**  \nThe model was not given the "
            "protected attribute. Other columns can still carry it, so this alone equalises nothing."
        )
    st.caption("Level 2, of which usually only one can be had at a time, and beyond")
    for intention in dict.fromkeys(d.intention for d in DEFINITIONS.values()):
        st.markdown(f"**{intention}**")
        own = [d for d in DEFINITIONS.values() if d.intention == intention]
        for start in range(0, len(own), 2):
            for place, definition in zip(st.columns(2, gap="medium"), own[start : start + 2], strict=False):
                with place.container(border=True):
                    st.markdown(
                        f"**{definition.title}**{' ◆ chosen' if definition.name == active else ''}  \n"
                        f"*Equalises:* {definition.equalises}  \n*Assumes:* {definition.assumption}  \n"
                        f"*May hurt:* {definition.may_hurt}"
                    )
