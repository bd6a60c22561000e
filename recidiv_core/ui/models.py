"""The widgets of the Models page: what is trained, how it is judged, and models from files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import streamlit as st

from recidiv_core.data import AuditDataset
from recidiv_core.errors import InputError
from recidiv_core.models import (
    ALGORITHMS,
    MITIGATIONS,
    TRAINABLE,
    ModelComparison,
    ProxyProbe,
    TrainedModel,
    evaluate_models,
    load_model,
    marginal_effects,
    permutation_importance,
    proxy_probe,
    scored_dataset,
    train_model,
    training_dataset,
)
from recidiv_core.ui.exchange import download
from recidiv_core.ui.parts import literal, problems
from recidiv_core.ui.state import Session, Training
from recidiv_core.ui.uploads import uploaded
from recidiv_core.ui.work import long_work

_BALANCE = {None: "as they are", 0.5: "50 : 50", 0.35: "35 : 65"}
_JUDGED = {1: "One split, 70 / 30", 3: "3 folds", 5: "5 folds", 10: "10 folds"}
_MODEL_TYPES = ["skops", "json", "ubj", "onnx", "pkl", "pickle", "joblib"]
_FIRST = ("logistic_regression", "gradient_boosting")
_MAX_MATCHES = 6  # more columns than that are not matched by hand
_SELECTIONS = {"complete": "complete", "forward": "stepwise, forward", "backward": "stepwise, backward"}


@dataclass(frozen=True)
class Choices:
    """What the controls say: what is trained, for which outcomes, and how it is judged."""

    outcomes: tuple[str, ...]
    algorithms: tuple[str, ...]
    unaware: bool
    balance: float | None
    n_outer: int
    n_inner: int
    n_iter: int
    attribute: str
    random_state: int
    features: tuple[str, ...] | None = None

    def options(self) -> dict[str, Any]:
        """As :func:`evaluate_models` takes them, without what is trained."""
        return {
            name: getattr(self, name)
            for name in ("unaware", "balance", "n_outer", "n_inner", "n_iter", "attribute", "random_state", "features")
        }


def two_valued(training: Training) -> list[str]:
    """The columns that can be outcomes: two values, and none of the features."""
    roles, frame = training.roles, training.table.frame
    taken = {*roles.features, *roles.sensitive, roles.score, roles.prediction, roles.weight, roles.id}
    found = [name for name in frame if name not in taken and frame[name].nunique() == 2]
    # Those coded as the label is; what says yes in another way would need a value of its own.
    coded = [
        name
        for name in found
        if {str(v) for v in frame[name].dropna().unique()} <= {"0", "1", "0.0", "1.0", "True", "False"}
    ]
    return list(dict.fromkeys([roles.label, *(coded if roles.positive_label == 1 else [])]))


def dataset_of(current: Session, outcomes: tuple[str, ...]) -> AuditDataset:
    """The table to train on, with the outcome that most rows can say as its label."""
    training = current.training
    roles = training.roles
    others = {
        "weight": roles.weight,
        "id": roles.id,
        "positive_label": roles.positive_label,
        "polarity": roles.polarity,
    }
    key = ("training", training.table.sha256, training.table.steps, outcomes, repr(roles))
    return current.built(
        key,
        lambda: training_dataset(
            training.table, outcomes=outcomes, sensitive=roles.sensitive, features=roles.features, **others
        ),
    )


def controls(current: Session) -> Choices:
    """Draw the controls and return what they say; they stand where they were left, also after a look at other pages."""
    training, old = current.training, current.model_choices
    key = f"{training.table.sha256[:10]}{len(training.table.steps)}"
    before = getattr(old, "algorithms", _FIRST)

    st.markdown("**Train**")
    chosen = _outcomes(training, old, key)
    algorithms = st.multiselect(
        "Algorithms",
        TRAINABLE,
        [n for n in before if n in TRAINABLE],
        format_func=lambda name: ALGORITHMS[name].title,
        key="models algorithms",
    )
    unaware = st.toggle(
        "Unaware of the protected attributes",
        getattr(old, "unaware", True),
        key="models unaware",
        help=f"Leaves out {', '.join(training.roles.sensitive)}. It is the first step of the fairness scale; proxies "
        "stay.",
    )
    judged = _judged(old)
    with st.expander("More"):
        mitigations = _mitigations(before)
        features = _features(
            training, tuple(chosen) or (training.roles.label,), unaware, getattr(old, "features", None), key
        )
        balance, n_iter, n_inner = _search(old)
        attribute = _attribute(training, old, key)
        seed = st.number_input("Seed", 0, 2**31 - 1, getattr(old, "random_state", 0), key="models seed")
    current.model_choices = Choices(
        outcomes=tuple(chosen),
        algorithms=(*algorithms, *mitigations),
        unaware=unaware,
        balance=balance,
        n_outer=judged,
        n_inner=n_inner,
        n_iter=n_iter,
        attribute=attribute,
        random_state=int(seed),
        features=features,
    )
    return current.model_choices


def _outcomes(training: Training, old: Choices | None, key: str) -> list[str]:
    """What is to be predicted."""
    outcomes = two_valued(training)
    first = [name for name in getattr(old, "outcomes", ()) if name in outcomes] or [training.roles.label]
    return st.multiselect(
        "Outcomes", outcomes, first, key=f"models outcomes {key}", help="Each on the rows that can say it."
    )


def _judged(old: Choices | None) -> int:
    """On how many parts of the rows the models are judged in turn; 1 is one split."""
    return st.selectbox(
        "Judged by",
        list(_JUDGED),
        list(_JUDGED).index(getattr(old, "n_outer", 3)),
        format_func=_JUDGED.get,
        key="models judged",
        help="Always on people the model was not trained on: each fold in turn is held out, and scored by a model "
        "trained on the others.",
    )


def _mitigations(before: tuple[str, ...]) -> list[str]:
    """The mitigations to compare with the algorithms."""
    return st.multiselect(
        "Mitigations to compare",
        MITIGATIONS,
        [n for n in before if n in MITIGATIONS],
        format_func=lambda name: ALGORITHMS[name].title,
        key="models mitigations",
        help="Trained so that the groups come out more alike. Their points stand on the trade-off figure of the "
        "Thresholds page.",
    )


def _search(old: Choices | None) -> tuple[float | None, int, int]:
    """How the training part is balanced, how many combinations are tried, and on how many folds."""
    balance = st.selectbox(
        "Outcomes in the training part",
        list(_BALANCE),
        list(_BALANCE).index(getattr(old, "balance", None)),
        format_func=_BALANCE.get,
        key="models balance",
        help="Down-samples the more common outcome, in the training part only.",
    )
    n_iter = st.number_input(
        "Combinations of parameters to try",
        0,
        200,
        getattr(old, "n_iter", 0),
        key="models combinations",
        help="At random, each on inner folds of the training part; 0 takes usual values.",
    )
    n_inner = st.number_input(
        "Inner folds",
        2,
        10,
        getattr(old, "n_inner", 3),
        key="models inner",
        help="Parts of the training part on which parameters are tried.",
    )
    return balance, int(n_iter), int(n_inner)


def _attribute(training: Training, old: Choices | None, key: str) -> str:
    """The protected attribute that mitigations work on."""
    attributes = list(training.roles.sensitive)
    start = getattr(old, "attribute", attributes[0])
    return st.selectbox(
        "Attribute that mitigations work on",
        attributes,
        attributes.index(start) if start in attributes else 0,
        key=f"models attribute {key}",
    )


def _features(
    training: Training, outcomes: tuple[str, ...], unaware: bool, old: tuple[str, ...] | None, key: str
) -> tuple[str, ...] | None:
    """The columns to learn from; None while they are those that the program would take."""
    roles = training.roles
    taken = {*outcomes, *roles.sensitive, roles.score, roles.prediction, roles.weight, roles.id}
    names = [name for name in training.table.frame if name not in taken]
    picked = st.multiselect(
        "Columns to learn from",
        names,
        [n for n in old or () if n in names],
        key=f"models features {key}",
        placeholder="as the program chooses",
        help="Empty: the columns with the role of features, else all but dates, ids, other outcomes, other scores and "
        "what tells the outcome too well.",
    )
    if not picked:
        return None
    return tuple(picked) if unaware else (*picked, *roles.sensitive)


def compared(current: Session, dataset: AuditDataset, choices: Choices) -> ModelComparison | None:
    """What is finished of the models chosen.

    The rest is trained when asked for; what is finished stays when it is stopped.
    """
    done = current.compared

    def key(outcome: str, algorithm: str) -> Any:
        return dataset.digest, outcome, algorithm, repr(choices.options())

    asked = [(outcome, name) for outcome in choices.outcomes for name in choices.algorithms]
    missing = [pair for pair in asked if key(*pair) not in done]
    if missing:
        total = sum(ALGORITHMS[name].cost for _, name in missing)

        def run(report) -> None:
            passed = 0.0
            for outcome, name in missing:
                cost = ALGORITHMS[name].cost
                done[key(outcome, name)] = evaluate_models(
                    dataset,
                    algorithms=[name],
                    outcomes=[outcome],
                    progress=lambda share, text, p=passed, c=cost: report((p + share * c) / total, text),
                    **choices.options(),
                )
                passed += cost

        n = len(missing)
        label = f"Train {n} model{'s' if n > 1 else ''}" if n == len(asked) else f"Train the other {n}"
        long_work(label, key="models", run=run)
    found = [done[key(*pair)] for pair in asked if key(*pair) in done]
    merged = None
    for one in found:
        merged = one if merged is None else merged.merged(one)
    return merged


def choose(current: Session, dataset: AuditDataset, comparison: ModelComparison) -> tuple[str, str]:
    """The model that the rest of the page is about, and the button that has its score audited."""
    table = comparison.table
    pairs = list(zip(table["outcome"], table["algorithm"], strict=True))
    many = table["outcome"].nunique() > 1
    titles = {pair: f"{ALGORITHMS[pair[1]].title}{f' · {pair[0]}' if many else ''}" for pair in pairs}
    picked = st.selectbox(
        "Model",
        range(len(pairs)),
        format_func=lambda i: titles[pairs[i]],
        key=f"models pick {dataset.digest[:10]} {hash(tuple(pairs))}",
    )
    outcome, algorithm = pairs[picked]

    def audit() -> None:
        scored = scored_dataset(dataset, comparison, outcome=outcome, algorithm=algorithm)
        current.use(scored)
        rows = comparison.scores[(outcome, algorithm)].notna()
        for name in MITIGATIONS:
            if (outcome, name) in comparison.scores:
                current.mitigated[ALGORITHMS[name].title] = (
                    comparison.scores.loc[rows, (outcome, name)] >= 0.5
                ).to_numpy()
        st.toast(f"Audited: {literal(titles[(outcome, algorithm)])}", icon=":material/check:")

    st.button(
        "Audit this model's scores", type="primary", icon=":material/play_arrow:", on_click=audit, key="models audit"
    )
    return outcome, algorithm


def saved(current: Session, dataset: AuditDataset, choices: Choices, outcome: str, algorithm: str) -> None:
    """Train one on 70 %, measure it on the rest, and offer it with its card."""
    if ALGORITHMS[algorithm].mitigates:
        st.caption("A mitigation is a comparator here, and cannot be saved.")
        return
    key = ("saved", dataset.digest, outcome, algorithm, repr(choices.options()))
    if key not in current.compared:

        def run(report) -> None:
            current.compared[key] = train_model(
                dataset,
                algorithm=algorithm,
                outcome=outcome,
                unaware=choices.unaware,
                features=choices.features,
                balance=choices.balance,
                n_inner=choices.n_inner,
                n_iter=choices.n_iter,
                random_state=choices.random_state,
                progress=report,
            )

        long_work("Train it for saving", key="models save", run=run)
    model = current.compared.get(key)
    if model is not None:
        held = model.card["held_out"]
        st.caption(
            f"{model.title}, trained on 70 % of the people: AUC {held['auc']:.3f} ({held['low']:.3f} to "
            f"{held['high']:.3f}) on the {model.card['data']['n_held_out']:,} rows held out. The file holds that "
            "model, and a card with the data's digest, columns, seed and these figures."
        )
        download(
            "Download the model (skops)",
            model.to_bytes,
            f"{algorithm}.skops",
            "application/octet-stream",
            key="models skops",
            icon=":material/download:",
        )


def importance(
    current: Session, dataset: AuditDataset, choices: Choices, outcome: str, algorithm: str
) -> pd.DataFrame | None:
    """Permutation importance of the model picked."""
    return _kept(
        current,
        "Which columns matter?",
        "importance",
        (dataset.digest, outcome, algorithm, choices.unaware, choices.features, choices.balance, choices.random_state),
        lambda report: permutation_importance(
            dataset,
            algorithm=algorithm,
            outcome=outcome,
            unaware=choices.unaware,
            features=choices.features,
            balance=choices.balance,
            random_state=choices.random_state,
            progress=report,
        ),
    )


def effects(
    current: Session, dataset: AuditDataset, choices: Choices, outcome: str
) -> tuple[str | None, pd.DataFrame | None]:
    """Marginal effects by the selection asked for."""
    asked = st.segmented_control(
        "Variables",
        list(_SELECTIONS),
        default="complete",
        format_func=_SELECTIONS.get,
        key="models selection",
        required=True,
    )
    selection = None if asked == "complete" else asked
    found = _kept(
        current,
        "Compute the effects",
        f"effects {selection}",
        (dataset.digest, outcome, choices.unaware, choices.features, selection),
        lambda report: marginal_effects(
            dataset,
            selection=selection,
            outcome=outcome,
            unaware=choices.unaware,
            features=choices.features,
            progress=report,
        ),
    )
    return selection, found


def proxies(current: Session, dataset: AuditDataset, choices: Choices) -> tuple[str, ProxyProbe | None]:
    """How well the features tell a protected attribute."""
    names = list(dataset.attributes)
    attribute = (
        st.segmented_control(
            "Attribute", names, default=names[0], required=True, key=f"models proxy {dataset.digest[:10]}"
        )
        if len(names) > 1
        else names[0]
    )
    found = _kept(
        current,
        f"How well do the features tell {literal(attribute)}?",
        "proxies",
        (dataset.digest, attribute, choices.random_state),
        lambda report: proxy_probe(dataset, attribute=attribute, random_state=choices.random_state, progress=report),
    )
    return attribute, found


def _kept(current: Session, label: str, name: str, of: Any, make: Any) -> Any:
    """What ``make`` brings, made once for ``of`` when asked for."""
    key = (name, of)
    if key not in current.compared:

        def run(report) -> None:
            current.compared[key] = make(report)

        long_work(label, key=f"models {name}", run=run)
    return current.compared.get(key)


def from_outside(current: Session) -> None:
    """A trained model from a file: its columns matched to the table's, every mismatch named, and its score audited."""
    st.caption(
        "A model as skops, XGBoost (JSON, UBJ) or ONNX; it is opened in a process of its own, and nothing in it is "
        "run. Pickle and joblib files run code when they are opened, and are refused."
    )
    model = uploaded(
        current,
        "outside",
        label="A trained model",
        types=_MODEL_TYPES,
        load=lambda data, name: load_model(data, name=name),
        told="Checking the model …",
    )
    if model is not None:
        _matched(current, model)


def _matched(current: Session, model: TrainedModel) -> None:
    table, roles = current.training.table, current.training.roles
    st.markdown(f"**{literal(model.title)}** takes {len(model.features)} columns.")
    if model.card.get("data", {}).get("sha256") == table.sha256:
        st.warning(
            "It was trained on 70 % of this very table: its score flatters it here. Score another table.",
            icon=":material/warning:",
        )
    missing = [f.name for f in model.features if f.name not in table.frame]
    columns = {}
    if len(missing) > _MAX_MATCHES:
        st.markdown(f"{len(missing)} of its columns are not in {literal(table.name)}: it was made for another table.")
    elif missing:
        for place, name in zip(st.columns(len(missing)), missing, strict=True):
            label = f"Column for {name}"
            picked = place.selectbox(
                label, list(table.frame.columns), index=None, key=f"models match {name}", placeholder="Choose a column"
            )
            columns |= {name: picked} if picked else {}
    own = replace(model, columns=columns)
    found, notes = own.match(table.frame)
    if found:
        problems(InputError(found))
    for note in notes:
        st.caption(literal(note))
    if st.button(
        "Score the table and audit it",
        key="models outside",
        type="primary",
        disabled=bool(found),
        icon=":material/play_arrow:",
    ):
        try:
            with st.spinner("Scoring …", show_time=True):
                current.use(own.scored(table, roles))
        except InputError as error:
            problems(error)
        else:
            st.toast(f"Audited the scores of {literal(model.title)}", icon=":material/check:")
            st.rerun()
