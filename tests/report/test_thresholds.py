"""Thresholds and the fairness scale in the report: what it says, and what it withholds."""

import io
import json
import math

import numpy as np
import pandas as pd
import pypdf
import pytest

from recidiv_core import Roles, audit_groups, audit_thresholds, fairness_scale, load_dataset
from recidiv_core.data import simulate_scores
from recidiv_core.report import Entry, protect, render_report
from recidiv_core.thresholds import DEFINITIONS

ROLES = Roles("event", score="score", sensitive="group")


def dataset_of(n, seed=2, **options):
    return load_dataset(simulate_scores(n, random_state=seed, **options).frame, roles=ROLES)


def text_of(results, **options):
    reader = pypdf.PdfReader(io.BytesIO(render_report(results, **options)))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


@pytest.fixture(scope="module")
def large():
    dataset = dataset_of(20_000)
    return [
        audit_groups(dataset, threshold=0.5),
        Entry(audit_thresholds(dataset, attribute="group", definition="equal_opportunity"), "As the board asked."),
        fairness_scale(dataset, attribute="group"),
        fairness_scale(dataset, attribute="group", protocol="paper"),
        audit_thresholds(dataset, attribute="group", thresholds=dict.fromkeys("ABCD", math.inf) | {"A": 0.5}),
    ]


def test_every_room_writes_its_section(large):
    text = text_of(large)
    audit = large[1].result
    for part in ("Groups: group", "Thresholds: group", "Fairness scale: group", "As the board asked."):
        assert part in text
    assert f"{audit.solution.objective:.4f}" in text and "nobody" in text
    for row in audit.by_group.itertuples():
        assert f"{row.threshold:g}" in text and f"{row.flagged_per_1000:+.0f}" in text
    for definition in DEFINITIONS.values():
        assert definition.title in text
    assert text_of(large[2:3]) and text_of(large[4:])  # each can stand first, and alone


def test_json_and_html_hold_the_same(large):
    content = json.loads(render_report(large, format="json"))
    assert [r["room"] for r in content["results"]] == ["groups", "thresholds", "thresholds", "thresholds", "thresholds"]
    assert content["results"][4]["thresholds"]["B"] == "nobody"
    assert content["manifest"]["results"][1]["options"]["definition"] == "equal_opportunity"
    assert "Thresholds: group" in render_report(large, format="html").decode()


def test_a_small_group_is_withheld_everywhere():
    """A group of 40 with few positives: none of its numbers, and none from which they follow, leave the house."""
    frame = simulate_scores(4_000, random_state=1).frame
    few = frame[frame["group"] == "D"].sort_values("event", ascending=False)
    frame = pd.concat([frame[frame["group"] != "D"], few.iloc[np.r_[0:7, len(few) - 33 : len(few)]]])
    audit = audit_thresholds(load_dataset(frame, roles=ROLES), attribute="group", definition="equal_opportunity")
    public = protect(audit, min_cell=10)
    own = public.by_group.set_index("group").loc["D"]
    hidden = ["tp", "fp", "fn", "tn", "selection_rate", "true_positive_rate", "objective", "flagged_per_1000"]
    assert own[hidden].isna().all()
    assert math.isnan(public.solution.objective) and math.isnan(public.solution.achieved_range)
    withheld = public.by_group["tp"].isna().sum()
    assert withheld >= 2  # one alone would follow from the total
    text = render_report(audit, format="json").decode()
    real = audit.by_group.set_index("group").loc["D"]
    assert str(real["true_positive_rate"]) not in text and str(audit.solution.objective) not in text
    assert "withheld" in text_of(audit)
    whole = protect(audit, min_cell=0)
    assert whole.solution.objective == audit.solution.objective


def test_a_small_change_is_withheld():
    """Both thresholds flag hundreds, but only a handful of people lie between them."""
    dataset = dataset_of(20_000)
    score = np.sort(dataset.y_score[dataset.attributes["group"].codes == 0])[-2000]
    near = np.sort(dataset.y_score[dataset.attributes["group"].codes == 0])[-2004]
    audit = audit_thresholds(
        dataset,
        attribute="group",
        thresholds=dict.fromkeys("BCD", 0.3) | {"A": near},
        baseline=dict.fromkeys("BCD", 0.5) | {"A": score},
    )
    public = protect(audit, min_cell=10).by_group.set_index("group")
    assert math.isnan(public.loc["A", "flagged_per_1000"]) and not math.isnan(public.loc["A", "tp"])
    assert not public.loc[["B", "C", "D"], "flagged_per_1000"].isna().any()


def test_the_scale_withholds_ranges_where_a_cell_is_small():
    scale = fairness_scale(dataset_of(1_500), attribute="group")
    public = protect(scale, min_cell=10)
    small = scale.table["smallest_cell"] < 10
    assert small.any() and public.table.loc[small, "statistical_parity_range"].isna().all()
    assert public.table["smallest_cell"].isna().all() and public.solutions == {}
    assert (
        public.table["statistical_parity_satisfied"].dropna() == scale.table["statistical_parity_satisfied"].dropna()
    ).all()


@pytest.mark.parametrize("seed", range(6))
def test_held_out_ranges_are_those_of_the_groups_published(seed):
    """Half of the rows may leave a cell small that is not so in all of them: its group must not show in a range."""
    random = np.random.default_rng(seed)
    sizes = {"a": 600, "b": 600, "c": 50 + 4 * seed}
    score = random.random(sum(sizes.values())).round(3)
    frame = pd.DataFrame(
        {
            "event": random.random(len(score)) < 0.5,
            "score": score,
            "group": np.repeat(list(sizes), list(sizes.values())),
        }
    )
    dataset = load_dataset(frame.astype({"event": int}), roles=ROLES)
    audit = audit_thresholds(
        dataset, attribute="group", definition="equal_opportunity", objective="balanced_accuracy", n_boot=100
    )
    public = protect(audit, min_cell=10)
    for table, prefix in ((public.groups, ""), (public.held_out, "held_out_")):
        cells = table.of("group", "by_group").set_index("group")[["tp", "fp", "fn", "tn"]]
        shown = set(cells.index[cells.notna().all(axis=1)])
        real = (audit.groups if prefix == "" else audit.held_out).of("group", "by_group").set_index("group")
        row = public.of("equal_opportunity")
        allowed = np.ptp(real.loc[sorted(shown), "true_positive_rate"]) if len(shown) > 1 else 0.0
        value = getattr(row, f"{prefix}range")
        assert math.isnan(value) or value <= allowed + 1e-12, (seed, prefix)


def test_no_count_of_zero_is_given_away_by_a_reason():
    frame = simulate_scores(4_000, random_state=1).frame
    frame.loc[frame["group"] == "D", "event"] = 0
    results = [
        audit_thresholds(load_dataset(frame, roles=ROLES), attribute="group", definition="equal_opportunity"),
        fairness_scale(load_dataset(frame, roles=ROLES), attribute="group"),
    ]
    for format_ in ("json", "html"):
        assert "nobody had the outcome" not in render_report(results, format=format_).decode()
