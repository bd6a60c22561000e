"""The optimiser against every combination tried, and against predictions counted by scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix, precision_score, recall_score

from recidiv_core.errors import InputError
from recidiv_core.stats import ScoreCurves
from recidiv_core.thresholds import DEFINITIONS, optimal_thresholds, search
from tests.conftest import shared
from tests.thresholds.oracle import Case, brute_force, random_case, takes_part

N_CASES = 600


def curves_of(case: Case) -> ScoreCurves:
    return ScoreCurves.from_arrays(case.y, case.score, case.group, sample_weight=case.weight)


@pytest.mark.parametrize("block", range(6))
@pytest.mark.parametrize("sparse_first", [False, True])
def test_the_optimum_is_that_of_every_combination_tried(block, sparse_first, monkeypatch):
    if sparse_first:  # as large tables are searched: a part of the candidates first, then those that can still win
        monkeypatch.setattr(search, "_LARGE", 4)
        monkeypatch.setattr(search, "_STRIDE", 2)
    compared = {"optimal": 0, "infeasible": 0}
    for seed in range(block, N_CASES, 6):
        case = random_case(seed)
        if sum(takes_part(case, name) for name in case.names) < 2:
            with pytest.raises(InputError):
                optimal_thresholds(curves_of(case), **case.options)
            continue
        total, least, groups = brute_force(case)
        found = optimal_thresholds(curves_of(case), **case.options)
        assert set(groups) == set(case.names) - set(found.excluded_groups), seed
        compared[found.status] += 1
        if total is None:
            assert found.status == "infeasible" and (
                found.smallest_range == pytest.approx(least, abs=1e-12, nan_ok=True)
            ), (seed, case.options)
        else:
            assert found.status == "optimal", (seed, case.options)
            assert found.objective == pytest.approx(total, abs=1e-12), (seed, case.options)
        if not math.isnan(least):
            wanted = case.options["tolerance"] if total is not None else least + 1e-12
            assert range_by_scikit_learn(case, found.thresholds, groups) < wanted, (seed, case.options)
    assert min(compared.values()) > 10  # both happen often enough to mean something


def range_by_scikit_learn(case: Case, thresholds: dict[str, float], groups: list[str]) -> float:
    """max − min of the definition's metric, from the rows' predictions."""
    flagged = case.score >= np.array([thresholds[g] for g in case.group])
    weight = np.ones(len(case.y)) if case.weight is None else case.weight
    ranges = []
    for metric in DEFINITIONS[case.options["definition"]].metrics:
        values = []
        for name in groups:
            rows = case.group == name
            y, pred, w = case.y[rows], flagged[rows], weight[rows]
            (_, fp), (fn, _) = confusion_matrix(y, pred, labels=[False, True], sample_weight=w)
            before = case.score[rows] >= case.options["baseline"]
            values.append(
                {
                    "selection_rate": lambda p=pred, w=w, b=before: (
                        np.average(p, weights=w) - (1 - case.options.get("partial", 1.0)) * np.average(b, weights=w)
                    ),
                    "true_positive_rate": lambda y=y, p=pred, w=w: recall_score(y, p, sample_weight=w),
                    "false_positive_rate": lambda y=y, p=pred, w=w: recall_score(~y, p, sample_weight=w),
                    "positive_predictive_value": lambda y=y, p=pred, w=w: precision_score(y, p, sample_weight=w),
                    "error_balance": lambda fn=fn, fp=fp: fn / fp,
                }[metric]()
            )
        ranges.append(max(values) - min(values))
    return max(ranges)


def table(**groups: list[tuple[float, int, int]]) -> ScoreCurves:
    """Curves from (score, with the outcome, without it) per group."""
    rows = [
        (y, score, group)
        for group, cells in groups.items()
        for score, yes, no in cells
        for y, n in ((True, yes), (False, no))
        for _ in range(n)
    ]
    y, score, group = zip(*rows, strict=True)
    return ScoreCurves.from_arrays(np.array(y), np.array(score, float), np.array(group))


def test_by_hand():
    """Two groups, two scores. Flagging the upper score: recall 0.6 and 0.6, precision 0.75 and 0.6."""
    curves = table(a=[(1, 4, 8), (2, 6, 2)], b=[(1, 4, 6), (2, 6, 4)])
    found = optimal_thresholds(curves, definition="equal_opportunity", min_support=1, max_selection_rate=0.6)
    assert found.thresholds == {"a": 2.0, "b": 2.0} and found.achieved_range == 0 and found.trivial == {}
    assert found.objective == pytest.approx(2 * 6 / (12 + 2 + 4) + 2 * 6 / (12 + 4 + 4))
    parity = optimal_thresholds(curves, definition="predictive_parity", min_support=1)
    # Precision a: 10/20 or 6/8; b: 10/20 or 6/10. Only everybody is within the tolerance.
    assert parity.thresholds == {"a": 1.0, "b": 1.0} and parity.trivial == {"a": "flagged", "b": "flagged"}
    limited = optimal_thresholds(curves, definition="predictive_parity", min_support=1, max_selection_rate=0.6)
    assert limited.status == "infeasible" and limited.smallest_range == pytest.approx(0.75 - 0.6)
    row = limited.by_group.set_index("group").loc["a"]
    assert (row["tp"], row["fp"], row["fn"], row["tn"]) == (6, 2, 4, 8)


def test_ties_go_to_the_thresholds_nearest_the_baseline():
    """Nobody at 2 and 3: both thresholds 3 and 4 would do equally well if scores 2 and 3 held negatives only in
    equal parts.
    """
    curves = table(a=[(1, 0, 5), (2, 5, 0), (3, 5, 5)], b=[(1, 0, 5), (2, 5, 0), (3, 5, 5)])
    for baseline, wanted in ((3.0, 3.0), (1.0, 1.0)):
        found = optimal_thresholds(
            curves,
            definition="statistical_parity",
            objective="cost",
            cost_ratio=1.0,
            min_support=1,
            baseline=baseline,
            max_selection_rate={"a": 1.0},
            weights={"a": 0.0, "b": 0.0},
        )
        assert set(found.thresholds.values()) == {wanted}  # all objectives are 0: nothing but the baseline decides


def test_a_group_too_small_keeps_the_baseline_and_is_named():
    curves = table(a=[(1, 20, 20), (2, 20, 10)], b=[(1, 20, 20), (2, 20, 10)], c=[(1, 2, 2), (2, 2, 2)])
    found = optimal_thresholds(curves, definition="equal_opportunity", baseline={"c": 2.0, "a": 1.0, "b": 1.0})
    assert found.excluded_groups == {"c": "fewer than 30 rows (8)"} and found.thresholds["c"] == 2.0
    assert not found.by_group.set_index("group").loc["c", "takes_part"]
    assert found.options["baseline"] == {"a": 1.0, "b": 1.0, "c": 2.0}


def test_levelling_down_is_told():
    curves = table(a=[(1, 10, 40), (2, 30, 5)], b=[(1, 30, 10), (2, 10, 40)])
    down = optimal_thresholds(
        curves, definition="equal_opportunity", min_support=1, baseline=1.0, max_selection_rate=0.0
    )
    assert down.levelling_down and set(down.trivial.values()) == {"spared"}
    up = optimal_thresholds(curves, definition="equal_opportunity", min_support=1, baseline=math.inf)
    assert not up.levelling_down


def test_no_threshold_meets_the_limits():
    curves = table(a=[(1, 20, 20), (2, 20, 20)], b=[(1, 20, 20), (2, 20, 20)])
    found = optimal_thresholds(curves, definition="equal_opportunity", min_precision={"a": 0.9}, baseline=2.0)
    assert found.status == "infeasible" and math.isnan(found.smallest_range) and "no threshold of a" in found.reason
    assert found.thresholds == {"a": 2.0, "b": 2.0} and math.isnan(found.objective)


def test_partial_parity_moves_each_group_part_of_the_way():
    """Selection rates 0.2 and 0.6 at the baseline; at λ = 0.5 the targets are 0.1 + c/2 and 0.3 + c/2."""
    scores = range(1, 11)
    curves = table(a=[(s, 5, 5) for s in scores], b=[(s, 5, 5) for s in scores])
    start = {"a": 9.0, "b": 5.0}
    for partial in (0.0, 0.5, 1.0):
        found = optimal_thresholds(
            curves, definition="statistical_parity", partial=partial, baseline=start, max_selection_rate=0.7
        )
        rates = found.by_group.set_index("group")["selection_rate"]
        assert rates["b"] - rates["a"] == pytest.approx((1 - partial) * 0.4)
    kept = optimal_thresholds(curves, definition="statistical_parity", partial=0.0, baseline=start)
    assert kept.thresholds == start


def test_merged_parts_have_the_same_optimum():
    random = np.random.default_rng(4)
    y, score = random.random(3000) < 0.4, random.random(3000).round(2)
    group = random.choice(["a", "b", "c"], 3000)
    whole = ScoreCurves.from_arrays(y, score, group)
    halves = [ScoreCurves.from_arrays(y[i::2], score[i::2], group[i::2]) for i in (0, 1)]
    for definition in DEFINITIONS:
        one = optimal_thresholds(whole, definition=definition)
        two = optimal_thresholds(halves[0].merge(halves[1]), definition=definition)
        assert one.thresholds == two.thresholds and one.objective == pytest.approx(two.objective, abs=1e-12)


@pytest.mark.parametrize(
    ("definition", "limits", "status", "objective", "smallest"),
    [
        ("predictive_parity", {}, "infeasible", 1.7366, 0.0278),
        ("statistical_parity", {}, "optimal", 2.7387, 0.0),
        ("equal_opportunity", {}, "optimal", 2.7387, 0.0),
        ("treatment_equality", {}, "optimal", 2.7387, 0.0),
        ("equalized_odds", {}, "optimal", 2.7387, 0.0),
        ("treatment_equality", {"max_selection_rate": 0.6}, "infeasible", 2.9192, 0.3596),
        ("statistical_parity", {"max_selection_rate": 0.6}, "optimal", 0.0, 0.0),
    ],
)
def test_compas_deciles(definition, limits, status, objective, smallest):
    frame = pd.read_csv(shared("compas-scores-two-years.csv"))
    curves = ScoreCurves.from_arrays(frame["two_year_recid"] == 1, frame["decile_score"].to_numpy(float), frame["race"])
    found = optimal_thresholds(curves, definition=definition, **limits)
    assert found.status == status and found.objective == pytest.approx(objective, abs=5e-5)
    assert found.smallest_range == pytest.approx(smallest, abs=5e-5)
    assert list(found.excluded_groups) == ["Native American"]
    if status == "optimal":
        assert set(found.trivial.values()) == {"spared" if limits else "flagged"} and len(found.trivial) == 5


def test_equal_text_is_one_group():
    y, score = np.array([True, False] * 4), np.arange(8.0)
    mixed = ScoreCurves.from_arrays(y, score, np.array([1, 1, "1", "1", None, math.nan, "x", "x"], dtype=object))
    assert sorted(mixed.groups) == ["1", "nan", "x"] and sum(mixed.groups["1"].total) == 4
