"""Every room's verdict on one screen, and what to do next."""

import pandas as pd
import streamlit as st

from recidiv_core.groups import answer, overall_verdict
from recidiv_core.slices import slice_answer
from recidiv_core.thresholds import solution_sentence, threshold_answer
from recidiv_core.ui.parts import (
    READING_VERDICTS,
    about,
    add_to_report,
    answer_box,
    choose_attribute,
    disparities,
    explanations,
    link,
    literal,
    opening,
    table,
)
from recidiv_core.ui.state import session
from recidiv_core.ui.work import finished_slices
from recidiv_core.words import people

opening("overview")
about()
current = session()
audit, dataset = current.audit(), current.dataset
attributes = audit.attributes
found = current.threshold_audit() if current.search.definition else None
sliced = finished_slices(current)
for name in attributes:
    answer_box(overall_verdict(audit, name), answer(audit, name), about=f"Groups by {name}")

shown, side = st.columns([3, 2], gap="large")
with shown:
    disparities(audit, choose_attribute("overview attribute"))
with side:
    st.subheader("What to do next", anchor=False)
    base = people(dataset.base_rate)[0]
    with st.container(border=True):
        link("data", "**Audit your own table**", icon=":material/upload_file:")
        st.caption(f"Now: {len(dataset):,} people, {base} had the outcome, {dataset.n_excluded:,} rows excluded.")
    with st.container(border=True):
        link("recidivism", "**Make outcomes from convictions or releases**", icon=":material/event_repeat:")
        events = current.events
        st.caption(
            literal(f"Now: {events.table.name}, {len(events.table.frame):,} rows.")
            if events
            else "Who comes back, within how long, and who can say."
        )
    with st.container(border=True):
        link("models", "**Train models, or load one**", icon=":material/model_training:")
        own = (dataset.roles.score or "").startswith(("score of", "model score"))
        st.caption(
            literal(f"Audited now: {dataset.roles.score}.")
            if own
            else "Compared on people they have not seen; the one you choose is audited."
        )
    with st.container(border=True):
        link("groups", "**Move the cut-point, see each group**", icon=":material/tune:")
        cut = "the prediction column" if audit.threshold is None else f"a score of {audit.threshold:g} and above"
        st.caption(f"Now flagged: {cut}. Tolerance: {100 * audit.options['tolerance']:g} percentage points.")
    with st.container(border=True):
        link("thresholds", "**Find thresholds that satisfy a definition**", icon=":material/balance:")
        st.caption(
            literal(solution_sentence(found.solution))
            if found
            else "Nothing was searched for yet: press a definition there."
        )
    with st.container(border=True):
        link("slices", "**See where the model fails**", icon=":material/filter_alt:")
        st.caption(literal(slice_answer(sliced)) if sliced else "Not searched yet: opening the page does.")
    with st.container(border=True):
        link("counterfactuals", "**Ask about the same person twice**", icon=":material/compare_arrows:")
        st.caption("With nothing but the protected attribute changed: does the decision change?")
    with st.container(border=True):
        link("privacy", "**Make a synthetic copy**", icon=":material/content_copy:")
        st.caption("Does it keep the use, and whom does it give away?")
    with st.container(border=True):
        link("sentencing", "**Compare sentences with the guidelines**", icon=":material/gavel:")
        st.caption("By charge and group, and in like cases.")
    with st.container(border=True):
        link("report", "**Take the report away**", icon=":material/picture_as_pdf:")
        n_entries = len(current.entries)
        st.caption(
            f"{n_entries} result{'s' if n_entries != 1 else ''} added." if n_entries else "Made from this audit."
        )

st.subheader("All verdicts", anchor=False)
rows = [
    {"Room": "Groups", "Attribute": name, "Verdict": overall_verdict(audit, name), "In words": answer(audit, name)}
    for name in attributes
]
if found:
    verdict = found.of(found.solution.definition).held_out_verdict
    rows.append(
        {
            "Room": "Thresholds",
            "Attribute": found.attribute,
            "Verdict": found.verdict,
            "In words": threshold_answer(found),
        }
    )
if sliced:
    rows.append({"Room": "Slices", "Attribute": "", "Verdict": "", "In words": slice_answer(sliced)})
table(pd.DataFrame(rows), name="verdicts", description="The verdict of each room and attribute, with its sentence.")
explanations(READING_VERDICTS)
add_to_report(audit, key="overview")
