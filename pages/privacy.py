"""A synthetic copy: does it keep the use, and whom does it give away."""

import dataclasses

import streamlit as st

from recidiv_core.charts.privacy import (
    attack_chart,
    distance_chart,
    frontier_chart,
    linkage_chart,
    nearer_chart,
)
from recidiv_core.errors import InputError
from recidiv_core.privacy import (
    CANNOT,
    FARTHER,
    LEAKS,
    LIMITS,
    NO_SIGN,
    REAL,
    SUMMARY,
    attack_answer,
    copied_columns,
    frontier_answer,
    linkage_answer,
    member_answer,
    nearest_pairs,
    privacy_answer,
    with_found,
)
from recidiv_core.ui.models import dataset_of
from recidiv_core.ui.parts import (
    READING_PRIVACY,
    add_to_report,
    answer_box,
    explanations,
    literal,
    opening,
    picture,
    problems,
    table,
)
from recidiv_core.ui.privacy import (
    choose_copy,
    controls,
    linkage_choices,
    linkage_of,
    offer,
    outside,
    public_table,
    release_of,
    split_of,
    uploaded_holdout,
)
from recidiv_core.ui.state import session

_VIEWS = {
    "distances": "Distances",
    "linkage": "Linkage",
    "attacks": "Attacks",
    "use": "Use",
    "frontier": "Use against privacy",
}
_MARKS = {
    LEAKS: ":orange[**▲ gives people away**]",
    NO_SIGN: ":green[**● no sign**]",
    FARTHER: ":green[**● keeps away**]",
    CANNOT: ":gray[**□ cannot be judged**]",
}


def distances(current, split, release, audit, copy, **_) -> None:
    picture(
        "How far the nearest record is",
        distance_chart(audit.privacy),
        name="copy-distances",
        table=audit.privacy.histogram,
        of=about(audit, release),
    )
    st.caption(
        "A copy that gives nobody away lies as far from those it was made from (train) as from people it has not "
        "seen (holdout). The right end holds all that is further."
    )
    picture(
        "Who is nearer to the people the copy was made from",
        nearer_chart(audit.privacy),
        name="copy-groups",
        table=audit.privacy.by_group,
        of=about(audit, release),
    )
    table(
        release.distances,
        name="copies-distances",
        description="Each copy's distances to the training records, and those of the holdout.",
    )
    st.caption(
        "dcr: distance to the closest record, 0 is a copy; dcr 5: its 5th percentile; nndr: nearest over second "
        "nearest, small where one person alone is near; copies: share at distance 0."
    )
    table(
        audit.privacy.by_group[["attribute", "group", *SUMMARY]],
        name="copy-groups-table",
        description="The same for the records of each group.",
    )
    if st.toggle("Show the ten nearest pairs: these are people", key="copy pairs"):
        pairs = nearest_pairs(split.train.frame, copy.frame, audit.privacy)
        table(
            pairs,
            name="copy-nearest-pairs",
            description="The ten records of the copy nearest to a training record, with that record.",
        )


def linkage(current, split, release, audit, copy, **_) -> None:
    st.caption(
        "An attacker has the copy and a public table, compares every record with every public one that has the "
        "same key, and adds up how alike their fields are."
    )
    found = public_table(current)
    if found is None:
        st.info("Upload a public table that shares columns with the copy; the sample of residents has one of its own.")
        return
    name, public, digest = found
    st.markdown(literal(f"Public table: {name}, {len(public):,} records."))
    asked = linkage_choices(current, split.train.frame, copy.frame, public)
    if asked is None:
        return
    try:
        made = linkage_of(current, split, copy, audit, public, digest, asked)
    except InputError as error:
        problems(error)
        return
    if made is None:
        return
    current.compared["linkage shown"] = (audit, made)
    for sentence in linkage_answer(made):
        answer_box(None, sentence)
    picture(
        "Pairs that reach each certainty",
        linkage_chart(made),
        name="copy-links",
        table=made.curve,
        of=about(audit, release),
    )
    table(
        made.table,
        name="copy-linkage",
        description="Pairs, records and public records that reach each certainty, and how many are true.",
    )
    if "n_right" in made.best:
        st.caption(
            "True: the place of the real record nearest to it is this one. Chance: the share of true ones among "
            f"all candidates. {made.best['n_public']:,} places are linked to at all; "
            f"{made.best['n_public_used']:,} of them are among the {made.best['n_used']:,} that the real records "
            "nearest to the copy are from."
        )


def attacks(release, audit, **_) -> None:
    answer_box(None, attack_answer(audit.attacks))
    if (audit.attacks.table["reason"] == "").any():
        picture(
            "What each attack gains on people the copy was made from",
            attack_chart(audit.attacks),
            name="copy-attacks",
            table=audit.attacks.table,
            of=about(audit, release),
        )
        st.caption("Beside each: success on people the copy was made from / on others.")
    table(
        audit.attacks.table,
        name="copy-attacks-table",
        description="Every attack with its success, that on others, and by guessing.",
    )
    first, second = (", ".join(half) for half in audit.attacks.options["halves"])
    st.caption(literal(f"Linkability: {first} with {second}."))
    st.markdown("**Does the model remember people?** Membership inference by the loss")
    members = release.use.table[["variant", "title", "member_auc", "member_low", "member_high", "n_train", "n"]]
    table(
        members,
        name="copy-members",
        description="How well a low loss tells training records from others, for models trained on each variant.",
    )
    st.caption(
        "Member AUC: of one person of the training part and one of the holdout, how often the first has the lower "
        "loss. 0.5: the model does not tell who was in."
    )


def use(release, audit, **_) -> None:
    shown = release.use.table.drop(columns=["algorithm", "member_auc", "member_low", "member_high"])
    st.markdown("**Trained on each variant, judged on the same real people**")
    table(shown, name="copies-use", description="Accuracy and AUC on real people of models trained on each variant.")
    st.markdown("**How its models treat the groups**")
    table(
        release.use.fairness.drop(columns="algorithm"),
        name="copies-fairness",
        description="Gap and disparate impact of each protected attribute.",
    )
    st.caption(
        "Gap: the share flagged in the group less that in the largest one; ratio: disparate impact, one over the "
        "other. A flag is a probability of one half or more."
    )
    st.markdown("**Where they fail**")
    table(
        release.use.slices.drop(columns="algorithm"),
        name="copies-slices",
        description="Log loss in the worst slice found, and in each group.",
    )
    st.caption("The worst slice is searched on half of the holdout; its loss and interval are the other half's.")
    st.markdown(f"**How like the real table it is:** {literal(audit.title)}")
    table(release.likeness, name="copies-likeness", description="How like the real table each copy is.")
    st.caption(
        "Marginals: mean of 1 − the Kolmogorov–Smirnov or total variation distance of each column; association "
        "gap: mean difference of Cramér's V over pairs; told AUC: a classifier that tells made from real, 0.5 is "
        "best."
    )
    left, right = st.columns(2)
    with left:
        table(audit.likeness.columns, name="copy-columns", description="How like each column is.")
    with right:
        table(audit.likeness.pairs, name="copy-pairs", description="Cramér's V of each pair of columns in both tables.")


def frontier(release, **_) -> None:
    for sentence in frontier_answer(release):
        answer_box(None, sentence)
    picture(
        "Use against privacy",
        frontier_chart(release.frontier),
        name="copies-frontier",
        table=release.frontier,
        of=release.dataset["name"],
    )
    st.caption(
        "To the right: more use. Down to the dashed line: as near to the people it was made from as to others. ▲ "
        "given away, ● no sign, ■ cannot be said. Gap: points between the most different groups."
    )
    table(release.frontier, name="copies-frontier-table", description="Use, privacy and fairness of each variant.")


def about(audit, release) -> str:
    return f"{release.dataset['name']} · {audit.title} · {audit.privacy.summary['n']:,} records"


_SHOW = {"distances": distances, "linkage": linkage, "attacks": attacks, "use": use, "frontier": frontier}


def whole(current, split, release, copies) -> None:
    """Which copy to release, the copy looked at with its answers, the views, and what goes into the report."""
    if not release.copies:
        st.info("Choose at least one copy to make, or upload one.")
        return
    answer_box(None, f"Which copy to release? {frontier_answer(release)[1]}")
    audit = choose_copy(current, release)
    copy = copies[audit.title]
    said = privacy_answer(audit.privacy)
    with st.container(border=True):
        st.markdown(f"**{literal(audit.title)}** · {_MARKS[audit.verdict]}  \n{literal(said[0])}")
    further = [*said[1:], attack_answer(audit.attacks), member_answer(audit.use, audit.title)]
    st.markdown("\n".join(f"- {literal(sentence)}" for sentence in further))
    if audit.privacy.uncompared:
        st.warning(literal(" ".join(audit.privacy.uncompared)), icon=":material/warning:")
    for note in (
        *audit.privacy.notes[audit.privacy.verdict == CANNOT :],
        audit.card["how"],
        LIMITS,
    ):  # the first is in the verdict then
        st.caption(literal(note))
    view = st.segmented_control(
        "View",
        list(_VIEWS),
        default="distances",
        required=True,
        format_func=_VIEWS.get,
        key="copies view",
        label_visibility="collapsed",
    )
    _SHOW[view](current=current, split=split, release=release, audit=audit, copy=copy)
    if audit.verdict == LEAKS:
        st.warning("This copy gives people away. Whoever gets it gets them.", icon=":material/warning:")
    offer(with_found(copy, audit, [*said, attack_answer(audit.attacks)]))
    linked, made = current.compared.get("linkage shown", (None, None))
    add_to_report(
        dataclasses.replace(release, chosen=audit.title, linkage=made if linked is audit else None), key="copies"
    )


opening("privacy")
current = session()
try:
    dataset = dataset_of(current, (current.training.roles.label,))
    shown, beside = st.columns([5, 2], gap="large")
    with beside:
        choices = controls(current, dataset)
        uploaded_holdout(current, dataset)
    split = split_of(current, dataset, choices)
    n_copied = len(copied_columns(dataset, choices.columns)[0])
    with shown:
        st.caption(
            literal(
                f"Copies of: {dataset.name} · {len(split.train):,} rows to make copies from (train), "
                f"{len(split.holdout):,} others that no copy sees (holdout) · {n_copied} of "
                f"{len(dataset.frame.columns)} columns copied · outcome: {dataset.roles.label} · protected: "
                f"{', '.join(dataset.roles.sensitive)}"
            )
        )
    with beside:
        outside(current, split)
    with shown:
        made = release_of(current, dataset, split, choices)
        if made is not None:
            whole(current, split, *made)
        else:
            st.info(
                f"Nothing is made yet. The first figures are those of “{REAL.lower()}”, beside which each copy stands."
            )
except InputError as error:
    problems(error)
explanations(READING_PRIVACY)
