"""Sentences against the guidelines: S's own number, figures counted by hand and by other libraries, and a planted truth that comes back."""

import json

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from recidiv_core.errors import InputError
from recidiv_core.plain import plain
from recidiv_core.sentencing import (
    SentenceColumns,
    adjusted_disparity,
    audit_sentencing,
    case_deviation,
    sentencing_answer,
    sentencing_disparity,
    sentencing_records,
    simulate_sentences,
    suggest_sentences,
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
    assert records.ledger["n_rows"].tolist() == [103, 2, 2, 1, 98, 1]  # one counted without a level
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
    bounds = audit.comparison["difference_low"], audit.comparison["difference_high"]
    assert bounds == pytest.approx(tuple(welch.confidence_interval()))
    assert audit.comparison["p_value"] == pytest.approx(welch.pvalue)
    assert audit.summary["above"] == (here["given"] > here["guideline_high"]).mean()
    groups = audit.by_group.set_index("group")
    assert groups["share"].sum() == pytest.approx(1) and groups.loc["White, Male", "n"] == len(there)
    nature = audit.nature
    pleas = nature[(nature["group"] == "Black, Male") & (nature["kind"] == "plea")].set_index("value")
    assert pleas["n"].sum() == len(here) and pleas["share"].sum() == pytest.approx(1)
    assert pleas.loc["plea", "mean"] < pleas.loc["trial", "mean"]
    ends = audit.distribution.set_index("group").loc["Black, Male"]
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
        assert own["agreement"].iloc[0] == "agree"
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
    assert (own["low"], own["high"]) == pytest.approx(tuple(fit.conf_int(0.025).loc["black"]), rel=1e-9)  # two groups


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
        (lambda f: f.assign(guideline=-1), "103 outside"),
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


def _changed(records_of, **truth):
    frame = simulate_sentences(12_000, random_state=3, truth=truth).frame
    numbers = pd.to_numeric(frame["given"], errors="coerce")
    return frame.assign(given=records_of(frame, numbers).where(numbers.notna(), "life"))


def test_a_disparity_that_grows_is_found():
    """One and a half months more each year, planted; nothing where nothing is."""
    grown = _changed(lambda f, months: (months + 1.5 * (f["year"] - 2014) * (f["race"] == "Black")).astype(object))
    change = adjusted_disparity(sentencing_records(grown), attribute="race", reference="White").change.set_index(
        "group"
    )
    assert change.loc["Black", "low"] < 1.5 < change.loc["Black", "high"] < 2.0 and change.loc["Black", "low"] > 1
    assert change.loc["Hispanic", "low"] < 0 < change.loc["Hispanic", "high"]
    by_year = adjusted_disparity(sentencing_records(grown), attribute="race", reference="White").by_year
    own = by_year[by_year["group"] == "Black"]
    assert own["year"].tolist() == list(range(2014, 2024))
    assert ((own["low"] < 12 + 1.5 * (own["year"] - 2014)) & (12 + 1.5 * (own["year"] - 2014) < own["high"])).sum() >= 8


def _two_charges(first: float, second: float) -> pd.DataFrame:
    """Two charges with another disparity in each, and another share of the group: the two ways weigh them otherwise."""
    random = np.random.default_rng(5)
    charge = np.repeat(["A", "B"], [1_000, 4_000])
    race = np.where(random.random(5_000) < np.where(charge == "A", 0.5, 0.97), "Black", "White")
    effect = np.where(charge == "A", first, second) * (race == "Black")
    given = 60 + effect + random.normal(0, 5, 5_000)
    return pd.DataFrame(
        {"charge": charge, "race": race, "given": given, "guideline": 60.0, "disposition": "Prison Only"}
    )


@pytest.mark.parametrize(("first", "second", "found"), [(8, 8, "agree"), (8, -8, "disagree")])
def test_when_the_two_ways_disagree_it_is_said(first, second, found):
    records = sentencing_records(_two_charges(first, second))
    audit = audit_sentencing(records, charge="A", race="Black", reference="White")
    assert set(audit.contrast.table["agreement"]) == {found}
    said = " ".join(sentencing_answer(audit))
    assert ("The two ways disagree" in said) == (found == "disagree")


def test_the_five_outputs_by_hand():
    rows = [("White", 50, 5), ("White", 70, 3), ("Black", 70, 6), ("Black", 45, 1), ("Black", 60, 1)]
    frame = pd.DataFrame([
        {"charge": "Fraud", "race": race, "gender": "Male", "given": given, "guideline_low": 55, "guideline_high": 65, "disposition": "prison"}
        for race, given, n in rows for _ in range(n)
    ])  # fmt: skip
    case = {"race": "Black", "gender": "Male", "compare_to": {"race": "White", "gender": "Male"}}
    audit = sentencing_disparity(frame, charge="Fraud", **case)
    assert audit.outputs[["output", "group", "n", "value"]].round(6).fillna(-1).values.tolist() == [
        [1, "all", 16, -1], [2, "White, Male", 8, 0.5], [2, "Black, Male", 8, 0.5],
        [3, "White, Male", 8, 0.375], [3, "White, Male", 8, 0.625], [3, "White, Male", 8, 0.375], [3, "White, Male", 8, 0.625],
        [4, "Black, Male", 8, 0.75], [4, "Black, Male", 8, 0.125], [4, "Black, Male", 8, 0.75], [4, "Black, Male", 8, 0.125],
    ]  # fmt: skip
    places = audit.nature[audit.nature["group"] == "Black, Male"].set_index("value")["n"].to_dict()
    assert places == {
        "prison": 8,
        "above the guidelines": 6,
        "below the guidelines": 1,
        "between minimum and maximum": 1,
    }
    assert audit.histogram["n"].sum() == 16 and audit.histogram.groupby("side")["share"].sum().eq(1).all()


def test_columns_are_guessed_by_name():
    names = [
        "Primary Charge",
        "Drug Quantity Level",
        "Race/Ethnicity",
        "Sex",
        "Sentence Type",
        "Guideline Minimum",
        "Guideline Maximum",
        "Sentence Imposed",
        "Fiscal Year",
        "Plea or Trial",
    ]
    found = suggest_sentences(pd.DataFrame(columns=names)).named()
    assert list(found.values()) == ["Primary Charge", "Sentence Imposed", "Guideline Minimum", "Guideline Maximum", "Drug Quantity Level", "Race/Ethnicity", "Sex", "Sentence Type", "Plea or Trial", "Fiscal Year"]  # fmt: skip


def test_a_table_without_what_a_contrast_needs_still_answers():
    frame = papers_table()
    audit = audit_sentencing(sentencing_records(frame), **CASE)
    assert audit.contrast is None and "Fewer than 30" in audit.reason
    assert "39.7 months longer than the guidelines" in sentencing_answer(audit)[0]
    bare = audit_sentencing(sentencing_records(frame.drop(columns=["race", "gender"])), charge="Drug trafficking")
    assert "no column for race" in bare.reason and bare.case.summary["group"] == "everybody"
    json.dumps(bare.to_dict(), allow_nan=False)
    none = sentencing_records(frame.drop(columns="disposition"))
    assert audit_sentencing(none, charge="Fraud").case.summary["n"] == 0 and "no column of dispositions" in str(
        none.ledger
    )


def test_the_answer_for_a_program_is_that_of_the_page(simulated):
    for race, gender, level in [("Black", "Male", 6), ("White", None, 4), (None, "Female", None)]:
        case = {"charge": "Fraud", "race": race, "gender": gender, "level": level}
        page, program = sentencing_disparity(simulated, **case), case_deviation(simulated, **case)
        for told, whole in zip(program, (page.summary, page.comparison), strict=True):
            assert plain(told) == {name: value for name, value in plain(whole).items() if name in told}
