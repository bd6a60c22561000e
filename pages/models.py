"""Train models, compare them on people they have not seen, and have one's score audited; or load a trained one."""

import streamlit as st

from recidiv_core.charts.models import auc_chart, importance_chart, performance_chart, roc_chart
from recidiv_core.errors import InputError
from recidiv_core.models import (
    comparison_answer,
    literature,
    notes,
    paper_tables,
    performance_table,
    protocol,
    tree_rules,
    usable_features,
)
from recidiv_core.recidivism import MEASURED
from recidiv_core.ui.models import (
    choose,
    compared,
    controls,
    dataset_of,
    effects,
    from_outside,
    importance,
    proxies,
    saved,
)
from recidiv_core.ui.parts import (
    READING_MODELS,
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
from recidiv_core.ui.state import session

_VIEWS = {
    "table": "Tables",
    "curves": "ROC and thresholds",
    "importance": "Which columns matter",
    "effects": "Marginal effects",
    "rules": "A small tree in words",
    "proxies": "Proxies",
    "save": "Save the model",
}


def tables(comparison, **_) -> None:
    held = st.segmented_control(
        "Threshold chosen",
        ["held_out", "paper"],
        default="held_out",
        required=True,
        key="models protocol",
        format_func={"held_out": "on the other folds", "paper": "on the fold itself, as in the paper"}.get,
    )
    ten, five = paper_tables(performance_table(comparison.folds, protocol=held))
    st.markdown("**At the threshold with most recall at a precision of 85 %** (mean and SD over folds)")
    table(ten, name="models-performance", description="AUC, recall, precision and specificity of each model.")
    st.markdown("**At a threshold of 0.5**")
    table(five, name="models-half", description="Accuracy, sensitivity, specificity and AUC of each model.")
    with st.expander("Every fold"):
        table(comparison.folds, name="models-folds", description="Each fold of each model, with its parameters.")


def curves(comparison, outcome, algorithm, **_) -> None:
    own = comparison.points[comparison.points["outcome"] == outcome]
    auc = comparison.table[comparison.table["outcome"] == outcome].set_index("title")["auc"].to_dict()
    left, right = st.columns(2, gap="large")
    with left:
        picture(f"ROC curves, {outcome}", roc_chart(own, auc), name="models-roc", table=own, of=about(comparison))
    with right:
        one = own[own["algorithm"] == algorithm]
        picture(
            f"{one['title'].iloc[0]} by threshold, {outcome}",
            performance_chart(one),
            name="models-thresholds",
            table=one,
            of=about(comparison),
        )


def why(current, dataset, choices, outcome, algorithm, comparison) -> None:
    found = importance(current, dataset, choices, outcome, algorithm)
    if found is None:
        st.caption("Shuffles each column among people the model has not seen, and says how much AUC that costs.")
        return
    chart = importance_chart(
        found, title="AUC lost when the column is shuffled", about="Permutation importance on held-out people"
    )
    picture(
        "AUC lost when a column is shuffled, on held-out people; bars: 95 % of the shuffles",
        chart,
        name="models-importance",
        table=found,
        of=about(comparison),
    )
    table(found, name="models-importance-table", description="Permutation importance of each column.")


def margins(current, dataset, choices, outcome, **_) -> None:
    selection, found = effects(current, dataset, choices, outcome)
    if found is not None:
        st.caption(
            f"Average marginal effects of a logit on the probability of “{literal(outcome)}”. *** p < 0.01, ** p < "
            "0.05, * p < 0.1.".replace("*", "\\*")
        )
        table(
            found,
            name=f"models-effects-{selection or 'complete'}",
            description="Average marginal effects with standard errors.",
        )


def rules(current, dataset, choices, outcome, **_) -> None:
    found = current.built(
        ("rules", dataset.digest, outcome, choices.unaware, choices.features),
        lambda: tree_rules(dataset, outcome=outcome, unaware=choices.unaware, features=choices.features),
    )
    st.caption(
        "A tree of three questions, trained on 70 % of the people. Rates are those of the people held out, with 95 "
        "% intervals."
    )
    table(
        found, name="models-rules", description="The rules of a small tree with the outcome's rate on held-out people."
    )


def tells(current, dataset, choices, comparison, **_) -> None:
    attribute, found = proxies(current, dataset, choices)
    if found is None:
        st.caption(
            "Predicts the attribute from all other columns, on people not trained on: what a model that is not "
            "given it can still know."
        )
        return
    best = found.groups.iloc[0]
    answer_box(None, found.sentence(), about=f"Proxies of {attribute}")
    chart = importance_chart(
        found.features,
        title="AUC lost when the column is shuffled",
        about=f"What tells {best['group']} from the others",
    )
    picture(
        f"What tells {best['group']} from the others: AUC lost when a column is shuffled",
        chart,
        name="models-proxies",
        table=found.features,
        of=about(comparison),
    )
    table(found.groups, name="models-proxy-groups", description="How well each group can be told from the others.")


def keep(current, dataset, choices, outcome, algorithm, **_) -> None:
    saved(current, dataset, choices, outcome, algorithm)


def about(comparison) -> str:
    return f"{comparison.dataset['name']} · {comparison.dataset['n']:,} rows · {protocol(comparison)}"


_SHOW = {
    "table": tables,
    "curves": curves,
    "importance": why,
    "effects": margins,
    "rules": rules,
    "proxies": tells,
    "save": keep,
}


def whole(current, dataset, choices, comparison) -> None:
    """The picture, the choice, and everything about the model chosen."""
    with space:
        for sentence in comparison_answer(comparison):
            answer_box(None, sentence)
        for note in (*notes(comparison), MEASURED):
            st.caption(literal(note))
    with shown:
        known = literature(list(choices.outcomes))
        picture(
            "AUC on people not trained on: mean with 95 % interval, ticks: folds",
            auc_chart(comparison.table, comparison.folds, known),
            name="models-auc",
            table=comparison.table,
            of=about(comparison),
        )
        st.caption("Shaded and dashed: what studies reached on their own data, which says little about this table.")
        with st.expander("Those studies"):
            table(known, name="models-literature", description="AUCs that the literature reached.")
    st.subheader("Choose a model", anchor=False)
    outcome, algorithm = choose(current, dataset, comparison)
    st.caption(
        f"Its scores are {protocol(comparison)}: nobody is scored by a model that was trained on them. All other "
        "pages then audit them."
    )
    if current.dataset.sha256 == dataset.sha256 and (current.dataset.roles.score or "").startswith("score of"):
        st.markdown(
            f"Audited now: **{literal(current.dataset.roles.score)}**, outcome {literal(current.dataset.roles.label)}."
        )
        link("groups", "**See how it treats the groups**", icon=":material/groups:")
    view = st.segmented_control(
        "View",
        list(_VIEWS),
        default="table",
        required=True,
        format_func=_VIEWS.get,
        key="models view",
        label_visibility="collapsed",
    )
    _SHOW[view](
        current=current, dataset=dataset, choices=choices, outcome=outcome, algorithm=algorithm, comparison=comparison
    )
    add_to_report(comparison, key="models")


opening("models")
current = session()
training = current.training
st.caption(
    literal(
        f"Trained on: {training.table.name} · {len(training.table.frame):,} rows · protected: "
        f"{', '.join(training.roles.sensitive)}"
    )
)
space = st.container()
shown, beside = st.columns([5, 2], gap="large")
with beside:
    choices = controls(current)
if not choices.outcomes or not choices.algorithms:
    with shown:
        st.info("Choose at least one outcome and one algorithm.")
else:
    try:
        dataset = dataset_of(current, choices.outcomes)
        used, left_out = usable_features(
            dataset, unaware=choices.unaware, features=choices.features, outcomes=choices.outcomes
        )
        with shown:
            comparison = compared(current, dataset, choices)
            if comparison is None:
                st.markdown(
                    f"{len(dataset):,} rows, {len(used)} columns to learn from: "
                    f"{literal(', '.join(f.name for f in used[:12]))}{' …' if len(used) > 12 else ''}."
                )
            if left_out:
                with st.expander(f"Columns left out: {len(left_out)}"):
                    st.markdown("\n".join(f"- {literal(name)}: {literal(reason)}" for name, reason in left_out.items()))
        if comparison is not None:
            whole(current, dataset, choices, comparison)
    except InputError as error:
        with shown:
            problems(error)
st.subheader("A trained model from a file", anchor=False)
from_outside(current)
if current.dataset.roles.score == "model score":
    st.markdown("Audited now: **model score**, the scores of a model from a file.")
    link("groups", "**See how it treats the groups**", icon=":material/groups:")
explanations(READING_MODELS)
