import math
import warnings

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fairlearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from recidiv_core import Roles, audit_groups, load_dataset
from tests.conftest import audit_of, random_table

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from aif360.datasets import BinaryLabelDataset
    from aif360.metrics import ClassificationMetric

COUNTS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]), st.tuples(*[st.integers(0, 12)] * 4), min_size=2, max_size=4
).filter(
    lambda c: (
        all(sum(v) for v in c.values())
        and sum(v[0] + v[2] for v in c.values())
        and sum(v[1] + v[3] for v in c.values())
    )
)

SKLEARN = {
    "accuracy": sklearn.accuracy_score,
    "true_positive_rate": lambda y, p: sklearn.recall_score(y, p, zero_division=np.nan),
    "positive_predictive_value": lambda y, p: sklearn.precision_score(y, p, zero_division=np.nan),
    "true_negative_rate": lambda y, p: sklearn.recall_score(y, p, pos_label=0, zero_division=np.nan),
    "negative_predictive_value": lambda y, p: sklearn.precision_score(y, p, pos_label=0, zero_division=np.nan),
    "f_beta": lambda y, p: sklearn.f1_score(y, p, zero_division=np.nan),
}
FAIRLEARN = {
    "selection_rate": fairlearn.selection_rate,
    "true_positive_rate": fairlearn.true_positive_rate,
    "false_positive_rate": fairlearn.false_positive_rate,
    "false_negative_rate": fairlearn.false_negative_rate,
    "true_negative_rate": fairlearn.true_negative_rate,
}
AIF360 = {
    "selection_rate": "statistical_parity_difference",
    "true_positive_rate": "true_positive_rate_difference",
    "false_positive_rate": "false_positive_rate_difference",
    "false_negative_rate": "false_negative_rate_difference",
    "false_discovery_rate": "false_discovery_rate_difference",
    "false_omission_rate": "false_omission_rate_difference",
}


def rows_of(counts):
    cells = ((1, 1), (0, 1), (1, 0), (0, 0))
    parts = [(y, p, g) for g, v in counts.items() for (y, p), n in zip(cells, v, strict=True) for _ in range(n)]
    return [np.array(part) for part in zip(*parts, strict=True)]


def loaded(counts, **roles):
    y, p, g = rows_of(counts)
    frame = pd.DataFrame({"y": y, "p": p, "g": g})
    return load_dataset(frame, roles=Roles("y", prediction="p", sensitive="g", **roles))


@given(COUNTS)
def test_metrics_equal_sklearn_and_fairlearn_or_do_not_exist(counts):
    audit = audit_groups(loaded(counts), n_boot=100)
    y, p, g = rows_of(counts)
    by_group = audit.by_group.set_index("group")
    for group in counts:
        own = g == group
        for name, peer in SKLEARN.items():
            assert by_group.loc[group, name] == pytest.approx(peer(y[own], p[own]), abs=1e-12, nan_ok=True), name
        for name, peer in FAIRLEARN.items():
            # fairlearn prints 0 for a rate whose denominator is 0; here it does not exist.
            if not math.isnan(by_group.loc[group, name]):
                assert by_group.loc[group, name] == pytest.approx(peer(y[own], p[own], pos_label=1), abs=1e-12), name


@settings(max_examples=25)
@given(st.tuples(*[st.integers(1, 12)] * 4), st.tuples(*[st.integers(1, 12)] * 4))
def test_differences_equal_aif360(a, b):
    y, p, g = rows_of({"a": a, "b": b})
    frame = pd.DataFrame({"y": y.astype(float), "g": (g == "b").astype(float)})
    truth = BinaryLabelDataset(df=frame, label_names=["y"], protected_attribute_names=["g"])
    guess = truth.copy()
    guess.labels = p.astype(float)[:, None]
    peer = ClassificationMetric(truth, guess, unprivileged_groups=[{"g": 0.0}], privileged_groups=[{"g": 1.0}])
    audit = audit_groups(loaded({"a": a, "b": b}), n_boot=100, min_support=1)
    by_group = audit.by_group.set_index("group")
    for name, method in AIF360.items():
        found = by_group.loc["a", name] - by_group.loc["b", name]
        assert found == pytest.approx(getattr(peer, method)(), abs=1e-12), name


def test_score_metrics_equal_sklearn():
    frame = random_table(1)
    dataset = load_dataset(frame, roles=Roles("y", score="score", sensitive="group", weight="weight"))
    by_group = audit_groups(dataset, threshold=0.5).by_group.set_index("group")
    for group, own in frame.groupby("group"):
        y, s, w = own["y"], own["score"], own["weight"]
        expected = {
            "roc_auc": sklearn.roc_auc_score(y, s, sample_weight=w),
            "log_loss": sklearn.log_loss(y, s, sample_weight=w),
            "brier_score": sklearn.brier_score_loss(y, s, sample_weight=w),
            "accuracy": sklearn.accuracy_score(y, s >= 0.5, sample_weight=w),
            "f_beta": sklearn.f1_score(y, s >= 0.5, sample_weight=w),
        }
        bins = np.minimum((s * 10).astype(int), 9)
        gaps = [abs((w * (y - s))[bins == b].sum()) for b in range(10)]
        expected["calibration_error"] = sum(gaps) / w.sum()
        for name, value in expected.items():
            assert by_group.loc[group, name] == pytest.approx(value, abs=1e-12), name


def tables_equal(a, b):
    for name in ("by_group", "intervals", "disparities", "pairs", "references", "four_fifths"):
        pd.testing.assert_frame_equal(getattr(a, name), getattr(b, name), rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_changes_with_row_order_or_scaled_weights(seed):
    frame, roles = random_table(seed), Roles("y", score="score", sensitive=("group", "sex"), weight="weight")
    first = audit_groups(load_dataset(frame, roles=roles), threshold=0.4)
    shuffled = frame.sample(frac=1, random_state=seed).assign(weight=lambda f: f["weight"] * 37.5)
    tables_equal(first, audit_groups(load_dataset(shuffled, roles=roles), threshold=0.4))


def test_renaming_groups_renames_the_answer():
    frame, roles = random_table(5), Roles("y", score="score", sensitive="group")
    names = {"A": "Zed", "B": "Yak", "C": "Xen"}  # the order of the alphabet is turned round
    first = audit_groups(load_dataset(frame, roles=roles), threshold=0.4)
    second = audit_groups(load_dataset(frame.replace({"group": names}), roles=roles), threshold=0.4)
    renamed = first.by_group.assign(group=first.by_group["group"].map(names)).sort_values("group")
    pd.testing.assert_frame_equal(
        renamed.reset_index(drop=True), second.by_group.sort_values("group", ignore_index=True)
    )
    assert first.critical == second.critical
    for a, b in zip(first.rows("group", "disparities"), second.rows("group", "disparities"), strict=True):
        assert (a.metric, a.verdict) == (b.metric, b.verdict)
        assert [a.range, a.low, a.high, a.p_value] == pytest.approx([b.range, b.low, b.high, b.p_value], nan_ok=True)
        assert a.worst_pair is None or tuple(names[g] for g in a.worst_pair) == b.worst_pair


def test_unit_weights_change_nothing():
    frame = random_table(6).assign(weight=3.0)
    plain = audit_groups(load_dataset(frame, roles=Roles("y", score="score", sensitive="group")), threshold=0.5)
    weighted = audit_groups(
        load_dataset(frame, roles=Roles("y", score="score", sensitive="group", weight="weight")), threshold=0.5
    )
    pd.testing.assert_frame_equal(plain.disparities, weighted.disparities, rtol=1e-9)
    pd.testing.assert_frame_equal(plain.intervals, weighted.intervals, rtol=1e-9)


def test_undefined_stays_undefined():
    """A group without positives has no true positive rate, and no disparity is computed from it."""
    audit = audit_of({"a": (30, 20, 10, 40), "b": (0, 30, 0, 70), "c": (25, 25, 25, 25)})
    row = audit.intervals.query("group == 'b' and metric == 'true_positive_rate'").iloc[0]
    assert math.isnan(row["estimate"]) and math.isnan(row["low"]) and row["reason"] == "nobody had the outcome"
    assert math.isnan(audit.by_group.set_index("group").loc["b", "false_negative_rate"])
    disparity = audit.disparities.set_index("metric").loc["true_positive_rate"]
    assert disparity["excluded_groups"] == ("b",) and set(disparity["worst_pair"]) == {"a", "c"}
    assert disparity["range"] == pytest.approx(0.25)


def test_only_one_comparable_group_concludes_nothing():
    audit = audit_of({"a": (30, 20, 10, 40), "b": (0, 30, 0, 70)})
    row = audit.disparities.set_index("metric").loc["false_negative_rate"]
    assert row["verdict"] == "cannot conclude" and math.isnan(row["range"]) and row["worst_pair"] is None
    assert "fewer than two groups" in row["reason"]


def test_perfect_classifier_has_no_error_balance_and_no_disparity():
    audit = audit_of({"a": (50, 0, 0, 50), "b": (60, 0, 0, 40)})
    row = audit.by_group.set_index("group").loc["a"]
    assert row["false_positive_rate"] == 0 and row["accuracy"] == 1 and row["f_beta"] == 1
    assert math.isnan(row["error_balance"])
    interval = audit.intervals.query("group == 'a' and metric == 'false_positive_rate'").iloc[0]
    assert interval["low"] == 0 and interval["high"] == pytest.approx(1.959964**2 / (50 + 1.959964**2), abs=1e-6)


def test_f1_and_error_balance_carry_wilsons_interval():
    audit = audit_of({"a": (30, 20, 10, 40), "b": (25, 25, 25, 25)})
    rows = audit.intervals.query("group == 'a'").set_index("metric")
    z = 1.959963984540054

    def wilson(x, n):
        centre, half = (x + z * z / 2) / (n + z * z), z * math.sqrt(x * (n - x) / n + z * z / 4) / (n + z * z)
        return centre - half, centre + half

    low, high = wilson(30, 60)  # TP of TP + FP + FN
    assert (rows.loc["f_beta", "low"], rows.loc["f_beta", "high"]) == pytest.approx(
        (2 * low / (1 + low), 2 * high / (1 + high))
    )
    low, high = wilson(10, 30)  # FN of FN + FP
    assert (rows.loc["error_balance", "low"], rows.loc["error_balance", "high"]) == pytest.approx(
        (low / (1 - low), high / (1 - high))
    )
