"""The decision rule, out and back, and written by somebody else."""

from __future__ import annotations

import json
import math

import pytest

from recidiv_core import InputError, Roles, apply_rule, audit_thresholds, decision_rule, load_dataset
from recidiv_core.data import simulate_scores
from recidiv_core.thresholds import flags_of

ROLES = Roles("event", score="score", sensitive="group")
KIND = "recidiv decision rule"


@pytest.fixture(scope="module")
def dataset():
    return load_dataset(simulate_scores(2_000, random_state=3).frame, roles=ROLES)


@pytest.mark.parametrize("thresholds", [None, {"A": 0.5, "B": math.inf, "C": 0.25, "D": 0.0}])
def test_a_rule_that_went_through_a_file_flags_the_same(dataset, thresholds):
    definition = "predictive_parity" if thresholds is None else None
    audit = audit_thresholds(dataset, attribute="group", definition=definition, thresholds=thresholds)
    text = json.dumps(decision_rule(audit), allow_nan=False)
    flagged = apply_rule(text.encode(), dataset)
    wanted = dataset.y_score >= dataset.frame["group"].map(audit.thresholds).to_numpy()
    assert flagged.dtype == bool and flagged.name == "flagged" and (flagged == wanted).all()
    cells = audit.groups.of("group", "by_group")
    assert flagged.sum() == cells[["tp", "fp"]].to_numpy().sum()
    rule = json.loads(text)
    assert rule["data"]["sha256"] == dataset.sha256 and ">=" in rule["ties"]
    assert rule["status"] == ("set by hand" if thresholds else "optimal") and rule["definition"] == definition


def test_a_threshold_survives_the_file_to_the_last_bit(dataset):
    awkward = dict.fromkeys("ABCD", 0.1 + 0.2)
    rule = json.loads(json.dumps(decision_rule(audit_thresholds(dataset, attribute="group", thresholds=awkward))))
    assert rule["thresholds"] == awkward


def test_flags_carry_the_id_where_there_is_one():
    frame = simulate_scores(300, random_state=1).frame.assign(person=lambda f: [f"p{i}" for i in f.index])
    rule = {"kind": KIND, "attribute": "group", "thresholds": dict.fromkeys("ABCD", 0.5)}
    with_id = load_dataset(frame, roles=Roles("event", score="score", sensitive="group", id="person"))
    assert list(flags_of(rule, with_id).columns) == ["person", "group", "threshold", "flagged"]
    without = load_dataset(frame, roles=ROLES)
    assert flags_of(rule, without)["row"].tolist() == list(range(1, 301))


SECRET = "Ms Jane Roe"


@pytest.mark.parametrize(
    "rule",
    [
        b"",
        b"\xff\xfe\x00",
        b"\x89PNG",
        "[]",
        "null",
        "{",
        "[" * 100_000,
        "{}",
        {"kind": KIND},
        {"kind": KIND, "attribute": "group", "thresholds": {}},
        {"kind": KIND, "attribute": "group", "thresholds": [1, 2]},
        {"kind": KIND, "attribute": ["group"], "thresholds": dict.fromkeys("ABCD", 1.0)},
        {"kind": KIND, "attribute": SECRET, "thresholds": dict.fromkeys("ABCD", 1.0)},
        {"kind": KIND, "attribute": "group", "thresholds": {"A": 1.0, SECRET: 2.0}},
        {"kind": KIND, "attribute": "group", "thresholds": dict.fromkeys("ABCD", True)},
        {"kind": KIND, "attribute": "group", "thresholds": dict.fromkeys("ABCD", SECRET)},
        {"kind": KIND, "attribute": "group", "thresholds": dict.fromkeys("ABCD", math.nan)},
        {"kind": KIND, "attribute": "group", "thresholds": dict.fromkeys("ABCD", math.inf)},
        {"kind": KIND, "attribute": "group", "thresholds": dict.fromkeys("ABCD", 10**400)},
        {"kind": KIND, "attribute": "group", "thresholds": dict.fromkeys("ABCD", None)},
        {"kind": "something", "attribute": "group", "thresholds": dict.fromkeys("ABCD", 1.0)},
        '{"kind": "recidiv decision rule", "attribute": "group", "thresholds": {"A": NaN, "B": 1, "C": 1, "D": 1}}',
        b"1" * 2_000_000,
        None,
        5,
        ["a"],
        '{"kind": "recidiv decision rule", "attribute": "group", "thresholds": {"A": 1, "A": 2, "B": 1, "C": 1, '
        '"D": 1}}',
    ],
    ids=lambda rule: str(rule)[:60],
)
def test_a_hostile_rule_is_refused_in_words(dataset, rule):
    with pytest.raises(InputError) as told:
        apply_rule(rule, dataset)
    assert SECRET not in str(told.value) and len(str(told.value)) < 500
