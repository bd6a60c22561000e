"""Comparison of models against other programs, hand counts, and what must not leak."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_recall_curve, roc_auc_score

from recidiv_core.data import read_table
from recidiv_core.errors import InputError
from recidiv_core.models import (
    ALGORITHMS,
    MITIGATIONS,
    TRAINABLE,
    evaluate_models,
    literature,
    paper_tables,
    performance_table,
    scored_dataset,
    training_dataset,
    usable_features,
)
from recidiv_core.models.evaluate import auc_of
from recidiv_core.models.fitting import fit, reweighed
from recidiv_core.models.prepare import Rows, balanced, rows_of, splits
from tests.models.conftest import dataset_of, planted

QUICK = {"n_outer": 3, "n_inner": 2, "n_iter": 2}


@pytest.fixture(scope="module")
def comparison(dataset):
    return evaluate_models(
        dataset, algorithms=["logistic_regression", "decision_tree"], outcomes=["y", "later"], **QUICK
    )


def test_every_fold_is_what_scikit_learn_says(dataset, comparison):
    for (outcome, algorithm), own in comparison.folds.groupby(["outcome", "algorithm"]):
        score = comparison.scores[(outcome, algorithm)].to_numpy()
        y = dataset.frame[outcome].to_numpy(float)
        assert np.isfinite(score).sum() == own["n_test"].sum() == np.isfinite(y).sum()
        part = dataset_of(dataset.frame, outcomes=[outcome])
        used, _ = usable_features(part, unaware=False, outcomes=["y", "later"])
        placed = score[np.isfinite(y)]
        for (_, row), (_, test) in zip(own.iterrows(), splits(rows_of(part, used, "group"), 3, 0), strict=True):
            truth = part.y_true[test]
            assert row["auc"] == pytest.approx(roc_auc_score(truth, placed[test]))
            flagged = placed[test] >= row["threshold"]
            assert row["recall"] == pytest.approx(flagged[truth].mean())
            assert row["specificity"] == pytest.approx((~flagged)[~truth].mean())
            assert row["accuracy_half"] == pytest.approx(((placed[test] >= 0.5) == truth).mean())
            precision, recall, at = precision_recall_curve(truth, placed[test])
            able = precision[:-1] >= 0.85
            want = recall[:-1][able].max() if able.any() else None
            if want is not None:
                assert row["recall_paper"] == pytest.approx(want)
            others = np.isfinite(placed) & ~np.isin(np.arange(len(placed)), test)
            precision, recall, at = precision_recall_curve(part.y_true[others], placed[others])
            able = precision[:-1] >= 0.85
            assert row["threshold"] == pytest.approx(at[able].min() if able.any() else at[np.argmax(precision[:-1])])


def test_means_and_spreads_are_those_of_the_folds(comparison):
    own = comparison.folds[(comparison.folds["outcome"] == "y") & (comparison.folds["algorithm"] == "decision_tree")]
    row = comparison.table.set_index(["outcome", "algorithm"]).loc[("y", "decision_tree")]
    assert row["auc"] == pytest.approx(np.mean(own["auc"]))
    assert row["auc_sd"] == pytest.approx(np.std(own["auc"], ddof=1))
    assert row["auc_low"] < row["auc"] < row["auc_high"]
    paper = performance_table(comparison.folds, protocol="paper").set_index(["outcome", "algorithm"])
    assert paper.loc[("y", "decision_tree"), "recall"] == pytest.approx(own["recall_paper"].mean())
    ten, five = paper_tables(comparison.table)
    assert list(ten.columns[3:]) == ["AUC (SD)", "Recall (SD)", "Precision (SD)", "Specificity (SD)"]
    assert list(five.columns[3:]) == ["Accuracy", "Sensitivity", "Specificity", "AUC"] and len(five) == 4
    assert comparison.table["auc"].between(0.6, 0.9).all()


def test_nobody_is_in_the_training_and_the_test_part(dataset):
    frame = planted(800, people=200)
    rows = rows_of(dataset_of(frame), usable_features(dataset_of(frame))[0], "group")
    for n in (1, 4):
        seen = []
        for train, test in splits(rows, n, 5):
            assert not set(rows.person[train]) & set(rows.person[test])
            seen += list(test)
        assert n == 1 or sorted(seen) == list(range(800))


def test_people_with_many_rows_do_not_leak(dataset):
    """Each person has one outcome by chance and forty rows with the same odd number: whoever splits rows learns the
    people by heart.
    """
    random = np.random.default_rng(0)
    people = pd.DataFrame(
        {
            "person": np.arange(150),
            "mark": random.normal(size=150),
            "y": random.integers(0, 2, 150),
            "group": random.choice(["A", "B"], 150),
        }
    )
    frame = people.loc[np.repeat(np.arange(150), 40)].reset_index(drop=True)
    own = evaluate_models(dataset_of(frame, features=["mark"]), algorithms=["decision_tree"], n_outer=3, n_iter=0)
    alone = evaluate_models(
        dataset_of(frame, features=["mark"], id=None), algorithms=["decision_tree"], n_outer=3, n_iter=0
    )
    assert own.table["auc"].iloc[0] < 0.65 < 0.75 < alone.table["auc"].iloc[0]


def test_the_spread_of_an_auc_counts_people_not_rows():
    """Against resampling people: four rows each, alike."""
    random = np.random.default_rng(1)
    person = np.repeat(np.arange(120), 4)
    y = np.repeat(random.random(120) < 0.4, 4)
    score = np.repeat(random.normal(size=120), 4) + y * 0.8 + 0.1 * random.normal(size=480)
    rows = Rows(pd.DataFrame(index=range(480)), y, person, y)
    auc, error = auc_of(rows, np.arange(480), score)
    own = [np.flatnonzero(person == p) for p in range(120)]
    drawn = [np.concatenate([own[i] for i in random.integers(0, 120, 120)]) for _ in range(1_500)]
    assert auc == pytest.approx(roc_auc_score(y, score))
    assert error == pytest.approx(np.std([roc_auc_score(y[i], score[i]) for i in drawn]), rel=0.12)
    alone = auc_of(Rows(rows.X, y, None, y), np.arange(480), score)[1]
    assert alone < 0.6 * error
    each = auc_of(Rows(rows.X, y, np.arange(480), y), np.arange(480), score)[1]
    assert each == pytest.approx(alone, rel=0.01)


@pytest.mark.parametrize(("share", "n_common"), [(0.5, 30), (0.35, 56), (None, 170), (0.1, 170)])
def test_only_the_more_common_outcome_is_down_sampled(share, n_common):
    y = np.arange(200) < 30
    kept = balanced(np.arange(200), y, share, 0)
    assert y[kept].sum() == 30 and (~y[kept]).sum() == n_common
    assert balanced(np.arange(200), ~y, share, 0).shape == kept.shape


def test_balance_changes_the_training_part_only(dataset):
    found = evaluate_models(dataset, algorithms=["linear_discriminant"], balance=0.5, **QUICK).folds
    usual = evaluate_models(dataset, algorithms=["linear_discriminant"], **QUICK).folds
    assert (found["n_test"] == usual["n_test"]).all() and (found["n_positive"] == usual["n_positive"]).all()
    assert (found["n_train"] < usual["n_train"]).all()


def test_the_search_sees_the_training_part_only(monkeypatch, dataset):
    """Whatever the held-out outcomes were, the same parameters are chosen."""
    frame = planted()
    first = evaluate_models(dataset_of(frame), algorithms=["decision_tree"], n_outer=1, n_inner=2, n_iter=4)
    test = np.isfinite(first.scores[("y", "decision_tree")].to_numpy())
    random = np.random.default_rng(0)
    monkeypatch.setattr(
        "recidiv_core.models.evaluate.splits", lambda *args, **kw: iter([(np.flatnonzero(~test), np.flatnonzero(test))])
    )
    frame.loc[test, "y"] = random.permutation(frame.loc[test, "y"])
    second = evaluate_models(dataset_of(frame), algorithms=["decision_tree"], n_outer=1, n_inner=2, n_iter=4)
    assert second.folds["params"].equals(first.folds["params"]) and second.folds["inner_auc"].equals(
        first.folds["inner_auc"]
    )
    assert second.folds["auc"].iloc[0] < 0.58 < first.folds["auc"].iloc[0]


@pytest.mark.parametrize("algorithm", TRAINABLE)
def test_every_algorithm_learns_and_repeats_itself(algorithm, dataset):
    found = [
        evaluate_models(
            dataset, algorithms=[algorithm], n_outer=1, n_inner=2, n_iter=1 if algorithm == "decision_tree" else 0
        )
        for _ in range(2)
    ]
    assert found[0].table["auc"].iloc[0] > 0.68
    assert found[0].scores.equals(found[1].scores)
    assert ALGORITHMS[algorithm].needs_scaling == (
        algorithm in ("logistic_regression", "elastic_net", "linear_discriminant", "multilayer_perceptron")
    )


def test_unaware_leaves_the_attribute_out_and_a_disparity_stays(dataset):
    """The proxy tells it: group B lives in the North, and the outcome follows the North."""
    aware = evaluate_models(dataset, algorithms=["logistic_regression"], n_outer=3, n_iter=0)
    unaware = evaluate_models(dataset, algorithms=["logistic_regression"], n_outer=3, n_iter=0, unaware=True)
    assert "group" in [f.name for f in aware.features["y"]] and "group" not in [f.name for f in unaware.features["y"]]
    scored = scored_dataset(dataset, unaware, outcome="y", algorithm="logistic_regression")
    flagged = scored.y_score >= 0.5
    in_b = scored.frame["group"].to_numpy() == "B"
    assert flagged[in_b].mean() - flagged[~in_b].mean() > 0.2


def test_mitigations_make_the_groups_more_alike(dataset):
    found = evaluate_models(dataset, algorithms=["logistic_regression", *MITIGATIONS], n_outer=2, n_iter=0)
    group = dataset.frame["group"]

    def gap(name):
        flagged = found.scores[("y", name)] >= 0.5
        return abs(flagged[group == "B"].mean() - flagged[group == "A"].mean())

    assert gap("reweighing") < 0.7 * gap("logistic_regression")
    assert gap("parity_gradient") < 0.5 * gap("logistic_regression")
    assert gap("odds_gradient") < 0.8 * gap("logistic_regression")


def test_reweighing_is_the_papers_formula(dataset):
    y, group = dataset.y_true.astype(int), dataset.frame["group"].to_numpy()
    got = reweighed(y, group)
    for value in (0, 1):
        for name in ("A", "B"):
            cell = (y == value) & (group == name)
            assert got[cell] == pytest.approx((y == value).mean() * (group == name).mean() / cell.mean())


def test_what_looks_recorded_afterwards_is_left_out_unless_asked_for(dataset):
    frame = planted().assign(
        when=pd.Timestamp("2020-01-01"),
        copy=lambda f: f["y"] * 2 + 1,
        name=lambda f: "n" + f.index.astype("str"),
        same=1,
    )
    own = training_dataset(read_table(frame.drop(columns="later")), outcomes=["y"], sensitive=["group"], id="person")
    used, left_out = usable_features(own, unaware=True)
    assert [f.name for f in used] == ["age", "priors", "district", "noise", "sex"]
    assert set(left_out) == {"when", "copy", "name", "same", "group"}
    assert [f.name for f in usable_features(own, features=["copy"])[0]] == ["copy"]


def test_progress_counts_up_and_stops(dataset):
    seen = []

    def progress(share, text):
        seen.append(share)
        if share > 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate_models(dataset, algorithms=["decision_tree"], progress=progress, **QUICK)
    assert seen == sorted(seen) and 0 <= seen[0] < 0.1 and seen[-1] < 0.7


def test_comparisons_merge_and_serialise(dataset, comparison):
    other = evaluate_models(dataset, algorithms=["linear_discriminant"], **QUICK)
    both = comparison.merged(other)
    assert len(both.table) == 5 and len(both.merged(other).table) == 5
    with pytest.raises(InputError, match="same data and options"):
        comparison.merged(evaluate_models(dataset, algorithms=["linear_discriminant"], n_outer=1, n_iter=0))
    text = json.dumps(both.to_dict(), allow_nan=False)
    assert "scores" not in json.loads(text)


def test_the_scored_rows_are_those_held_out(dataset):
    one = evaluate_models(dataset, algorithms=["linear_discriminant"], n_outer=1, n_iter=0)
    scored = scored_dataset(dataset, one, outcome="y", algorithm="linear_discriminant")
    assert len(scored) == one.folds["n_test"].iloc[0] and scored.n_excluded == len(dataset) - len(scored)
    assert any("held out" in entry.detail for entry in scored.ledger)


BAD = [
    ({"algorithms": []}, "at least one"),
    ({"algorithms": ["magic"]}, "one of logistic_regression"),
    ({"n_outer": 0}, "from 1 to 1,000"),
    ({"n_inner": 1}, "from 2 to 100"),
    ({"balance": 0.9}, "at most 0.5"),
    ({"outcomes": ["nowhere"]}, "no such column"),
    ({"features": ["nowhere"]}, "no such column"),
    ({"features": ["y"]}, "another role"),
    ({"attribute": "sex"}, "one of group"),
    ({"n_outer": 300}, "outer and"),
]


@pytest.mark.parametrize(("options", "words"), BAD, ids=[words for _, words in BAD])
def test_bad_options_are_told_in_words(dataset, options, words):
    with pytest.raises(InputError, match=words):
        evaluate_models(dataset, **({"algorithms": ["decision_tree"], **QUICK} | options))


def test_the_literature_is_quoted_by_kind():
    assert set(literature(["recidivism within 3 years"])["kind"]) == {"general"}
    both = literature(["recidivism within 3 years", "violent recidivism within 3 years"])
    own = both[both["source"].str.contains("Table 11")]
    assert own[["auc", "low", "high"]].to_numpy().tolist() == [[0.75, 0.69, 0.82], [0.75, 0.71, 0.77]]
    # The studies of Table 3 make the median and range of Table 11.
    for (kind, studies), (_, summary) in zip(
        both[both["source"].str.contains("Table 3")].groupby("kind"), own.iterrows(), strict=True
    ):
        assert summary["kind"] == kind and studies["auc"].median() == pytest.approx(summary["auc"])
        assert (studies["auc"].min(), studies["auc"].max()) == (summary["low"], summary["high"])


def test_warnings_of_a_fit_are_counted(dataset):
    import dataclasses

    from sklearn.linear_model import LogisticRegression

    hasty = dataclasses.replace(ALGORITHMS["logistic_regression"], make=lambda seed: LogisticRegression(max_iter=1))
    used, _ = usable_features(dataset)
    rows = rows_of(dataset, used, "group")
    assert fit(hasty, used, rows, np.arange(len(dataset))).n_warnings == 1


def test_another_outcome_is_no_feature_unless_asked_for():
    frame = (
        planted().drop(columns="later").assign(**{"violent recidivism within 3 years": 0, "recidivism at any time": 1})
    )
    frame.loc[::2, ["violent recidivism within 3 years", "recidivism at any time"]] = [1, 0]
    own = training_dataset(read_table(frame), outcomes=["y"], sensitive=["group"], id="person")
    _, left_out = usable_features(own)
    assert {"violent recidivism within 3 years", "recidivism at any time"} == set(left_out)
    assert len(usable_features(own, features=["recidivism at any time"])[0]) == 1


def test_one_split_chooses_its_threshold_on_the_training_part(monkeypatch):
    """Whatever the held-out outcomes are, the threshold stays."""
    frame = planted()
    first = evaluate_models(dataset_of(frame), algorithms=["linear_discriminant"], n_outer=1, n_iter=0)
    test = np.isfinite(first.scores[("y", "linear_discriminant")].to_numpy())
    frame.loc[test, "y"] = np.random.default_rng(0).permutation(frame.loc[test, "y"])
    outer = [(np.flatnonzero(~test), np.flatnonzero(test))]
    usual = splits
    monkeypatch.setattr(
        "recidiv_core.models.evaluate.splits",
        lambda rows, n, seed, of=None: iter(outer) if of is None else usual(rows, n, seed, of=of),
    )
    second = evaluate_models(dataset_of(frame), algorithms=["linear_discriminant"], n_outer=1, n_iter=0)
    assert second.folds["threshold"].iloc[0] == first.folds["threshold"].iloc[0]
    assert second.folds["threshold_paper"].iloc[0] != first.folds["threshold_paper"].iloc[0]


def test_unaware_of_a_combination_is_unaware_of_its_parts():
    from recidiv_core.data import band, intersect

    table = intersect(
        band(read_table(planted().drop(columns="later")), "age", cutpoints=[30, 50]), ["age (banded)", "group"]
    )
    own = training_dataset(table, outcomes=["y"], sensitive=["age (banded) × group"], id="person")
    used, left_out = usable_features(own, unaware=True)
    assert {"age", "group", "age (banded)", "age (banded) × group"} <= set(left_out)
    assert not {"age", "group", "age (banded)"} & {f.name for f in used}


def test_few_people_with_many_rows_are_too_few():
    frame = planted(600, people=600)
    frame["person"] = np.where(frame["y"] == 1, frame["person"] % 4, 100 + frame.index)
    with pytest.raises(InputError, match="4, by the id column"):
        evaluate_models(dataset_of(frame), algorithms=["decision_tree"], n_outer=3, n_iter=0)


def test_another_models_score_is_no_feature_unless_asked_for():
    frame = (
        planted()
        .drop(columns="later")
        .assign(decile_score=lambda f: f["age"] % 10, v_score_text=lambda f: "low" + f["sex"])
    )
    own = training_dataset(read_table(frame), outcomes=["y"], sensitive=["group"], id="person")
    assert {"decile_score", "v_score_text"} <= set(usable_features(own)[1])
