"""How each group is treated, at a cut-point that the user moves."""

import streamlit as st

from recidiv_core.charts.groups import (
    calibration_chart,
    cutpoint_chart,
    metric_chart,
    not_drawn,
    roc_chart,
)
from recidiv_core.groups import DISTINCT, HEADLINE, METRICS, answer, disparity_sentence, overall_verdict
from recidiv_core.ui.controls import controls
from recidiv_core.ui.parts import (
    READING_VERDICTS,
    about,
    add_to_report,
    answer_box,
    choose_attribute,
    disparities,
    explanations,
    literal,
    opening,
    picture,
    table,
    verdict_mark,
)
from recidiv_core.ui.state import session
from recidiv_core.words import listed

_TABLES = {
    "disparities": ("Verdicts", "Range, interval, verdict and worst pair of each measure."),
    "intervals": ("Measures", "Every measure of every group with its interval and n."),
    "by_group": ("Counts", "Counts and measures, one row per group."),
    "references": ("Against the reference", "Difference and ratio of each group to the reference group."),
    "pairs": ("All pairs", "Every pair of groups with the difference and its simultaneous interval."),
    "four_fifths": ("Four-fifths rule", "Each group's rate of the favourable result over the most favoured group's."),
    "left_out": ("Left out", "What was not compared, and why."),
}


@st.fragment
def live(attribute: str) -> None:
    """Everything that follows the cut-point; only this runs again when it moves."""
    current = session()
    space_for_about = st.container()
    space_for_answer = st.container()
    shown, beside = st.columns([5, 2], gap="large")
    with beside:
        before, current.settings = current.settings, controls(current)
    if (before.confidence_level, before.min_support) != (
        current.settings.confidence_level,
        current.settings.min_support,
    ):
        st.rerun()  # what stands below the fragment depends on these
    audit = current.audit()
    with space_for_about:
        about()
    with space_for_answer:
        answer_box(overall_verdict(audit, attribute), answer(audit, attribute))
    with shown:
        disparities(audit, attribute)
    _measures(audit, attribute)
    _words(audit, attribute)
    _tables(audit, attribute)
    add_to_report(audit, key="groups")


def _measures(audit, attribute) -> None:
    st.subheader("Each group", anchor=False)
    names = [name for name in METRICS if name in audit.by_group and audit.of(attribute, "by_group")[name].notna().any()]
    chosen = st.multiselect(
        "Measures shown",
        names,
        default=[name for name in HEADLINE[audit.roles.polarity][:4] if name in names],
        format_func=lambda name: METRICS[name].title,
        key="groups measures",
    )
    intervals = audit.of(attribute, "intervals")
    for start in range(0, len(chosen), 2):
        for place, metric in zip(st.columns(2, gap="large"), chosen[start : start + 2], strict=False):
            with place:
                picture(
                    METRICS[metric].title,
                    metric_chart(audit, attribute, metric),
                    name=f"measure-{metric}",
                    table=intervals[intervals["metric"] == metric],
                )
    level = f"{100 * audit.options['confidence_level']:g} %"
    st.caption(
        f"Dots with {level} intervals, each for its own group. The band is the tolerance on either side of the "
        "reference group. Hollow: too small to compare."
    )


def _words(audit, attribute) -> None:
    st.subheader("In words", anchor=False)
    for row in (row for row in audit.rows(attribute, "disparities") if row.metric in DISTINCT):
        title = literal(METRICS[row.metric].title)
        st.markdown(f"{verdict_mark(row.verdict)} · **{title}.** {literal(disparity_sentence(audit, row))}")


def _scores(audit, attribute) -> None:
    if audit.roc.empty:
        st.info("ROC, calibration and other cut-points need a score column; this table has a prediction only.")
        return
    st.subheader("At every cut-point", anchor=False)
    missing = not_drawn(audit, attribute, "roc")
    few = len(audit.cutpoints) > 0
    tabs = st.tabs([*(["All cut-points"] if few else []), "Calibration", "ROC"])
    if few:
        with tabs[0]:
            rates = [name for name in DISTINCT if METRICS[name].unit == "rate"]
            metric = st.selectbox(
                "Measure",
                rates,
                index=rates.index(HEADLINE[audit.roles.polarity][0]),
                format_func=lambda name: METRICS[name].title,
                key="groups cut-point measure",
            )
            data = audit.of(attribute, "cutpoints")
            title = f"{METRICS[metric].title} at each cut-point, by {attribute}"
            picture(title, cutpoint_chart(audit, attribute, metric), name="cutpoints", table=data)
            with st.expander("Table"):
                table(data[data["metric"] == metric], name="cutpoints-table", description=title)
    for tab, (title, chart, key) in zip(
        tabs[int(few) :],
        (
            (f"How often the outcome came, against the score, by {attribute}", calibration_chart, "calibration"),
            (f"ROC by {attribute}", roc_chart, "roc"),
        ),
        strict=True,
    ):
        with tab:
            data = audit.of(attribute, key)
            picture(title, chart(audit, attribute), name=key, table=data)
            with st.expander("Table"):
                table(data, name=f"{key}-table", description=title)
    if missing:
        st.caption(literal(f"Not drawn, for want of rows: {listed(missing)}. They stand in the tables."))


def _tables(audit, attribute) -> None:
    st.subheader("Tables", anchor=False)
    titles = {key: title for key, (title, _) in _TABLES.items()}
    key = st.segmented_control(
        "Table",
        list(titles),
        default="disparities",
        required=True,
        format_func=titles.get,
        key="groups table",
        label_visibility="collapsed",
    )
    description = _TABLES[key][1]
    st.caption(description)
    table(audit.of(attribute, key), name=f"groups-{key}", description=description)


opening("groups")
chosen_attribute = choose_attribute("groups attribute")
live(chosen_attribute)
_scores(session().audit(), chosen_attribute)
explanations(READING_VERDICTS)
