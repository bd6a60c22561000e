"""The table: where from, which column plays which part, and who is in it."""

import streamlit as st

from recidiv_core.charts.data import base_rate_chart, score_chart
from recidiv_core.data import describe_groups, describe_types, score_histogram
from recidiv_core.ui.bench import bench
from recidiv_core.ui.parts import about, answer_box, explanations, literal, opening, picture, table
from recidiv_core.ui.state import session
from recidiv_core.words import people

_READING = (
    "**Base rate.** How often the recorded outcome came in each group. It describes the records, not the model: "
    "groups can differ because people do, or because one group is watched more.",
    "**Score by group.** Where one group's line lies further right, that group is scored higher.",
    "**Ledger.** Everything that loading changed, noticed or excluded, with counts. Nothing is dropped in silence.",
    "**Example in people.** A base rate of 26 % with n = 701: of 701 people in the group, 185 had the outcome.",
)

opening("data")
about()
current = session()
answers = st.container()
bench(current)

dataset = current.dataset
if current.draft.name != dataset.name:
    st.info(
        literal(f"Below is {dataset.name}, the table audited now. {current.draft.name} waits for its button above.")
    )
groups = describe_groups(dataset)
for name in dataset.attributes:
    every = groups[groups["attribute"] == name].sort_values("base_rate")
    large = every[every["n"] >= current.settings.min_support]
    own = large if len(large) > 1 else every
    rates = people(own["base_rate"].iloc[0], own["base_rate"].iloc[-1])
    with answers:
        answer_box(
            None,
            f"By {name}: {len(every)} groups of {every['n'].min():,} to {every['n'].max():,} people. {rates[0]} "
            f"had the outcome in the group {own['group'].iloc[0]}, {rates[1]} in the group "
            f"{own['group'].iloc[-1]}. {dataset.n_excluded:,} rows were excluded.",
        )
for name in dataset.attributes:
    own = groups[groups["attribute"] == name]
    left, right = st.columns(2, gap="large")
    with left:
        picture(f"Base rate by {name}", base_rate_chart(groups, name), name=f"base-rate-{name}", table=own)
    if dataset.y_score is not None:
        histogram = dataset.reduced(("histogram", name), lambda name=name: score_histogram(dataset, attribute=name))
        with right:
            picture(f"Scores by {name}", score_chart(histogram, groups, name), name=f"scores-{name}", table=histogram)

st.subheader("Tables", anchor=False)
tabs = st.tabs(["Groups", "Ledger", "Columns"])
with tabs[0]:
    table(groups, name="groups", description="Rows, base rate with 95 % interval and missing features of each group.")
with tabs[1]:
    table(dataset.ledger_table(), name="ledger", description="What loading changed, noticed or excluded.")
with tabs[2]:
    table(
        describe_types(current.draft),
        name="columns",
        description="Each column with its inferred type, values and gaps.",
    )
st.caption("The ledger and the counts of each group are part of every report.")
explanations(_READING)
