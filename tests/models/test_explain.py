"""Explanations against statsmodels, and against what was planted."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import chi2

from recidiv_core.errors import InputError
from recidiv_core.models import marginal_effects, permutation_importance, proxy_probe, tree_rules
from tests.models.conftest import dataset_of, planted


@pytest.fixture(scope="module")
def complete():
    return planted().dropna(subset=["priors"]).reset_index(drop=True)


def design_of(frame, names):
    columns = {}
    for name in names:
        if name == "district":
            columns["North"] = (frame["district"] == "North").astype(float)
        else:
            columns[name] = frame[name].astype(float)
    return sm.add_constant(pd.DataFrame(columns))


NAMES = ["age", "priors", "district", "noise"]


def test_marginal_effects_are_statsmodels_own(complete):
    got = marginal_effects(dataset_of(complete), unaware=True)
    fitted = sm.Logit(complete["y"].astype(float), design_of(complete, NAMES)).fit(disp=False)
    want = fitted.get_margeff(at="overall", dummy=True)
    assert np.allclose(got["effect"], want.margeff) and np.allclose(got["se"], want.margeff_se)
    assert np.allclose(got["p_value"], want.pvalues)
    assert got["stars"].tolist() == ["***", "***", "***", ""] and got["level"].tolist() == ["", "", "North", ""]
    assert (got["n"] == len(complete)).all()


def test_an_effect_is_the_mean_change_of_the_probability(complete):
    """By hand: move everybody a little, or from one district to the other."""
    got = marginal_effects(dataset_of(complete), unaware=True).set_index("variable")
    X = design_of(complete, NAMES)
    fitted = sm.Logit(complete["y"].astype(float), X).fit(disp=False)
    step = 1e-4
    older = (fitted.predict(X.assign(age=X["age"] + step)) - fitted.predict(X)).mean() / step
    moved = (fitted.predict(X.assign(North=1.0)) - fitted.predict(X.assign(North=0.0))).mean()
    assert got.loc["age", "effect"] == pytest.approx(older, rel=1e-3)
    assert got.loc["district", "effect"] == pytest.approx(moved, rel=1e-6)


def test_a_level_is_compared_with_the_base_and_not_with_the_other_levels(complete):
    """Three levels: by hand, everybody in one level against everybody in the most common.

    The delta method against a bootstrap of the coefficients.
    """
    random = np.random.default_rng(2)
    kind = random.choice(["a", "b", "c"], len(complete), p=[0.4, 0.3, 0.3])
    shift = pd.Series(kind).map({"a": -1.0, "b": 0.8, "c": 1.6}).to_numpy()
    y = (random.random(len(complete)) < 1 / (1 + np.exp(-shift - 0.03 * (40 - complete["age"])))).astype(int)
    frame = complete.assign(kind=kind, y=y)
    got = marginal_effects(dataset_of(frame, features=["age", "kind"]), unaware=True).set_index("level")
    X = sm.add_constant(
        pd.DataFrame({"age": frame["age"].astype(float), "b": (kind == "b") * 1.0, "c": (kind == "c") * 1.0})
    )
    fitted = sm.Logit(y.astype(float), X).fit(disp=False)

    def contrast(level, parameters):
        none = X.assign(b=0.0, c=0.0)
        return (
            1 / (1 + np.exp(-none.assign(**{level: 1.0}) @ parameters)) - 1 / (1 + np.exp(-none @ parameters))
        ).mean()

    draws = random.multivariate_normal(fitted.params, fitted.cov_params(), 800)
    for level in ("b", "c"):
        assert got.loc[level, "effect"] == pytest.approx(contrast(level, fitted.params.to_numpy()))
        assert got.loc[level, "se"] == pytest.approx(np.std([contrast(level, d) for d in draws]), rel=0.1)


def test_a_level_with_one_outcome_is_left_out_and_the_rest_stays(complete):
    frame = complete.assign(kind=np.where(complete.index < 30, "sure", np.where(complete.index % 2, "x", "y")))
    frame.loc[frame["kind"] == "sure", "y"] = 1
    got = marginal_effects(dataset_of(frame, features=["age", "kind"]), unaware=True)
    assert np.isfinite(got.loc[got["variable"] == "age", "effect"]).all()
    assert got.loc[got["variable"] == "kind = sure", "reason"].str.contains("one outcome").all()


def test_people_with_several_rows_are_clusters(complete):
    frame = complete.assign(person=complete.index // 3)
    got = marginal_effects(dataset_of(frame), unaware=True)
    fitted = sm.Logit(frame["y"].astype(float), design_of(frame, NAMES)).fit(
        disp=False, cov_type="cluster", cov_kwds={"groups": frame["person"].to_numpy()}
    )
    assert np.allclose(got["se"], fitted.get_margeff(at="overall", dummy=True).margeff_se)


@pytest.mark.parametrize("selection", ["forward", "backward"])
def test_stepwise_keeps_what_matters_and_says_what_it_left(complete, selection):
    got = marginal_effects(dataset_of(complete), selection=selection, unaware=True).set_index("variable")
    assert np.isfinite(got.loc[["age", "priors", "district"], "effect"]).all()
    assert got.loc["noise", "reason"] == f"not selected ({selection}, 0.05)"


def test_forward_takes_the_largest_score_test_first(complete):
    """Rao's score test of statsmodels' GLM, one candidate at a time, ends with the same variables."""
    kept = []
    rest = list(NAMES)
    y = complete["y"].astype(float)
    while rest:
        base = sm.GLM(
            y, design_of(complete, kept) if kept else np.ones((len(y), 1)), family=sm.families.Binomial()
        ).fit()
        p = {}
        for name in rest:
            extra = design_of(complete, [name]).drop(columns="const").to_numpy()
            p[name] = float(base.score_test(exog_extra=extra)[1].item())
        best = min(p, key=p.get)
        if p[best] >= 0.05:
            break
        kept.append(best)
        rest.remove(best)
    got = marginal_effects(dataset_of(complete), selection="forward", unaware=True)
    assert set(got.loc[got["reason"] == "", "variable"]) == set(kept)


def test_backward_stops_where_every_wald_test_is_below_its_limit(complete):
    random = np.random.default_rng(3)
    frame = complete.assign(**{f"noise {i}": random.normal(size=len(complete)) for i in range(5)})
    names = [*NAMES, *(f"noise {i}" for i in range(5))]
    y = frame["y"].astype(float)
    while True:
        fitted = sm.Logit(y, design_of(frame, names)).fit(disp=False)
        p = {n: chi2.sf(float(fitted.tvalues["North" if n == "district" else n]) ** 2, 1) for n in names}
        worst = max(names, key=p.get)
        if p[worst] < 0.05:
            break
        names.remove(worst)
    got = marginal_effects(
        dataset_of(frame, features=[*NAMES, *(f"noise {i}" for i in range(5))]), selection="backward", unaware=True
    )
    assert set(got.loc[got["reason"] == "", "variable"]) == set(names)


def test_what_cannot_be_estimated_says_why(complete):
    frame = complete.assign(twice=2 * complete["age"], sure=complete["y"] * 3.0 + 1)
    got = marginal_effects(dataset_of(frame, features=["age", "twice"]), unaware=True).set_index("variable")
    assert got.loc["twice", "reason"] == "constant, or the sum of variables before it" and np.isnan(
        got.loc["twice", "effect"]
    )
    got = marginal_effects(dataset_of(frame, features=["age", "sure"]), unaware=True)
    assert got["reason"].str.contains("separates").all()
    with pytest.raises(InputError, match="selection"):
        marginal_effects(dataset_of(frame), selection="sideways")


def test_a_missing_number_loses_no_row():
    frame = planted()
    got = marginal_effects(dataset_of(frame), unaware=True)
    assert (got["n"] == len(frame)).all()
    assert ((got["variable"] == "priors") & (got["level"] == "(missing)")).sum() == 1


def test_importance_finds_the_planted_features(dataset):
    got = permutation_importance(dataset, algorithm="logistic_regression", unaware=True).set_index("feature")
    assert set(got.index[:3]) == {"age", "priors", "district"} and got.index[3] == "noise"
    assert got.loc["noise", "importance"] < 0.01 < got.loc["district", "low"]


def test_the_probe_finds_the_proxy_and_nothing_where_there_is_none(dataset):
    found = proxy_probe(dataset, attribute="group")
    groups, features = found.groups, found.features
    assert groups["auc"].iloc[0] == pytest.approx(0.875, abs=0.03)  # (1 − 0.1 + 0.85) / 2, with the noise of the others
    assert features["feature"].iloc[0] == "district" and features["importance"].iloc[0] > 0.2
    none = proxy_probe(dataset_of(planted(), sensitive=["sex"]), attribute="sex").groups
    assert none["low"].iloc[0] < 0.5 < none["high"].iloc[0] + 0.02


def test_rules_of_a_tree_are_true_of_the_rows(dataset):
    rules = tree_rules(dataset, depth=2, unaware=True)
    assert 2 <= len(rules) <= 4 and rules["n"].sum() == round(0.3 * len(dataset))
    assert rules["rate"].is_monotonic_decreasing and (rules["low"] <= rules["rate"]).all()
    assert rules["rule"].str.contains("age|priors|district").all()


def test_rules_name_columns_as_they_are(complete):
    """Names that look like what the rules are written with, and levels with the sign between column and level."""
    frame = complete.rename(columns={"age": "score = 3"}).assign(
        a=np.where(complete["priors"] > 2, "b_x", "y"), a_b=complete["district"]
    )
    frame["empty"] = complete["noise"].where(complete.index % 3 > 0)
    rules = tree_rules(dataset_of(frame, features=["score = 3", "a", "a_b", "empty"]), unaware=True)
    words = " ".join(rules["rule"])
    assert "score = 3 up to " in words or "score = 3 over " in words
    assert "a = b_x" in words or "a is not b_x" in words or "a = y" in words or "a is not y" in words
    whole = tree_rules(dataset_of(frame.assign(person=frame.index // 5), features=["a"]), depth=1, unaware=True)
    alone = tree_rules(dataset_of(frame, features=["a"]), depth=1, unaware=True)
    assert (whole["n_people"] < whole["n"]).all() and (alone["n_people"] == alone["n"]).all()
