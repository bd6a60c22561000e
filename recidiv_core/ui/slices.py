"""The controls of the Slices page: what is searched, slices written by hand, bins, and another variant to compare
with.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from recidiv_core.charts.slices import bins_chart, comparison_chart
from recidiv_core.data import AuditDataset, Roles, load_dataset
from recidiv_core.errors import InputError
from recidiv_core.slices import (
    BY_HAND,
    LOSSES,
    MAX_BINS,
    TRENDS,
    SliceAudit,
    candidates,
    comparison_sentence,
    default_error,
    is_share,
    unavailable,
)
from recidiv_core.ui.exchange import taken
from recidiv_core.ui.parts import literal, picture, problems, spoken, table
from recidiv_core.ui.state import Session, session
from recidiv_core.ui.work import work_on_comparison

_ALPHAS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 1.0)
_LEVELS = (1, 2, 3, 4, 5)
_ANY = "any number"
_TYPES = ["csv", "txt", "tsv", "parquet", "pq", "xlsx"]


def search_controls(current: Session) -> None:
    """Error, columns, number of slices; the rest under "More". Each takes effect at once."""
    st.markdown("**Controls**")
    slicing, dataset = current.slicing, current.dataset
    own = [name for name in LOSSES if not unavailable(dataset, name)]
    errors = [*own, *error_columns(dataset)]
    chosen = slicing.error or default_error(dataset)
    error = st.selectbox(
        "Error",
        errors,
        index=errors.index(chosen),
        format_func=lambda name: LOSSES[name].title if name in LOSSES else f"Column: {name}",
        key=_key(current, "error"),
        help=" ".join(f"{LOSSES[name].title}: {LOSSES[name].help}" for name in own) + " Or a column of your own.",
    )
    if reason := unavailable(dataset, "log_loss"):
        st.caption(f"No log loss: {reason}.")
    include = st.checkbox(
        "Search protected attributes too",
        slicing.include_sensitive,
        key=_key(current, "sensitive"),
        help="Without them, slices are made of the other columns only; who is in a slice is shown all the same.",
    )
    k = st.slider("Slices", 1, 30, slicing.k, key=_key(current, "k"), help="How many, near-duplicates not counted.")
    alpha = st.select_slider(
        "α: error against size",
        _ALPHAS,
        slicing.alpha,
        format_func=lambda a: f"{a:g}",
        key=_key(current, "alpha"),
        help="Higher: small slices with much error come first. Lower: larger ones. At 0.95 a slice of a tenth of the "
        "people needs at least half as much error again as the average; at 0.99 a tenth more.",
    )
    level = st.select_slider(
        "Most parts in a slice",
        (*_LEVELS, _ANY),
        slicing.max_level or _ANY,
        key=_key(current, "level"),
        help="“age 18–21 and priors 3–5” has two parts.",
    )
    support, features, holdout = _more(current, error)
    current.slicing = replace(
        slicing,
        error=error,
        include_sensitive=include,
        k=k,
        alpha=alpha,
        max_level=None if level == _ANY else level,
        min_support=support,
        features=features,
        holdout=holdout,
    )


def _more(current: Session, error: str) -> tuple[int | None, tuple[str, ...] | None, float]:
    slicing, dataset = current.slicing, current.dataset
    with st.expander("More"):
        support = st.number_input(
            "σ: fewest rows in a slice",
            1,
            len(dataset),
            slicing.min_support,
            key=_key(current, "support"),
            placeholder="1 %, at least 32",
            help="Of the rows searched. Empty: one in a hundred, and at least 32.",
        )
        everything = candidates(dataset, error=error) + [
            name
            for name in dataset.frame.columns
            if name not in dataset.attributes and name not in _taken(dataset, error)
        ]
        everything = list(dict.fromkeys(everything))
        start = [name for name in slicing.features or () if name in everything]
        features = st.multiselect(
            "Columns",
            everything,
            start,
            key=_key(current, "features"),
            placeholder="As the program chooses",
            help="Empty: those that the roles name, else all but identifiers, dates, steps of the score, and what "
            "looks recorded after the outcome.",
        )
        holdout = st.select_slider(
            "Rows held out",
            (0.2, 0.3, 0.4, 0.5, 0.6),
            slicing.holdout,
            format_func=lambda share: f"{100 * share:g} %",
            key=_key(current, "holdout"),
            help="Kept from search and binning, to test what was found.",
        )
    return support, tuple(features) or None, holdout


def _taken(dataset: AuditDataset, error: str) -> set[str | None]:
    roles = dataset.roles
    return {roles.label, roles.score, roles.prediction, roles.weight, roles.id, error}


def error_columns(dataset: AuditDataset) -> list[str]:
    """Numeric columns without a role, none negative: each can be an error of one's own."""

    def found() -> list[str]:
        names = [
            n
            for n in dataset.frame.columns
            if n not in _taken(dataset, "") and n not in dataset.attributes and n not in LOSSES
        ]
        numbers = [n for n in names if pd.api.types.is_numeric_dtype(dataset.frame[n])]
        return [n for n in numbers if dataset.frame[n].min() >= 0 and dataset.frame[n].max() > 0]

    return dataset.reduced("error columns", found)


def _key(current: Session, name: str) -> str:
    return f"slices {name} {current.dataset.digest[:12]}"


def by_hand(current: Session, audit: SliceAudit) -> None:
    """Write a slice as columns and levels; take one away."""
    levels = audit.binning.table.groupby("column", sort=False)["level"].apply(list).to_dict()
    with st.expander("Write a slice by hand", icon=":material/edit:"):
        n = len(current.slicing.manual)
        columns = st.multiselect("Columns of the slice", list(levels), key=f"{_key(current, 'hand')} {n}")
        chosen = []
        for name in columns:
            picked = st.multiselect(
                f"{literal(name)} is any of", levels[name], key=f"{_key(current, 'hand')} {n} {name}"
            )
            chosen.append((name, tuple(picked)))
        is_ready = bool(chosen) and all(picked for _, picked in chosen)
        st.button(
            "Add this slice",
            key=_key(current, "hand add"),
            icon=":material/add:",
            disabled=not is_ready,
            on_click=_add,
            args=(tuple(chosen),),
        )
        rows = audit.table[audit.table["kind"] == BY_HAND]
        for position, row in enumerate(rows.itertuples()):
            text, away = st.columns([5, 1], vertical_alignment="center", wrap=False)
            text.markdown(literal(row.words))
            away.button(
                "Remove",
                key=f"{_key(current, 'hand remove')} {position}",
                type="tertiary",
                on_click=_remove,
                args=(position,),
                help=f"Remove the slice {spoken(row.words)}",
            )


def _add(slice_: tuple[tuple[str, tuple[str, ...]], ...]) -> None:
    current = session()
    if slice_ not in current.slicing.manual:
        current.slicing = replace(current.slicing, manual=(*current.slicing.manual, slice_))


def _remove(position: int) -> None:
    current = session()
    manual = current.slicing.manual
    current.slicing = replace(current.slicing, manual=manual[:position] + manual[position + 1 :])


def binning(current: Session, audit: SliceAudit) -> None:
    """The levels of each column with their event rates, and the cut-points, which can be changed."""
    shown, changed = st.columns([3, 2], gap="large")
    changed_by_hand = [
        name
        for pairs in (current.slicing.cutpoints, current.slicing.special, current.slicing.monotonic)
        for name, _ in pairs
    ]
    names = list(dict.fromkeys([*audit.binning.table["column"], *changed_by_hand]))
    with changed:
        name = st.selectbox("Column", names, key=_key(current, "bin column"))
        is_left_out = name not in set(audit.binning.table["column"])
        if is_left_out:
            st.warning(literal(f"Not searched as it is: {audit.left_out.get(name, 'no level')}. Change it here."))
        if name in audit.binning.cutpoints or is_left_out:
            _cut_points(current, audit, name)
        else:
            st.caption("Its values are levels as they are; rare ones are pooled.")
        st.button(
            "All columns back to the bins found",
            key=_key(current, "bins back"),
            on_click=bins_back,
            type="tertiary",
            icon=":material/undo:",
            disabled=not (current.slicing.cutpoints or current.slicing.special or current.slicing.monotonic),
        )
    with shown:
        if not is_left_out:
            title = f"The levels of {name} and how often the outcome followed, on the rows searched"
            picture(title, bins_chart(audit.binning.table, name), name="bins", table=audit.binning.table)
    with st.expander("All levels, and the columns not searched"):
        table(audit.binning.table, name="bins-table", description="Every level of every column with its event rate.")
        if audit.left_out:
            left_out = pd.DataFrame(audit.left_out.items(), columns=["column", "reason"])
            table(left_out, name="bins-left-out", description="The columns that were not searched, and why.")


def _cut_points(current: Session, audit: SliceAudit, name: str) -> None:
    slicing = current.slicing
    cuts = audit.binning.cutpoints.get(name, ())
    special, trend = dict(slicing.special).get(name, ()), dict(slicing.monotonic).get(name, "none")
    with st.form(_key(current, f"bins {name} {cuts} {special} {trend}"), border=False):
        points = st.text_input("Cut-points", _text(cuts), help="A value equal to a cut-point opens the next level.")
        codes = st.text_input(
            "Special codes",
            _text(special),
            help="Values that are no quantities, such as -9 for refused: each becomes a level of its own.",
        )
        wanted = st.selectbox(
            "Trend of the event rate",
            ("none", *TRENDS),
            ("none", *TRENDS).index(trend),
            help="What shape the share with the outcome may have from level to level. A trend makes the program look "
            "for the cut-points again.",
        )
        if not st.form_submit_button("Use these"):
            return
    try:
        new_cuts, new_codes = _numbers(points), _numbers(codes)
    except InputError as error:
        problems(error)
        return
    is_by_hand = new_cuts != cuts or name in dict(slicing.cutpoints)
    current.slicing = replace(
        slicing,
        special=_put(slicing.special, name, new_codes),
        monotonic=_put(slicing.monotonic, name, "" if wanted == "none" else wanted),
        cutpoints=_put(slicing.cutpoints, name, new_cuts if is_by_hand and wanted == trend else ()),
        manual=tuple(own for own in slicing.manual if name not in dict(own)),  # their levels may be gone
    )
    n_dropped = len(slicing.manual) - len(current.slicing.manual)
    if n_dropped:
        st.toast(f"Slices by hand that used {literal(name)} were removed: {n_dropped}.", icon=":material/info:")
    st.rerun()


def _text(numbers: tuple[float, ...]) -> str:
    return ", ".join(f"{number:.15g}" for number in numbers)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        found = tuple(sorted({float(part) for part in text.replace(";", ",").split(",") if part.strip()}))
    except ValueError:
        found = (math.nan,)
    if not all(map(math.isfinite, found)) or len(found) >= MAX_BINS:
        raise InputError.one(
            "cut-points and codes", f"fewer than {MAX_BINS} finite numbers, separated by commas", "something else"
        )
    return found


def _put(pairs: tuple[tuple[str, Any], ...], name: str, value: Any) -> tuple[tuple[str, Any], ...]:
    """The pairs with one set anew; without it when the value is empty."""
    kept = tuple(pair for pair in pairs if pair[0] != name)
    return (*kept, (name, value)) if value else kept


def bins_back() -> None:
    """The bins that OptBinning found, and no slices by hand, which name levels of the bins that they were written
    for.
    """
    current = session()
    current.slicing = replace(current.slicing, cutpoints=(), special=(), monotonic=(), manual=())


def _is_score(dataset: AuditDataset, name: str, error: str) -> bool:
    """Whether a column can be a score; under log loss only what could be a probability."""
    values = dataset.frame[name]
    return pd.api.types.is_numeric_dtype(values) and (error != "log_loss" or (values.min() >= 0 and values.max() <= 1))


def comparison(current: Session, audit: SliceAudit) -> None:
    """The same slices with another score of this table, or in another table with the same columns."""
    st.caption(
        "Another model: choose its score column. Another version of the data: upload it, with the same columns. "
        "Compared are all rows, the first three slices found here, and those written by hand; each interval is at "
        "the confidence level by itself, while those in the picture above allow for all slices together."
    )
    dataset = current.dataset
    left, right = st.columns(2, gap="large")
    numbers = [
        name
        for name in dataset.frame.columns
        if name not in _taken(dataset, "") and _is_score(dataset, name, audit.error)
    ]
    column = left.selectbox(
        "Another score in this table",
        numbers,
        index=None,
        key=_key(current, "variant column"),
        placeholder="Choose a column",
    )
    upload = right.file_uploader("Or another table with these columns", _TYPES, key=_key(current, "variant upload"))
    if upload is None and column is None:
        return
    if upload is not None and column is not None:
        st.caption("Compared is the table; take it away to compare the column.")
    try:
        if upload is not None:
            name = upload.name if upload.name != dataset.name else f"{upload.name} (2)"
            other = current.variant(
                upload.file_id, lambda: load_dataset(taken(upload), roles=dataset.roles, name=upload.name)
            )
        else:
            name, roles = (
                f"{dataset.name}, {column}",
                Roles(**(dataset.roles.to_dict() | {"score": column, "prediction": None})),
            )
            other = current.variant(column, lambda: load_dataset(dataset.frame, roles=roles, name=dataset.name))
        found = work_on_comparison(current, name, other)
    except InputError as error:
        problems(error)
        return
    if found is not None:
        st.markdown(literal(comparison_sentence(found, share=is_share(audit))))
        chart = comparison_chart(audit.error_mean, found, share=is_share(audit))
        picture("The same slices in each variant, on held-out rows", chart, name="variants", table=found)
        table(
            found,
            name="variants-table",
            description="Error and share of each slice in each variant, with the change against the first.",
        )
