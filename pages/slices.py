"""Where the model fails: slices found exactly, confirmed on rows that the search did not see."""

import streamlit as st

from recidiv_core.charts.slices import lattice_chart, makeup_chart, parts_chart, slices_chart, spread_chart
from recidiv_core.errors import InputError
from recidiv_core.slices import slice_answer, slice_notes
from recidiv_core.ui.parts import (
    READING_SLICES,
    about,
    add_to_report,
    answer_box,
    explanations,
    literal,
    opening,
    picture,
    problems,
    table,
)
from recidiv_core.ui.slices import binning, bins_back, by_hand, comparison, search_controls
from recidiv_core.ui.state import session
from recidiv_core.ui.work import work_on_slices
from recidiv_core.words import opened

_HIDDEN = ["slice"]
# As read: who, whether, how much, how sure, how many; then what the search saw.
_COLUMNS = [
    "rank",
    "words",
    "confirmed",
    "held_out_error",
    "excess",
    "low",
    "high",
    "p_holm",
    "held_out_n",
    "held_out_share",
    "reason",
    "kind",
    "level",
    "n",
    "share",
    "mean_error",
    "max_error",
    "score",
    "n_folded",
    "p_value",
]
_VIEWS = {
    "makeup": "Who is in it",
    "spread": "How its error spreads",
    "parts": "Which part matters",
    "lattice": "What lies around it",
    "folded": "Near-duplicates",
}


def whole(current, audit) -> None:
    """The table behind the picture, and one slice from close by."""
    with st.expander("Table", icon=":material/table:"):
        table(audit.table[_COLUMNS], name="slices", description="Every slice with its numbers.")
    st.subheader("Look closer", anchor=False)
    ranks = list(audit.table["rank"])
    words = dict(zip(ranks, audit.table["words"], strict=True))
    rank = st.selectbox(
        "Slice", ranks, format_func=lambda r: f"{r} · {words[r]}", key=f"slices pick {audit.dataset['digest'][:12]}"
    )
    view = st.segmented_control(
        "View",
        list(_VIEWS),
        default="makeup",
        required=True,
        format_func=_VIEWS.get,
        key="slices view",
        label_visibility="collapsed",
    )
    closer(current, audit, rank, view)


def closer(current, audit, rank, view) -> None:
    row = audit.table.set_index("rank").loc[rank]
    if view == "folded":
        own = audit.folded[audit.folded["under"] == rank].drop(columns=["under", *_HIDDEN])
        if own.empty:
            st.markdown("No other slice found holds nearly the same people.")
        else:
            st.caption(
                "Slices whose people are more than 80 % the same (Jaccard index); each has a lower score than this one."
            )
            table(own, name="slices-folded", description="Near-duplicates of the slice.")
        return
    detail = current.close_by(audit, row["slice"])
    titles = {
        "makeup": (
            "who is in it (dots, with intervals), against all people that the error is about (ticks); searched and "
            "held-out rows",
            makeup_chart,
            detail.makeup,
        ),
        "spread": ("how its error spreads, on held-out rows", lambda d: spread_chart(audit, d), detail.spread),
        "parts": (
            "what each part adds: the slice's error less that of the slice without this part, on held-out rows",
            lambda d: parts_chart(audit, d),
            detail.parts,
        ),
        "lattice": (
            "its neighbours, with one part fewer (circles) and one more (squares), on held-out rows",
            lambda d: lattice_chart(audit, d),
            detail.lattice.drop(columns=_HIDDEN),
        ),
    }
    title, chart, data = titles[view]
    picture(f"Slice {rank}, {detail.words}: {title}", chart(detail), name=f"slice-{rank}-{view}", table=data)
    with st.expander("Table"):
        table(data, name=f"slice-{rank}-{view}-table", description=title)


def chosen_for_report(audit):
    """The audit with the slices that the user wants in the report."""
    words = dict(zip(audit.table["rank"], audit.table["words"], strict=True))
    ranks = st.multiselect(
        "Slices for the report",
        list(words),
        list(words),
        format_func=lambda r: f"{r} · {words[r]}",
        key=f"slices report {audit.dataset['digest'][:12]} {hash(tuple(words.values()))}",
    )
    return audit.only(ranks) if ranks else None


opening("slices")
about()
current = session()
space = st.container()
shown, beside = st.columns([5, 2], gap="large")
with beside:
    search_controls(current)
with space:
    try:
        audit = work_on_slices(current)
    except InputError as error:
        problems(error)
        st.button("Drop changed bins and slices by hand", key="slices drop", icon=":material/undo:", on_click=bins_back)
        audit = None
if audit is not None:
    with space:
        answer_box(None, slice_answer(audit))
        for note in slice_notes(audit):
            st.caption(literal(note))
        if audit.left_out:
            st.caption(
                f"Columns not searched: {len(audit.left_out)}. They are listed below, under “How the columns were "
                "cut”, with reasons."
            )
    with shown:
        if len(audit.table):
            picture(
                f"{opened(audit.error_mean)} of each slice on held-out rows; dashed: of all; tick: on the rows "
                "searched",
                slices_chart(audit),
                name="slices",
                table=audit.table.drop(columns=_HIDDEN),
            )
        by_hand(current, audit)
    if len(audit.table):
        whole(current, audit)
    st.subheader("How the columns were cut", anchor=False)
    binning(current, audit)
    st.subheader("Compare models or versions", anchor=False)
    comparison(current, audit)
    if len(audit.table):
        chosen = chosen_for_report(audit)
        if chosen is not None:
            add_to_report(chosen, key="slices")
explanations(READING_SLICES)
