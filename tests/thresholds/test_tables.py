"""The tables behind the pictures, and the sentences."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from recidiv_core import Roles, ScoreCurves, audit_thresholds, load_dataset, score_curves
from recidiv_core.data import simulate_scores
from recidiv_core.thresholds import (
    DEFINITIONS,
    KINDS,
    curve_table,
    measure,
    notes,
    optimal_thresholds,
    options_of,
    people_dots,
    price_sentence,
    satisfying_thresholds,
    spread,
    threshold_answer,
)

ROLES = Roles("event", score="score", sensitive="group")


@pytest.fixture(scope="module")
def curves():
    random = np.random.default_rng(1)
    group = random.choice(["a", "b", "c"], 900, p=[0.5, 0.3, 0.2])
    score = random.random(900).round(2)
    return ScoreCurves.from_arrays(random.random(900) < score, score, group)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.305, 0.99, math.inf])
def test_dots_stand_for_people(curves, threshold):
    curve = curves.groups["a"]
    dots, each = people_dots(curve, threshold, low=0.0, high=1.0)
    tp, fp = (float(side) for side in curve.flagged_at(threshold))
    counts = dict(zip(KINDS, (tp, fp, curve.total[0] - tp, curve.total[1] - fp), strict=True))
    assert dots["y"].max() < 25 and each in (1, 2, 5, 10, 20, 50)
    for outcome in (0, 1):  # in all as many as there are people, to the last dot
        drawn = dots["kind"].isin([KINDS[outcome], KINDS[2 + outcome]]).sum()
        assert abs(drawn - curve.total[outcome] / each) <= 0.5
    for kind, count in counts.items():
        assert abs((dots["kind"] == kind).sum() - count / each) <= 2.5
    places = people_dots(curve, 0.7, low=0.0, high=1.0)[0]
    assert (places[["x", "y"]] == dots[["x", "y"]]).all(axis=None)  # a move recolours dots, it does not move them


@pytest.mark.parametrize("definition", [name for name, d in DEFINITIONS.items() if len(d.metrics) == 1])
@pytest.mark.parametrize("limits", [{}, {"max_selection_rate": 0.5}])
def test_satisfying_thresholds_are_those_of_all_combinations(definition, limits):
    random = np.random.default_rng(7)
    group, score = random.choice(["a", "b", "c"], 90), random.integers(0, 9, 90) / 10
    small = ScoreCurves.from_arrays(random.random(90) < 0.2 + score / 2, score, group)
    metric = DEFINITIONS[definition].metrics[0]
    options = options_of(small, definition=definition, tolerance=0.06, min_support=1, **limits)
    own = {}
    for name, curve in small.groups.items():
        values = measure(metric, *curve.falling[1:], *curve.total)
        flagged = measure("selection_rate", *curve.falling[1:], *curve.total)
        keep = ~np.isnan(values) & (flagged <= limits.get("max_selection_rate", 1))
        own[name] = list(zip(curve.falling[0][keep], values[keep], strict=True))
    wanted = set()
    for chosen in itertools.product(*own.values()):
        if np.ptp([value for _, value in chosen]) < 0.06:
            wanted |= {(name, threshold) for name, (threshold, _) in zip(own, chosen, strict=True)}
    found = satisfying_thresholds(small, options)
    assert set(zip(found["group"], found["threshold"], strict=True)) == wanted
    assert wanted or limits


def test_curves_are_thinned_and_keep_their_ends(curves):
    table = curve_table(curves, points=20)
    for name, own in table.groupby("group"):
        assert 2 < len(own) <= 22 and own["threshold"].iloc[0] == math.inf
        assert own["threshold"].iloc[-1] == curves.groups[name].scores[0] and own["selection_rate"].iloc[-1] == 1
        recall, precision = own["true_positive_rate"], own["positive_predictive_value"]
        some = own["f1"].notna() & (recall > 0)
        harmonic = (2 * precision * recall / (precision + recall))[some]
        assert np.allclose(own["f1"][some], harmonic, atol=1e-12)


@pytest.mark.parametrize(
    ("value", "definition", "tolerance", "text"),
    [
        (0.0099996, "equal_opportunity", 0.01, "0.99996 percentage points"),
        (0.01, "equal_opportunity", 0.01, "1 percentage point"),
        (0.010004, "equal_opportunity", 0.01, "1 percentage point"),
        (0.0278, "predictive_parity", 0.01, "2.8 percentage points"),
        (0.00001, "predictive_parity", 0.01, "0.001 percentage points"),
        (0.0, "predictive_parity", 0.01, "0 percentage points"),
        (0.0098, "treatment_equality", 0.01, "0.0098"),
        (1.5, "treatment_equality", 0.01, "1.500"),
        (math.nan, "treatment_equality", 0.01, "not estimable"),
    ],
)
def test_a_range_stays_on_its_side_of_the_tolerance(value, definition, tolerance, text):
    assert spread(value, definition, tolerance) == text


def audit(definition=None, thresholds=None, frame=None, **options):
    frame = simulate_scores(3_000, random_state=2).frame if frame is None else frame
    dataset = load_dataset(frame, roles=ROLES)
    found = audit_thresholds(dataset, attribute="group", definition=definition, thresholds=thresholds, **options)
    return found, score_curves(dataset, attribute="group")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"definition": "statistical_parity"}, "is satisfied in these data: the range is 0."),
        ({"definition": "statistical_parity", "beta": 8.0}, "but trivially, by flagging"),
        (
            {"definition": "equal_opportunity", "max_selection_rate": 0.0},
            "trivially, by sparing everybody in A, B, C and D",
        ),
        (
            {"definition": "predictive_parity", "tolerance": 0.0},
            "No thresholds satisfy predictive parity within 0 percentage points",
        ),
        (
            {"definition": "equal_opportunity", "min_precision": {"A": 1.0}, "min_recall": 0.9},
            "no threshold of A meets them all",
        ),
        ({"thresholds": dict.fromkeys("ABCD", 0.4)}, "no definition is satisfied"),
        ({"thresholds": dict.fromkeys("ABCD", 0.0)}, "satisfied in these data"),
    ],
)
def test_the_first_sentence(options, said):
    found, _ = audit(**options)
    first = threshold_answer(found).split(". ")[0]
    assert said in first, threshold_answer(found)


def test_sentences_agree_with_the_numbers():
    found, curves = audit(definition="equal_opportunity")
    text = threshold_answer(found)
    assert f"{found.solution.objective:.4f}" in text
    before = found.by_group["baseline_objective"].sum()
    assert f"{before:.4f}" in text
    row = found.of("equal_opportunity")
    conclusion = {"within": "so it holds", "exceeds": "so it does not hold", "cannot conclude": "cannot be concluded"}
    assert conclusion[row.held_out_verdict] in text and found.verdict == row.held_out_verdict
    most = found.by_group.loc[found.by_group["flagged_per_1000"].abs().idxmax()]
    assert f"group {most['group']}" in price_sentence(found)
    assert f"{abs(most['flagged_per_1000']):.0f}" in price_sentence(found)
    assert notes(found, curves) == []


def test_notes_name_ties_small_groups_and_levelling_down():
    frame = simulate_scores(2_000, random_state=2).frame
    frame["score"] = (frame["score"] * 4).round() / 4
    few = frame[frame["group"] == "D"].head(12)
    frame = pd.concat([frame[frame["group"] != "D"], few])
    found, curves = audit("equal_opportunity", frame=frame, max_selection_rate=0.0, baseline=0.5)
    text = " ".join(notes(found, curves))
    assert "share one score" in text and "D (fewer than 30 rows (12))" in text and "levelling down" in text


def test_everybody_is_not_nearly_everybody(curves):
    found = optimal_thresholds(curves, definition="equal_opportunity", beta=8.0)
    assert set(found.trivial.values()) == {"flagged"}


@pytest.mark.parametrize(
    ("options", "said", "unsaid"),
    [
        (
            {"definition": "statistical_parity", "partial": 0.3, "baseline": 0.5},
            "artial statistical parity (λ = 0.3)",
            "one half",
        ),
        (
            {"definition": "equal_opportunity", "objective": "cost", "cost_ratio": 1.0},
            "negated sum of the costs",
            "largest sum of costs",
        ),
        ({"definition": "equal_opportunity", "weights": {"A": 2.0}}, "weighted sum of F1", "The sum of F1"),
        ({"definition": "equal_opportunity", "max_selection_rate": 0.0}, "trivially", "one half"),
        (
            {"thresholds": dict.fromkeys("ABCD", math.inf)},
            "Not estimable: predictive parity and treatment equality",
            "are not within",
        ),
        ({"thresholds": dict.fromkeys("ABCD", 0.4), "baseline": 0.4}, "Nobody is decided otherwise", "most changes"),
    ],
)
def test_sentences_say_no_more_than_is_known(options, said, unsaid):
    found, _ = audit(**options)
    text = f"{threshold_answer(found)} {price_sentence(found)}"
    assert said in text and unsaid not in text, text
    assert (found.verdict is None) == ("one half" not in text)


def test_notes_say_why_a_range_or_an_end_of_an_interval_is_missing():
    found, curves = audit(thresholds=dict.fromkeys("ABC", 0.4) | {"D": math.inf})
    text = " ".join(notes(found, curves))
    assert "Predictive parity is not estimable: nobody was flagged in D." in text
    assert "Treatment equality is not estimable: no false positives to divide by in D." in text
    frame = simulate_scores(3_000, random_state=5).frame
    rare = frame[frame["group"] == "D"].sort_values("event", ascending=False)
    few = pd.concat([frame[frame["group"] != "D"], rare.iloc[np.r_[0:6, len(rare) - 60 : len(rare)]]])
    found, curves = audit(thresholds=dict.fromkeys("ABCD", 0.4), frame=few)
    assert "equal opportunity" in " ".join(notes(found, curves)) and "too few people to compare in D" in " ".join(
        notes(found, curves)
    )
