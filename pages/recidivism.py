"""From events to outcomes: who comes back, and who was watched for long enough to say."""

import streamlit as st

from recidiv_core.charts.recidivism import rates_chart, return_chart
from recidiv_core.errors import InputError
from recidiv_core.recidivism import (
    MEASURED,
    EventColumns,
    describe_outcomes,
    group_answer,
    outcome_answer,
    outcome_rates,
    return_curve,
)
from recidiv_core.ui.exchange import download
from recidiv_core.ui.parts import (
    READING_RECIDIVISM,
    add_to_report,
    answer_box,
    explanations,
    link,
    literal,
    opening,
    picture,
    problems,
    table,
)
from recidiv_core.ui.recidivism import built, choices, codebook, columns, first_events, hand_over, source, true_rates
from recidiv_core.ui.state import session

_ALL = "all together"


def shown(current, events, data) -> None:
    """The answer, the pictures and the tables."""
    rates = outcome_rates(data)
    by = None
    if data.demographics:
        by = st.segmented_control(
            "By",
            [*data.demographics, _ALL],
            default=data.demographics[0],
            required=True,
            key=f"recidivism by {data.demographics}",
        )
    by = None if by == _ALL else by
    kind = _kind(data)
    every = outcome_rates(data, by=by)
    asked = [o for o in data.outcomes.values() if o.kind == kind and o.n]
    own = every[every["outcome"].isin([o.name for o in asked])]
    lead = next((o for o in asked if o.years), asked[0])
    with space:
        answer_box(None, outcome_answer(data, rates))
        if by:
            answer_box(None, group_answer(own[own["outcome"] == lead.name], by))
        st.caption(MEASURED)
    of = f"{data.source['name']} · {len(data):,} rows"
    left, right = st.columns(2, gap="large")
    with left:
        curve = return_curve(data, by=by, kind=kind)
        picture(
            f"Returned by time at risk{f', by a {kind} offence' if kind else ''}; censoring allowed for",
            return_chart(curve, [o.years for o in asked if o.years]),
            name="recidivism-curve",
            table=curve,
            of=of,
        )
    with right:
        picture("Rate of each outcome, with 95 % interval", rates_chart(own), name="recidivism-rates", table=own, of=of)
    truth = true_rates(events, data, by) if by else None
    if truth is not None:
        st.subheader("What was measured, and what is true", anchor=False)
        st.caption(
            "These events were simulated, so the truth is known: group B offends as group A does and is convicted "
            "of more of it; C offends more. Only “measured” is what a table of convictions can show. Intervals "
            "count people, not rows."
        )
        table(truth, name="recidivism-truth", description="Measured and true rates of each outcome by group.")
    _tables(data, every)


def _kind(data):
    """By which kind of offence people return; asked where there are several."""
    kinds = list(dict.fromkeys(o.kind for o in data.outcomes.values()))
    if len(kinds) == 1:
        return kinds[0]
    return st.segmented_control(
        "Return by",
        kinds,
        default=kinds[0],
        required=True,
        format_func=lambda k: f"a {k} offence" if k else "any offence",
        key=f"recidivism return {kinds}",
    )


def _tables(data, every) -> None:
    """All that was worked out, and the rows where they are asked for."""
    st.subheader("Tables", anchor=False)
    tabs = st.tabs(["Ledger", "Outcomes", "Who came back", "The table built"])
    with tabs[0]:
        table(data.ledger, name="recidivism-ledger", description="What was done with the rows, in order, with counts.")
    with tabs[1]:
        table(every, name="recidivism-outcomes", description="Rate of each outcome.")
    with tabs[2]:
        described = describe_outcomes(data)
        table(
            described,
            name="recidivism-described",
            description="Mean of each variable among those who came back and those who did not.",
        )
    with tabs[3]:
        st.caption(
            f"{len(data):,} rows, {data.table.shape[1]} columns. It is not shown: it holds people. It downloads "
            "when you ask for it."
        )
        if st.toggle("Offer the rows for download", key="recidivism rows"):
            from recidiv_core.data import csv_bytes

            download(
                "Download as CSV",
                lambda: csv_bytes(data.table),
                "outcomes.csv",
                "text/csv",
                key="recidivism rows csv",
            )


def onward(current, data) -> None:
    """To the Models page."""
    with st.container(border=True):
        st.markdown(
            "**Next: predict an outcome.** The history is what the models learn from; the protected attributes are "
            "kept apart."
        )
        if st.button(
            "Use this table for models", key="recidivism use", type="primary", icon=":material/model_training:"
        ):
            try:
                hand_over(current, data)
            except InputError as error:
                problems(error)
        if current.training is not None and current.training.table.sha256 == data.as_table().sha256:
            link("models", "**Train models on it**", icon=":material/model_training:")


opening("recidivism")
current = session()
if current.events is None:
    current.events = first_events()
space = st.container()
with st.expander("Where the events come from", expanded=True, icon=":material/upload_file:"):
    source(current)
events = current.events
st.caption(literal(f"{events.table.name}: {len(events.table.frame):,} rows, {events.table.frame.shape[1]} columns"))
with st.expander("What its columns are, and what counts", icon=":material/tune:", expanded=events.columns is None):
    chosen = columns(events)
    options = choices(events, chosen) if chosen is not None else {}
if chosen is not None:
    try:
        data = built(current, events, chosen, options, None)
        if isinstance(chosen, EventColumns) and chosen.offence is not None:
            with st.expander(
                "Codebook: which offences count as violent (guessed from their names; tick what should)",
                icon=":material/menu_book:",
            ):
                ticked = codebook(events, chosen, data)
            if ticked is not None:
                data = built(current, events, chosen, options, ticked)
        shown(current, events, data)
        onward(current, data)
        add_to_report(data, key="recidivism")
    except InputError as error:
        problems(error)
explanations(READING_RECIDIVISM)
