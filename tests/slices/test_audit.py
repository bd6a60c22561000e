"""The audit of slices: what is searched, what is held out, what is printed."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from recidiv_core import Roles, audit_slices, compare_slices, load_dataset, slice_detail
from recidiv_core.data import simulate_failures
from recidiv_core.errors import InputError
from recidiv_core.slices import BY_HAND, FOUND, bin_features, row_errors, search_cost, slice_answer, slice_rows
from recidiv_core.slices.audit import JACCARD, prepared
from recidiv_core.slices.compare import _matched
from recidiv_core.slices.confirm import confirm
from recidiv_core.slices.prepare import GIVEN_AWAY, LIKE_A_SCORE
from tests.conftest import random_table, shared

PLANTED = {"employed": "no", "district": "North"}
ROLES = Roles("event", score="score", sensitive=("sex", "district"))


def planted(n=6_000, seed=1, roles=ROLES, **options):
    return load_dataset(simulate_failures(n, random_state=seed, **options).frame, roles=roles)


@pytest.fixture(scope="module")
def dataset():
    return planted()


@pytest.fixture(scope="module")
def audit(dataset):
    return audit_slices(dataset, manual=[{"sex": "Female"}, {"district": ["East", "West"], "employed": "yes"}])


def rows_of(dataset, slice_):
    frame = dataset.frame
    rows = np.ones(len(frame), bool)
    for name, value in slice_.items():
        rows &= frame[name].isin(value if isinstance(value, list) else [value]).to_numpy()
    return rows


def test_the_planted_slice_is_found_first_and_confirmed(audit):
    first = audit.table.iloc[0]
    assert first["slice"] == PLANTED and first["confirmed"]
    assert "employed = no and district = North" in slice_answer(audit) and "confirmed on rows" in slice_answer(audit)


def test_what_stands_out_only_through_the_first_slice_is_counted(dataset, audit):
    ready = prepared(dataset, audit.error, audit.options)
    confirmed = audit.table[audit.table["confirmed"] & (audit.table["kind"] == FOUND)]
    first, *others = (slice_rows(ready.levels, slice_)[ready.held_out] for slice_ in confirmed["slice"])
    errors = ready.errors[ready.held_out][~first]
    left = confirm(errors, None, [rows[~first] for rows in others], confidence_level=0.95)
    assert audit.n_beyond == left["confirmed"].sum() < len(others)  # those inside the first have nobody left
    assert f"of the other {len(others)} still stand" in slice_answer(audit)


def test_every_number_is_that_of_its_rows(dataset, audit):
    held = prepared(dataset, audit.error, audit.options).held_out
    errors = -np.log(np.where(dataset.y_true, dataset.y_score, 1 - dataset.y_score))
    assert errors.mean() == pytest.approx(log_loss(dataset.y_true, dataset.y_score))
    assert held.sum() == audit.n_held_out == 3_000 and audit.held_out_error == pytest.approx(errors[held].mean())
    for row in audit.table.itertuples():
        if {"age", "priors"} & set(row.slice):
            continue
        rows = rows_of(dataset, row.slice)
        assert (row.n, row.held_out_n) == ((rows & ~held).sum(), (rows & held).sum())
        assert row.mean_error == pytest.approx(errors[rows & ~held].mean())
        assert row.held_out_error == pytest.approx(errors[rows & held].mean())
        assert row.excess == pytest.approx(errors[rows & held].mean() - errors[held].mean())
    assert set(audit.table["kind"]) == {FOUND, BY_HAND} and (audit.table["kind"] == BY_HAND).sum() == 2


def test_held_out_rows_have_no_part_in_bins_search_and_folding(dataset, audit):
    """Turn their outcomes, scores and columns upside down: what was found stays."""
    held = prepared(dataset, audit.error, audit.options).held_out
    frame = dataset.frame.copy()
    frame.loc[held, "event"] = 1 - frame.loc[held, "event"]
    frame.loc[held, "score"] = 1 - frame.loc[held, "score"]
    for name in ("age", "priors", "offence", "employed"):
        frame.loc[held, name] = frame.loc[held, name].to_numpy()[::-1]
    again = audit_slices(load_dataset(frame, roles=ROLES))
    found = audit.table[audit.table["kind"] == FOUND]
    columns = ["words", "n", "share", "mean_error", "score", "n_folded"]
    pd.testing.assert_frame_equal(again.table[columns], found[columns])
    assert again.binning.cutpoints == audit.binning.cutpoints and again.left_out == audit.left_out
    pd.testing.assert_frame_equal(again.folded, audit.folded)


def test_bins_are_those_of_the_rows_searched(dataset, audit):
    seen = ~prepared(dataset, audit.error, audit.options).held_out
    own = bin_features(dataset.frame.loc[seen, ["age", "priors", "event"]], label="event")
    assert audit.binning.cutpoints == own.cutpoints


def test_near_duplicates_fold_under_the_best(dataset, audit):
    seen = ~prepared(dataset, audit.error, audit.options).held_out
    best = {row.rank: row for row in audit.table.itertuples()}
    for row in audit.folded.itertuples():
        if not {"age", "priors"} & (set(row.slice) | set(best[row.under].slice)):
            a, b = rows_of(dataset, row.slice) & seen, rows_of(dataset, best[row.under].slice) & seen
            assert row.jaccard == pytest.approx((a & b).sum() / (a | b).sum())
        assert row.jaccard > JACCARD and row.score <= best[row.under].score
    assert audit.table["n_folded"].sum() == len(audit.folded)


def test_a_change_of_one_columns_bins_leaves_the_others_and_can_be_taken_back():
    fresh = planted(seed=3)
    first = audit_slices(fresh)
    changed = audit_slices(fresh, binning={"cutpoints": {"age": (30, 50)}})
    assert (
        changed.binning.cutpoints["age"] == (30, 50)
        and changed.binning.cutpoints["priors"] == first.binning.cutpoints["priors"]
    )
    again = audit_slices(fresh, binning={"cutpoints": {}})
    assert again.binning.cutpoints == first.binning.cutpoints == audit_slices(planted(seed=3)).binning.cutpoints


ERRORS = {
    "zero_one": lambda y, s: ((s >= 0.4) != y, np.ones(len(y), bool)),
    "false_positive": lambda y, s: (s >= 0.4, ~y),
    "false_negative": lambda y, s: (s < 0.4, y),
}


@pytest.mark.parametrize("error", ERRORS)
def test_errors_are_about_whom_they_should_be(dataset, error):
    expected, rows = ERRORS[error](dataset.y_true, dataset.y_score)
    found = row_errors(dataset, error, threshold=0.4)
    assert (found.rows == rows).all() and (found.values == expected[rows]).all()
    audit = audit_slices(dataset, error=error, threshold=0.4)
    assert audit.n_search + audit.n_held_out == rows.sum() and audit.about == found.loss.of


def test_a_column_of_ones_own_is_an_error_and_no_feature(dataset):
    frame = dataset.frame.assign(complaints=np.where(rows_of(dataset, {"offence": "Drugs"}), 3.0, 1.0))
    frame.loc[:9, "complaints"] = np.nan
    own = audit_slices(load_dataset(frame, roles=ROLES), error="complaints")
    assert own.table["slice"][0] == {"offence": "Drugs"} and "complaints" not in own.features
    assert own.n_search + own.n_held_out == len(frame) - 10


def test_weights_are_used():
    frame = random_table(3, 4_000)
    dataset = load_dataset(frame, roles=Roles("y", score="score", sensitive=("group", "sex"), weight="weight"))
    audit = audit_slices(dataset, error="zero_one", threshold=0.5, alpha=1.0, k=3)
    held = prepared(dataset, audit.error, audit.options).held_out
    wrong, weight = ((frame["score"] >= 0.5) != (frame["y"] == 1)).to_numpy(float), frame["weight"].to_numpy()
    assert audit.held_out_error == pytest.approx(np.average(wrong[held], weights=weight[held]))
    for row in audit.table.itertuples():
        rows = rows_of(dataset, row.slice)
        assert row.held_out_error == pytest.approx(np.average(wrong[rows & held], weights=weight[rows & held]))
        assert row.share == pytest.approx(weight[rows & ~held].sum() / weight[~held].sum())
        assert row.n == (rows & ~held).sum()


def test_what_looks_recorded_afterwards_or_like_a_score_is_left_out_unless_chosen(dataset):
    frame = dataset.frame.assign(
        returned=np.where(dataset.y_true, "yes", "no"),
        other_score=(dataset.y_score * 10).round(1),
        copy=dataset.frame["employed"],
    )
    dataset = load_dataset(frame, roles=ROLES)
    audit = audit_slices(dataset)
    assert audit.left_out["returned"] == GIVEN_AWAY and audit.left_out["other_score"] == LIKE_A_SCORE
    assert "employed" in audit.left_out["copy"] and {"age", "priors", "employed"} <= set(audit.features)
    chosen = audit_slices(dataset, features=["returned", "age"])
    assert chosen.features == ("returned", "age")


def test_protected_attributes_can_be_left_out(dataset):
    audit = audit_slices(dataset, include_sensitive=False)
    assert not {"sex", "district"} & set(audit.features)


def test_one_slice_from_close_by(dataset, audit):
    held = prepared(dataset, audit.error, audit.options).held_out
    errors = row_errors(dataset, "log_loss").values
    rows = rows_of(dataset, PLANTED)
    detail = slice_detail(dataset, audit, PLANTED)
    makeup = detail.makeup.set_index(["attribute", "group"])
    assert makeup.loc[("sex", "Male"), "share"] == pytest.approx((dataset.frame.loc[rows, "sex"] == "Male").mean())
    assert makeup.loc[("district", "North"), "n"] == rows.sum()
    assert makeup.loc[("sex", "Male"), "share_all"] == pytest.approx((dataset.frame["sex"] == "Male").mean())
    sizes = detail.spread.groupby("where")["n"].sum()
    assert sizes["in the slice"] == (rows & held).sum() and sizes.sum() == held.sum()
    parts = detail.parts.set_index("dropped")
    for name, other in (("employed", "district"), ("district", "employed")):
        parent = rows_of(dataset, {other: PLANTED[other]}) & held
        row = parts.loc[f"{name} = {PLANTED[name]}"]
        assert row["held_out_error"] == pytest.approx(errors[parent].mean())
        assert row["change"] == pytest.approx(errors[rows & held].mean() - errors[parent].mean()) and row["low"] > 0
    lattice = detail.lattice
    assert lattice["relation"].value_counts().to_dict()["parent"] == 2
    own = lattice[lattice["relation"] == "slice"].iloc[0]
    first = audit.table.iloc[0]
    assert (own["n"], own["score"], own["held_out_error"]) == pytest.approx(
        (first["n"], first["score"], first["held_out_error"])
    )
    children = lattice[lattice["relation"] == "child"]
    assert children["score"].is_monotonic_decreasing and (children["n"] >= audit.options["min_support"]).all()


def test_variants_are_compared_slice_by_slice(dataset):
    """R, Table 2: a second model that knows of the planted slice."""
    frame = dataset.frame.copy()
    rows = rows_of(dataset, PLANTED)
    logit = np.log(frame["score"] / (1 - frame["score"])) + 3.0 * rows
    better = load_dataset(frame.assign(score=1 / (1 + np.exp(-logit))), roles=ROLES)
    table = compare_slices({"old": dataset, "new": better}, manual=[{"sex": "Female"}])
    common = table[
        (table["kind"] == "found in old") & (table["words"] == "employed = no and district = North")
    ].set_index("variant")
    held = prepared(dataset, "log_loss", audit_slices(dataset).options).held_out
    for name, data in (("old", dataset), ("new", better)):
        errors = row_errors(data, "log_loss").values
        assert common.loc[name, "held_out_error"] == pytest.approx(errors[rows & held].mean())
    change = common.loc["new"]
    assert change["change"] == pytest.approx(common.loc["new", "held_out_error"] - common.loc["old", "held_out_error"])
    assert change["change_high"] < 0 and common.loc[["old"], "change"].isna().all()
    assert set(table["kind"]) >= {"all rows", "by hand"}
    with pytest.raises(InputError):
        compare_slices({"one": dataset})


def test_a_row_searched_in_one_version_is_not_held_out_in_another(dataset):
    """Another version of the data: another score, some rows gone, some new, all shuffled."""
    frame = dataset.frame.assign(person=np.arange(len(dataset)))
    new = simulate_failures(100, random_state=99).frame.assign(person=-1)
    other = (
        pd.concat([frame.drop(index=[0, 5, 17]), new])
        .sample(frac=1, random_state=3)
        .assign(score=lambda f: f["score"] ** 2)
    )
    first, second = (load_dataset(own.reset_index(drop=True), roles=ROLES) for own in (frame, other))
    held = np.random.default_rng(0).random(len(first)) < 0.5
    found = _matched(first, held, second, {"random_state": 0, "holdout": 0.5})
    person = second.frame["person"].to_numpy()
    assert (found[person >= 0] == held[person[person >= 0]]).all()
    assert 25 < found[person < 0].sum() < 75


def test_json_is_strict_and_one_seed_gives_one_answer(dataset, audit):
    again = audit_slices(dataset, manual=audit.options["manual"])
    assert json.dumps(audit.to_dict(), allow_nan=False) == json.dumps(again.to_dict(), allow_nan=False)
    assert audit_slices(dataset, random_state=5).held_out_error != audit.held_out_error


BAD = {
    "log loss of deciles": lambda d: (load_dataset(d.frame.assign(score=(d.y_score * 10).round()), roles=ROLES), {}),
    "no such error": lambda d: (d, {"error": "regret"}),
    "text as error": lambda d: (d, {"error": "offence"}),
    "no such column": lambda d: (d, {"features": ["shoe size"]}),
    "the outcome as feature": lambda d: (d, {"features": ["event", "age"]}),
    "nothing to search": lambda d: (d, {"features": []}),
    "holdout": lambda d: (d, {"holdout": 1.0}),
    "confidence": lambda d: (d, {"confidence_level": 95}),
    "empty slice": lambda d: (d, {"manual": [{}]}),
    "unknown level": lambda d: (d, {"manual": [{"sex": "secret"}]}),
    "unknown slice column": lambda d: (d, {"manual": [{"shoe size": "44"}]}),
    "k": lambda d: (d, {"k": 0}),
    "binning": lambda d: (d, {"binning": {"bins": 3}}),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_options_are_told_without_values(dataset, case):
    data, options = BAD[case](dataset)
    with pytest.raises(InputError) as caught:
        audit_slices(data, **options)
    assert "secret" not in str(caught.value)


def test_too_much_is_said_beforehand():
    random = np.random.default_rng(0)
    wide = pd.DataFrame(random.integers(0, 6, (3_000, 200))).add_prefix("c")
    frame = pd.concat([random_table(1, 3_000), wide], axis=1).copy()
    frame["names"] = [f"person {i}" for i in range(3_000)]
    dataset = load_dataset(frame, roles=Roles("y", score="score", sensitive="group"))
    options = {
        "error": "log_loss",
        "features": None,
        "include_sensitive": True,
        "holdout": 0.5,
        "min_support": None,
        "max_level": None,
    }
    cost = search_cost(dataset, options | {"alpha": 1.0})
    assert cost["is_heavy"] and "at most" in cost["words"] and cost["n_columns"] > 200
    assert not search_cost(dataset, options | {"alpha": 0.95})["is_heavy"]
    audit = audit_slices(dataset, k=3)  # and it is done in no time, as the bounds rule out nearly all
    assert "names" in audit.left_out


def test_compas_slices_are_those_that_the_study_of_2016_named():
    """ProPublica (2016): false positives among African-Americans, false negatives among Caucasians."""
    roles = Roles("two_year_recid", score="decile_score", sensitive=("race", "sex"))
    data = load_dataset(shared("compas-scores-two-years.csv"), roles=roles)
    found = audit_slices(
        data, error="false_positive", threshold=5, manual=[{"race": "African-American"}, {"race": "Caucasian"}]
    )
    by_hand = found.table[found.table["kind"] == BY_HAND].set_index("words")
    assert by_hand["confirmed"].to_list() == [True, False] and by_hand.loc["race = Caucasian", "high"] < 0
    assert {"is_recid", "r_charge_degree", "vr_charge_degree", "end", "event", "v_decile_score"} <= set(found.left_out)
