"""Definitions as badges and cards, and the decision rule that goes out and comes back."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import streamlit as st

from recidiv_core.charts.thresholds import DOTS
from recidiv_core.data import csv_bytes
from recidiv_core.errors import InputError
from recidiv_core.thresholds import (
    DEFINITIONS,
    FairnessScale,
    ThresholdAudit,
    apply_rule,
    decision_rule,
    flags_of,
    read_rule,
    scale_text,
    spread,
)
from recidiv_core.ui.parts import json_bytes, literal, problems, table, verdict_mark
from recidiv_core.ui.state import Session, session

_UPLOAD = "thresholds upload"


def dots_key() -> None:
    """What the dots mean."""
    marks = " · ".join(
        f":{'blue' if kind in ('flagged rightly', 'left alone') else 'orange'}[{sign}] {kind}"
        for kind, (sign, *_) in DOTS.items()
    )
    st.caption(
        f"{marks} · solid line: the group's threshold · dotted: the baseline, one threshold for all. People at the line and right of it are flagged."
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
                f"{'**' if row.satisfied else ''}{state}{'**' if row.satisfied else ''}  \nrange {_short(row.range, row.definition, audit)}"
            )
            st.caption(_beyond(audit, row))


def _beyond(audit: ThresholdAudit, row: Any) -> str:
    """What is known beyond these rows: a verdict, and for thresholds that were searched for what it rests on."""
    if audit.solution is None:
        return f"{verdict_mark(row.verdict)} · people like these"
    if audit.solution.trivial:
        return "not judged on other rows: trivial"
    other = _short(row.held_out_range, row.definition, audit)
    return f"{verdict_mark(row.held_out_verdict)} · tuned on half, judged on half: {other}"


def _short(value: float, definition: str, audit: ThresholdAudit) -> str:
    text = spread(value, definition, audit.options["tolerance"])
    return f"{text.split(' ')[0]} pp" if "percentage" in text else text


def rule_box(current: Session, audit: ThresholdAudit) -> None:
    """Take the rule away, take the flags away, and bring a rule back."""
    take, bring = st.columns(2, gap="large")
    with take:
        rule = decision_rule(audit)
        flags, file_name = flags_of(rule, current.dataset), f"rule-{zlib.crc32(audit.attribute.encode()):08x}.json"
        st.download_button(
            "Download the decision rule (JSON)", json_bytes(rule), file_name, "application/json", key="thresholds rule",
            icon=":material/data_object:", on_click="ignore", type="primary",
            help="Attribute, thresholds per group, how ties are treated, definition, tolerance, and the data they were tuned on.",
        )  # fmt: skip
        st.download_button(
            f"Download who is flagged (CSV, {int(flags['flagged'].sum()):,} of {len(flags):,})", lambda: csv_bytes(flags), "flagged.csv",
            "text/csv", key="thresholds flags", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    with bring:
        st.file_uploader(
            "Apply a rule to this table", ["json"], key=_UPLOAD, max_upload_size=1, on_change=_bring,
            help="A decision rule as downloaded here. It sets the thresholds of its attribute.",
        )  # fmt: skip
        if error := current.failures.get("rule"):
            problems(error)


def _bring() -> None:
    """Set the thresholds to those of the uploaded rule, and turn to its attribute."""
    current, uploaded = session(), st.session_state[_UPLOAD]
    current.failures.pop("rule", None)
    if uploaded is None:
        return
    try:
        apply_rule(uploaded.getvalue(), current.dataset)
        attribute, thresholds = read_rule(uploaded.getvalue())
    except InputError as error:
        current.failures["rule"] = error
        return
    own = {group: thresholds[group] for group in current.dataset.attributes[attribute].levels}
    current.attribute = attribute
    current.by_hand[attribute] = current.found[attribute] = own
    current.search = replace(current.search, definition=None)
    st.toast(f"The rule's thresholds by {literal(attribute)} are set", icon=":material/check:")


def scale_table(scale: FairnessScale) -> None:
    """The table behind the scale's picture, in words and figures."""
    text = scale_text(scale)
    table(text, name="fairness-scale-text", description="The fairness scale: performance and ranges of each row.")
    st.caption(
        "As in the paper, the best thresholds are those with the largest sum of F1, without limits or weights. Parentheses: "
        + ("the standard deviation over the parts." if scale.options["protocol"] == "paper" else "95 % interval; % of resamples: how often the definition holds when people are drawn anew.")
        + " Trivial: more than 95 % of a group are flagged, or spared."
    )  # fmt: skip
    for row in scale.table.itertuples():
        if row.reason:
            st.caption(f"{row.title}: {row.reason}.")
        if row.n_infeasible:
            st.caption(
                f"{row.title}: the tolerance could not be met in {row.n_infeasible} of the parts; there the nearest was taken."
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
            "**No explicit discrimination** → **Fairness through unawareness**  \nThe model was not given the protected attribute. "
            "Other columns can still carry it, so this alone equalises nothing."
        )  # fmt: skip
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
                    )  # fmt: skip
