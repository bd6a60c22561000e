"""Counterfactual pairs in the report: what it says, and what it does not of real people."""

import dataclasses
import io
import json

import numpy as np
import pypdf
import pytest

from recidiv_core import load_dataset
from recidiv_core.counterfactuals import (
    ask_one,
    audit_counterfactuals,
    loan_model,
    loan_profiles,
    make_pairs,
    pairs_from_rows,
    response_curve,
)
from recidiv_core.models import proxy_probe
from recidiv_core.report import Entry, protect, render_report, withheld
from tests.counterfactuals.conftest import dataset_of, model_of, people


def text_of(results, **options):
    reader = pypdf.PdfReader(io.BytesIO(render_report(results, **options)))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def test_the_article_is_all_there():
    dataset = load_dataset("sample:loans")
    model = loan_model(dataset.frame)
    pairs = make_pairs(loan_profiles(dataset), vary={"Gender": ["Male", "Female"]}, n_profiles=500)
    audit = audit_counterfactuals(model, pairs, threshold=0.5)
    audit = dataclasses.replace(
        audit,
        curve=response_curve(model, pairs, feature="Income"),
        bands=audit.by_band("Income"),
        proxies=(proxy_probe(dataset, attribute="Gender"),),
        single=ask_one(model, audit, {"Gender": "Female", "Income": 50_000}, allowed=["Income"], is_real=False),
    )
    text = text_of(Entry(audit, "As the bank asked."))
    for part in (
        "Does the decision change with nothing but the attribute?",
        "As the bank asked.",
        "all 500",
        "500 lose by it (Approved to Denied), 0 gain",
        "Mimesis: id (UUID)",
        "40,000 to 70,000, whole numbers",
        "Applicant ID",
        "79,998",
        "What it can still know of Gender",
        "McNemar",
        "Galhotra",
    ):
        assert part in text, part
    assert pairs.profiles["Applicant_ID"].iloc[audit.order[0]] in text.replace(" ", "")
    content = json.loads(render_report(audit, format="json"))
    assert content["manifest"]["results"][0]["threshold"] == 0.5


@pytest.fixture(scope="module")
def of_rows():
    """12 of 400 people have an age at which the model cares for race: 4 gain, 8 lose."""
    frame = people(400).assign(age=40, priors=1)
    frame.loc[:3, "age"], frame.loc[4:11, "age"] = 20, 60
    dataset = dataset_of(frame)

    def score(X):
        sign = np.where(X["age"] == 20, -1, np.where(X["age"] == 60, 1, 0))
        return 0.5 + 0.1 * sign * np.where(X["race"] == "B", 1, -1) - 0.05

    model = model_of(score, age="number", race="WBA")
    audit = audit_counterfactuals(model, pairs_from_rows(dataset, vary={"race": ["W", "B"]}), threshold=0.5)
    single = ask_one(model, audit, {"age": 20, "race": "W"}, allowed=["age"], is_real=True)
    return dataclasses.replace(audit, bands=audit.by_band("age"), single=single)


def test_few_people_are_not_told(of_rows):
    row = of_rows.summary.set_index(["from", "to"]).loc[("W", "B")]
    assert (row["n_gain"], row["n_lose"], row["n_flips"]) == (4, 8, 12)
    public = protect(of_rows, min_cell=10)
    figures = ["n_flips", "flip_rate", "n_gain", "n_lose", "mean_gap", "largest_gap", "p_value", "low", "high"]
    assert public.summary[figures].isna().all(axis=None)
    assert (
        np.isnan(public.overall["n_flips"])
        and public.single is None
        and len(public.scores) == len(public.made.profiles) == 0
    )
    told = withheld(of_rows, min_cell=10)
    assert {"race", "age", "one person"} <= set(told["attribute"])
    text = text_of(of_rows)
    assert "withheld" in text and "12 flips" not in text and " 4 gain" not in text
    assert "One profile" not in text
    assert "4 gain" in text_of(of_rows, min_cell=1)


def test_a_hidden_band_does_not_follow_from_the_others():
    """30 flip in one band and 4 in another: the total is published, so a second band is hidden with the small one."""
    frame = people(600).assign(age=np.repeat([20, 30, 40], 200), priors=1, income=1.0)
    dataset = dataset_of(frame)
    flips = np.zeros(600, bool)
    flips[:30], flips[200:204], flips[400:450] = True, True, True
    model = model_of(
        lambda X: np.where(flips[X["who2"].astype(int)], np.where(X["race"] == "B", 0.9, 0.1), 0.1),
        who2="number",
        age="number",
        race="WBA",
    )
    dataset = dataset_of(frame.assign(who2=np.arange(600)))
    audit = audit_counterfactuals(model, pairs_from_rows(dataset, vary={"race": ["W", "B"]}), threshold=0.5)
    public = protect(dataclasses.replace(audit, bands=audit.by_band("age")), min_cell=10)
    assert public.summary["n_flips"].notna().all() and public.summary["largest_gap"].isna().all()
    assert audit.by_band("age")["n_flips"].tolist() == [30, 4, 50] and public.bands["band"].tolist() == ["40"]


def test_people_are_counted_not_pairs_nor_rows():
    """4 people flip at each of three held values (12 pairs); and one person stands behind 20 rows."""
    frame = people(400).assign(u=np.arange(400))
    model = model_of(
        lambda X: ((X["race"] == "B") & (X["u"] < 4)).astype(float),
        u="number",
        race="WBA",
        district=["North", "South", "East"],
    )
    vary = {"race": ["W", "B"], "district": ["North", "South", "East"]}
    audit = audit_counterfactuals(model, pairs_from_rows(dataset_of(frame), vary=vary), threshold=0.5)
    assert audit.summary["n_flips"].max() == 12
    assert protect(audit, min_cell=10).summary["n_flips"].isna().all()
    one = dataset_of(people(400).assign(who=np.arange(400) // 20, u=np.arange(400)), id="who")
    model = model_of(lambda X: ((X["race"] == "B") & (X["u"] < 20)).astype(float), u="number", race="WBA")
    public = protect(
        audit_counterfactuals(model, pairs_from_rows(one, vary={"race": ["W", "B"]}), threshold=0.5), min_cell=10
    )
    assert public.summary["n_flips"].isna().all() and np.isnan(public.overall["n_flips"])


def test_a_hidden_change_does_not_follow_from_two_others():
    """Three values: 50 flip from a to b, 53 from a to c; from b to c it is 3, and so nothing stands."""
    frame = people(300).assign(u=np.arange(300))
    level = {"W": 0, "B": 50, "A": 53}
    model = model_of(lambda X: (X["u"] < X["race"].map(level).astype(int)).astype(float), u="number", race="WBA")
    audit = audit_counterfactuals(
        model, pairs_from_rows(dataset_of(frame), vary={"race": ["W", "B", "A"]}), threshold=0.5
    )
    assert sorted(audit.summary["n_flips"].unique()) == [3, 50, 53]
    assert protect(audit, min_cell=10).summary[["n_flips", "mean_gap"]].isna().all(axis=None)


def test_the_ends_of_a_column_stay_out_of_bands_and_curve():
    frame = people(400)
    model = model_of(lambda X: X["income"] / 1e5 + 0.2 * (X["race"] == "B"), income="number", race="WBA")
    dataset = dataset_of(frame)
    pairs = pairs_from_rows(dataset, vary={"race": ["W", "B"]})
    audit = audit_counterfactuals(model, pairs, threshold=0.4)
    whole = dataclasses.replace(
        audit, curve=response_curve(model, pairs, feature="income"), bands=audit.by_band("income")
    )
    public = protect(whole, min_cell=10)
    income = np.sort(frame["income"])
    assert public.curve["value"].between(income[9], income[-10]).all() and len(public.curve) > 10
    text = render_report(whole, format="json").decode()
    for extreme in (income[0], income[-1]):
        assert f"{extreme:.2f}"[:-1] not in text and f"{extreme:,.10g}"[:9] not in text


def test_a_second_table_is_named_where_its_results_stand(of_rows):
    dataset = load_dataset("sample:loans")
    pairs = make_pairs(loan_profiles(dataset), vary={"Gender": ["Male", "Female"]}, n_profiles=50)
    loans = audit_counterfactuals(loan_model(dataset.frame), pairs, threshold=0.5)
    text = text_of([of_rows, loans, loans])
    assert text.startswith("FAIRNESS AUDIT Does the decision change with nothing but the attribute? An audit of people")
    assert text.count("loans, 1,000 rows") == 2 and text.count("The article's tree") >= 2
    assert text.split("What was audited")[0].count("all 50") == 1  # said once, however often it was added
