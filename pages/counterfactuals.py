"""Clone a profile, change nothing but the protected attribute, and look at the decision."""

import dataclasses

import streamlit as st

from recidiv_core.charts.counterfactuals import band_chart, direction_chart, response_chart
from recidiv_core.charts.models import importance_chart
from recidiv_core.counterfactuals import FIXED, counterfactual_answer, judged, one_way, probe_sentence
from recidiv_core.errors import InputError
from recidiv_core.ui.counterfactuals import (
    asked,
    controls,
    curve_of,
    feature_of,
    known_probes,
    pairs_to_ask,
    probe_of,
    threshold_of,
    training_table,
)
from recidiv_core.ui.parts import (
    READING_COUNTERFACTUALS,
    add_to_report,
    answer_box,
    explanations,
    literal,
    opening,
    picture,
    problems,
    table,
)
from recidiv_core.ui.profiles import about_one, known_single, profile_columns
from recidiv_core.ui.state import session

_VIEWS = {
    "pairs": "The pairs",
    "direction": "Who gains, who loses",
    "where": "Where it happens",
    "proxies": "Proxies",
    "one": "One person",
}
_SHOWN = 400


def pairs(audit, **_) -> None:
    overall, k = audit.overall, len(audit.made.clones)
    listed = audit.pairs_of(audit.order[: _SHOWN // k])
    st.caption(
        f"{overall['n_flips']:,} of {overall['n']:,} profiles get different decisions as different clones "
        f"({audit.overall_bounds()}); they come first. Shown: {len(listed):,} of {overall['n'] * k:,} clones; the "
        "download has them all."
    )
    table(
        in_front(listed, audit),
        name="pairs",
        description="The clones of each profile, one below the other.",
        whole=(overall["n"] * k, lambda: audit.pairs),
    )


def direction(audit, **_) -> None:
    picture(
        "Who gains and who loses when nothing but the attribute changes",
        direction_chart(audit.summary),
        name="pairs-direction",
        table=audit.summary,
        of=about(audit),
    )
    st.caption(
        "Bars: share of pairs; lines: 95 % intervals, each by itself. p: exact McNemar test; p holm: with Holm's "
        "correction over the table. They say that the draw of profiles is not the reason, and get as small as one "
        "likes with more profiles: look at the rates."
    )
    table(
        without_people(audit.summary),
        name="pairs-summary",
        description="Flips, directions, gaps and p-values of each ordered pair of values.",
    )


def without_people(data):
    """Without the counts that the report's protection goes by."""
    return data[[name for name in data if not name.startswith("people_")]]


def where(current, model, audit, **_) -> None:
    names = audit.numeric()
    if not names:
        st.info("The profiles have no column of numbers.")
        return
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        feature = feature_of(current, names)
    changes = one_way(audit.summary)
    titles = {i: f"{row['changed']}: {row['from']} → {row['to']}" for i, row in changes.iterrows()}
    contrast = next(iter(titles))
    if len(titles) > 1:
        contrast = right.selectbox("Change", list(titles), format_func=titles.get, key=f"pairs contrast {titles}"[:200])
    curve, between = curve_of(current, model, audit, feature)
    chart = response_chart(curve, threshold=audit.threshold, between=between)
    picture(
        f"The score against {feature}, a line for each clone", chart, name="pairs-curve", table=curve, of=about(audit)
    )
    st.caption(literal(chart["description"]))
    st.caption(
        f"{curve['n'].iloc[0]:,} profiles, when {literal(feature)} alone takes each value. Shaded: where the "
        "profiles are. Dashed: the threshold."
    )
    bands = audit.by_band(feature, contrast=contrast)
    picture(
        f"Flip rate by {feature}, {titles[contrast]}",
        band_chart(bands, feature=feature),
        name="pairs-bands",
        table=bands,
        of=about(audit),
    )
    table(
        without_people(bands).drop(columns=["feature", "contrast"]),
        name="pairs-bands-table",
        description=f"Flips by bands of {feature}.",
    )


def proxies(current, dataset, model, audit, **_) -> None:
    for attribute in audit.attributes:
        try:
            probe = probe_of(current, dataset, model, attribute)
        except InputError as error:
            problems(error)
            continue
        if probe is None:
            st.caption("Predicts the attribute from the other columns that the model takes, on people not trained on.")
            continue
        answer_box(None, probe_sentence(attribute, probe.sentence()))
        best = probe.groups["group"].iloc[0]
        chart = importance_chart(
            probe.features, title="AUC lost when the column is shuffled", about=f"What tells {best} from {probe.others}"
        )
        picture(
            f"What tells {best} from {probe.others}",
            chart,
            name=f"pairs-proxies-{attribute}",
            table=probe.features,
            of=about(audit),
        )
        table(probe.features, name=f"pairs-tells-{attribute}", description=f"What tells {best} from {probe.others}.")
        table(
            probe.groups,
            name=f"pairs-probe-{attribute}",
            description=f"How well each group of {attribute} can be told.",
        )


def one(current, dataset, model, audit, **_) -> None:
    single = about_one(current, dataset, model, audit)
    if single is None:
        return
    st.markdown("**As each clone**")
    table(in_front(single.clones, audit), name="pairs-one", description="This profile as each clone.")
    st.markdown("**The smallest change of one thing that would alter the decision**")
    found = single.changes.dropna(subset="needed")
    if found.empty:
        st.markdown("None of them, alone and within the data's range, alters it.")
    else:
        first = found.iloc[0]
        sides = audit.decisions[::-1] if first["score"] < audit.threshold else audit.decisions
        st.markdown(
            literal(
                f"{first['feature']} from {first['now']} to {first['needed']}: {sides[0].lower()} to "
                f"{sides[1].lower()}."
            )
        )
    st.caption("Share of range: the change as a part of what lies between the column's lowest and highest value.")
    table(
        single.changes.fillna({"needed": "nothing does", "change": "–"}),
        name="pairs-changes",
        description="For each feature the smallest change of it alone that alters the decision.",
    )


def in_front(clones, audit):
    """What differs and what was decided first: of many columns the last are out of sight."""
    first = [
        n
        for n in (*audit.made.reading[-1:], *audit.attributes, *audit.answers, *audit.made.reading[:-1])
        if n in clones
    ]
    return clones[[*first, *(name for name in clones if name not in first)]]


def about(audit) -> str:
    return (
        f"{audit.dataset['name']} · {audit.model['title']} · {audit.overall['n']:,} profiles · threshold "
        f"{audit.threshold:g}"
    )


_SHOW = {"pairs": pairs, "direction": direction, "where": where, "proxies": proxies, "one": one}


def whole(current, dataset, model, audit) -> None:
    """The answer, the views, and what goes into the report."""
    for attribute in audit.unseen:
        probe_of(current, dataset, model, attribute)
    audit = dataclasses.replace(audit, proxies=known_probes(current, dataset, model, audit))
    for sentence in counterfactual_answer(audit):
        answer_box(None, sentence)
    for note in (*audit.notes, FIXED):
        st.caption(literal(note))
    view = st.segmented_control(
        "View",
        list(_VIEWS),
        default="pairs",
        required=True,
        format_func=_VIEWS.get,
        key="pairs view",
        label_visibility="collapsed",
    )
    _SHOW[view](current=current, dataset=dataset, model=model, audit=audit)
    names = audit.numeric()
    if names:
        feature = current.pair_choices.feature if current.pair_choices.feature in names else names[0]
        audit = dataclasses.replace(
            audit, curve=curve_of(current, model, audit, feature)[0], bands=audit.by_band(feature)
        )
    audit = dataclasses.replace(
        audit, proxies=known_probes(current, dataset, model, audit), single=known_single(current, audit)
    )
    add_to_report(audit, key="pairs")


opening("counterfactuals")
current = session()
training = current.training
st.caption(
    literal(
        f"Asked with: {training.table.name} · {len(training.table.frame):,} rows · protected: "
        f"{', '.join(training.roles.sensitive)}"
    )
)
shown, beside = st.columns([5, 2], gap="large")
model = None
try:
    dataset = training_table(current)
    with beside:
        choices = controls(current, dataset)
    with shown:
        model = asked(current, dataset, choices)
        made = None if model is None else pairs_to_ask(current, dataset, model, choices)
    if made is not None:
        with beside:
            threshold = threshold_of(current, dataset, model, made[1])
        with shown:
            whole(current, dataset, model, judged(model, *made, threshold=threshold))
except InputError as error:
    with shown:
        problems(error)
if model is not None and choices.source != "rows":
    profile_columns(current, dataset, model, choices)
explanations(READING_COUNTERFACTUALS)
