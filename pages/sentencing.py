"""Sentences against the guidelines: a case like this one, the groups, like cases, and the years."""

from dataclasses import replace

import streamlit as st

from recidiv_core.charts.sentencing import (
    contrast_chart,
    groups_chart,
    histogram_chart,
    sides_chart,
    spread_chart,
    years_chart,
)
from recidiv_core.errors import InputError
from recidiv_core.sentencing import (
    LIMITS,
    audit_of,
    case_answer,
    case_text,
    sentencing_answer,
    sentencing_disparity,
)
from recidiv_core.ui.parts import (
    READING_SENTENCING,
    add_to_report,
    answer_box,
    explanations,
    literal,
    opening,
    picture,
    problems,
    table,
)
from recidiv_core.ui.sentencing import (
    case,
    columns,
    contrast,
    first_case,
    first_sentences,
    groups,
    is_known,
    records_of,
    source,
)
from recidiv_core.ui.state import session


def shown_case(found, of) -> None:
    """The case in pictures and tables."""
    if found.by_group.empty:
        st.info("No counted sentence has this charge and level. “What was counted”, below, says why sentences are not.")
        return
    what = case_text(found.asked)
    left, right = st.columns(2, gap="large")
    with left:
        picture(
            f"Mean deviation by group, with interval: {what}",
            groups_chart(found),
            name="sentencing-groups",
            table=found.by_group,
            of=of,
        )
        picture(
            f"Below, within and above the guidelines: {what}",
            sides_chart(found),
            name="sentencing-sides",
            table=found.by_group,
            of=of,
        )
    with right:
        picture(
            f"The middle half, nine in ten, and the median: {what}",
            spread_chart(found),
            name="sentencing-spread",
            table=found.distribution,
            of=of,
        )
        picture(
            "How far they deviate: "
            + " and ".join(side["group"] for side in (found.summary, found.comparison) if side["n"]),
            histogram_chart(found),
            name="sentencing-histogram",
            table=found.histogram,
            of=of,
        )
    tabs = st.tabs(["By group", "Five outputs", "Nature", "Distribution"])
    with tabs[0]:
        table(found.by_group, name="sentencing-by-group", description="Mean deviation and shares of each group.")
    with tabs[1]:
        st.caption(
            "What a defender is told: 1 how many sentences like this one; 2 how many of them are of each group; 3 "
            "and 4 how many of each are longer and shorter; 5 by what, under “Nature”."
        )
        table(found.outputs, name="sentencing-outputs", description="The first four outputs, one by one.")
    with tabs[2]:
        table(found.nature, name="sentencing-nature", description="Plea, disposition and place in the range, by group.")
    with tabs[3]:
        table(found.distribution, name="sentencing-distribution", description="Percentiles of the deviations by group.")


def shown_contrast(found, reason, truth, of) -> None:
    """Like cases, and the years."""
    if found is None:
        st.info(literal(reason))
        return
    left, right = st.columns(2, gap="large")
    with left:
        picture(
            f"Difference from {found.reference}: all cases, and like cases in two ways",
            contrast_chart(found),
            name="sentencing-contrast",
            table=found.table,
            of=of,
        )
        if truth is not None and found.attribute == "race" and found.reference == "White":
            st.caption(
                "These sentences were simulated, so the truth is known: a Black defendant is given "
                f"{truth['disparity']:g} months more than a White or Hispanic one in a case alike in all that is "
                "recorded, and cases differ: that is why the unadjusted difference is larger."
            )
    with right:
        if found.by_year["difference"].notna().any():
            picture(
                f"Difference from {found.reference} in like cases, by year",
                years_chart(found),
                name="sentencing-years",
                table=found.by_year,
                of=of,
            )
        else:
            st.caption("No trend: the records have no years, or too few sentences in each.")
    tabs = st.tabs(["Like cases", "By year"])
    with tabs[0]:
        table(found.table, name="sentencing-contrast", description="Differences, unadjusted and adjusted in two ways.")
        if len(found.left_out):
            st.caption(
                literal(
                    "Too few counted sentences to compare, or not known: "
                    f"{', '.join(found.left_out['group'].astype(str))}."
                )
            )
    with tabs[1]:
        st.caption(
            "A year in which either group has fewer than 30 counted sentences, or a single one would decide, has "
            "no difference."
        )
        table(found.by_year, name="sentencing-by-year", description="The adjusted difference within each year.")
        if len(found.change):
            table(found.change, name="sentencing-change", description="How the adjusted difference changes a year.")


def shown(records, truth) -> None:
    """The answers, the case, the contrast, and to the report."""
    if records.counted.empty:
        st.warning("No sentence is counted: choose the columns, the disposition above all, so that some are.")
        table(records.ledger, name="sentencing-ledger", description="Why no sentence is counted.")
        return
    of = f"{records.dataset['name']} · {len(records):,} sentences"
    st.subheader("A case like this one", anchor=False)
    chosen = case(records, current.case_choices)
    found = sentencing_disparity(records, **chosen.case())
    shown_case(found, of)
    st.subheader("Like cases", anchor=False)
    chosen = groups(records, chosen)
    current.case_choices = chosen
    made = contrast(current, records, chosen)
    if made is not None:
        shown_contrast(*made, truth, of)
    with answers:
        st.caption(
            "Months; in brackets the interval in which they lie for all such sentences, as far as these can tell; "
            "n: how many sentences. “How to read this” says more."
        )
        audit = None if made is None else audit_of(records, found, *made)
        for text in [case_answer(found)] if audit is None else sentencing_answer(audit):
            answer_box(None, text)
    st.subheader("What these data cannot say", anchor=False)
    st.markdown("\n".join(f"- {literal(text)}" for text in LIMITS))
    st.subheader("What was counted", anchor=False)
    table(
        records.ledger, name="sentencing-ledger", description="How many sentences are counted, and why others are not."
    )
    if audit is not None:
        add_to_report(audit, key="sentencing")


opening("sentencing")
current = session()
if current.sentences is None:
    current.sentences = first_sentences()
    current.case_choices = first_case(current.sentences)
about = st.empty()
answers = st.container()
failed = "sentences" in current.failures  # what is wrong with a file must be seen
with st.expander(
    "Where the sentences come from: upload your own, or simulate", icon=":material/upload_file:", expanded=failed
):
    source(current)
sentences = current.sentences
kind = "" if sentences.truth is None else "Made-up sample: "
about.caption(
    literal(
        f"{kind}{sentences.table.name}: {len(sentences.table.frame):,} rows, {sentences.table.frame.shape[1]} columns"
    )
)
with st.expander(
    "What its columns are (guessed from their names)", icon=":material/tune:", expanded=not is_known(sentences)
):
    roles = columns(sentences)
if roles is not None:
    current.sentences = replace(sentences, columns=roles)  # the choices outlast the page
    try:
        shown(records_of(current, sentences, roles), sentences.truth)
    except InputError as error:
        problems(error, "With these columns the sentences cannot be read.")
explanations(READING_SENTENCING)
