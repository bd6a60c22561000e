"""Distances against every pair in float64; who is given away, planted and not; intervals over draws."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recidiv_core.errors import InputError
from recidiv_core.privacy import (
    CANNOT,
    FARTHER,
    LEAKS,
    NO_SIGN,
    audit_privacy,
    nearest_distances,
    nearest_records,
    privacy_answer,
    schema_of,
)


def draw(random, n, missing=0.0):
    frame = pd.DataFrame(
        {
            "age": random.integers(18, 80, n).astype(float),
            "dose": random.gamma(2.0, 1.0, n),
            "group": random.choice(["A", "B"], n, p=[0.85, 0.15]),
            "kind": random.choice(list("uvw"), n),
            "flag": random.random(n) < 0.3,
        }
    )
    for name in ("age", "kind"):
        frame.loc[random.random(n) < missing, name] = np.nan
    return frame


def by_hand(queries, reference, real):
    """Every pair, column by column: numbers by their range, 1 for another category; a missing number stands at 0.5,
    and √0.75 apart.
    """
    squared = np.zeros((len(queries), len(reference)))
    for name in real:
        a, b = queries[name].to_numpy()[:, None], reference[name].to_numpy()[None, :]
        if name in ("age", "dose"):
            low, high = real[name].min(), real[name].max()
            if np.isnan(low):
                continue
            a, b = (np.asarray(v, float) for v in (a, b))
            place = [(v - low) / (high - low) if high > low else (v != low) * 1.0 for v in (a, b)]
            scaled = [np.where(np.isnan(v), 0.5, p) for v, p in zip((a, b), place, strict=True)]
            squared += (scaled[0] - scaled[1]) ** 2 + 0.75 * (np.isnan(a) != np.isnan(b))
        else:
            text = [np.where(pd.isna(v), "(missing)", v.astype(str)) for v in (a, b)]
            squared += text[0] != text[1]
    return np.sqrt(squared)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 9999),
    n=st.integers(2, 60),
    m=st.integers(2, 90),
    missing=st.sampled_from([0.0, 0.2]),
    k=st.integers(1, 3),
    block=st.sampled_from([None, 1, 7]),
)
def test_distances_are_those_of_every_pair(seed, n, m, missing, k, block):
    random = np.random.default_rng(seed)
    queries, reference = draw(random, n, missing), draw(random, m, missing)
    copies = reference.take(random.integers(0, m, n // 3))
    queries = pd.concat([copies, queries.iloc[n // 3 :]], ignore_index=True)
    queries["kind"] = queries["kind"].where(queries.index % 11 > 0, "not seen")
    k = min(k, m)
    got, at = nearest_records(queries, reference, schema=schema_of(reference), k=k, block_rows=block)
    whole = by_hand(queries, reference, reference)
    np.testing.assert_allclose(got, np.sort(whole, axis=1)[:, :k], atol=1e-9)
    np.testing.assert_allclose(np.take_along_axis(whole, at, axis=1), got, atol=1e-9)
    assert ((got[:, 0] == 0) == (whole.min(axis=1) == 0)).all()
    assert all(len(set(row)) == k for row in at)


def test_numbers_close_to_one_another_are_no_copies():
    """Told apart in float64 only."""
    real = pd.DataFrame({"x": [0.0, 0.5, 1.0]})
    near = pd.DataFrame({"x": [0.5 + 1e-12, 0.5]})
    found = nearest_distances(near, real, schema=schema_of(real), k=1)[:, 0]
    assert 0 < found[0] < 1e-11 and found[1] == 0


def test_a_copy_is_caught_by_every_measure_and_a_fresh_sample_by_none():
    random = np.random.default_rng(1)
    train, holdout = draw(random, 600), draw(random, 600)
    copy = audit_privacy(train, train, holdout=holdout).summary
    assert (copy["dcr_mean"], copy["dcr_5"], copy["copies"], copy["nndr"], copy["nearer_to_train"]) == (
        0,
        0,
        1,
        0,
        1,
    ) and copy["verdict"] == LEAKS
    fresh = audit_privacy(train, draw(random, 600), holdout=holdout)
    assert fresh.summary["verdict"] == NO_SIGN and fresh.summary["low"] < 0.5 < fresh.summary["high"]
    assert fresh.summary["dcr_mean"] == pytest.approx(fresh.summary["baseline_dcr_mean"], rel=0.25)
    far = audit_privacy(train, holdout.assign(dose=holdout["dose"] + 1e-9), holdout=holdout).summary
    assert far["verdict"] == FARTHER
    json.dumps(fresh.to_dict(), allow_nan=False)


def test_noise_in_steps_moves_every_measure_the_right_way():
    random = np.random.default_rng(2)
    train, holdout = draw(random, 500), draw(random, 500)
    steps = []
    for noise in (0.0, 0.01, 0.05, 0.5):
        own = train.assign(
            age=train["age"] + 62 * noise * random.normal(size=500),
            dose=train["dose"] + 8 * noise * random.normal(size=500),
        )
        steps.append(audit_privacy(train, own, holdout=holdout).summary)
    for measure, sign in (("dcr_mean", 1), ("dcr_5", 1), ("nndr", 1), ("copies", -1), ("nearer_to_train", -1)):
        values = [sign * step[measure] for step in steps]
        assert values == sorted(values), measure
    assert steps[0]["nearer_to_train"] == 1 and steps[-1]["verdict"] == NO_SIGN


def test_the_group_that_was_copied_is_named():
    random = np.random.default_rng(3)
    train, holdout, fresh = (draw(random, 800) for _ in range(3))
    mixed = pd.concat([fresh[fresh["group"] == "A"], train[train["group"] == "B"]], ignore_index=True)
    groups = audit_privacy(train, mixed, holdout=holdout, sensitive=["group"]).by_group.set_index("group")
    assert groups["verdict"].to_dict() == {"A": NO_SIGN, "B": LEAKS}
    assert groups.loc["B", "copies"] == 1 and groups.loc["B", "low"] > groups.loc["A", "high"]


def test_the_interval_is_about_other_draws_of_the_tables():
    """Many synthetic records at few real ones: taken as independent, 0.5 would be held in some 0.8 of draws."""
    held = 0
    for seed in range(90):
        random = np.random.default_rng(seed)
        found = audit_privacy(draw(random, 200), draw(random, 1500), holdout=draw(random, 200)).summary
        held += found["low"] <= 0.5 <= found["high"]
    assert 0.87 <= held / 90 <= 1


def test_ties_count_a_half():
    """One column of two values: every synthetic record has its like in both tables."""
    table = pd.DataFrame({"k": ["u", "v"] * 30})
    found = audit_privacy(table, table, holdout=table).summary
    assert found["nearer_to_train"] == 0.5 and found["verdict"] == NO_SIGN


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: {"synthetic": t["synthetic"].drop(columns="age")}, "synthetic, column 'age'"),
        (lambda t: {"synthetic": t["synthetic"].assign(more=1)}, "1 more, such as 'more'"),
        (lambda t: {"holdout": t["holdout"].iloc[:49]}, "at least 50 rows"),
        (lambda t: {"sensitive": ["race"]}, "attribute 'race'"),
    ],
)
def test_tables_that_do_not_fit_are_told(change, told):
    random = np.random.default_rng(0)
    tables = {"real_train": draw(random, 60), "synthetic": draw(random, 60), "holdout": draw(random, 60)}
    own = tables | {"sensitive": ()} | change(tables)
    with pytest.raises(InputError, match=re.escape(told)):
        audit_privacy(own.pop("real_train"), own.pop("synthetic"), **own)


def test_what_has_to_be_known_is_said():
    random = np.random.default_rng(5)
    train = draw(random, 100).assign(same=1, day=pd.Timestamp("2020-01-01"), text=[f"t{i}" for i in range(100)])
    holdout = draw(random, 60).assign(same=1, day=pd.Timestamp("2020-01-01"), text="t")
    train["text"] = np.resize([f"t{i}" for i in range(90)], 100)
    audit = audit_privacy(train, train.assign(kind="new"), holdout=holdout)
    notes = " ".join(audit.notes)
    assert "Train has 100 and the holdout 60 records" in notes
    assert "'kind': 1 values of the synthetic table are not in train" in notes and "'same'" in notes
    assert "'day' is not compared (a date); 100 % of the copy's values are real ones" in " ".join(audit.uncompared)
    assert schema_of(pd.DataFrame({"t": [f"{i}" for i in range(300)], "x": range(300)})).left_out == {
        "t": "300 different texts, more than 200"
    }


def test_a_holdout_that_is_none_is_found_and_nothing_is_judged():
    random = np.random.default_rng(6)
    train, holdout = draw(random, 300), draw(random, 300)
    same = audit_privacy(train, train, holdout=train.sample(200, random_state=0), sensitive=["group"])
    assert same.verdict == CANNOT and set(same.by_group["verdict"]) == {CANNOT}
    assert "200 of 200 holdout records are also in train" in privacy_answer(same)[0]
    both = audit_privacy(train, pd.concat([train, holdout]), holdout=holdout)
    assert both.verdict == CANNOT and "it was made from them too" in privacy_answer(both)[0]
    # Separate people who are alike because little is known of them are no overlap.
    few = pd.DataFrame({"k": random.choice(list("uvw"), 300), "j": random.choice(list("ab"), 300)})
    assert (
        audit_privacy(few, few.sample(frac=1, random_state=1), holdout=few.sample(frac=1, random_state=2)).verdict
        == NO_SIGN
    )


def test_one_far_off_number_hides_no_copy():
    """All others lie within a millionth of one another then: float32 and eight candidates cannot tell them apart."""
    random = np.random.default_rng(1)
    train, holdout = (
        pd.DataFrame(
            {"income": random.integers(1000, 90_000, 800).astype(float), "sex": random.choice(list("mf"), 800)}
        )
        for _ in range(2)
    )
    train.loc[0, "income"] = 1e12
    found = audit_privacy(train, train, holdout=holdout).summary
    assert found["copies"] == 1 and found["verdict"] == LEAKS
    huge = audit_privacy(train, train.assign(income=1e200), holdout=holdout).summary
    assert huge["copies"] == 0 and np.isfinite(huge["dcr_mean"])


def test_ties_hide_no_leak():
    """Most people are alike in what is known; the copy holds the others as they are."""

    def people(random, n):
        odd = random.random(n) < 0.15
        return pd.DataFrame(
            {
                "a": random.poisson(1, n),
                "b": random.choice(list("xyz"), n),
                "amount": np.where(odd, random.random(n).round(4), 0.0),
            }
        )

    caught = quiet = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        train, holdout, fresh = (people(random, 400) for _ in range(3))
        odd = train["amount"] > 0
        caught += (
            audit_privacy(train, pd.concat([train[odd], fresh[fresh["amount"] == 0]]), holdout=holdout).verdict == LEAKS
        )
        quiet += audit_privacy(train, fresh, holdout=holdout).verdict != LEAKS
    assert caught == 20 and quiet >= 18


def test_other_types_of_the_same_values_are_the_same_values():
    random = np.random.default_rng(2)
    train, holdout = (
        draw(random, 200).assign(is_new=random.random(200) < 0.5, dose=random.integers(0, 400, 200)) for _ in range(2)
    )
    copy = train.assign(
        is_new=train["is_new"].astype(int), dose=train["dose"].astype(str), group=train["group"].astype("category")
    )
    found = audit_privacy(train, copy, holdout=holdout, sensitive=["is_new"])
    assert found.summary["copies"] == 1 and set(found.by_group["group"]) == {"True", "False"}
    with pytest.raises(InputError, match="200 values that are none"):
        audit_privacy(train, train.assign(dose=train["dose"].astype(str) + " mg"), holdout=holdout)
    with pytest.raises(InputError, match="'dose'"):
        audit_privacy(train, train.assign(dose=pd.Timestamp("2020-01-01")), holdout=holdout)


def test_few_records_are_no_clean_bill_unless_they_are_caught():
    random = np.random.default_rng(4)
    group = np.where(np.arange(600) < 6, "tiny", "A")
    train, holdout, fresh = (draw(random, 600).assign(group=group) for _ in range(3))
    audit = audit_privacy(train, pd.concat([fresh.iloc[6:], train.iloc[:6]]), holdout=holdout, sensitive=["group"])
    assert audit.worst["group"] == "tiny" and audit.verdict == LEAKS
    assert "6 of them stand in it as they are, and 0 of as many others do" in privacy_answer(audit)[0]
    said = " ".join(privacy_answer(audit_privacy(train, fresh, holdout=holdout, sensitive=["group"])))
    assert "Too few records to say anything of group = tiny (6 records)" in said and "No group" not in said
