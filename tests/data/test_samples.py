import hashlib

import pandas as pd
import pytest

from recidiv_core import audit_groups, load_dataset
from recidiv_core.data import SAMPLES, list_samples, simulate_scores
from recidiv_core.places import SAMPLE_DATA
from sample_data.build import build


def test_nc_releases_is_the_table_of_the_readme():
    data = (SAMPLE_DATA / "nc_releases.csv").read_bytes()
    assert hashlib.sha256(data).hexdigest() in (SAMPLE_DATA / "README.md").read_text()
    stored = pd.read_csv(SAMPLE_DATA / "nc_releases.csv")
    raw = build()
    pd.testing.assert_frame_equal(stored.drop(columns="score"), raw.drop(columns="score"), check_dtype=False)
    assert stored["score"].to_numpy() == pytest.approx(raw["score"].to_numpy(), abs=2e-4)


def test_nc_releases_loads_with_its_exclusions_counted():
    dataset = load_dataset("sample:nc_releases")
    assert len(dataset) == 1445 and dataset.y_true.sum() == 338
    assert set(dataset.attributes["black"].levels) == {"Black", "not Black"}
    excluded = [e for e in dataset.ledger if "followed for less than 24 months" in e.detail]
    assert len(excluded) == 1 and excluded[0].n_rows == 0 and "70 months" in excluded[0].detail


@pytest.mark.parametrize("name", list(SAMPLES))
def test_every_sample_can_be_audited(name):
    dataset = load_dataset(f"sample:{name}")
    audit = audit_groups(dataset, threshold=dataset.threshold)
    rates = audit.by_group.set_index("group")["selection_rate"]
    everybody = {"loans": ["Male"]}  # the article approves every man
    assert rates[~rates.between(0.02, 0.98)].index.tolist() == everybody.get(name, [])
    assert name in set(list_samples()["name"])


def test_the_planted_disparity_is_found_and_the_rest_is_not():
    """Group C is shifted, A and B are not: C stands out, and A and B are not shown to differ."""
    audit = audit_groups(load_dataset("sample:planted_scores"), threshold=0.5)
    row = audit.disparities.set_index("metric").loc["false_positive_rate"]
    assert row["verdict"] == "exceeds" and row["worst_pair"][0] == "C"
    pair = audit.pairs.query("metric == 'false_positive_rate' and group_a == 'A' and group_b == 'B'").iloc[0]
    assert pair["low"] < 0 < pair["high"]


def test_simulated_rates_are_the_planted_ones():
    found = simulate_scores(200_000, random_state=1)
    rates = found.frame.groupby("group")["event"].mean()
    for group, rate in found.truth["base_rates"].items():
        assert rates[group] == pytest.approx(rate, abs=0.01)
    pd.testing.assert_frame_equal(found.frame, simulate_scores(200_000, random_state=1).frame)
