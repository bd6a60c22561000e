"""Sentences against the guidelines: S's own number, figures counted by hand and by other libraries, and a planted
truth that comes back.
"""

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
    between,
    case_answer,
    case_deviation,
    months,
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
    """93 sentences whose deviations sum to 3,694 months, and beside them one decoy for each filter, 1,000 months
    off.
    """
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
        decoy | {"charge": "Fraud"},
        decoy | {"level": 7},
        decoy | {"race": "White"},
        decoy | {"gender": "Female"},
        decoy | {"disposition": "Probation"},
        decoy | {"disposition": None},
        decoy | {"given": "Life"},
        decoy | {"guideline": "life"},
        decoy | {"given": None},
        decoy | {"level": None},
    ]
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


def _celled(cells: dict[str, tuple[list[float], list[float]]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "charge": name,
                "race": race,
                "given": float(v),
                "guideline": 0.0,
                "disposition": "prison",
                "gender": "Male",
                "level": 1,
            }
            for name, sides in cells.items()
            for race, values in zip(("Black", "White"), sides, strict=True)
            for v in values
        ]
    )


def _matched(cells: dict[str, tuple[list[float], list[float]]]) -> pd.Series:
    frame = _celled(cells | {"only one": ([50] * 30, []), "only other": ([], [50] * 30)})
    audit = adjusted_disparity(sentencing_records(frame), attribute="race", reference="White", adjust_for=("charge",))
    return audit.table[audit.table["way"] == "matched"].iloc[0]


def test_matching_by_hand():
    """+2 in a cell with four Black sentences, +10 in one with eight; two cells have nobody to compare with."""
    own = _matched({"a": ([11, 12, 12, 13], [9, 10, 10, 11]), "b": ([19, 21] * 4, [8, 12, 8, 12])})
    assert own["difference"] == pytest.approx((4 * 2 + 8 * 10) / 12) and own["n_used"] == 20
    # w² (s²/n + s²/n): s² 2/3 and 2/3 of four each; 8/7 of eight, 16/3 of four.
    pieces = np.array([(2 / 3) / 4 / 9, (2 / 3) / 4 / 9, (8 / 7) / 8 * 4 / 9, (16 / 3) / 4 * 4 / 9])
    freedom = pieces.sum() ** 2 / (pieces**2 / [3, 3, 7, 3]).sum()
    assert own["high"] - own["difference"] == pytest.approx(stats.t.ppf(0.975, freedom) * pieces.sum() ** 0.5)


def test_pairs_are_held_against_one_another():
    """One of each in every cell: the paired t-test."""
    random = np.random.default_rng(0)
    here, there = random.normal(5, 9, 40), random.normal(0, 9, 40)
    own = _matched({str(i): ([50 + a], [50 + b]) for i, (a, b) in enumerate(zip(here, there, strict=True))})
    found = stats.ttest_rel(here, there).confidence_interval()
    assert (own["low"], own["high"]) == pytest.approx((found.low, found.high))


def test_a_cell_of_few_that_would_decide_is_left_out():
    cells = {"large": ([10 + i % 7 for i in range(300)], [5.0])} | {
        str(i): ([10, 12], [9 + i, 11, 12]) for i in range(6)
    }
    assert np.isnan(_matched(cells)["difference"])
    cells |= {"enough": ([10, 12, 14, 16], [1, 2, 3, 4])}
    assert _matched(cells)["n_used"] == 8 and _matched(cells)["difference"] == pytest.approx(10.5)


def test_a_difference_that_one_sentence_decides_is_not_given():
    """Only one White sentence in the district where all the Black ones are: neither way says anything."""
    random = np.random.default_rng(0)
    rows = [("Black", "South")] * 40 + [("White", "South")] + [("White", "North")] * 200
    frame = pd.DataFrame(rows, columns=["race", "district"])
    frame = frame.assign(charge="A", guideline=60.0, given=60 + random.normal(0, 10, 241), disposition="prison")
    audit = audit_sentencing(sentencing_records(frame), charge="A", reference="White")
    assert set(audit.contrast.table["agreement"]) == {"neither"}
    assert audit.contrast.table.set_index("way")["difference"].isna().tolist() == [False, True, True]
    assert "Neither way can be used" in " ".join(sentencing_answer(audit))


def test_nobody_is_taken_for_a_group():
    """Sentences without a race are no group of their own in the contrast."""
    frame = simulate_sentences(3_000, random_state=4).frame
    frame.loc[frame.index % 5 == 0, "race"] = None
    audit = audit_sentencing(sentencing_records(frame), charge="Fraud", race="Black")
    assert set(audit.contrast.table["group"]) == {"Black", "Hispanic"} and audit.contrast.reference == "White"
    assert audit.contrast.left_out["group"].tolist() == ["(missing)"]


WORDS = {
    "as long as the guidelines' midpoint": [([60, 58, 62], [60] * 12)],
    "neither side varies": [([70] * 40, [60] * 40)],
    "it may be chance": [(list(range(50, 70)), list(range(50, 70)))],
}


@pytest.mark.parametrize("words", WORDS)
def test_the_words_say_what_the_figures_say(words):
    for here, there in WORDS[words]:
        frame = _celled({"A": (here, there)}).assign(guideline=60.0)
        assert words in case_answer(sentencing_disparity(frame, charge="A", race="Black"))


def test_the_words_follow_the_options(simulated):
    case = sentencing_disparity(simulated, charge="Fraud", race="Black", confidence_level=0.8)
    said = case_answer(case)
    assert "80 % interval" in said and "before anything but the charge is held alike" in said
    assert "longer than the guidelines' midpoint" in said
    bare = audit_sentencing(simulated, charge="Fraud", adjust_for=())
    assert "Nothing was asked to be alike" in " ".join(sentencing_answer(bare))
    assert "two ways" not in " ".join(sentencing_answer(bare))


def test_bounds_are_rounded_outward_and_never_onto_nothing():
    assert between(1.1, 1.2) == "+1.1 to +1.2" and between(1.11, 1.19) == "+1.1 to +1.2"
    assert between(0.02, 0.4) == "+0.02 to +0.40" and between(-0.31, 0.3) == "−0.4 to +0.3"
    assert months(-0.04) == "0.0" and months(float("nan")) == "–"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"charge": "Arson"}, "charge: expected one that occurs"),
        ({"level": 18}, "level: expected 0 to 17"),
        ({"race": "Nobody"}, "race: expected one that occurs"),
        ({"compare_to": {"age": "young"}}, "race or gender"),
        ({"compare_to": {"gender": "Male"}}, "shares nobody"),
        ({"compare_to": {}}, "shares nobody"),
        ({"level": True}, "level: expected 0 to 17"),
        ({"confidence_level": 95}, "between 0 and 1"),
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
        (lambda f: f.assign(given=9_996), "103 outside"),
        (lambda f: f.assign(level="many"), "level 'level': expected levels as whole numbers"),
        (lambda f: f.drop(columns="guideline").assign(guideline_low=70, guideline_high=60), "103 above it"),
    ],
)
def test_records_that_cannot_be_read_are_told(change, told):
    with pytest.raises(InputError, match=told) as caught:
        sentencing_records(change(papers_table()))
    assert "five years" not in str(caught.value)


def test_what_cannot_be_adjusted_is_told(simulated):
    for options, told in (
        ({"attribute": "race", "reference": "Nobody"}, "a group of 'race'"),
        ({"attribute": "age", "reference": "old"}, "'age'"),
        ({"attribute": "race", "reference": "White", "adjust_for": ("race",)}, "other columns than the attribute"),
    ):
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
    frame = pd.DataFrame(
        [
            {
                "charge": "Fraud",
                "race": race,
                "gender": "Male",
                "given": given,
                "guideline_low": 55,
                "guideline_high": 65,
                "disposition": "prison",
            }
            for race, given, n in rows
            for _ in range(n)
        ]
    )
    case = {"race": "Black", "gender": "Male", "compare_to": {"race": "White", "gender": "Male"}}
    audit = sentencing_disparity(frame, charge="Fraud", **case)
    assert audit.outputs[["output", "group", "n", "value"]].round(6).fillna(-1).values.tolist() == [
        [1, "all", 16, -1],
        [2, "White, Male", 8, 0.5],
        [2, "Black, Male", 8, 0.5],
        [3, "White, Male", 8, 0.375],
        [3, "White, Male", 8, 0.625],
        [3, "White, Male", 8, 0.375],
        [3, "White, Male", 8, 0.625],
        [4, "Black, Male", 8, 0.75],
        [4, "Black, Male", 8, 0.125],
        [4, "Black, Male", 8, 0.75],
        [4, "Black, Male", 8, 0.125],
    ]
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
    assert list(found.values()) == [
        "Primary Charge",
        "Sentence Imposed",
        "Guideline Minimum",
        "Guideline Maximum",
        "Drug Quantity Level",
        "Race/Ethnicity",
        "Sex",
        "Sentence Type",
        "Plea or Trial",
        "Fiscal Year",
    ]


def test_years_and_histories_are_read_as_they_come():
    frame = simulate_sentences(4_000, random_state=6).frame
    as_dates = frame.assign(year=[f"FY{year}" if i % 2 else f"{year}-05-01" for i, year in enumerate(frame["year"])])
    assert (sentencing_records(as_dates).frame["year"].to_numpy() == frame["year"].to_numpy()).all()
    fine = frame.assign(history=np.random.default_rng(0).uniform(0, 13, len(frame)).round(2))
    assert sentencing_records(fine).frame["history"].nunique() == 10
    foreign = frame.rename(
        columns={"guideline_low": "GL Min", "guideline_high": "GL Max", "disposition": "Outcome type"}
    )
    found = sentencing_records(foreign.drop(columns="level")).columns
    assert (found.guideline_low, found.disposition, found.level) == ("GL Min", "Outcome type", None)


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
