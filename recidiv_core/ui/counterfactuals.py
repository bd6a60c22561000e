"""The controls of the Counterfactuals page, and what they ask for: the model, the pairs with their scores, probes
and curves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from recidiv_core.counterfactuals import (
    LOCALES,
    CounterfactualAudit,
    CounterfactualPairs,
    FieldSpec,
    ProfileSpec,
    beside,
    clone_scores,
    decisions_of,
    loan_model,
    loan_profiles,
    make_pairs,
    pairs_from_rows,
    response_curve,
    suggest_profile_spec,
    usual_threshold,
)
from recidiv_core.data import AuditDataset
from recidiv_core.models import ALGORITHMS, TRAINABLE, ProxyProbe, TrainedModel, proxy_probe, train_model
from recidiv_core.ui.models import dataset_of
from recidiv_core.ui.parts import literal
from recidiv_core.ui.state import Session
from recidiv_core.ui.work import long_work

SOURCES = {"profiles": "Made with Mimesis", "between": "Between real rows", "rows": "Real rows, flipped"}
_LOANS = "loans"
_QUICK, _QUICK_ROWS = 20_000, 20_000  # clones made and scored, and rows trained on, without asking
_FIRST_LEVELS = 4


@dataclass(frozen=True)
class PairChoices:
    """What the controls say. ``columns`` are those made otherwise than the program suggests."""

    model: Any
    unaware: bool
    vary: dict[str, tuple[Any, ...]]
    source: str
    n_profiles: int
    locale: str
    random_state: int
    columns: dict[str, FieldSpec] = field(default_factory=dict)
    threshold: tuple[Any, float] | None = None  # of which model
    feature: str | None = None

    def key(self) -> str:
        """All that the pairs depend on."""
        return repr((self.vary, self.source, self.n_profiles, self.locale, self.random_state, self.columns))


def models_to_ask(current: Session) -> dict[Any, str]:
    """The models at hand, by what the session keeps them under, and those that can be trained here."""
    found: dict[Any, str] = {}
    if current.training.table.name == "loans":
        found[_LOANS] = "The article's tree"
    for key, own in current.compared.items():
        if isinstance(own, TrainedModel) and key[0] != "asked":
            is_file = key == "outside"
            found[key] = (
                f"{own.title}: {own.card['file']}" if is_file else f"{own.title}, as saved on Models ({key[2]})"
            )
    return found | {("asked", name): f"{ALGORITHMS[name].title}, trained here" for name in TRAINABLE}


def controls(current: Session, dataset: AuditDataset) -> PairChoices:
    """Draw the controls and return what they say; they stand where they were left, also after a look at other pages."""
    old: PairChoices | None = current.pair_choices
    key = dataset.digest[:10]
    model, unaware = _model(current, old, key)
    vary = _varied(dataset, getattr(old, "vary", {}), key)
    source, n_profiles = _profiles(dataset, model, old, key)
    with st.expander("More"):
        locale = st.selectbox(
            "Language and country of names and places",
            LOCALES,
            LOCALES.index(getattr(old, "locale", "en")),
            key="pairs locale",
            help="A language, or a language and a country, by their ISO codes: en, es-mx, de-at.",
        )
        seed = st.number_input(
            "Seed",
            0,
            2**31 - 1,
            getattr(old, "random_state", 0),
            key="pairs seed",
            help="The same seed gives the same profiles.",
        )
    current.pair_choices = PairChoices(
        model=model,
        unaware=unaware,
        vary=vary,
        source=source,
        n_profiles=n_profiles,
        locale=locale,
        random_state=int(seed),
        columns=getattr(old, "columns", {}),
        threshold=getattr(old, "threshold", None),
        feature=getattr(old, "feature", None),
    )
    return current.pair_choices


def _model(current: Session, old: PairChoices | None, key: str) -> tuple[Any, bool]:
    """Which model is asked, and whether it is kept from the protected attributes."""
    models = models_to_ask(current)
    first, names = getattr(old, "model", None), list(models)
    if first not in models:
        first = ("asked", "gradient_boosting") if isinstance(names[0], tuple) else names[0]
    model = st.selectbox(
        "Model", names, names.index(first), format_func=models.get, key=f"pairs model {key} {len(names)}"
    )
    if not (isinstance(model, tuple) and model[0] == "asked"):
        return model, False
    unaware = st.toggle(
        "Unaware of the protected attributes",
        getattr(old, "unaware", False),
        key=f"pairs unaware {key}",
        help="A model that is not given the attribute cannot flip. Try it: what it can still know stands under "
        "“Proxies”.",
    )
    return model, unaware


def _varied(dataset: AuditDataset, old: dict[str, tuple[Any, ...]], key: str) -> dict[str, tuple[Any, ...]]:
    attributes = list(dataset.roles.sensitive)
    chosen = st.multiselect(
        "Change",
        attributes,
        [a for a in old if a in attributes] or attributes[:1],
        key=f"pairs change {key}",
        help="Nothing else differs between the clones of a profile. With several attributes, each alone and all "
        "together.",
    )
    found = {}
    for name in chosen:
        column = dataset.frame[name]
        is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        levels = common_values(column)
        start = [v for v in old.get(name, ()) if v in levels or is_number] or levels[:_FIRST_LEVELS]
        options = list(dict.fromkeys([*levels, *start]))
        picked = st.multiselect(
            f"Values of {name}",
            options,
            start,
            key=f"pairs values {key} {name}",
            accept_new_options=is_number,
            help="Type a number to add it." if is_number else None,
        )
        found[name] = tuple(picked)
    return found


def _profiles(dataset: AuditDataset, model: Any, old: PairChoices | None, key: str) -> tuple[str, int]:
    """Where the profiles come from, and how many there are."""
    source = st.radio(
        "Profiles",
        list(SOURCES),
        list(SOURCES).index(getattr(old, "source", "profiles" if model == _LOANS else "between")),
        format_func=SOURCES.get,
        key=f"pairs source {key}",
        help="Mimesis is a library that makes up people: each column by itself, by rules you can see and set below. "
        "“Between real rows” takes all columns together from two real rows that are alike: no mixture of values "
        "appears that nobody has. “Real rows, flipped” asks about the people in the table.",
    )
    most = len(dataset) if source == "rows" else 200_000
    n = st.number_input(
        "How many", 1, most, min(getattr(old, "n_profiles", 1000), most), step=100, key=f"pairs number {key} {source}"
    )
    return source, int(n)


def common_values(column: pd.Series) -> list[Any]:
    """The most common values first; of many numbers the 10th, 50th and 90th percentile."""
    known = column.dropna()
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column) and known.nunique() > 12:
        return [
            v.item()
            for v in np.unique(
                np.quantile(known.to_numpy(dtype=float), [0.1, 0.5, 0.9], method="nearest").astype(known.dtype)
            )
        ]
    return known.value_counts().index.tolist()


def asked(current: Session, dataset: AuditDataset, choices: PairChoices) -> TrainedModel | None:
    """The model chosen; one that is to be trained here is, at once where the table is small."""
    if choices.model == _LOANS:
        return current.built("the article's tree", lambda: loan_model(dataset.frame))
    if choices.model[0] != "asked":
        return current.compared[choices.model]
    key = ("asked", dataset.digest, choices.model[1], choices.unaware)
    return _made(
        current,
        key,
        "Train the model",
        lambda report: train_model(
            dataset, algorithm=choices.model[1], unaware=choices.unaware, n_iter=0, progress=report
        ),
        is_quick=len(dataset) <= _QUICK_ROWS,
    )


def training_table(current: Session) -> AuditDataset:
    """The table that models are trained on, for its label."""
    return dataset_of(current, (current.training.roles.label,))


def spec_of(current: Session, dataset: AuditDataset, model: TrainedModel, choices: PairChoices) -> ProfileSpec:
    """How profiles are made: as the program suggests, and as the user changed it."""
    columns = [model.columns.get(f.name, f.name) for f in model.features]
    columns = [name for name in columns if name in dataset.frame]
    if choices.model == _LOANS and choices.source == "profiles":
        start = loan_profiles(dataset)
    else:
        start = suggest_profile_spec(dataset, columns=columns, from_data=choices.source == "between")
    for name, own in choices.columns.items():
        start = start.with_column(name, own) if name in start.columns and choices.source == "profiles" else start
    return start


def pairs_to_ask(
    current: Session, dataset: AuditDataset, model: TrainedModel, choices: PairChoices
) -> tuple[CounterfactualPairs, np.ndarray] | None:
    """The pairs and their scores, shape (n, k); made and scored at once where that is quick."""
    n_clones = int(np.prod([len(v) for v in choices.vary.values()]))
    key = ("pairs", dataset.digest, *which_model(model, choices), choices.key())

    def make(report: Callable[[float, str], None]) -> tuple[CounterfactualPairs, np.ndarray]:
        options = {"vary": choices.vary, "n_profiles": choices.n_profiles, "random_state": choices.random_state}
        if choices.source == "rows":
            pairs = pairs_from_rows(dataset, **options)
        else:
            spec = spec_of(current, dataset, model, choices)
            pairs = make_pairs(
                spec, locale=choices.locale, progress=lambda share, text: report(0.6 * share, text), **options
            )
        report(0.6, "scoring")
        return pairs, clone_scores(model, pairs)

    return _made(
        current,
        key,
        f"Make and score {choices.n_profiles * n_clones:,} clones",
        make,
        is_quick=choices.n_profiles * n_clones <= _QUICK,
    )


def _made(current: Session, key: Any, label: str, make: Callable[[Any], Any], *, is_quick: bool) -> Any:
    """What ``make`` brings, made once; by itself where it is quick, with progress and a stop button either way.

    None until then.
    """
    kept = current.compared
    if key not in kept:

        def run(report) -> None:
            for old in [k for k in kept if isinstance(k, tuple) and k[0] == key[0] == "pairs"][:-3]:
                kept.pop(old)
            kept[key] = make(report)

        long_work(label, key=f"pairs {label}", run=run, of=key if is_quick else None)
    return kept.get(key)


def which_model(model: TrainedModel, choices: PairChoices) -> tuple[Any, ...]:
    """What tells one model asked here from another."""
    return choices.model, choices.unaware, model.card.get("sha256")


def probe_of(current: Session, dataset: AuditDataset, model: TrainedModel, attribute: str) -> ProxyProbe | None:
    """What the model's other columns tell about an attribute; by itself on a small table.

    None until then, and where it has no other.
    """
    features = beside(model, dataset)
    if not features:
        return None
    return _made(
        current,
        _probe_key(dataset, attribute, features),
        f"How well do the other columns tell {literal(attribute)}?",
        lambda report: proxy_probe(dataset, attribute=attribute, features=features, progress=report),
        is_quick=len(dataset) * len(features) <= _QUICK_ROWS,
    )


def known_probes(
    current: Session, dataset: AuditDataset, model: TrainedModel, audit: CounterfactualAudit
) -> tuple[ProxyProbe, ...]:
    """Those that were made."""
    keys = [_probe_key(dataset, attribute, beside(model, dataset)) for attribute in audit.attributes]
    return tuple(current.compared[key] for key in keys if key in current.compared)


def _probe_key(dataset: AuditDataset, attribute: str, features: list[str]) -> Any:
    return "probe", dataset.digest, attribute, tuple(features)


def feature_of(current: Session, names: list[str]) -> str:
    """The feature that bands and curve are over; where it was left."""
    old = current.pair_choices.feature
    found = st.selectbox(
        "Feature", names, names.index(old) if old in names else 0, key=f"pairs feature {'|'.join(names)}"[:200]
    )
    current.pair_choices = replace(current.pair_choices, feature=found)
    return found


def curve_of(
    current: Session, model: TrainedModel, audit: CounterfactualAudit, feature: str
) -> tuple[pd.DataFrame, tuple[float, float]]:
    """The response curve of a feature, and the profiles' own range of it."""
    choices = current.pair_choices
    key = ("curve", audit.dataset["sha256"], *which_model(model, choices), choices.key(), feature)
    own = audit.made.profiles[feature].dropna()
    curve = current.built(key, lambda: response_curve(model, audit.made, feature=feature))
    return curve, (float(own.min()), float(own.max()))


def threshold_of(current: Session, dataset: AuditDataset, model: TrainedModel, scores: np.ndarray) -> float:
    """The slider; where it was left for this model."""
    choices = current.pair_choices
    which = which_model(model, choices)
    start = current.built(("first threshold", dataset.digest, *which), lambda: usual_threshold(model, dataset))
    if choices.threshold is not None and choices.threshold[0] == which:
        start = choices.threshold[1]
    low, high = (0.0, 1.0) if scores.min() >= 0 and scores.max() <= 1 else (float(scores.min()), float(scores.max()))
    flagged = decisions_of(model, dataset.roles.polarity)[1]
    found = st.slider(
        "Threshold",
        low,
        high,
        min(max(start, low), high),
        (high - low) / 100,
        key=f"pairs threshold {dataset.digest[:10]} {which}",
        help=f"Whoever scores this and above is {flagged.lower()}. It starts at the model's own, or where as many are "
        "flagged as had the outcome.",
    )
    current.pair_choices = replace(choices, threshold=(which, found))
    return found
