"""The Data page's workbench: choose a table, say what its columns are, derive columns, and audit it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from recidiv_core.data import (
    POLARITIES,
    SAMPLES,
    Roles,
    Table,
    assign_roles,
    band,
    describe_types,
    intersect,
    join,
    read_table,
    suggest_cutpoints,
    suggest_roles,
)
from recidiv_core.errors import InputError
from recidiv_core.ui.exchange import taken
from recidiv_core.ui.parts import link, literal, problems
from recidiv_core.ui.state import Session, use_sample
from recidiv_core.ui.uploads import uploaded

TABLE_TYPES = ["csv", "txt", "tsv", "parquet", "pq", "xlsx"]
_NONE = "(none)"


def bench(current: Session) -> None:
    """Draw the workbench."""
    source, roles = st.columns([2, 3], gap="large")
    with source:
        _source(current)
    with roles:
        _roles(current)
    _derive(current)


def _source(current: Session) -> None:
    st.subheader("1 · The table", anchor=False)
    file = st.file_uploader(
        "Your own file: CSV, Parquet or XLSX",
        TABLE_TYPES,
        key="data upload",
        help="It stays on this machine. It is read, checked, and shown with a guess at the roles; nothing is audited "
        "before you say so.",
    )
    if file is not None and current.uploads.get("table") != file.file_id:
        current.uploads["table"] = file.file_id
        _read(current, file)
    if error := current.failures.get("table"):
        problems(error)
    name = st.selectbox(
        "Or a sample",
        list(SAMPLES),
        format_func=lambda n: SAMPLES[n].title,
        key="data sample",
        index=list(SAMPLES).index(current.draft.name) if current.draft.name in SAMPLES else None,
        placeholder="Choose a sample",
    )
    if name is not None and st.button("Use this sample", key="data use sample"):
        use_sample(name)
        st.rerun()


def _read(current: Session, file: UploadedFile) -> None:
    current.failures.pop("table", None)
    try:
        with st.spinner("Reading the file …", show_time=True):
            table = read_table(taken(file), name=file.name)
            current.prepare(table, suggest_roles(table))
    except InputError as error:
        current.failures["table"] = error


@dataclass(frozen=True)
class _Choices:
    """Boxes to choose columns of a draft for its roles, each starting with the guess."""

    draft: Table
    guess: Roles | None

    @cached_property
    def columns(self) -> list[str]:
        return list(self.draft.frame.columns)

    @cached_property
    def kinds(self) -> pd.Series:
        return describe_types(self.draft).set_index("column")["type"]

    @property
    def key(self) -> str:
        return f"{self.draft.sha256[:8]}{len(self.draft.steps)}"

    def show(self, column: str) -> str:
        """A column with its kind."""
        return column if column == _NONE else f"{column} ({self.kinds[column]})"

    def one(self, label: str, role: str, *, optional: bool = True, help: str | None = None) -> str | None:
        """A box for a role that one column plays; None where none does."""
        options = [_NONE, *self.columns] if optional else self.columns
        start = getattr(self.guess, role, None)
        found = st.selectbox(
            label,
            options,
            index=options.index(start) if start in options else (0 if optional else None),
            format_func=self.show,
            key=f"role {role} {self.key}",
            help=help,
            placeholder="Choose a column",
        )
        return None if found == _NONE else found

    def attributes(self) -> list[str]:
        """A box for the protected attributes."""
        return st.multiselect(
            "Protected attributes",
            self.columns,
            default=[c for c in getattr(self.guess, "sensitive", ()) if c in self.columns],
            format_func=self.show,
            key=f"role sensitive {self.key}",
            help="Numbers with many values are banded at their quartiles; choose your own cut-points below.",
        )

    def polarity(self) -> str:
        """A box for what being flagged does to a person."""
        return st.selectbox(
            "Being flagged",
            POLARITIES,
            index=POLARITIES.index(getattr(self.guess, "polarity", "punitive")),
            key=f"role polarity {self.key}",
            format_func={"punitive": "harms the person (punitive)", "assistive": "helps the person (assistive)"}.get,
        )


def _roles(current: Session) -> None:
    draft = current.draft
    choose = _Choices(draft, current.draft_roles)
    st.subheader("2 · What its columns are", anchor=False)
    st.caption(
        f"{literal(draft.name)}: {len(draft.frame):,} rows, {len(choose.columns):,} columns. Changes count when you "
        "press the button."
    )
    roles = _chosen(choose)
    if roles is None:
        st.caption("Choose the outcome first: a column with two values.")
    else:  # what is chosen here is what a band or a join adds to
        current.draft_roles = roles
    if st.button(
        "Audit this table", type="primary", key="data audit", icon=":material/play_arrow:", disabled=roles is None
    ):
        _apply(current)
    if error := current.failures.get("roles"):
        problems(error)
    waiting = current.training
    if waiting.table is draft and waiting.roles.score is None and waiting.roles.prediction is None:
        with st.container(border=True):
            st.markdown(f"{literal(draft.name)} has no score yet, so there is nothing to audit. A model gives it one.")
            link("models", "**Train or load a model for this table**", icon=":material/model_training:")


def _chosen(choose: _Choices) -> Roles | None:
    """Draw a box for each role; the roles, or None while there is no outcome."""
    left, right = st.columns(2)
    with left:
        label = choose.one("Outcome (label)", "label", optional=False, help="What really happened; two values.")
        positive = _positive(choose.draft, label, choose.guess, choose.key)
        score = choose.one("Score", "score", help="What the model says, in any unit; higher means more of the outcome.")
        prediction = choose.one("Prediction", "prediction", help="The model's yes or no, coded like the outcome.")
    with right:
        sensitive = choose.attributes()
        polarity = choose.polarity()
        weight = choose.one("Row weight", "weight")
        identifier = choose.one("Id", "id")
    if label is None:
        return None
    return Roles(
        label,
        score=score,
        prediction=prediction,
        sensitive=tuple(sensitive),
        weight=weight,
        id=identifier,
        positive_label=positive,
        polarity=polarity,
        features=getattr(choose.guess, "features", ()),
    )


def _positive(draft: Table, label: str | None, guess: Roles | None, key: str) -> object:
    """Which of the label's values is the event; asked only when there are few enough to show."""
    values = [] if label is None else draft.frame[label].dropna().unique()[:21].tolist()
    if not 0 < len(values) <= 20:
        return 1
    start = next(
        (i for i, v in enumerate(values) if str(v) in ("1", "1.0", "True", str(getattr(guess, "positive_label", 1)))), 0
    )
    return st.selectbox("The outcome is there when it says", values, index=start, key=f"role positive {key} {label}")


def _apply(current: Session) -> None:
    current.failures.pop("roles", None)
    roles = current.draft_roles
    try:
        if roles.score is None and roles.prediction is None:
            assign_roles(current.draft, roles, is_scored=False)
            st.toast(
                f"{literal(current.draft.name)} has no score: train or load a model for it.",
                icon=":material/model_training:",
            )
        else:
            current.use(assign_roles(current.draft, roles))
            st.toast(f"Audited {literal(current.draft.name)}. See Overview and Groups.", icon=":material/check:")
        current.train_on(current.draft, roles)
    except InputError as error:
        current.failures["roles"] = error
    st.rerun()


def _derive(current: Session) -> None:
    """Bands, intersections and a separate file: each makes a new column of the draft."""
    draft = current.draft
    with st.expander("Band a number, combine attributes, or bring protected attributes from a separate file"):
        bands, crossings, separate = st.columns(3, gap="large")
        with bands:
            _band(current, draft)
        with crossings:
            _intersect(current, draft)
        with separate:
            _join(current, draft)
        if error := current.failures.get("derive"):
            problems(error)


def _derived(current: Session, make, *columns: str) -> None:
    """Run one derivation; on success the new columns join the protected attributes."""
    current.failures.pop("derive", None)
    try:
        table = make()
    except InputError as error:
        current.failures["derive"] = error
        st.rerun()
    added = tuple(c for c in table.frame.columns if c not in current.draft.frame.columns)
    replaced = tuple(c for c in getattr(current.draft_roles, "sensitive", ()) if c not in columns)
    roles = current.draft_roles
    if roles is not None:
        roles = Roles(**(roles.to_dict() | {"sensitive": (*replaced, *added)}))
    current.prepare(table, roles)
    st.rerun()


def _band(current: Session, draft: Table) -> None:
    numeric = [
        c for c in draft.frame.columns if pd.api.types.is_numeric_dtype(draft.frame[c]) and draft.frame[c].nunique() > 2
    ]
    column = st.selectbox(
        "Band a numeric attribute",
        numeric,
        index=None,
        key=f"band column {len(draft.steps)}",
        placeholder="Choose a column",
    )
    if column is None:
        return
    start = ", ".join(f"{cut:g}" for cut in suggest_cutpoints(draft.frame[column]))
    text = st.text_input(
        "Cut-points",
        start,
        key=f"band cuts {column} {len(draft.steps)}",
        help="A value equal to a cut-point opens the next band.",
    )
    if st.button("Add the bands", key="band add"):
        _derived(current, lambda: band(draft, column, cutpoints=_numbers(text)), column)


def _numbers(text: str) -> list[float]:
    try:
        return sorted({float(part) for part in text.replace(";", ",").split(",") if part.strip()})
    except ValueError:
        raise InputError.one("cut-points", "numbers separated by commas", "something else") from None


def _intersect(current: Session, draft: Table) -> None:
    columns = st.multiselect(
        "Combine attributes", list(draft.frame.columns), key=f"cross columns {len(draft.steps)}", max_selections=3
    )
    if len(columns) >= 2 and st.button("Add the combination", key="cross add"):
        _derived(current, lambda: intersect(draft, columns))


def _join(current: Session, draft: Table) -> None:
    other = uploaded(
        current,
        "join",
        label="Protected attributes in a separate file",
        types=TABLE_TYPES,
        load=lambda data, name: read_table(data, name=name),
    )
    if other is None:
        return
    shared = [c for c in other.frame.columns if c in draft.frame.columns]
    on = st.selectbox(
        "Id in both files", shared, key="join on", index=0 if shared else None, placeholder="No column in common"
    )
    fresh = [c for c in other.frame.columns if c not in draft.frame.columns]
    columns = st.multiselect("Columns to bring", fresh, default=fresh[:3], key="join columns")
    if on is not None and columns and st.button("Join", key="join add"):
        _derived(current, lambda: join(draft, other, on=on, columns=columns))
