import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recidiv_core import InputError, Roles, audit_groups, load_dataset
from recidiv_core.groups import METRICS, SCORE_METRICS
from tests.conftest import audit_of, random_table
from tests.groups.test_metrics import rows_of, tables_equal


@pytest.mark.parametrize(
    ("counts", "tolerance", "verdict"),
    [
        ({"a": (800, 200, 200, 800), "b": (500, 500, 500, 500)}, 0.01, "exceeds"),
        ({"a": (80, 20, 20, 80), "b": (76, 24, 24, 76)}, 0.01, "cannot conclude"),
        ({"a": (80000, 20000, 20000, 80000), "b": (80010, 19990, 19990, 80010)}, 0.02, "within"),
    ],
)
def test_verdicts(counts, tolerance, verdict):
    rows = audit_of(counts, tolerance=tolerance).disparities.set_index("metric")
    row = rows.loc["false_positive_rate"]
    assert row["verdict"] == verdict
    assert row["low"] <= row["range"] <= row["high"]
    assert {"exceeds": row["low"] > tolerance, "within": row["high"] < tolerance, "cannot conclude": True}[verdict]


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_verdict_follows_from_bounds_and_p_from_zero(seed):
    audit = audit_groups(
        load_dataset(random_table(seed, 300), roles=Roles("y", score="score", sensitive="group")),
        threshold=0.5,
        tolerance=0.05,
    )
    for row in audit.disparities.dropna(subset="range").itertuples():
        expected = "exceeds" if row.low > 0.05 else "within" if row.high < 0.05 else "cannot conclude"
        assert row.verdict == expected
        assert row.low <= row.range + 1e-12 and row.range <= row.high + 1e-12
        if row.low > 0:
            assert row.p_value <= 0.0501
        pairs = audit.pairs[(audit.pairs["metric"] == row.metric)].dropna(subset="difference")
        assert row.range == pytest.approx(pairs["difference"].abs().max(), abs=1e-12)


def test_complements_have_one_disparity():
    rows = audit_of({"a": (30, 20, 10, 40), "b": (25, 25, 25, 25), "c": (11, 22, 33, 44)}).disparities.set_index(
        "metric"
    )
    for name, metric in METRICS.items():
        if metric.complement_of:
            for column in ("range", "low", "high", "p_value"):
                assert rows.loc[name, column] == pytest.approx(rows.loc[metric.complement_of, column], abs=1e-9)


@pytest.mark.parametrize(
    ("n_high", "n_low", "base", "tolerance"),
    [
        (2000, 2000, 0.3, 0.01),
        (500, 500, 0.02, 0.0),
        (2000, 200, 0.02, 0.01),
        (200, 2000, 0.02, 0.01),
        (300, 300, 0.9, 0.02),
    ],
)
def test_detectable_is_detected_four_times_in_five(n_high, n_low, base, tolerance):
    """Two groups whose selection rates differ by just the detectable disparity; low and high rates, unequal groups."""

    def cells(n, rate, random=None):
        share = np.array([rate / 2, rate / 2, (1 - rate) / 2, (1 - rate) / 2])
        return tuple(random.multinomial(n, share) if random else np.rint(n * share).astype(int))

    def selection(high, low, n_boot=200):
        audit = audit_of({"high": high, "low": low}, tolerance=tolerance, n_boot=n_boot, min_support=1)
        return audit.disparities.set_index("metric").loc["selection_rate"]

    distance = 0.1
    for _ in range(8):  # what is detectable depends on the pair's pooled rate, and so on the distance itself
        found = selection(cells(n_high, min(base + distance, 0.999)), cells(n_low, base))
        pooled = (n_high * min(base + distance, 0.999) + n_low * base) / (n_high + n_low)
        distance = found["detectable"]
        if math.isnan(distance):
            return
    random = np.random.default_rng(2)
    hits = sum(
        selection(cells(n_high, min(pooled + distance, 1), random), cells(n_low, pooled, random))["verdict"]
        == "exceeds"
        for _ in range(200)
    )
    # Counts of a few people are skewed, so it is four in five on average: 0.745 to 0.90 over 400 draws of these cases.
    assert 0.66 <= hits / 200 <= 0.95


def test_a_rare_mistake_not_seen_is_not_taken_for_none():
    """A Brier score of 0 in 40 rows says no more than an error rate of 0 in 40 rows."""
    audit = audit_of({"a": (20, 0, 0, 20), "b": (20, 0, 0, 20)})
    rows = audit.disparities.set_index("metric")
    for metric in ("brier_score", "accuracy", "log_loss"):
        assert rows.loc[metric, "verdict"] == "cannot conclude", metric
    intervals = audit.intervals.query("group == 'a'").set_index("metric")
    assert intervals.loc["brier_score", "high"] == pytest.approx(1 - intervals.loc["accuracy", "low"])


def test_calibration_error_interval_covers():
    """Scores that are the true probabilities, and scores that are off by 0.05 everywhere."""
    random = np.random.default_rng(5)
    for shift in (0.0, 0.05):
        hits = 0
        for _ in range(60):
            p = random.uniform(0.1, 0.85, 600)
            frame = pd.DataFrame({"y": random.random(600) < p + shift, "s": p, "g": random.choice(list("ab"), 600)})
            dataset = load_dataset(frame, roles=Roles("y", score="s", sensitive="g", positive_label=True))
            row = (
                audit_groups(dataset, threshold=0.5, n_boot=100)
                .intervals.query("metric == 'calibration_error'")
                .iloc[0]
            )
            hits += row["low"] <= shift <= row["high"]
            assert 0 <= row["low"] <= row["estimate"] <= row["high"] <= 1
        assert hits / 60 >= 0.93


def test_p_agrees_with_the_interval_in_sparse_tables():
    audit = audit_of({"a": (0, 0, 3, 30), "b": (0, 13, 3, 39), "c": (1, 0, 11, 28)}, n_boot=500)
    rows = audit.disparities.dropna(subset="p_value")
    assert ((rows["low"] > 0) == (rows["p_value"] <= 0.05)).all()
    assert (rows["p_value"] > 0).all()


def test_weights_of_zero():
    frame = random_table(3)
    frame.loc[frame["group"] == "A", "weight"] = 0.0
    frame.loc[0, ["score", "weight"]] = [1.5, 0.0]  # the highest score has no weight: it has no precision either
    dataset = load_dataset(frame, roles=Roles("y", score="score", sensitive="group", weight="weight"))
    audit = audit_groups(dataset)
    assert audit.threshold < 1.5
    own = audit.intervals.query("group == 'A'")
    assert own["estimate"].isna().all() and set(own["reason"]) == {"every row has the weight 0"}
    with pytest.raises(InputError, match="weight"):
        load_dataset(
            frame.assign(weight=frame["y"].where(frame.index < 5, 0), score=frame["score"].where(frame.index >= 5)),
            roles=Roles("y", score="score", sensitive="group", weight="weight"),
        )


def test_weighted_cutpoints_have_exact_zeros():
    frame = random_table(7).assign(score=lambda f: (f["score"] * 9).round() + 1)
    dataset = load_dataset(frame, roles=Roles("y", score="score", sensitive="group", weight="weight"))
    lowest = audit_groups(dataset, threshold=3).cutpoints.query("threshold == 1")
    assert lowest.query("metric == 'negative_predictive_value'")["estimate"].isna().all()
    assert (lowest.query("metric == 'selection_rate'")["estimate"] == 1).all()


@pytest.mark.parametrize("coded", ["High", 2, "1 "])
def test_a_prediction_must_be_coded_like_the_label(coded):
    frame = random_table(1).assign(y=lambda f: f["y"].map({0: "no", 1: "yes"}), p=coded)
    with pytest.raises(InputError, match="values of the label"):
        load_dataset(frame, roles=Roles("y", prediction="p", sensitive="group", positive_label="yes"))
    same = load_dataset(frame.assign(p="no"), roles=Roles("y", prediction="p", sensitive="group", positive_label="yes"))
    assert (audit_groups(same).by_group["selection_rate"] == 0).all()


def test_small_groups_are_left_out_and_listed():
    audit = audit_of({"a": (30, 20, 10, 40), "b": (25, 25, 25, 25), "tiny": (3, 3, 3, 3)})
    assert (audit.disparities["excluded_groups"].map(lambda g: "tiny" in g)).all()
    assert set(audit.left_out.query("group == 'tiny'")["reason"]) >= {"fewer than 30 rows (12)"}
    assert "tiny" in set(audit.by_group["group"])


def test_four_fifths_by_hand():
    """Flagged 40 of 100 and 60 of 100: spared 0.6 and 0.4, ratio 2/3; flagged ratio 2/3 the other way."""
    punitive = audit_of({"a": (20, 20, 30, 30), "b": (30, 30, 20, 20)}).four_fifths.set_index("group")
    assert punitive.loc["b", "most_favoured"] == "a" and punitive.loc["b", "ratio"] == pytest.approx(2 / 3)
    y, p, g = rows_of({"a": (20, 20, 30, 30), "b": (30, 30, 20, 20)})
    frame = pd.DataFrame({"y": y, "p": p, "g": g})
    roles = Roles("y", prediction="p", sensitive="g", polarity="assistive")
    assistive = audit_groups(load_dataset(frame, roles=roles)).four_fifths.set_index("group")
    assert assistive.loc["a", "most_favoured"] == "b" and assistive.loc["a", "ratio"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("reference", ["a", "b", "c"])
def test_reference_differences_are_to_the_reference(reference):
    audit = audit_of({"a": (30, 20, 10, 40), "b": (25, 25, 25, 25), "c": (12, 20, 30, 40)}, reference=reference)
    values = audit.by_group.set_index("group")
    for row in audit.references.dropna(subset="difference").itertuples():
        assert row.reference == reference
        expected = values.loc[row.group, row.metric] - values.loc[reference, row.metric]
        assert row.difference == pytest.approx(expected, abs=1e-12)
        assert row.low <= row.difference <= row.high
        if not math.isnan(row.ratio):
            assert row.ratio == pytest.approx(values.loc[row.group, row.metric] / values.loc[reference, row.metric])
            assert row.ratio_low <= row.ratio + 1e-12 and row.ratio <= row.ratio_high + 1e-12


def test_verdicts_do_not_depend_on_the_reference():
    counts = {"a": (30, 20, 10, 40), "b": (25, 25, 25, 25), "c": (12, 20, 30, 40)}
    first, second = (audit_of(counts, reference=r).disparities for r in "ab")
    pd.testing.assert_frame_equal(first, second)


def test_threshold_sources():
    frame = random_table(9).assign(p=lambda f: (f["score"] > 0.7).astype(int))
    both = load_dataset(frame, roles=Roles("y", score="score", prediction="p", sensitive="group"))
    assert audit_groups(both).threshold_source == "prediction" and audit_groups(both).threshold is None
    assert audit_groups(both, threshold=0.2).threshold_source == "given"
    only_score = load_dataset(frame, roles=Roles("y", score="score", sensitive="group"))
    assert audit_groups(only_score).threshold_source == "baseline"
    flags_all = audit_groups(only_score, threshold=-math.inf).by_group
    assert (flags_all["selection_rate"] == 1).all()
    assert (audit_groups(only_score, threshold=math.inf).by_group["selection_rate"] == 0).all()


@pytest.mark.parametrize(
    "options",
    [
        {"tolerance": -0.1},
        {"tolerance": math.nan},
        {"confidence_level": 1.0},
        {"n_boot": 5},
        {"min_support": 0},
        {"threshold": math.nan},
        {"reference": "nobody"},
        {"reference": {"group": "nobody"}},
        {"reference": {"no": "A"}},
    ],
)
def test_options_out_of_range_are_refused(options):
    dataset = load_dataset(random_table(1), roles=Roles("y", score="score", sensitive="group"))
    with pytest.raises(InputError):
        audit_groups(dataset, **options)


def test_all_wrong_options_at_once():
    dataset = load_dataset(random_table(1), roles=Roles("y", score="score", sensitive="group"))
    with pytest.raises(InputError) as caught:
        audit_groups(dataset, tolerance=2, confidence_level=0, n_boot=1)
    assert {p.where for p in caught.value.problems} == {"tolerance", "confidence_level", "n_boot"}


def test_same_seed_same_numbers_and_progress_can_stop():
    dataset = load_dataset(random_table(1), roles=Roles("y", score="score", sensitive=("group", "sex")))
    tables_equal(audit_groups(dataset, random_state=3), audit_groups(dataset, random_state=3))

    class Stopped(Exception):
        pass

    seen = []

    def stop(fraction, text):
        seen.append(fraction)
        if len(seen) == 2:
            raise Stopped

    with pytest.raises(Stopped):
        audit_groups(dataset, progress=stop)
    assert seen == [0.0, 0.5]


def test_to_dict_is_strict_json():
    audit = audit_of({"a": (30, 0, 10, 40), "b": (0, 30, 0, 70)})
    text = json.dumps(audit.to_dict(), allow_nan=False)
    rows = json.loads(text)["intervals"]
    undefined = next(r for r in rows if r["group"] == "b" and r["metric"] == "true_positive_rate")
    assert undefined["estimate"] is None and undefined["reason"] == "nobody had the outcome"


def test_columns_are_those_of_the_interface():
    audit = audit_of({"a": (30, 20, 10, 40), "b": (25, 25, 25, 25)})
    fixed = ["attribute", "group", "n", "n_positive", "tp", "fp", "fn", "tn"]
    assert list(audit.by_group)[:8] == fixed and set(audit.by_group) - set(fixed) == set(METRICS)
    assert list(audit.intervals) == ["attribute", "group", "metric", "estimate", "low", "high", "n", "method", "reason"]
    assert list(audit.disparities) == [
        "attribute",
        "metric",
        "range",
        "low",
        "high",
        "verdict",
        "detectable",
        "p_value",
        "worst_pair",
        "excluded_groups",
        "reason",
    ]


def test_a_score_in_its_own_unit_has_no_probability_metrics():
    frame = random_table(2).assign(score=lambda f: (f["score"] * 10).round())
    audit = audit_groups(load_dataset(frame, roles=Roles("y", score="score", sensitive="group")), threshold=5)
    for metric in (m.name for m in SCORE_METRICS if m.name != "roc_auc"):
        rows = audit.intervals[audit.intervals["metric"] == metric]
        assert rows["estimate"].isna().all() and rows["reason"].str.contains("not a probability").all()
    assert audit.by_group["roc_auc"].notna().all()


def test_cutpoints_equal_audits_one_by_one():
    frame = random_table(3).assign(score=lambda f: (f["score"] * 10).round())
    dataset = load_dataset(frame, roles=Roles("y", score="score", sensitive="group"))
    cuts = audit_groups(dataset, threshold=5).cutpoints
    for threshold in sorted(frame["score"].unique()):
        alone = audit_groups(dataset, threshold=threshold).intervals
        merged = cuts[cuts["threshold"] == threshold].merge(alone, on=["attribute", "group", "metric"])
        assert len(merged) == 11 * 3
        for column in ("estimate", "low", "high"):
            exists = merged[f"{column}_y"].notna()
            assert merged.loc[exists, f"{column}_x"].to_numpy() == pytest.approx(
                merged.loc[exists, f"{column}_y"].to_numpy(), abs=1e-12
            )


def test_compas(compas):
    """The figures that everybody knows (ProPublica 2016; cut-point 5)."""
    rows = compas.by_group.set_index("group")
    assert rows.loc["African-American", "false_positive_rate"] == pytest.approx(0.448, abs=5e-4)
    assert rows.loc["Caucasian", "false_positive_rate"] == pytest.approx(0.235, abs=5e-4)
    assert rows.loc["African-American", "false_negative_rate"] == pytest.approx(0.280, abs=5e-4)
    assert rows.loc["Caucasian", "false_negative_rate"] == pytest.approx(0.477, abs=5e-4)
    excluded = compas.disparities.set_index("metric")["excluded_groups"]
    assert excluded["false_positive_rate"] == ("Native American",)
    assert excluded["false_negative_rate"] == ("Asian", "Native American")  # 9 of 32 had the outcome
    assert any("occurs more than once" in detail for detail in compas.ledger["detail"])


def test_intersections_are_groups():
    frame = random_table(4).assign(both=lambda f: f["group"] + " × " + f["sex"])
    audit = audit_groups(
        load_dataset(frame, roles=Roles("y", score="score", sensitive=("group", "sex", "both"))), threshold=0.5
    )
    n = audit.by_group.set_index(["attribute", "group"])["n"]
    for group, sex in itertools.product("ABC", "fm"):
        assert n["both", f"{group} × {sex}"] == ((frame["group"] == group) & (frame["sex"] == sex)).sum()
