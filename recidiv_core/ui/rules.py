"""The decision rule that goes out of the Thresholds page and comes back."""

from __future__ import annotations

import zlib
from dataclasses import replace

import streamlit as st

from recidiv_core.data import csv_bytes
from recidiv_core.errors import InputError
from recidiv_core.thresholds import ThresholdAudit, apply_rule, decision_rule, flags_of, read_rule
from recidiv_core.ui.exchange import download, taken
from recidiv_core.ui.parts import json_bytes, literal, problems
from recidiv_core.ui.state import Session, session

_UPLOAD = "thresholds upload"


def rule_box(current: Session, audit: ThresholdAudit) -> None:
    """Take the rule away, take the flags away, and bring a rule back."""
    take, bring = st.columns(2, gap="large")
    with take:
        rule = decision_rule(audit)
        file_name = f"rule-{zlib.crc32(audit.attribute.encode()):08x}.json"
        download(
            "Download the decision rule (JSON)",
            json_bytes(rule),
            file_name,
            "application/json",
            key="thresholds rule",
            icon=":material/data_object:",
            type="primary",
            help="Attribute, thresholds per group, how ties are treated, definition, tolerance, and the data they were "
            "tuned on.",
        )
        download(
            f"Download who is flagged (CSV, {audit.groups.n_flagged:,} of {len(current.dataset):,})",
            lambda: csv_bytes(flags_of(rule, current.dataset)),
            "flagged.csv",
            "text/csv",
            key="thresholds flags",
            icon=":material/download:",
        )
    with bring:
        st.file_uploader(
            "Apply a rule to this table",
            ["json"],
            key=_UPLOAD,
            max_upload_size=1,
            on_change=_bring,
            help="A decision rule as downloaded here. It sets the thresholds of its attribute.",
        )
        if error := current.failures.get("rule"):
            problems(error)


def _bring() -> None:
    """Set the thresholds to those of the uploaded rule, and turn to its attribute."""
    current, uploaded = session(), st.session_state[_UPLOAD]
    current.failures.pop("rule", None)
    if uploaded is None:
        return
    try:
        rule = taken(uploaded)
        apply_rule(rule, current.dataset)
        attribute, thresholds = read_rule(rule)
    except InputError as error:
        current.failures["rule"] = error
        return
    own = {group: thresholds[group] for group in current.dataset.attributes[attribute].levels}
    current.attribute = attribute
    current.by_hand[attribute] = current.found[attribute] = own
    current.search = replace(current.search, definition=None)
    st.toast(f"The rule's thresholds by {literal(attribute)} are set", icon=":material/check:")
