"""Columns as levels: what is shown is what is used."""

import numpy as np
import pandas as pd
import pytest

from recidiv_core.data import MISSING_GROUP
from recidiv_core.errors import InputError
from recidiv_core.slices import bin_features
from recidiv_core.slices.binning import OTHER, PRESENT


def table_of(n=2_000, seed=0, **columns):
    random = np.random.default_rng(seed)
    x = random.normal(50, 15, n)
    return pd.DataFrame({"x": x, "y": (random.random(n) < 1 / (1 + np.exp((50 - x) / 10))).astype(int), **columns})


def test_cut_points_follow_the_outcome_and_are_those_used():
    frame = table_of()
    binned = bin_features(frame, label="y", max_bins=4)
    cuts = binned.cutpoints["x"]
    assert 1 <= len(cuts) <= 3 and all(cut == round(cut, 1) for cut in cuts)  # can be read
    table = binned.table[binned.table["column"] == "x"]
    edges = [-np.inf, *cuts, np.inf]
    for row, low, high in zip(table.itertuples(), edges[:-1], edges[1:], strict=True):
        inside = (frame["x"] >= low) & (frame["x"] < high)
        assert (row.n, row.n_events) == (inside.sum(), frame.loc[inside, "y"].sum())
        assert row.low < row.event_rate < row.high and row.share == row.n / len(frame)
        assert (binned.frame.loc[inside, "x"] == row.level).all()
    assert table["event_rate"].is_monotonic_increasing


LEVELS = {
    "whole numbers": ([1, 2, 3, 4, 5, 9] * 50, (2, 3, 5), ["1", "2", "3–4", "5 and over"]),
    "below nought": ([-9, -5, -1, 0, 3, 7] * 50, (-5, 0), ["under -5", "-5 to -1", "0 and over"]),
    "the last one alone": ([0, 1, 2, 3, 4] * 60, (1, 4), ["0", "1–3", "4"]),
    "fractions": ([0.1, 0.2, 0.3, 0.4, 0.5] * 60, (0.25, 0.45), ["under 0.25", "0.25 to under 0.45", "0.45 and over"]),
}


@pytest.mark.parametrize("name", LEVELS)
def test_levels_say_what_is_in_them(name):
    values, cuts, levels = LEVELS[name]
    frame = pd.DataFrame({"x": values, "y": [0, 1] * (len(values) // 2)})
    binned = bin_features(frame, label="y", cutpoints={"x": cuts})
    assert list(binned.frame["x"].cat.categories) == levels and binned.cutpoints == {"x": cuts}
    codes = np.searchsorted(cuts, values, side="right")
    assert (binned.frame["x"].cat.codes.to_numpy() == codes).all()


def test_missing_and_special_codes_are_levels_of_their_own():
    frame = table_of()
    frame.loc[:99, "x"], frame.loc[100:249, "x"] = np.nan, -9.0
    binned = bin_features(frame, label="y", special={"x": (-9,)})
    sizes = binned.frame["x"].value_counts()
    assert sizes[MISSING_GROUP] == 100 and sizes["code -9"] == 150
    assert min(binned.cutpoints["x"]) > 0  # the code took no part


def test_names_keep_their_levels_and_rare_ones_are_pooled():
    names = ["A"] * 1_000 + ["B"] * 900 + ["C"] * 30 + ["D"] * 20 + [None] * 50
    binned = bin_features(
        table_of(name=names, unique=[f"p{i}" for i in range(2_000)], flag=[True, False] * 1_000), label="y"
    )
    assert binned.frame["name"].value_counts().to_dict() == {"A": 1_000, "B": 900, OTHER: 50, MISSING_GROUP: 50}
    assert set(binned.frame["flag"].cat.categories) == {"True", "False"}
    assert "unique" in binned.left_out and "unique" not in binned.frame
    half = bin_features(table_of(name=[f"p{i}" for i in range(1_000)] + [None] * 1_000), label="y")
    assert half.frame["name"].value_counts().to_dict() == {PRESENT: 1_000, MISSING_GROUP: 1_000}


LEFT_OUT = {
    "identifier": np.random.default_rng(0).permutation(2_000),
    "empty": [None] * 2_000,
    "date": pd.date_range("2020", periods=2_000),
    "constant": ["same"] * 2_000,
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_cannot_be_a_feature_is_named_with_its_reason(name):
    binned = bin_features(table_of(**{name: LEFT_OUT[name]}), label="y")
    assert binned.left_out[name] and name not in binned.frame and name not in set(binned.table["column"])


def test_other_rows_go_by_the_same_bins():
    frame = table_of(name=["A", "B"] * 1_000)
    binned = bin_features(frame, label="y")
    other = pd.DataFrame(
        {"x": [-1e9, binned.cutpoints["x"][0], np.nan], "name": ["A", "never seen", None]}, index=[7, 8, 9]
    )
    found = binned.apply(other)
    assert found["x"].cat.codes.to_list() == [0, 1, -1] and found["name"].cat.codes.to_list() == [0, -1, -1]
    assert list(found.index) == [7, 8, 9]


def test_a_trend_is_kept_to():
    random = np.random.default_rng(3)
    frame = table_of().assign(x=lambda f: random.permutation(f["x"]))  # nothing to find but noise
    binned = bin_features(frame, label="y", monotonic={"x": "descending"})
    assert binned.table.loc[binned.table["column"] == "x", "event_rate"].is_monotonic_decreasing


def test_a_value_is_spelled_by_itself_not_by_what_stands_beside_it():
    whole = table_of(rating=np.tile([1.0, 2.0, 3.0, 4.0, 5.0], 400))
    binned = bin_features(whole, label="y")
    mixed = whole.assign(rating=whole["rating"].where(whole.index > 0, 2.5))
    assert (binned.apply(mixed)["rating"][1:] == binned.frame["rating"][1:]).all() and pd.isna(
        binned.apply(mixed)["rating"][0]
    )


def test_a_missing_value_is_not_a_rare_one():
    names = ["A"] * 1_000 + ["B"] * 960 + ["C"] * 20 + ["D"] * 20
    binned = bin_features(table_of(name=names), label="y")
    other = binned.apply(pd.DataFrame({"x": [1.0] * 3, "name": [None, "new", "A"]}))
    assert pd.isna(other["name"][0]) and list(other["name"][1:]) == [OTHER, "A"]


def test_a_level_that_names_one_number_holds_no_other():
    frame = pd.DataFrame({"x": [0, 1, 2, 3] * 100, "y": [0, 1] * 200})
    binned = bin_features(frame, label="y", cutpoints={"x": (1, 3)})
    assert list(binned.frame["x"].cat.categories) == ["0", "1–2", "3"]
    assert binned.apply(pd.DataFrame({"x": [-5, 0, 3, 90]}))["x"].cat.codes.to_list() == [-1, 0, 2, -1]


def test_categories_stay_as_they_are():
    groups = pd.Categorical(["big"] * 1_980 + ["tiny"] * 12 + ["less"] * 8, categories=["tiny", "less", "big"])
    binned = bin_features(table_of(group=groups), label="y")
    assert list(binned.frame["group"].cat.categories) == ["tiny", "less", "big"]


ODD = {
    "a name like ours": {"name": [OTHER] * 900 + ["A"] * 1_000 + ["B"] * 50 + ["C"] * 50},
    "far from nought": {"far": 1.6e9 + np.random.default_rng(0).random(2_000)},
    "huge": {"huge": np.random.default_rng(0).choice([-1e308, 1e308], 2_000) * np.random.default_rng(1).random(2_000)},
    "infinite": {"wide": np.append(np.full(20, np.inf), np.random.default_rng(0).random(1_980))},
    "empty name": {"": np.random.default_rng(0).random(2_000)},
    "booleans": {"flag": pd.array([True, None] * 1_000, dtype="boolean")},
    "nullable": {"count": pd.array([None, *range(1_999)], dtype="Int64")},
}


@pytest.mark.parametrize("case", ODD)
def test_odd_columns_are_binned_or_left_out(case):
    binned = bin_features(table_of(**ODD[case]), label="y")
    (name,) = ODD[case]
    assert (name in binned.frame) != (name in binned.left_out)


def test_codes_close_to_each_other_are_told_apart():
    frame = table_of()
    frame.loc[:99, "x"], frame.loc[100:199, "x"] = 1_000_001, 1_000_002
    sizes = bin_features(frame, label="y", special={"x": (1_000_001, 1_000_002, 1_000_002.0)}).frame["x"].value_counts()
    assert sizes["code 1000001"] == sizes["code 1000002"] == 100


BAD = {
    "code": ({}, {"special": {"x": (np.nan,)}}),
    "label": ({"label": "nobody"}, {}),
    "three values": ({"label": "three"}, {}),
    "max_bins": ({}, {"max_bins": 1}),
    "min_bin_size": ({}, {"min_bin_size": 0.7}),
    "trend": ({}, {"monotonic": "sideways"}),
    "no such column": ({}, {"cutpoints": {"z": (1, 2)}}),
    "falling": ({}, {"cutpoints": {"x": (2, 1)}}),
    "not finite": ({}, {"cutpoints": {"x": (np.inf,)}}),
    "names": ({}, {"cutpoints": {"name": (1,)}}),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_options_are_told(case):
    label, options = BAD[case]
    with pytest.raises(InputError):
        bin_features(table_of(name=["A", "B"] * 1_000, three=range(2_000)), label=label.get("label", "y"), **options)


def test_two_columns_of_one_name_are_told():
    frame = table_of(other=1.0)
    frame.columns = ["x", "y", "x"]
    with pytest.raises(InputError):
        bin_features(frame, label="y")
