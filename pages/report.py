"""What the user takes away."""

import streamlit as st

from recidiv_core.errors import InputError
from recidiv_core.report import Entry, protect, render_report, summary, withheld
from recidiv_core.ui.exchange import download
from recidiv_core.ui.parts import READING_VERDICTS, about, explanations, literal, opening, problems, table, verdict_mark
from recidiv_core.ui.state import session

_FORMATS = {
    "pdf": ("PDF", "application/pdf", ":material/picture_as_pdf:", "Tagged PDF/UA-1, with the manifest attached"),
    "html": ("HTML", "text/html", ":material/html:", "One file, nothing loaded from elsewhere"),
    "json": ("JSON", "application/json", ":material/data_object:", "The same numbers for a program"),
}

opening("report")
current = session()
if not current.entries:  # else each result says what it is about
    about()
entries = current.entries or [Entry(current.audit())]
names = sorted({entry.result.dataset["name"] for entry in entries})
count = f"{len(entries)} result{'s' if len(entries) != 1 else ''}"
st.markdown(
    f"{count} on {literal(', '.join(names))}."
    + ("" if current.entries else " Nothing was added yet, so it holds the current audit.")
)

min_cell = st.number_input(
    "Smallest cell published (people)",
    0,
    1000,
    10,
    key="report min cell",
    help="A count of fewer people is withheld, and with it any figure from which it could be worked out.",
)
for place, (format_, (label, mime, icon, hint)) in zip(st.columns(3), _FORMATS.items(), strict=True):
    with place:
        download(
            f"Download {label}",
            lambda format_=format_: render_report(entries, format=format_, min_cell=int(min_cell)),
            f"recidiv-report.{format_}",
            mime,
            key=f"report {format_}",
            icon=icon,
            help=hint,
            type="primary" if format_ == "pdf" else "secondary",
            width="stretch",
        )

if len({entry.result.dataset["sha256"] for entry in entries}) < len(entries):
    st.warning(
        "Several results of one table: each is protected by itself, but two at nearby cut-points can together show a "
        "small count. Publish one of them, or see that no cell differs by fewer people than the limit."
    )
st.subheader("What it will say", anchor=False)
for position, entry in enumerate(entries):
    public = protect(entry.result, min_cell=int(min_cell))
    with st.container(border=True):
        for said_about, verdict, answer in summary(public):
            mark = f" · {verdict_mark(verdict)}" if verdict else ""
            lead = f"{entry.result.dataset['name']}, {said_about[0].lower()}{said_about[1:]}"
            st.markdown(f"**{literal(lead)}**{mark}  \n{literal(answer)}")
        if entry.note:
            st.caption(f"Note: {literal(entry.note)}")
        if current.entries and st.button("Remove", key=f"remove {position}", icon=":material/delete:", type="tertiary"):
            current.entries.pop(position)
            st.rerun()

st.subheader("What is withheld", anchor=False)
try:
    hidden = withheld(entries, min_cell=int(min_cell))
except InputError as error:
    problems(error)
else:
    if hidden.empty:
        also = (
            " Changes against a baseline and held-out figures rest on fewer people: where one is withheld, the report "
            "says so."
        )
        only_groups = all(entry.result.room == "groups" for entry in entries)
        st.markdown("No cell of the groups is that small." + ("" if only_groups else also))
    else:
        groups = hidden[["attribute", "group"]].drop_duplicates()
        kind = "group" if (hidden["attribute"] != "slice").all() else "group or slice"
        st.markdown(f"{len(hidden)} figures of {len(groups)} {kind}{'s' if len(groups) != 1 else ''}.")
        table(hidden, name="withheld", description="The figures that the report withholds, by group.")
explanations(READING_VERDICTS)
