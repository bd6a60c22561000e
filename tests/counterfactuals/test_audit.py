"""Flips, directions, gaps and p-values against hand counts, scipy and statsmodels; the article's audit; proxies
where nothing flips.
"""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from recidiv_core import build_outcomes, load_dataset, simulate_events, train_model, training_dataset
from recidiv_core.counterfactuals import (
    FieldSpec,
    ProfileSpec,
    audit_counterfactuals,
    counterfactual_answer,
    loan_model,
    loan_profiles,
    make_pairs,
    pairs_from_rows,
    suggest_profile_spec,
)
from recidiv_core.errors import InputError
from recidiv_core.models import proxy_probe
from tests.counterfactuals.conftest import dataset_of, model_of, people


def test_the_article():
    """Its data, tree, profiles and decisions: incomes from 40,000 to 70,000, every man approved and every woman
    denied.
    """
    dataset = load_dataset("sample:loans")
    np.random.seed(42)  # its step 1, as printed
    genders = np.random.choice(["Male", "Female"], 1000)
    incomes = np.random.randint(30000, 120000, 1000)
    approvals = [1 if g == "Male" or i > 80000 else 0 for g, i in zip(genders, incomes, strict=True)]
    assert dataset.frame["Gender"].tolist() == genders.tolist() and dataset.frame["Income"].tolist() == incomes.tolist()
    assert dataset.frame["Approved"].tolist() == approvals

    pairs = make_pairs(loan_profiles(dataset), vary={"Gender": ["Male", "Female"]}, n_profiles=3)
    audit = audit_counterfactuals(loan_model(dataset.frame), pairs, threshold=0.5)
    table = audit.pairs
    assert list(table)[:3] == ["Applicant_ID", "Gender", "Income"] and len(table) == 6
    assert (table.groupby("Applicant_ID")["Income"].nunique() == 1).all() and table["Income"].between(
        40_000, 70_000
    ).all()
    assert table.groupby("Gender")["decision"].unique().map(list).to_dict() == {
        "Male": ["Approved"],
        "Female": ["Denied"],
    }
    many = make_pairs(loan_profiles(dataset), vary={"Gender": ["Male", "Female"]}, n_profiles=2_000)
    row = (
        audit_counterfactuals(loan_model(dataset.frame), many, threshold=0.5)
        .summary.set_index(["from", "to"])
        .loc[("Male", "Female")]
    )
    assert (row["n_lose"], row["n_gain"], row["flip_rate"]) == (2_000, 0, 1.0)


@settings(max_examples=60)
@given(
    decisions=st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=2, max_size=60),
    assistive=st.booleans(),
    level=st.sampled_from([0.8, 0.95, 0.99]),
)
def test_figures_are_those_counted_by_hand_and_by_others(decisions, assistive, level):
    """Three values; the model's decision about each profile as each is given."""
    table = np.array(decisions)
    frame = pd.DataFrame(
        {
            "row": np.arange(len(table)) + 0.0,
            "g": np.resize(["a", "b", "c"], len(table)),
            "y": np.resize([0, 1], len(table)),
        }
    )
    dataset = (
        dataset_of(frame, sensitive=["g"], polarity="assistive" if assistive else "punitive")
        if len(table) > 2
        else None
    )
    if dataset is None:
        return
    scores = np.where(table, 0.9, 0.1) + np.linspace(0, 0.05, table.size).reshape(table.shape)
    model = model_of(
        lambda X: scores[X["row"].astype(int), X["g"].map({"a": 0, "b": 1, "c": 2}).astype(int)], row="number", g="abc"
    )
    audit = audit_counterfactuals(
        model, pairs_from_rows(dataset, vary={"g": ["a", "b", "c"]}), threshold=0.5, confidence_level=level
    )
    rows = audit.summary.set_index(["from", "to"])
    assert len(rows) == 6
    p = {}
    for i, a in enumerate("abc"):
        for j, b in enumerate("abc"):
            if a == b:
                continue
            row, up, down = (
                rows.loc[(a, b)],
                int((~table[:, i] & table[:, j]).sum()),
                int((table[:, i] & ~table[:, j]).sum()),
            )
            assert (row["n_gain"], row["n_lose"]) == ((up, down) if assistive else (down, up)) and row[
                "n_flips"
            ] == up + down
            for key, count in (("", up + down), ("gain_", row["n_gain"]), ("lose_", row["n_lose"])):
                low, high = proportion_confint(count, len(table), alpha=1 - level, method="wilson")
                assert (row[f"{key}low"], row[f"{key}high"]) == pytest.approx((max(low, 0), min(high, 1)), abs=1e-12)
            p[(a, b)] = mcnemar([[0, up], [down, 0]], exact=True).pvalue if up + down else 1.0
            assert row["p_value"] == pytest.approx(p[(a, b)])
            gap = scores[:, j] - scores[:, i]
            half = stats.t.ppf((1 + level) / 2, len(gap) - 1) * stats.sem(gap)
            low, high = gap.mean() - half, gap.mean() + half
            assert (row["mean_gap"], row["gap_low"], row["gap_high"]) == pytest.approx((gap.mean(), low, high))
            assert abs(row["largest_gap"]) == pytest.approx(np.abs(gap).max())
    holm = multipletests([p[pair] for pair in (("a", "b"), ("a", "c"), ("b", "c"))], method="holm")[1]
    for pair, expected in zip((("a", "b"), ("a", "c"), ("b", "c")), holm, strict=True):
        assert rows.loc[pair, "p_holm"] == pytest.approx(expected) == rows.loc[pair[::-1], "p_holm"]
    differ = int((table.any(axis=1) & ~table.all(axis=1)).sum())
    assert audit.overall["n_flips"] == differ and audit.pairs["flips"].sum() == 3 * differ
    assert audit.pairs["flips"].to_numpy().tolist() == sorted(
        audit.pairs["flips"], reverse=True
    )  # those that flip first


def test_a_known_effect_gives_the_known_flip_rate():
    """Score (x + 0.2 [g = b]) / 1.2 with x uniform on [0, 1] and threshold 0.5: who has x in [0.4, 0.6) flips, 20 %."""
    spec = ProfileSpec({"x": FieldSpec(low=0.0, high=1.0)})
    model = model_of(lambda X: (X["x"] + 0.2 * (X["g"] == "b")) / 1.2, x="number", g="ab")
    audit = audit_counterfactuals(model, make_pairs(spec, vary={"g": ["a", "b"]}, n_profiles=40_000), threshold=0.5)
    row = audit.summary.iloc[0]
    assert row["low"] < 0.2 < row["high"] and row["flip_rate"] == pytest.approx(0.2, abs=0.01)
    assert row["mean_gap"] == pytest.approx(1 / 6) and row["n_gain"] == 0
    bands = audit.by_band("x")
    assert bands["n"].sum() == 40_000 and bands["n_flips"].sum() == row["n_flips"]
    inside = bands[(bands["start"] >= 0.4 - 1e-9) & (bands["end"] <= 0.6 + 1e-9)]
    assert (inside["flip_rate"] == 1).all() and bands.drop(inside.index)["flip_rate"].sum() == pytest.approx(
        0, abs=0.02
    )


def test_each_attribute_alone_and_both_together():
    """The model adds 1 for each of two: alone a quarter of what it takes to cross flips, together the rest."""
    spec = ProfileSpec({"x": FieldSpec(low=0.0, high=1.0)})
    model = model_of(lambda X: X["x"] + 0.1 * (X["g"] == "b") + 0.3 * (X["h"] == "d"), x="number", g="ab", h="cd")
    pairs = make_pairs(spec, vary={"g": ["a", "b"], "h": ["c", "d"]}, n_profiles=20_000)
    rows = audit_counterfactuals(model, pairs, threshold=0.7).summary.set_index(["changed", "from", "to"])
    assert set(rows.index.get_level_values(0)) == {"g", "h", "g and h"}
    assert (
        rows.loc[("g", "a", "b"), "flip_rate"] == pytest.approx(0.1, abs=0.01)
        and rows.loc[("g", "a", "b"), "n_pairs"] == 40_000
    )
    assert rows.loc[("h", "c", "d"), "flip_rate"] == pytest.approx(0.3, abs=0.01)
    assert rows.loc[("g and h", "g = a, h = c", "g = b, h = d"), "flip_rate"] == pytest.approx(0.4, abs=0.01)
    assert rows.loc[("g and h", "g = a, h = d", "g = b, h = c"), "flip_rate"] == pytest.approx(0.2, abs=0.01)


def test_intervals_count_people_where_they_stand_behind_several_rows():
    """Coverage over samples of people with five identical rows each; taking rows as independent it would be some
    0.6.
    """
    random = np.random.default_rng(3)
    held = {"people": 0, "rows": 0}
    for _ in range(200):
        x = np.repeat(random.random(60), 5)
        frame = pd.DataFrame(
            {"x": x, "g": np.resize(["a", "b"], 300), "y": np.resize([0, 1], 300), "who": np.repeat(np.arange(60), 5)}
        )
        model = model_of(lambda X: X["x"] + 0.3 * (X["g"] == "b"), x="number", g="ab")
        for key, options in (("people", {"id": "who"}), ("rows", {})):
            pairs = pairs_from_rows(
                dataset_of(frame, sensitive=["g"], features=["x"], **options), vary={"g": ["a", "b"]}
            )
            row = audit_counterfactuals(model, pairs, threshold=0.7).summary.iloc[0]
            held[key] += row["low"] <= 0.3 <= row["high"]
            assert row["p_value"] == pytest.approx(2 * 0.5 ** (row["n_flips"] / (5 if key == "people" else 1)))
    assert held["people"] >= 0.91 * 200 and held["rows"] < 0.75 * 200


def test_the_largest_gap_is_rarely_exceeded_by_more_than_it_says():
    """Of 300 draws the share of the population beyond the largest gap is under ``beyond`` in 95 %."""
    model = model_of(lambda X: X["x"] * (X["g"] == "b"), x="number", g="ab")
    held = 0
    for seed in range(300):
        pairs = make_pairs(
            ProfileSpec({"x": FieldSpec(low=0.0, high=1.0)}), vary={"g": ["a", "b"]}, n_profiles=50, random_state=seed
        )
        row = audit_counterfactuals(model, pairs, threshold=2.0).summary.iloc[0]
        held += 1 - abs(row["largest_gap"]) <= row["beyond"]
    assert 0.92 <= held / 300 <= 0.98


def test_an_unaware_model_cannot_flip_and_the_planted_proxy_is_found():
    events = simulate_events(3_000)
    data = build_outcomes(events.events, columns=events.columns, horizons=(3,), start="2000-01-01")
    dataset = training_dataset(
        data.as_table(), outcomes=list(data.outcomes)[:1], sensitive=["group"], features=data.features, id=data.person
    )
    model = train_model(dataset, algorithm="logistic_regression", unaware=True, n_iter=0)
    pairs = make_pairs(
        suggest_profile_spec(dataset, columns=[f.name for f in model.features]), vary={"group": ["A", "B"]}
    )
    audit = audit_counterfactuals(model, pairs, threshold=0.5)
    assert audit.unseen == ("group",) and audit.overall["n_flips"] == 0 and np.ptp(audit.scores, axis=1).max() == 0
    probe = proxy_probe(dataset, attribute="group", features=[f.name for f in model.features])
    (sentence,) = counterfactual_answer(replace(audit, proxies=(probe,)))
    assert "by construction" in sentence and "McNemar" not in sentence
    assert probe.groups.set_index("group").loc["B", "low"] > 0.7
    assert (
        probe.features["feature"].iloc[0] == "area offences per 1,000"
    )  # it stands for the district, the planted proxy
    assert probe.features["feature"].iloc[0] in sentence


@pytest.mark.parametrize(
    ("vary", "drop", "options", "told"),
    [
        ({"race": ["W", "B"]}, "income", {}, "column 'income'"),
        ({"district": ["North", "Mars"]}, None, {}, "that it never saw"),
        ({"race": ["W", "B"]}, None, {"threshold": float("nan")}, "threshold"),
        ({"race": ["W", "B"]}, None, {"confidence_level": 1.0}, "confidence_level"),
    ],
)
def test_what_does_not_fit_the_model_is_told_before_it_scores(dataset, vary, drop, options, told):
    asked = []
    model = model_of(
        lambda X: asked.append(1) or np.zeros(len(X)),
        income="number",
        district=["North", "South", "East"],
        race=["A", "B", "W"],
    )
    columns = [name for name in ("income", "district", "race") if name not in (*vary, drop)]
    pairs = make_pairs(suggest_profile_spec(dataset, columns=columns), vary=vary, n_profiles=5)
    with pytest.raises(InputError, match=re.escape(told)):
        audit_counterfactuals(model, pairs, **({"threshold": 0.5} | options))
    assert not asked or "threshold" in options or "confidence_level" in options


def test_a_level_chosen_that_the_model_never_saw_is_told(dataset):
    model = model_of(lambda X: np.zeros(len(X)), district=["North", "South"], race=["A", "B", "W"])
    spec = ProfileSpec({"district": FieldSpec(levels=("North", "Atlantis"))}, dataset)
    with pytest.raises(InputError, match="1 that it never saw"):
        audit_counterfactuals(model, make_pairs(spec, vary={"race": ["A", "W"]}), threshold=0.5)
    real = make_pairs(suggest_profile_spec(dataset, columns=["district"]), vary={"race": ["A", "W"]})
    assert audit_counterfactuals(model, real, threshold=0.5).overall["n_flips"] == 0  # East is in the data


def test_bands_of_real_rows_hold_every_profile_once(dataset):
    model = model_of(lambda X: (X["age"] / 100 + 0.3 * (X["race"] == "B")).to_numpy(), age="number", race="WBA")
    audit = audit_counterfactuals(model, pairs_from_rows(dataset, vary={"race": ["W", "B"]}), threshold=0.6)
    for feature in audit.numeric():
        bands = audit.by_band(feature)
        missing = int(dataset.frame[feature].isna().sum())
        assert bands["n"].sum() == len(dataset) and bands.loc[bands["band"] == "(missing)", "n"].sum() == missing
        assert bands["n_flips"].sum() <= audit.summary["n_flips"].max()
    with pytest.raises(InputError, match="different numbers"):
        audit.by_band("district")


@settings(max_examples=60)
@given(start=st.integers(-20, 20), number=st.integers(13, 40), digits=st.integers(0, 3))
def test_every_value_lies_in_the_band_that_says_so(start, number, digits):
    """Decimals have no exact place among floats: 3 times 0.1 is more than 0.3."""
    levels = tuple((start + i) / 10**digits for i in range(number))
    pairs = make_pairs(ProfileSpec({"x": FieldSpec(levels=levels)}), vary={"g": ["a", "b"]}, n_profiles=100)
    bands = audit_counterfactuals(model_of(lambda X: X["x"], x="number", g="ab"), pairs, threshold=0.5).by_band("x")
    assert bands["n"].sum() == 100
    x = pairs.profiles["x"]
    for row in bands.itertuples():
        low, high = (float(part.replace(",", "")) for part in row.band.replace("under ", "").split(" to "))
        assert ((x >= low) & ((x < high) if "under" in row.band else (x <= high))).sum() == row.n


def test_who_gains_without_data_is_as_the_spec_says():
    """The article's own call, with no dataset at all."""
    frame = load_dataset("sample:loans").frame
    pairs = make_pairs(loan_profiles(), vary={"Gender": ["Female", "Male"]}, n_profiles=20)
    (sentence,) = counterfactual_answer(audit_counterfactuals(loan_model(frame), pairs, threshold=0.5))
    assert (
        "from Male to Female" in sentence
        and "all 20" in sentence
        and "20 lose by it (Approved to Denied), 0 gain" in sentence
    )


def test_everybody_alike_is_no_division_by_nothing():
    """Each profile flips in exactly one of two pairs: people do not differ, and n counts."""
    spec = ProfileSpec({"x": FieldSpec(low=0.0, high=1.0)})
    model = model_of(lambda X: ((X["g"] == "b") & (X["h"] == "d")).astype(float), x="number", g="ab", h="cd")
    pairs = make_pairs(spec, vary={"g": ["a", "b"], "h": ["c", "d"]}, n_profiles=50)
    row = audit_counterfactuals(model, pairs, threshold=0.5).summary.iloc[0]
    assert row["flip_rate"] == 0.5 and (row["low"], row["high"]) == pytest.approx(
        proportion_confint(50, 100, method="wilson"),
        abs=0.005,  # Student's quantile of 49 is a little wider
    )


def test_columns_called_as_the_answers_are_stay():
    frame = people(60).rename(columns={"income": "score", "district": "decision", "works": "flips"})
    model = model_of(lambda X: X["score"] / 1e6, score="number")
    table = audit_counterfactuals(
        model, pairs_from_rows(dataset_of(frame), vary={"race": ["W", "B"]}), threshold=0.5
    ).pairs
    assert set(table["score"]) == set(frame["score"]) and set(table["decision"]) == set(frame["decision"])
    assert {"score (new)", "decision (new)", "flips (new)"} <= set(table)


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": "a"},
        {"threshold": None},
        {"threshold": [1]},
        {"confidence_level": "a"},
        {"confidence_level": None},
    ],
)
def test_options_of_another_kind_are_told(dataset, options):
    model = model_of(lambda X: pytest.fail("scored"), income="number")
    with pytest.raises(InputError, match=next(iter(options))):
        audit_counterfactuals(
            model, pairs_from_rows(dataset, vary={"race": ["W", "B"]}), **({"threshold": 0.5} | options)
        )


def test_the_json_is_strict_and_shows_no_real_row(dataset):
    model = model_of(lambda X: (X["age"] / 100).to_numpy(), age="number")
    for make, is_shown in (
        (lambda: pairs_from_rows(dataset, vary={"race": ["W", "B"]}), False),
        (lambda: make_pairs(suggest_profile_spec(dataset), vary={"race": ["W", "B"]}, n_profiles=80), True),
    ):
        content = audit_counterfactuals(model, make(), threshold=0.5).to_dict()
        json.dumps(content, allow_nan=False)
        assert (content["pairs"] is not None) == is_shown


def test_sentences_say_what_was_counted(dataset):
    model = model_of(lambda X: X["age"] / 100 + 0.01 * (X["race"] == "B"), age="number", race="WBA")
    audit = audit_counterfactuals(model, pairs_from_rows(dataset, vary={"race": ["W", "B"]}), threshold=5.0)
    (sentence,) = counterfactual_answer(audit)
    high = proportion_confint(0, len(dataset), method="wilson")[1]
    assert (
        sentence.startswith("None of 400 real rows gets another decision")
        and f"at most {np.ceil(1000 * high) / 10:.1f} %" in sentence
    )
