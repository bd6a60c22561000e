"""Per-group thresholds: moved by hand or found for a definition, with what they cost in people."""

import streamlit as st

from recidiv_core.charts.thresholds import (
    metric_by_threshold,
    people_chart,
    precision_recall_chart,
    price_chart,
    roc_chart,
    scale_chart,
    threshold_plot,
    tradeoff_chart,
)
from recidiv_core.errors import InputError
from recidiv_core.stats import ScoreCurves
from recidiv_core.thresholds import (
    DEFINITIONS,
    POOLED,
    compatibility_sentence,
    curve_table,
    curves_meet_sentence,
    notes,
    objective_name,
    people_dots,
    points_at,
    price_sentence,
    satisfying_thresholds,
    score_curves,
    threshold_answer,
)
from recidiv_core.ui.parts import (
    READING_THRESHOLDS,
    about,
    add_to_report,
    answer_box,
    choose_attribute,
    explanations,
    link,
    literal,
    opening,
    picture,
    problems,
    table,
)
from recidiv_core.ui.rules import badges, dots_key, rule_box, scale_cards, scale_table
from recidiv_core.ui.state import grid_of, session
from recidiv_core.ui.thresholds import definition_buttons, group_slider, offer_limit, search_controls
from recidiv_core.ui.work import work_on_compatibility, work_on_peers, work_on_scale, work_on_tradeoff
from recidiv_core.words import opened

MAX_PICTURES = 8
VIEWS = {
    "price": "The price",
    "phases": "Metric by threshold",
    "pr": "Precision and recall",
    "roc": "ROC and thresholds",
    "tradeoff": "Trade-off",
    "scale": "Fairness scale",
    "words": "The scale in words",
    "table": "Table",
}


@st.fragment
def live() -> None:
    """Everything that follows the thresholds; only this runs again when one of them moves."""
    current = session()
    curves = score_curves(current.dataset, attribute=current.attribute)
    space = st.container()
    definition_buttons(current)
    shown, beside = st.columns([5, 2], gap="large")
    with beside:
        search_controls(current, curves)
    try:
        with st.spinner("Searching all thresholds …", show_time=True):
            audit = current.threshold_audit()
    except InputError as error:
        problems(error)
        return
    with space:
        verdict = None
        if audit.solution is not None:
            verdict = audit.of(audit.solution.definition).held_out_verdict
        answer_box(verdict, f"{threshold_answer(audit)} {price_sentence(audit)}")
        offer_limit(current, audit)
        for note in notes(audit, curves):
            st.caption(literal(note))
        badges(audit)
    with shown:
        people(current, curves, audit)
    st.subheader("Look closer", anchor=False)
    view = st.segmented_control(
        "Look closer", list(VIEWS), default="price", required=True, format_func=VIEWS.get, key="thresholds view",
        label_visibility="collapsed",
    )  # fmt: skip
    _SHOW[view](current, curves, audit)
    st.subheader("Take the rule away", anchor=False)
    rule_box(current, audit)
    add_to_report(audit, key="thresholds")


def people(current, curves, audit) -> None:
    """A picture and a slider for each group."""
    dots_key()
    grid = grid_of(current.dataset)
    domain = (grid.low, grid.high)
    rows = [row for row in audit.by_group.itertuples() if row.takes_part]
    for start in range(0, len(rows), 2):
        for place, row in zip(st.columns(2, gap="medium"), rows[start : start + 2], strict=False):
            with place:
                if start < MAX_PICTURES:
                    dots, each = people_dots(curves.groups[row.group], row.threshold, low=grid.low, high=grid.high)
                    title = f"{row.group}: {row.n:,.0f} people, a dot is {each:,.0f}"
                    chart = people_chart(dots, row, threshold=row.threshold, baseline=row.baseline, domain=domain)
                    picture(title, chart, name=f"people-{row.group}", table=dots)
                else:
                    st.markdown(f"**{literal(row.group)}**")
                group_slider(current, audit, row.group, grid)


def price(current, curves, audit) -> None:
    title = f"What changes against one threshold of {current.baseline:.4g} for all, per 1,000 people"
    columns = ["group", "flagged_per_1000", "wrongly_flagged_per_1000", "missed_per_1000"]
    picture(title, price_chart(audit), name="price", table=audit.by_group[columns])


def phases(current, curves, audit) -> None:
    names = list(DEFINITIONS)
    chosen = current.search.definition or names[0]
    name = st.selectbox(
        "Definition", names, index=names.index(chosen), format_func=lambda n: DEFINITIONS[n].title,
        key=f"thresholds phases {chosen}",
    )  # fmt: skip
    groups = _compared(audit)
    for metric in DEFINITIONS[name].metrics:
        data, points = curve_table(curves), points_at(curves, audit.thresholds)
        first, second, third = st.columns(3, gap="medium")
        with first:
            chart = metric_by_threshold(data, metric, groups)
            picture("1 · The metric at each threshold", chart, name=f"phase-1-{metric}", table=data)
        with second:
            if len(DEFINITIONS[name].metrics) == 1:
                satisfying = satisfying_thresholds(curves, current.search_options(curves, name))
                chart = metric_by_threshold(data, metric, groups, satisfying=satisfying)
                picture("2 · Thresholds that can satisfy it", chart, name=f"phase-2-{metric}", table=satisfying)
            else:
                st.caption("For a definition of two metrics the thresholds that can satisfy both are not drawn.")
        with third:
            chart = metric_by_threshold(data, metric, groups, points=points)
            picture("3 · The ones chosen", chart, name=f"phase-3-{metric}", table=points)


def precision_recall(current, curves, audit) -> None:
    both = current.hold_together(curves, "equal_opportunity", "predictive_parity")
    sentence = curves_meet_sentence(both)
    st.markdown(literal(sentence))
    data, points = curve_table(curves), points_at(curves, audit.thresholds)
    chart = precision_recall_chart(data, points, _compared(audit), description=sentence)
    picture(
        "Precision and recall of each group, chosen thresholds as diamonds", chart, name="precision-recall", table=data
    )
    found = work_on_compatibility(current, curves)
    if found is not None:
        st.markdown(literal(compatibility_sentence(found, current.settings.tolerance)))


def roc(current, curves, audit) -> None:
    data, points = curve_table(curves), points_at(curves, audit.thresholds)
    left, right = st.columns(2, gap="large")
    with left:
        picture(
            "ROC of each group, chosen thresholds as diamonds",
            roc_chart(data, points, _compared(audit)),
            name="roc",
            table=data,
        )
    with right:
        whole = curve_table(ScoreCurves({POOLED: curves.pooled}))
        picture("One threshold for all people", threshold_plot(whole), name="threshold-plot", table=whole)


def tradeoff(current, curves, audit) -> None:
    found = work_on_tradeoff(current, curves)
    definition = current.search.definition
    peers = work_on_peers(current, definition) if definition is not None else None
    if found is None:
        st.caption(
            "Not drawn yet: it searches every definition at 25 tolerances, on all rows and on each part of them."
        )
        return
    title = f"{opened(objective_name(audit.options).removeprefix('the '))}, against the tolerance"
    chart = tradeoff_chart(found, today=audit.solution, peers=peers, objective=objective_name(audit.options))
    picture(title, chart, name="tradeoff", table=found)
    if peers is not None:
        table(peers, name="peers", description="Where other programs land, measured on the same rows.")
    with st.expander("Table"):
        table(found, name="tradeoff-table", description="The best objective within each tolerance.")


def scale(current, curves, audit) -> None:
    found = work_on_scale(current)
    if found is None:
        return
    picture(
        "The range of each definition (columns) under the thresholds of each row; bold and marked ● where satisfied",
        scale_chart(found.table, found.options["tolerance"]), name="fairness-scale", table=found.table,
    )  # fmt: skip
    scale_table(found)
    add_to_report(found, key="scale")


def words(current, curves, audit) -> None:
    scale_cards(current.search.definition)


def tables(current, curves, audit) -> None:
    table(audit.by_group, name="thresholds-groups", description="Thresholds, counts and measures of each group.")
    table(
        audit.definitions, name="thresholds-definitions", description="Range, interval and verdict of each definition."
    )


def _compared(audit) -> list[str]:
    own = audit.by_group[audit.by_group["takes_part"]].sort_values("n", ascending=False)
    return list(own["group"])


_SHOW = {
    "price": price,
    "phases": phases,
    "pr": precision_recall,
    "roc": roc,
    "tradeoff": tradeoff,
    "scale": scale,
    "words": words,
    "table": tables,
}

opening("thresholds")
about()
if session().dataset.y_score is None:
    st.info("Thresholds need a score; this table has a prediction only.")
    link("data", "Choose a score column", icon=":material/table_rows:")
else:
    choose_attribute("thresholds attribute")
    live()
    explanations(READING_THRESHOLDS)
