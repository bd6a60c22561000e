"""Copies side by side: the split, what use is measured by, and what the page and the report read."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from recidiv_core.errors import InputError
from recidiv_core.models import transferred_scores, usable_features
from recidiv_core.privacy import (
    LEAKS,
    REAL,
    audit_baseline,
    audit_copy,
    audit_release,
    audit_utility,
    frontier_answer,
    nearest_pairs,
    outside_copy,
    privacy_answer,
    split_real,
    split_with,
    synthesize,
)
from tests.privacy.conftest import dataset_of, typed


@pytest.fixture(scope="module")
def release(people_split):
    copies = [audit_copy(people_split, synthesize(people_split.train, method=m)) for m in ("undersample", "copula")]
    return audit_release(people_split, copies, baseline=audit_baseline(people_split), name="people")


def test_halves_share_nobody():
    frame = typed(600).assign(who=np.repeat(np.arange(200), 3))
    split = split_real(dataset_of(frame, id="who"))
    assert not set(split.train.frame["who"]) & set(split.holdout.frame["who"])
    assert len(split.train) + len(split.holdout) == 600 and abs(len(split.train) - 300) <= 30
    with pytest.raises(InputError, match="at least 200 rows"):
        split_real(dataset_of(typed(150)))


def test_use_is_that_of_scikit_learn(people_split):
    train, test = people_split.train, people_split.holdout
    audit = audit_utility({"as it is": train.frame}, test, real_train=train)
    features, _ = usable_features(test)
    for name in ("random_forest", "logistic_regression"):
        (score,) = transferred_scores(train.frame, train.y_true, [test.frame], features=features, algorithm=name)
        row = audit.table.set_index("algorithm").loc[name]
        assert row["auc"] == pytest.approx(roc_auc_score(test.y_true, score))
        assert row["accuracy"] == pytest.approx(accuracy_score(test.y_true, score >= 0.5))
        flagged = pd.Series(score >= 0.5).groupby(test.frame["sex"].fillna("(missing)").to_numpy()).mean()
        own = audit.fairness.set_index(["algorithm", "attribute"]).loc[(name, "sex")]
        assert own["gap"] == pytest.approx(flagged[own["group"]] - flagged[own["reference"]])
        assert own["ratio"] == pytest.approx(flagged[own["group"]] / flagged[own["reference"]])
        loss = -np.where(test.y_true, np.log(score), np.log1p(-score))
        groups = audit.slices[(audit.slices["algorithm"] == name) & (audit.slices["words"] == "sex = F")]
        assert groups["log_loss"].iloc[0] == pytest.approx(loss[(test.frame["sex"] == "F").to_numpy()].mean())


def test_a_forest_remembers_its_people_and_a_copy_of_nobody_does_not(release):
    table = release.use.table.set_index(["variant", "algorithm"])
    assert table.loc[(REAL, "random_forest"), "member_low"] > 0.5
    own = table.loc[("Gaussian copula", "random_forest")]
    assert own["member_low"] < 0.5 < own["member_high"]


def test_the_frontier_has_every_variant_and_its_sentences_name_them(release):
    table = release.frontier.set_index("variant")
    assert list(table.index) == [REAL, "Under-sampled 50:50", "Gaussian copula"]
    assert table.loc["Under-sampled 50:50", "copies"] == 1 and table.loc["Under-sampled 50:50", "verdict"] == LEAKS
    assert table.loc["Gaussian copula", "verdict"] != LEAKS and table["attribute"].nunique() == 1
    said = " ".join(frontier_answer(release))
    assert (
        "Gaussian copula keeps most of the use" in said
        and "Under-sampled 50:50 (100 % nearer to the people it was made from, 100 % exact copies" in said
    )
    assert "gives people away" in privacy_answer(release.copies[0].privacy)[0]
    text = json.dumps(release.to_dict(), allow_nan=False)
    assert "synthetic_train" not in text and len(text) < 200_000


def test_the_nearest_pairs_are_those_nearest(people_split):
    train = people_split.train.frame
    copy = synthesize(people_split.train, method="undersample")
    audit = audit_copy(people_split, copy)
    pairs = nearest_pairs(train, copy.frame, audit.privacy, n=3)
    assert pairs["whose"].tolist() == ["synthetic", "real"] * 3 and (pairs["distance"] == 0).all()
    own = pairs.drop(columns=["pair", "distance", "whose"])
    for i in range(0, 6, 2):
        assert own.iloc[i].astype(str).tolist() == own.iloc[i + 1].astype(str).tolist()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f.drop(columns="y"), "column 'y'"),
        (lambda f: f.drop(columns="sex"), "column 'sex'"),
        (lambda f: f.iloc[:20], "at least 50 rows"),
        (lambda f: f.assign(age="old"), "numbers, as in the real table"),
    ],
)
def test_a_copy_from_elsewhere_is_checked(people_split, change, told):
    with pytest.raises(InputError, match=told):
        outside_copy(people_split, change(people_split.train.frame), name="copy.csv", sha256="0")


def test_a_copy_from_elsewhere_is_judged(people_split):
    frame = people_split.train.frame.assign(more=1).drop(columns="few")
    copy = outside_copy(people_split, frame, name="copy.csv", sha256="0")
    audit = audit_copy(people_split, copy)
    assert audit.privacy.summary["nearer_to_train"] > 0.98 and {"more", "few"} <= set(copy.card["left_out"])


def test_a_holdout_of_its_own():
    train, other = dataset_of(typed(300)), dataset_of(typed(120, 1))
    with pytest.raises(InputError, match="120 of 120 holdout records are also in train"):
        split_with(train, dataset_of(typed(300).sample(120, random_state=0)))
    assert len(split_with(train, other).train) == 300
    with pytest.raises(InputError, match="'share'"):
        split_with(train, dataset_of(typed(120, 1).drop(columns="share")))


@pytest.mark.parametrize(
    ("variants", "told"),
    [
        ({}, "at least one of each"),
        ({"v": typed(100).drop(columns="y")}, "column 'y'"),
        ({"v": typed(100).assign(y=1)}, "at least 10 rows with and 10 without"),
        ({"v": typed(100)[["y"]]}, "at least one that all variants have"),
    ],
)
def test_variants_that_cannot_be_used_are_told(people_split, variants, told):
    with pytest.raises(InputError, match=told):
        audit_utility(variants, people_split.holdout)
