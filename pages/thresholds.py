"""Per-group thresholds: moved by hand or found for a definition, with what they cost in people."""

import streamlit as st

from recidiv_core.charts.theme import MAX_LINES
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
    price_sentence,
    satisfying_thresholds,
    score_curves,
    threshold_answer,
)
from recidiv_core.ui.definitions import badges, dots_key, scale_cards, scale_table
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
from recidiv_core.ui.rules import rule_box
from recidiv_core.ui.state import grid_of, session
from recidiv_core.ui.thresholds import definition_buttons, group_slider, offer_limit, search_controls
from recidiv_core.ui.work import work_on_compatibility, work_on_peers, work_on_scale, work_on_tradeoff
from recidiv_core.words import listed, opened

MAX_PICTURES = 8
VIEWS = {
    "price": "The price",
    "phases": "Metric by threshold",
    "pr": "Precision and recall",
    "roc": "ROC and thresholds",
    "table": "Table",
}
WHOLE = {
    "words": "The scale in words",
    "scale": "Fairness scale",
    "tradeoff": "Trade-off",
    "pairs": "Which can hold together",
}


@st.fragment
def live() -> None:
    """Everything that follows the thresholds; only this runs again when one of them moves."""
    current = session()
    if current.drawn not in (None, current.chosen()):
        st.rerun()  # what stands below the fragment depends on these
    curves = score_curves(current.dataset, attribute=current.attribute)
    space = st.container()
    definition_buttons(current)
    shown, beside = st.columns([5, 2], gap="large")
    with beside:
        search_controls(current, curves)
    try:
        with space, st.spinner("Searching all thresholds …", show_time=True):
            audit = current.threshold_audit()
    except InputError as error:
        problems(error)
        return
    if current.drawn not in (None, current.chosen()):
        st.rerun()
    with space:
        answer_box(audit.verdict, f"{threshold_answer(audit)} {price_sentence(audit)}")
        offer_limit(current, audit)
        for note in notes(audit, curves):
            st.caption(literal(note))
        badges(audit)
    with shown:
        people(current, curves, audit)
    st.subheader("Look closer", anchor=False)
    view = choose_view("thresholds view", VIEWS)
    _SHOW[view](current, curves, audit)
    st.subheader("Take the rule away", anchor=False)
    rule_box(current, audit)
    add_to_report(audit, key="thresholds")


def whole() -> None:
    """What takes longer, or does not follow the sliders.

    Outside the fragment, so that a press of Stop interrupts it.
    """
    current = session()
    curves = score_curves(current.dataset, attribute=current.attribute)
    st.subheader("All definitions together", anchor=False)
    _WHOLE[choose_view("thresholds whole", WHOLE)](current, curves)


def choose_view(key: str, views: dict[str, str]) -> str:
    return st.segmented_control(
        "View",
        list(views),
        default=next(iter(views)),
        required=True,
        format_func=views.get,
        key=key,
        label_visibility="collapsed",
    )


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
    title = f"What changes in these data against one threshold of {current.baseline:.4g} for all, per 1,000 people"
    columns = ["group", "flagged_per_1000", "wrongly_flagged_per_1000", "missed_per_1000"]
    picture(title, price_chart(audit), name="price", table=audit.by_group[columns])


def phases(current, curves, audit) -> None:
    names = list(DEFINITIONS)
    chosen = current.search.definition or names[0]
    name = st.selectbox(
        "Definition",
        names,
        index=names.index(chosen),
        format_func=lambda n: DEFINITIONS[n].title,
        key=f"thresholds phases {chosen}",
    )
    groups = _compared(audit)
    data, points = curve_table(curves), audit.by_group
    for metric in DEFINITIONS[name].metrics:
        is_single = len(DEFINITIONS[name].metrics) == 1
        places = st.columns(3 if is_single else 2, gap="medium", vertical_alignment="bottom")
        with places[0]:
            chart = metric_by_threshold(data, metric, groups)
            picture("1 · At each threshold", chart, name=f"phase-1-{metric}", table=data)
        if is_single:
            with places[1]:
                satisfying = satisfying_thresholds(curves, current.search_options(curves, name))
                chart = metric_by_threshold(data, metric, groups, satisfying=satisfying)
                picture("2 · Where it can hold", chart, name=f"phase-2-{metric}", table=satisfying)
        with places[-1]:
            chart = metric_by_threshold(data, metric, groups, points=points)
            picture("3 · Chosen", chart, name=f"phase-3-{metric}", table=points)
    st.caption(
        "1: the definition's measure against the threshold. 2: every threshold that satisfies the definition "
        "together with some threshold of each other group (not drawn for a definition of two measures). 3: the "
        "thresholds chosen."
    )
    not_drawn(groups)


def precision_recall(current, curves, audit) -> None:
    sentence = curves_meet_sentence(current.hold_together(curves, "equal_opportunity", "predictive_parity"))
    st.markdown(literal(sentence))
    data, points, groups = curve_table(curves), audit.by_group, _compared(audit)
    chart = precision_recall_chart(data, points, groups, description=sentence)
    picture(
        "Precision and recall of each group, chosen thresholds as diamonds", chart, name="precision-recall", table=data
    )
    not_drawn(groups)


def roc(current, curves, audit) -> None:
    data, points, groups = curve_table(curves), audit.by_group, _compared(audit)
    left, right = st.columns(2, gap="large")
    with left:
        picture(
            "ROC of each group, chosen thresholds as diamonds", roc_chart(data, points, groups), name="roc", table=data
        )
    with right:
        pooled = curve_table(ScoreCurves({POOLED: curves.pooled}))
        picture("One threshold for all people", threshold_plot(pooled), name="threshold-plot", table=pooled)
    not_drawn(groups)


def tables(current, curves, audit) -> None:
    table(audit.by_group, name="thresholds-groups", description="Thresholds, counts and measures of each group.")
    table(
        audit.definitions, name="thresholds-definitions", description="Range, interval and verdict of each definition."
    )


def tradeoff(current, curves) -> None:
    definition = current.search.definition
    found = work_on_tradeoff(current, curves)
    if found is None:
        st.caption("Not drawn yet: it searches every definition at 25 tolerances, on all rows and on one half of them.")
        return
    peers = work_on_peers(current, definition) if definition is not None else None
    today = None if definition is None else current.threshold_audit().solution
    name = objective_name(vars(current.search_options(curves, "statistical_parity")))
    picture(
        f"{opened(name.removeprefix('the '))}, against the tolerance",
        tradeoff_chart(found, today=today, peers=peers, objective=name),
        name="tradeoff",
        table=found,
    )
    st.caption(
        "Solid: the best there is on these rows. Dashed: tuned on one half of the rows, judged on the other; the "
        "fairness scale has the intervals. "
        + (
            "Diamond: today's choice."
            if today
            else "Press a definition above to see today's choice and where other programs land."
        )
    )
    if peers is not None and len(peers):
        st.caption(
            f"Crosses: other programs' answers to {DEFINITIONS[definition].title.lower()}, on up to "
            f"{int(peers['n'].max()):,} rows, where they lie within the picture; also those of mitigations trained "
            "on the Models page, at their own decisions (0.5 and above). The randomised ones flip a coin for some "
            "people: that can reach more than any threshold per group, and two people with one score in one group "
            "are then treated differently."
        )
        table(
            peers, name="peers", description=f"Where other programs land for {DEFINITIONS[definition].title.lower()}."
        )
    with st.expander("Table"):
        table(found, name="tradeoff-table", description="The best objective within each tolerance.")


def scale(current, curves) -> None:
    found = work_on_scale(current)
    if found is None:
        return
    picture(
        "The range of each definition (columns) under the thresholds of each row; ● satisfied, * trivial",
        scale_chart(found.table, found.options["tolerance"]),
        name="fairness-scale",
        table=found.table,
    )
    scale_table(found)
    add_to_report(found, key="scale")


def pairs(current, curves) -> None:
    found = work_on_compatibility(current, curves)
    if found is not None:
        st.markdown(literal(compatibility_sentence(found, current.settings.tolerance)))
        table(
            found,
            name="pairs",
            description="Which two definitions can hold at once, and the best sum of objectives if so.",
        )


def words(current, curves) -> None:
    scale_cards(current.search.definition)


def not_drawn(groups: list[str]) -> None:
    if len(groups) > MAX_LINES:
        st.caption(
            literal(
                f"Not drawn, so that lines can be told apart: {listed(groups[MAX_LINES:])}. They stand in the table."
            )
        )


def _compared(audit) -> list[str]:
    own = audit.by_group[audit.by_group["takes_part"]].sort_values("n", ascending=False)
    return list(own["group"])


_SHOW = {"price": price, "phases": phases, "pr": precision_recall, "roc": roc, "table": tables}
_WHOLE = {"words": words, "scale": scale, "tradeoff": tradeoff, "pairs": pairs}

opening("thresholds")
about()
if session().dataset.y_score is None:
    st.info("Thresholds need a score; this table has a prediction only.")
    link("data", "Choose a score column", icon=":material/table_rows:")
else:
    choose_attribute("thresholds attribute")
    session().drawn = None
    live()
    session().drawn = session().chosen()
    whole()
explanations(READING_THRESHOLDS)
