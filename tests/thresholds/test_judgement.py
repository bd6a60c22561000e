"""Rows in folds, verdicts, resamples, the scale and the trade-off: each against a plainer way to the same number."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from benchmarks.honesty_thresholds import one_table
from recidiv_core import (
    InputError,
    Roles,
    audit_groups,
    audit_thresholds,
    fairness_scale,
    load_dataset,
    optimal_thresholds,
    score_curves,
    tradeoff_curve,
)
from recidiv_core.data import simulate_scores
from recidiv_core.stats import baseline_threshold
from recidiv_core.thresholds import DEFINITIONS, LEVEL_2, compatibility, folds_of, halves_of, hold_together, options_of
from recidiv_core.thresholds.judgement import flagged_by, resampled_ranges

ROLES = Roles("event", score="score", sensitive="group")


@pytest.fixture(scope="module")
def dataset():
    return load_dataset(simulate_scores(4_000, random_state=3).frame, roles=ROLES)


def rates(y, flagged, groups):
    """Each definition's range, from rows, by scikit-learn."""
    columns = {
        "statistical_parity": [],
        "equal_opportunity": [],
        "predictive_parity": [],
        "treatment_equality": [],
        "fpr": [],
    }
    for group in np.unique(groups):
        own, flag = y[groups == group], flagged[groups == group]
        columns["statistical_parity"].append(flag.mean())
        columns["equal_opportunity"].append(recall_score(own, flag))
        columns["predictive_parity"].append(precision_score(own, flag))
        columns["treatment_equality"].append((own & ~flag).sum() / (~own & flag).sum())
        columns["fpr"].append(flag[~own].mean())
    ranges = {name: max(values) - min(values) for name, values in columns.items()}
    ranges["equalized_odds"] = max(ranges["equal_opportunity"], ranges.pop("fpr"))
    return ranges


def test_halves_and_folds_hold_each_stratum_evenly(dataset):
    halves = halves_of(dataset, attribute="group", random_state=0)
    whole = score_curves(dataset, attribute="group")
    judging = score_curves(halves.judging, attribute="group")
    for name, curve in whole.groups.items():
        for own, other, total in zip(
            halves.tuning.groups[name].total, judging.groups[name].total, curve.total, strict=True
        ):
            assert abs(own - other) <= 1 and own + other == total
        again = halves.tuning.merge(judging).groups[name]
        assert np.array_equal(curve.scores, again.scores) and np.array_equal(curve.positive, again.positive)
    parts = folds_of(dataset, attribute="group", n_folds=5, random_state=0)
    for name, curve in whole.groups.items():
        totals = np.array([part.groups[name].total for part in parts])
        assert (np.ptp(totals, axis=0) <= 1).all() and np.array_equal(totals.sum(axis=0), curve.total)


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_held_out_is_tuned_on_one_half_and_judged_on_the_other(dataset, definition):
    audit = audit_thresholds(dataset, attribute="group", definition=definition, n_boot=100)
    halves = halves_of(dataset, attribute="group", random_state=0)
    rest = dataset.frame.drop(index=halves.judging.frame.index)
    tuning = score_curves(load_dataset(rest, roles=ROLES), attribute="group")
    found = optimal_thresholds(
        tuning,
        definition=definition,
        min_support=1,
        baseline=baseline_threshold(score_curves(dataset, attribute="group").pooled),
    )
    y, groups = halves.judging.y_true, halves.judging.frame["group"].to_numpy()
    flagged = halves.judging.y_score >= np.array([found.thresholds[g] for g in groups])
    ranges = rates(y, flagged, groups)
    for row in audit.definitions.itertuples():
        assert row.held_out_range == pytest.approx(ranges[row.definition], abs=1e-12)
    by_group = audit.held_out.of("group", "by_group").set_index("group")
    assert by_group.loc["A", "tp"] == (flagged & y & (groups == "A")).sum()
    assert len(halves.judging) + len(rest) == len(dataset)


def test_a_group_that_takes_no_part_moves_no_interval():
    """Nobody in D had the outcome: it is out of the search, and out of range, interval and verdict."""
    frame = simulate_scores(3_000, random_state=5).frame
    frame.loc[frame["group"] == "D", "event"] = 0
    audit = audit_thresholds(load_dataset(frame, roles=ROLES), attribute="group", definition="statistical_parity")
    alone = load_dataset(frame[frame["group"] != "D"], roles=ROLES)
    without = audit_groups(alone, flagged=flagged_by(alone, "group", audit.thresholds))
    row = audit.of("statistical_parity")
    assert audit.solution.excluded_groups == {"D": "nobody had the outcome"}
    other = next(r for r in without.rows("group", "disparities") if r.metric == "selection_rate")
    assert row.range == pytest.approx(other.range, abs=1e-12) and row.low == 0 and row.high < 0.1


def test_the_same_thresholds_have_the_same_verdicts_as_the_group_audit(dataset):
    audit = audit_thresholds(dataset, attribute="group", thresholds=dict.fromkeys("ABCD", 0.4))
    plain = {row.metric: row for row in audit_groups(dataset, threshold=0.4).rows("group", "disparities")}
    row = audit.of("equal_opportunity")
    metric = plain["true_positive_rate"]
    assert (row.low, row.high, row.verdict) == (metric.low, metric.high, metric.verdict)
    assert row.range == pytest.approx(metric.range, abs=1e-15)
    odds = audit.of("equalized_odds")
    parts = [plain["true_positive_rate"], plain["false_positive_rate"]]
    assert odds.range == pytest.approx(max(p.range for p in parts)) and odds.high == max(p.high for p in parts)


def test_a_group_without_an_interval_takes_the_upper_bound_with_it():
    frame = simulate_scores(3_000, random_state=5).frame
    rare = frame[frame["group"] == "D"].sort_values("event", ascending=False)
    few = rare.iloc[np.r_[0:6, len(rare) - 60 : len(rare)]]  # 66 rows, six with the outcome
    table = frame[frame["group"] != "D"]
    audit = audit_thresholds(
        load_dataset(pd.concat([table, few]), roles=ROLES),
        attribute="group",
        definition="equal_opportunity",
    )
    row = audit.of("equal_opportunity")
    assert row.not_compared == ("D",) and math.isnan(row.high) and row.verdict != "within"
    assert not math.isnan(row.range)  # D takes part in the search all the same


def test_resamples_are_those_of_rows():
    """The multinomial draw over cells has the moments that resampling rows has."""
    counts = np.array([[60.0, 40, 100, 200], [30, 50, 90, 110]])
    drawn = resampled_ranges(counts, np.array([300.0, 200]), n_boot=20_000, attribute="g", random_state=1)
    random = np.random.default_rng(2)
    y = [np.repeat([1, 1, 0, 0], [60, 40, 40, 160]), np.repeat([1, 1, 0, 0], [30, 60, 50, 60])]
    flag = [np.repeat([1, 0, 1, 0], [60, 40, 40, 160]), np.repeat([1, 0, 1, 0], [30, 60, 50, 60])]
    ranges = []
    for _ in range(4_000):
        recall = []
        for own, flags in zip(y, flag, strict=True):
            rows = random.integers(0, len(own), len(own))
            recall.append(flags[rows][own[rows] == 1].mean())
        ranges.append(abs(recall[0] - recall[1]))
    assert drawn["equal_opportunity"].mean() == pytest.approx(np.mean(ranges), abs=0.004)
    assert drawn["equal_opportunity"].std() == pytest.approx(np.std(ranges), abs=0.004)


def test_names_and_order_of_rows_change_no_number(dataset):
    frame = dataset.frame
    other = frame.sample(frac=1, random_state=1).assign(
        group=lambda f: f["group"].map({"A": "z", "B": "k", "C": "a", "D": "m"})
    )
    again = load_dataset(other, roles=ROLES)
    for definition in ("predictive_parity", "equalized_odds"):
        first = audit_thresholds(dataset, attribute="group", definition=definition)
        second = audit_thresholds(again, attribute="group", definition=definition)
        assert {first.thresholds[g] for g in "ABCD"} == set(second.thresholds.values())
        assert first.solution.objective == pytest.approx(second.solution.objective, abs=1e-12)


def test_the_paper_protocol_is_the_mean_over_folds(dataset):
    scale = fairness_scale(dataset, attribute="group", protocol="paper", n_folds=4)
    parts = folds_of(dataset, attribute="group", n_folds=4, random_state=0)
    row = scale.table.set_index("row").loc["equal_opportunity"]
    f1, ranges = [], []
    for curves in parts:
        rows = [
            (y, score, name)
            for name, curve in curves.groups.items()
            for side, y in ((curve.positive, True), (curve.negative, False))
            for score, n in zip(curve.scores, side, strict=True)
            for _ in range(int(n))
        ]
        y, score, groups = (np.array(column) for column in zip(*rows, strict=True))
        start = baseline_threshold(curves.pooled, min_precision=0.85)
        found = optimal_thresholds(curves, definition="equal_opportunity", min_support=1, baseline=start).thresholds
        flagged = score >= np.array([found[g] for g in groups])
        f1.append(f1_score(y, flagged))
        ranges.append(rates(y, flagged, groups)["predictive_parity"])
    assert row["f1"] == pytest.approx(np.mean(f1), abs=1e-12) and row["f1_sd"] == pytest.approx(np.std(f1, ddof=1))
    assert row["predictive_parity_range"] == pytest.approx(np.mean(ranges), abs=1e-12)
    assert row["equal_opportunity_satisfied"] and row["equal_opportunity_range"] < 0.01


def test_the_held_out_row_is_the_audit_of_the_same_thresholds(dataset):
    scale = fairness_scale(dataset, attribute="group", min_precision=0.7).table.set_index("row")
    start = baseline_threshold(score_curves(dataset, attribute="group").pooled, min_precision=0.7)
    audit = audit_thresholds(dataset, attribute="group", definition="equal_opportunity", baseline=start)
    for row in audit.definitions.itertuples():
        assert scale.loc["equal_opportunity", f"{row.definition}_range"] == pytest.approx(row.held_out_range, abs=1e-12)
        assert scale.loc["equal_opportunity", f"{row.definition}_range_high"] == pytest.approx(
            row.held_out_high, abs=1e-12
        )
        assert scale.loc["equal_opportunity", f"{row.definition}_share"] == row.held_out_share


def test_the_scale_has_the_papers_shape():
    """Four groups whose base rates differ: each row satisfies its own column, and none satisfies all (F, Tables 12
    and 13).
    """
    frame = simulate_scores(
        60_000,
        base_rates={"a": 0.45, "b": 0.75, "o": 0.55, "w": 0.65},
        shares=(0.06, 0.12, 0.04, 0.78),
        shifts={"a": -0.4, "b": 0.5},
        separation=1.8,
        random_state=1,
    ).frame
    dataset = load_dataset(frame, roles=ROLES)
    scale = fairness_scale(dataset, attribute="group", protocol="paper")
    table = scale.table.set_index("row")
    for name in DEFINITIONS:
        assert table.loc[name, f"{name}_satisfied"] and table.loc[name, f"{name}_range"] < 0.01
    for name in LEVEL_2:
        others = [other for other in LEVEL_2 if other != name]
        assert not any(table.loc[name, f"{other}_satisfied"] for other in others)
        assert not table.loc["baseline", f"{name}_satisfied"]
        worsened = [table.loc[name, f"{other}_range"] > table.loc["baseline", f"{other}_range"] for other in others]
        assert any(worsened), name
    assert "without the attribute" in table.loc["unawareness", "reason"] and math.isnan(table.loc["unawareness", "f1"])
    curves = score_curves(dataset, attribute="group")
    pairs = compatibility(curves, options_of(curves, definition="statistical_parity", min_recall=0.2))
    assert not pairs.set_index(["first", "second"]).loc[("equal_opportunity", "predictive_parity"), "together"]


def test_definitions_that_can_hold_together_are_found(dataset):
    """Where the groups are alike, all pairs hold; where they are not, the search agrees with each definition's own
    range.
    """
    alike = simulate_scores(20_000, base_rates={"a": 0.4, "b": 0.4}, shares=(0.5, 0.5), shifts={}, random_state=2).frame
    curves = score_curves(load_dataset(alike, roles=ROLES), attribute="group")
    assert compatibility(curves, options_of(curves, definition="statistical_parity", tolerance=0.05))["together"].all()
    curves = score_curves(dataset, attribute="group")
    both = hold_together(
        curves,
        "equal_opportunity",
        "predictive_parity",
        options_of(curves, definition="equal_opportunity", tolerance=0.2),
    )
    own = both.by_group
    assert both.status == "optimal"
    for metric in ("true_positive_rate", "positive_predictive_value"):
        assert np.ptp(own[metric]) < 0.2


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_the_tradeoff_is_the_optimum_at_each_tolerance(dataset, definition):
    curves = score_curves(dataset, attribute="group")
    dealt = halves_of(dataset, attribute="group", random_state=0)
    halves = dealt.tuning, score_curves(dealt.judging, attribute="group")
    steps = [0.0, 0.001, 0.01, 0.05, 0.2]
    table = tradeoff_curve(curves, definition=definition, tolerances=steps, halves=halves, baseline=0.4)
    for row, tolerance in zip(table.itertuples(), steps, strict=True):
        found = optimal_thresholds(curves, definition=definition, tolerance=tolerance, baseline=0.4)
        assert row.status == found.status and row.tolerance == tolerance
        if found.status == "optimal":
            assert row.objective == pytest.approx(found.objective, abs=1e-12) and row.achieved_range < tolerance
            changed = flagged_by(dataset, "group", found.thresholds) != (dataset.y_score >= 0.4)
            assert row.n_changed == changed.sum()
    assert table["objective"].dropna().is_monotonic_increasing and table["status"].iloc[0] == "infeasible"
    audit = audit_thresholds(dataset, attribute="group", definition=definition, tolerance=0.05, baseline=0.4)
    assert table["held_out_range"].iloc[3] == pytest.approx(audit.of(definition).held_out_range, abs=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {"definition": "fairness"},
        {"tolerance": -0.1},
        {"tolerance": math.nan},
        {"objective": "recall"},
        {"objective": "cost"},
        {"cost_ratio": 2.0},
        {"beta": 0},
        {"partial": 0.5},
        {"partial": 2, "definition": "statistical_parity"},
        {"weights": {"A": -1.0}},
        {"weights": {"nobody there": 1.0}},
        {"min_precision": 1.5},
        {"max_selection_rate": {"A": math.nan}},
        {"baseline": math.nan},
        {"min_support": 0},
        {"min_support": "3"},
        {"tolerance": None},
        {"beta": 1e160},
        {"baseline": -math.inf},
        {"baseline": {"A": None}},
        {"weights": {"A": True}},
        {"min_support": 10_000},
    ],
    ids=str,
)
def test_options_out_of_range_are_told(dataset, options):
    curves = score_curves(dataset, attribute="group")
    with pytest.raises(InputError):
        optimal_thresholds(curves, **({"definition": "equal_opportunity"} | options))


def test_long_work_reports_and_stops_cleanly(dataset):
    class Stop(Exception):
        pass

    def stop(done: float, text: str) -> None:
        assert 0 <= done <= 1 and text
        if done > 0.3:
            raise Stop

    curves = score_curves(dataset, attribute="group")
    for work in (
        lambda: fairness_scale(dataset, attribute="group", progress=stop),
        lambda: tradeoff_curve(curves, definition="equal_opportunity", progress=stop),
        lambda: compatibility(curves, options_of(curves, definition="equal_opportunity"), progress=stop),
    ):
        with pytest.raises(Stop):
            work()


@pytest.mark.parametrize(
    "options",
    [
        {"thresholds": dict.fromkeys("ABCD", -math.inf)},
        {"thresholds": dict.fromkeys("ABCD", None)},
        {"thresholds": dict.fromkeys("ABC", 0.5)},
        {"definition": "equal_opportunity", "thresholds": dict.fromkeys("ABCD", 0.5)},
        {},
        {"definition": "equal_opportunity", "random_state": -1},
        {"definition": "equal_opportunity", "random_state": 1.5},
        {"definition": "equal_opportunity", "attribute": "event"},
    ],
    ids=str,
)
def test_audits_that_make_no_sense_are_told(dataset, options):
    with pytest.raises(InputError):
        audit_thresholds(dataset, **({"attribute": "group"} | options))
    for wrong in ({"tolerances": ()}, {"tolerances": (0.1, math.nan)}, {"tolerances": (-0.1, 0.1)}):
        with pytest.raises(InputError):
            tradeoff_curve(score_curves(dataset, attribute="group"), definition="equal_opportunity", **wrong)


def test_weights_of_any_size_find_the_same(dataset):
    curves = score_curves(dataset, attribute="group")
    wanted = optimal_thresholds(curves, definition="equal_opportunity", weights={"A": 1.5, "B": 0.5}).thresholds
    large = {"A": 1.5e5, "B": 0.5e5, "C": 1e5, "D": 1e5}
    assert optimal_thresholds(curves, definition="equal_opportunity", weights=large).thresholds == wanted
    table = tradeoff_curve(curves, definition="equal_opportunity", tolerances=np.linspace(0.1, 1, 30), weights=large)
    assert (table["status"] == "optimal").all()


def test_weighted_rows_and_a_group_of_weight_0(dataset):
    frame = dataset.frame.assign(w=lambda f: np.where(f["group"] == "D", 0.0, 2.0))
    weighted = load_dataset(frame, roles=Roles("event", score="score", sensitive="group", weight="w"))
    audit = audit_thresholds(weighted, attribute="group", definition="equal_opportunity")
    plain = load_dataset(frame[frame["group"] != "D"], roles=ROLES)
    other = audit_thresholds(plain, attribute="group", definition="equal_opportunity")
    assert {g: audit.thresholds[g] for g in "ABC"} == other.thresholds
    assert audit.solution.excluded_groups == {"D": "fewer than 30 rows (0)"}
    fairness_scale(weighted, attribute="group", n_boot=100)


def test_groups_that_barely_have_the_support():
    for seed in range(5):
        frame = simulate_scores(400, random_state=seed).frame
        few = pd.concat([own.head(30 + i) for i, (_, own) in enumerate(frame.groupby("group"))])
        audit = audit_thresholds(load_dataset(few, roles=ROLES), attribute="group", definition="equal_opportunity")
        assert audit.solution.excluded_groups == {} and len(audit.definitions) == 5


def test_held_out_ranges_are_not_too_small_and_intervals_cover():
    """Against populations whose truth is known in closed form.

    Pooled cross-validation would fail here: its range is too small.
    """
    found = pd.DataFrame([one_table(1_000, "equal_opportunity", seed) for seed in range(40)])
    assert (
        found["in_sample"].mean() < 0.01 < found["fresh"].mean()
    )  # what holds in sample does not hold on fresh people
    assert found["held_out"].mean() > found["truth"].mean()  # a range over noise is never too small on average
    assert found["covered"].mean() >= 0.95 and found["rule_covered"].mean() >= 0.9
