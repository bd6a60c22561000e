"""One profile: its clones and the smallest change, against trying every value; and the curve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recidiv_core import load_dataset
from recidiv_core.counterfactuals import (
    ask_one,
    audit_counterfactuals,
    loan_model,
    loan_profiles,
    make_pairs,
    response_curve,
    smallest_changes,
)
from recidiv_core.errors import InputError
from tests.counterfactuals.conftest import dataset_of, model_of, people


@settings(max_examples=150)
@given(
    cuts=st.lists(st.integers(17, 71), min_size=1, max_size=5, unique=True),
    now=st.integers(18, 69),
    start=st.booleans(),
)
def test_the_smallest_change_of_a_whole_number_is_the_smallest_there_is(dataset, cuts, now, start):
    """A model that changes its mind at each cut."""

    def score(X):
        return ((np.array([sum(v >= c for c in cuts) for v in X["age"]]) + start) % 2).astype(float)

    model = model_of(score, age="number", income="number")
    found = smallest_changes(model, {"age": now, "income": 1.0}, allowed=["age"], dataset=dataset, threshold=0.5).iloc[
        0
    ]
    flagged = {
        v: bool((sum(v >= c for c in cuts) + start) % 2)
        for v in range(int(dataset.frame["age"].min()), int(dataset.frame["age"].max()) + 1)
    }
    others = [v for v, is_flagged in flagged.items() if is_flagged != bool((sum(now >= c for c in cuts) + start) % 2)]
    if not others:
        assert found["needed"] is None or np.isnan(found["share_of_range"])
    else:
        assert abs(int(found["needed"]) - now) == min(abs(v - now) for v in others)


def test_a_number_is_found_to_a_small_part_of_its_range(dataset):
    low, high = dataset.frame["income"].min(), dataset.frame["income"].max()
    for cut in np.linspace(low + 1, high - 1, 7):
        model = model_of(lambda X, cut=cut: (X["income"] >= cut).astype(float), income="number")
        found = smallest_changes(
            model, {"income": float(low)}, allowed=["income"], dataset=dataset, threshold=0.5
        ).iloc[0]
        assert low + found["share_of_range"] * (high - low) == pytest.approx(cut, abs=(high - low) / 512**1.8)
        assert found["score"] == 1.0


def test_texts_missing_numbers_and_what_nothing_alters(dataset):
    model = model_of(
        lambda X: ((X["district"] == "North") * 0.6 + (X["priors"] > 4) * 0.6 + 0 * X["age"]).fillna(0).to_numpy(),
        district=["North", "South", "East"],
        priors="number",
        age="number",
    )
    profile = {"district": "South", "priors": 2, "age": 30}
    found = smallest_changes(model, profile, allowed=list(profile), dataset=dataset, threshold=0.5).set_index("feature")
    assert (
        found.loc["district", "needed"] == "North"
        and found.loc["priors", "needed"] == "5"
        and found.loc["age", "share_of_range"] != found.loc["age", "share_of_range"]
    )
    assert found.index[0] == "priors"  # a text counts as the whole range
    unknown = smallest_changes(
        model, profile | {"priors": None}, allowed=["priors", "district"], dataset=dataset, threshold=0.5
    ).set_index("feature")
    assert unknown.loc["district", "needed"] == "North" and unknown.loc["priors", "needed"] == "5"
    for allowed in (["nothing"], [], ["works"]):
        with pytest.raises(InputError):
            smallest_changes(model, profile, allowed=allowed, dataset=dataset, threshold=0.5)


def test_the_articles_woman_needs_the_income_of_the_step():
    dataset = load_dataset("sample:loans")
    model = loan_model(dataset.frame)
    pairs = make_pairs(loan_profiles(dataset), vary={"Gender": ["Male", "Female"]}, n_profiles=300)
    audit = audit_counterfactuals(model, pairs, threshold=0.5)
    single = ask_one(model, audit, {"Gender": "Female", "Income": 50_000}, allowed=["Income"], is_real=False)
    assert dict(zip(single.clones["Gender"], single.clones["decision"], strict=True)) == {
        "Male": "Approved",
        "Female": "Denied",
    }
    assert int(single.changes.loc[0, "needed"].replace(",", "")) == pytest.approx(80_000, abs=50)
    curve = response_curve(model, pairs, feature="Income").pivot(index="value", columns="group", values="score")
    assert (curve["Male"] == 1).all()
    assert curve["Female"].loc[:79_500].max() == 0 and curve["Female"].loc[80_001:].min() == 1
    assert curve.index.min() < 31_000 and curve.index.max() > 119_000 and {79_500, 80_500} <= set(curve.index)


def test_the_nearer_side_wins_and_what_is_printed_alters_the_decision(dataset):
    """Another decision at 0 and below and from 1,000,123 on; whole and not."""
    for values, now, cut in (((0, 10**6 + 500), 900_000, 1_000_123), ((0.5, 10**6 + 0.5), 999_990.25, 1_000_000.125)):
        frame = people(50).assign(x=np.linspace(*values, 50).round(0 if values[0] == 0 else 3))
        own = dataset_of(frame)
        model = model_of(lambda X, cut=cut: ((X["x"] <= 0.5) | (X["x"] >= cut)).astype(float), x="number")
        found = smallest_changes(model, {"x": now}, allowed=["x"], dataset=own, threshold=0.5).iloc[0]
        needed = float(found["needed"].replace(",", ""))
        assert cut <= needed < cut + 1 and found["change"].startswith("+")
    near = model_of(lambda X: ((X["x"] <= 0) | (X["x"] >= 11)).astype(float), x="number")
    own = dataset_of(people(50).assign(x=np.linspace(0, 10**6, 50).round()))
    found = smallest_changes(near, {"x": 10}, allowed=["x"], dataset=own, threshold=0.5).iloc[0]
    assert (found["needed"], found["change"]) == ("11", "+1")


def test_truth_values_and_fractions_in_whole_columns(dataset):
    model = model_of(lambda X: X["works"].astype(float), works="number")
    found = smallest_changes(model, {"works": True}, allowed=["works"], dataset=dataset, threshold=0.5)
    assert found["needed"].tolist() == ["False"]
    model = model_of(lambda X: (X["age"] >= 50).astype(float), age="number")
    assert smallest_changes(model, {"age": 40.5}, allowed=["age"], dataset=dataset, threshold=0.5)[
        "needed"
    ].tolist() == ["50"]
