"""Sentences against the guidelines: S's own number, figures counted by hand and by other libraries, and a planted truth that comes back."""

import json

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from recidiv_core.errors import InputError
from recidiv_core.sentencing import (
    SentenceColumns,
    adjusted_disparity,
    sentencing_disparity,
    sentencing_records,
    simulate_sentences,
)

RANGED = SentenceColumns(
    guideline=None,
    guideline_low="guideline_low",
    guideline_high="guideline_high",
    plea="plea",
    district="district",
    history="history",
    year="year",
)
CASE = {"charge": "Drug trafficking", "level": 6, "race": "Black", "gender": "Male"}


def papers_table() -> pd.DataFrame:
    """93 sentences whose deviations sum to 3,694 months, and beside them one decoy for each filter, 1,000 months off."""
    deviations = np.full(93, 39.0)
    deviations[:67] += 1  # 93 · 39 + 67 = 3,694
    rows = [
        {
            "charge": "Drug trafficking",
            "level": 6,
            "race": "Black",
            "gender": "Male",
            "disposition": "Prison Only",
            "guideline": 60.0,
            "given": 60 + d,
        }
        for d in deviations
    ]
    decoy = rows[0] | {"given": 1060.0}
    rows += [
        decoy | {"charge": "Fraud"}, decoy | {"level": 7}, decoy | {"race": "White"}, decoy | {"gender": "Female"}, decoy | {"disposition": "Probation"}, decoy | {"disposition": None},
        decoy | {"given": "Life"}, decoy | {"guideline": "life"}, decoy | {"given": None}, decoy | {"level": None},
    ]  # fmt: skip
    rows[0]["disposition"] = "PRISON and alternatives"
    return pd.DataFrame(rows).sample(frac=1, random_state=0, ignore_index=True)


def test_the_papers_number():
    audit = sentencing_disparity(papers_table(), **CASE)
    assert audit.summary["n"] == 93 and audit.summary["mean"] == 39.72043010752688
    low, high = stats.t.interval(0.95, 92, loc=audit.summary["mean"], scale=stats.sem([39.0] * 26 + [40.0] * 67))
    assert (audit.summary["low"], audit.summary["high"]) == pytest.approx((low, high))
    assert audit.summary["above"] == 1 and audit.summary["n_similar"] == 95
    json.dumps(audit.to_dict(), allow_nan=False)


def test_each_filter_counts_what_it_leaves_out():
    records = sentencing_records(papers_table())
    assert len(records) == 103 and records.frame["is_counted"].sum() == 98
    said = " ".join(records.notes)
    assert (
        "2 of 103 records are no prison sentences" in said
        and "2 of 103 records are life sentences" in said
        and "1 of 103 records lack" in said
    )
    none = sentencing_disparity(papers_table(), charge="Fraud", race="Black", level=9)
    assert (
        none.summary["n"] == 0
        and none.summary["reason"] == "no counted sentence matches"
        and np.isnan(none.summary["mean"])
    )


@pytest.fixture(scope="module")
def simulated():
    return sentencing_records(simulate_sentences(8_000, random_state=1).frame, columns=RANGED)


def test_figures_are_those_counted_by_hand_and_by_others(simulated):
    frame = simulated.frame
    audit = sentencing_disparity(simulated, **CASE, compare_to={"race": "White", "gender": "Male"})
    own = frame[frame["is_counted"] & (frame["charge"] == "Drug trafficking") & (frame["level"] == 6)]
    here, there = (own[(own["race"] == race) & (own["gender"] == "Male")] for race in ("Black", "White"))
    assert audit.summary["mean"] == pytest.approx(
        (here["given"] - (here["guideline_low"] + here["guideline_high"]) / 2).mean()
    )
    welch = stats.ttest_ind(here["deviation"], there["deviation"], equal_var=False)
    assert (audit.comparison["low"], audit.comparison["high"]) == pytest.approx(tuple(welch.confidence_interval()))
    assert audit.comparison["p_value"] == pytest.approx(welch.pvalue)
    assert audit.summary["above"] == (here["given"] > here["guideline_high"]).mean()
    groups = audit.by_group.set_index(["race", "gender"])
    assert groups["share"].sum() == pytest.approx(1) and groups.loc[("White", "Male"), "n"] == len(there)
    nature = audit.nature
    pleas = nature[(nature["race"] == "Black") & (nature["gender"] == "Male") & (nature["kind"] == "plea")].set_index(
        "value"
    )
    assert pleas["n"].sum() == len(here) and pleas["share"].sum() == pytest.approx(1)
    assert pleas.loc["plea", "mean"] < pleas.loc["trial", "mean"]
    ends = audit.distribution.set_index(["race", "gender"]).loc[("Black", "Male")]
    assert ends["p50"] == pytest.approx(here["deviation"].median())


def test_too_few_are_not_compared(simulated):
    audit = sentencing_disparity(simulated, **CASE, compare_to={"race": "White", "gender": "Female"}, min_n=500)
    assert (
        np.isnan(audit.comparison["difference"])
        and audit.comparison["reason"] == "fewer than 500 sentences on one side"
    )


def test_the_planted_truth_comes_back(simulated):
    """Raw it is more than was planted: cases differ. Adjusted, in both ways, it is what was planted."""
    held = {"regression": 0, "matched": 0}
    raw = []
    for seed in range(12):
        records = sentencing_records(simulate_sentences(5_000, random_state=seed).frame, columns=RANGED)
        table = adjusted_disparity(records, attribute="race", reference="White").table
        own = table[table["group"] == "Black"].set_index("way")
        raw.append(own.loc["unadjusted", "difference"])
        for way in held:
            held[way] += own.loc[way, "low"] <= 12 <= own.loc[way, "high"]
        assert own["agree"].all()
    assert min(held.values()) >= 10 and min(raw) > 14


def test_a_confounder_that_explains_all_of_it():
    held = {"regression": 0, "matched": 0}
    for seed in range(12):
        frame = simulate_sentences(5_000, random_state=seed, truth={"disparity": 0.0, "confounding": 1.5}).frame
        own = adjusted_disparity(sentencing_records(frame, columns=RANGED), attribute="race", reference="White").table
        own = own[own["group"] == "Black"].set_index("way")
        assert own.loc["unadjusted", "low"] > 3
        for way in held:
            held[way] += own.loc[way, "low"] <= 0 <= own.loc[way, "high"]
    assert min(held.values()) >= 10, held


def test_the_regression_is_that_of_statsmodels(simulated):
    frame = simulated.frame[simulated.frame["is_counted"] & simulated.frame["race"].isin(["Black", "White"])]
    table = adjusted_disparity(simulated, attribute="race", reference="White", adjust_for=("charge", "district")).table
    own = table[(table["group"] == "Black") & (table["way"] == "regression")].iloc[0]
    X = (
        pd.get_dummies(frame[["charge", "district"]], drop_first=True)
        .assign(black=frame["race"] == "Black")
        .astype(float)
    )
    fit = sm.OLS(frame["deviation"], sm.add_constant(X)).fit(cov_type="HC3", use_t=True)
    assert own["difference"] == pytest.approx(fit.params["black"])
    assert (own["low"], own["high"]) == pytest.approx(tuple(fit.conf_int().loc["black"]), rel=1e-4)


def test_matching_by_hand():
    """Two cells: +2 in one with one Black sentence, +10 in the other with three; a third has nobody to compare with."""
    cells = {"a": ([12, 12], [10, 10, 10]), "b": ([20] * 6, [10, 10]), "c": ([99] * 30, [])}
    rows = [
        {"charge": name, "race": race, "given": float(v), "guideline": 0.0, "disposition": "prison", "gender": "Male", "level": 1}
        for name, sides in cells.items() for race, values in zip(("Black", "White"), sides, strict=True) for v in values
    ]  # fmt: skip
    rows += [rows[-1] | {"charge": "d", "race": "White", "given": 1.0} for _ in range(30)]
    table = adjusted_disparity(
        sentencing_records(pd.DataFrame(rows)), attribute="race", reference="White", adjust_for=("charge",)
    ).table
    own = table[table["way"] == "matched"].iloc[0]
    assert own["difference"] == pytest.approx((2 * 2 + 6 * 10) / 8) and own["n_used"] == 13


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"charge": "Arson"}, "charge: expected one that occurs"),
        ({"level": 18}, "level: expected 0 to 17"),
        ({"race": "Nobody"}, "race: expected one that occurs"),
        ({"compare_to": {"age": "young"}}, "race or gender"),
    ],
)
def test_a_case_that_cannot_be_is_told(change, told):
    with pytest.raises(InputError, match=told):
        sentencing_disparity(papers_table(), **(CASE | change))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f.drop(columns="given"), "given 'given'"),
        (lambda f: f.assign(given="five years"), "103 values that are neither"),
        (lambda f: f.assign(guideline=-1), "103 below 0"),
    ],
)
def test_records_that_cannot_be_read_are_told(change, told):
    with pytest.raises(InputError, match=told) as caught:
        sentencing_records(change(papers_table()))
    assert "five years" not in str(caught.value)


def test_what_cannot_be_adjusted_is_told(simulated):
    for options, told in (
        ({"attribute": "race", "reference": "Nobody"}, "a group of 'race'"), ({"attribute": "age", "reference": "old"}, "'age'"),
        ({"attribute": "race", "reference": "White", "adjust_for": ("race",)}, "other columns than the attribute"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=told):
            adjusted_disparity(simulated, **options)
