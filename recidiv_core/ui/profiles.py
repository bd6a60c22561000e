"""Profiles by hand on the Counterfactuals page: how their columns are made, and the questions about one person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from recidiv_core.counterfactuals import FIELDS, CounterfactualAudit, FieldSpec, ProfileSpec, Single, ask_one
from recidiv_core.data import AuditDataset
from recidiv_core.errors import InputError
from recidiv_core.models import TrainedModel
from recidiv_core.ui.counterfactuals import PairChoices, common_values, spec_of, which_model
from recidiv_core.ui.parts import problems, spoken, table
from recidiv_core.ui.state import Session

_WAYS = {"range": "a range", "levels": "levels", "field": "a field of Mimesis"}


def about_one(
    current: Session, dataset: AuditDataset, model: TrainedModel, audit: CounterfactualAudit
) -> Single | None:
    """One profile, typed in or a row of the table, and what was asked about it."""
    is_row = st.segmented_control(
        "Start from",
        [False, True],
        default=False,
        required=True,
        key="pairs start",
        format_func={False: "A made profile", True: "A row of the table"}.get,
    )
    number = 1
    if is_row:
        number = st.number_input(
            "Row",
            1,
            len(dataset),
            1,
            key="pairs row",
            help="What is asked about a row of the table stays out of the report.",
        )
        start = dataset.frame.iloc[int(number) - 1].to_dict()
    else:
        start = audit.pairs_of(audit.order[:1]).iloc[0].to_dict()
    key = f"{dataset.digest[:10]} {is_row} {number} {current.pair_choices.key()}"
    profile = _typed_in(dataset, model, audit, start, key)
    allowed = st.multiselect(
        "What may change",
        list(profile),
        [n for n in profile if n not in audit.attributes],
        key=f"pairs allowed {'|'.join(profile)}"[:200],
    )
    if not allowed:
        st.info("Choose at least one thing that may change.")
        return None
    which = (
        "one",
        *which_model(model, current.pair_choices),
        audit.threshold,
        repr(profile),
        repr(audit.made.vary),
        tuple(allowed),
    )
    single = current.built(
        which,
        lambda: ask_one(
            model, audit, profile, allowed=allowed, is_real=bool(is_row) or audit.made.source != "profiles"
        ),
    )
    current.compared["one"] = _of(audit), single
    return single


def known_single(current: Session, audit: CounterfactualAudit) -> Single | None:
    """What was asked about one profile last, if it was of this audit."""
    of, single = current.compared.get("one", (None, None))
    return single if of == _of(audit) else None


def _of(audit: CounterfactualAudit) -> str:
    return repr((audit.dataset["sha256"], audit.model, audit.threshold, audit.made.vary))


def profile_columns(current: Session, dataset: AuditDataset, model: TrainedModel, choices: PairChoices) -> None:
    """How each column of the profiles is made, and the widgets to make one in another way."""
    with st.expander("How the profiles are made", icon=":material/construction:"):
        try:
            spec = spec_of(current, dataset, model, choices)
        except InputError as error:
            problems(error)
            return
        table(spec.table(), name="pairs-spec", description="How each column of the profiles is made.")
        if choices.source == "profiles":
            _edit_columns(current, spec, choices)


def _edit_columns(current: Session, spec: ProfileSpec, choices: PairChoices) -> None:
    """One column of the profiles at a time: how it is made."""
    name = st.selectbox(
        "Column to make in another way",
        [name for name in spec.columns if name not in choices.vary],
        index=None,
        key="pairs column",
        placeholder="Choose a column",
    )
    if name is None:
        return
    own, key = spec.columns[name], f"{name} {spec.dataset.digest[:8]}"
    way = st.segmented_control(
        "Made as",
        list(_WAYS),
        default=own.kind if own.kind in _WAYS else "levels",
        required=True,
        format_func=_WAYS.get,
        key=f"pairs way {key}",
    )
    made = _made(spec, name, own, way, key)
    left, right = st.columns(2)

    def keep(columns: dict[str, FieldSpec]) -> Callable[[], None]:
        def change() -> None:
            current.pair_choices = replace(current.pair_choices, columns=columns)

        return change

    left.button(
        "Make it so",
        on_click=keep({**choices.columns, name: made}),
        type="primary",
        key="pairs make so",
        width="stretch",
    )
    right.button(
        "All as suggested", on_click=keep({}), disabled=not choices.columns, key="pairs as suggested", width="stretch"
    )


def _made(spec: ProfileSpec, name: str, own: FieldSpec, way: str, key: str) -> FieldSpec:
    """How a column is to be made: from a field of Mimesis, a range of numbers, or a list of levels."""
    if way == "field":
        names = list(FIELDS)
        field_ = st.selectbox(
            "Field",
            names,
            names.index(own.field) if own.field in names else 0,
            format_func=FIELDS.get,
            key=f"pairs field {key}",
        )
        return FieldSpec(field=field_, follows=own.follows if own.follows in spec.columns else None)
    if way == "range":
        left, right, whole = st.columns(3, vertical_alignment="bottom")
        low = left.number_input("From", value=own.low if own.low is not None else 0.0, key=f"pairs low {key}")
        high = right.number_input("To", value=own.high if own.high is not None else 1.0, key=f"pairs high {key}")
        is_whole = whole.toggle("Whole numbers", own.is_whole, key=f"pairs whole {key}")
        return FieldSpec(low=low, high=high, is_whole=is_whole)
    known = (
        list(own.levels) or common_values(spec.dataset.frame[name])[:12]
        if name in spec.dataset.frame
        else list(own.levels)
    )
    return FieldSpec(
        levels=tuple(st.multiselect("Levels", known, known, key=f"pairs levels {key}", accept_new_options=True))
    )


def _typed_in(
    dataset: AuditDataset, model: TrainedModel, audit: CounterfactualAudit, start: dict[str, Any], key: str
) -> dict[str, Any]:
    """A widget for each column that the model takes, filled with ``start``."""
    found = {}
    places = st.columns(3)
    for position, feature in enumerate(model.features):
        name = model.columns.get(feature.name, feature.name)
        place, value, own = places[position % 3], start.get(name), f"pairs one {key} {name}"
        column = dataset.frame[name]
        if feature.kind == "number" and not pd.api.types.is_bool_dtype(column):
            is_whole = bool((column.dropna() % 1 == 0).all())
            number = None if value is None or pd.isna(value) else (int(value) if is_whole else float(value))
            found[name] = place.number_input(spoken(name), value=number, step=1 if is_whole else None, key=own)
        else:
            levels = list(feature.levels) or common_values(column)
            texts = list(map(str, levels))
            found[name] = place.selectbox(
                spoken(name), levels, texts.index(str(value)) if str(value) in texts else 0, key=own
            )
    return found
