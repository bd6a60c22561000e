"""Clones differ in what is varied and in nothing else; profiles are what their spec says, again and again."""

import hashlib
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recidiv_core.counterfactuals import (
    FIELDS,
    FieldSpec,
    ProfileSpec,
    make_pairs,
    pairs_from_rows,
    suggest_profile_spec,
)
from recidiv_core.counterfactuals.between import rows_between
from recidiv_core.counterfactuals.pairs import pairs_of
from recidiv_core.errors import InputError
from tests.conftest import ROOT
from tests.counterfactuals.conftest import dataset_of, people

FEATURES = ["race", "sex", "age", "first", "priors", "income", "works", "district"]
TEXTS = st.text("abcdé<*", min_size=1, max_size=4)
SPECS = st.one_of(
    st.tuples(st.integers(-50, 50), st.integers(0, 60)).map(
        lambda t: FieldSpec(low=t[0], high=t[0] + t[1], is_whole=True)
    ),
    st.tuples(st.floats(-5, 5), st.floats(0, 9)).map(lambda t: FieldSpec(low=t[0], high=t[0] + t[1])),
    st.lists(TEXTS, min_size=1, max_size=4).map(lambda v: FieldSpec(levels=tuple(v))),
    st.lists(st.integers(0, 9), min_size=1, max_size=4).map(lambda v: FieldSpec(levels=tuple(v))),
    st.sampled_from(sorted(FIELDS)).map(lambda name: FieldSpec(field=name)),
)
VALUES = st.one_of(
    st.lists(TEXTS, min_size=2, max_size=4, unique=True),
    st.lists(st.integers(0, 99), min_size=2, max_size=3, unique=True),
)


def assert_only_varied_differ(pairs, frame):
    k = len(pairs.clones)
    assert len(frame) == len(pairs) * k
    shared = frame.drop(columns=list(pairs.clones))
    for position in range(k):
        own = frame.iloc[position::k].reset_index(drop=True)
        pd.testing.assert_frame_equal(own[list(shared)], shared.iloc[::k].reset_index(drop=True))
        for name in pairs.clones:
            assert (own[name] == pairs.clones[name].iloc[position]).all()
    assert len(pairs.clones.drop_duplicates()) == k == np.prod([len(v) for v in pairs.vary.values()])


@settings(max_examples=200)
@given(
    columns=st.dictionaries(TEXTS, SPECS, min_size=1, max_size=5),
    vary=st.dictionaries(st.sampled_from(["g", "h"]), VALUES, min_size=1, max_size=2),
    n=st.integers(1, 30),
    seed=st.integers(0, 2**31),
    locale=st.sampled_from(["en", "de", "ru", "ja", "es-mx"]),
)
def test_clones_differ_in_what_is_varied_alone(columns, vary, n, seed, locale):
    pairs = make_pairs(ProfileSpec(columns), vary=vary, n_profiles=n, locale=locale, random_state=seed)
    frame = pairs.frame()
    assert_only_varied_differ(pairs, frame)
    pd.testing.assert_frame_equal(
        frame, make_pairs(ProfileSpec(columns), vary=vary, n_profiles=n, locale=locale, random_state=seed).frame()
    )
    for name, own in columns.items():
        values = pairs.profiles[name]
        if own.kind == "range":
            assert values.between(own.low, own.high).all()
            assert not own.is_whole or pd.api.types.is_integer_dtype(values)
        elif own.kind == "levels":
            assert set(values) <= set(own.levels)


@settings(max_examples=100)
@given(
    chosen=st.sets(st.sampled_from(FEATURES), min_size=1),
    source=st.sampled_from(["profiles", "between", "rows"]),
    vary=st.sampled_from(
        [
            {"race": ["B", "W"]},
            {"sex": ["f", "m"], "race": ["A", "W", "B"]},
            {"works": [True, False]},
            {"age": [20, 60]},
            {"priors": [0, 9]},
        ]
    ),
    seed=st.integers(0, 999),
)
def test_clones_keep_the_types_of_the_data(dataset, chosen, source, vary, seed):
    columns = [name for name in dataset.frame if name in chosen and name not in vary] or ["income"]
    if source == "rows":
        pairs = pairs_from_rows(dataset, vary=vary, n_profiles=50, random_state=seed)
        columns = [name for name in dataset.frame if name not in vary]
    else:
        spec = suggest_profile_spec(dataset, columns=columns, from_data=source == "between")
        pairs = make_pairs(spec, vary=vary, n_profiles=50, random_state=seed)
    frame = pairs.frame()
    assert_only_varied_differ(pairs, frame)
    for name in (*columns, *vary):
        assert frame[name].dtype == dataset.frame[name].dtype, name
        if name in columns and pd.api.types.is_numeric_dtype(frame[name]):
            known = dataset.frame[name].dropna()
            assert frame[name].dropna().between(known.min(), known.max()).all()
        elif name in columns:
            assert set(frame[name]) <= set(dataset.frame[name])


def test_the_same_seed_gives_the_same_pairs_in_another_process():
    code = (
        "import hashlib; from tests.counterfactuals.conftest import *; from recidiv_core.counterfactuals import "
        "*\nd = dataset_of(people()); v = {'race': ['B', 'W']}\nfor b in (False, True):\n    s = "
        "suggest_profile_spec(d, from_data=b)\n    print(hashlib.sha256(make_pairs(s, vary=v, n_profiles=200, "
        "random_state=5).frame().to_csv().encode()).hexdigest())"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "77")
    ]
    assert found[0] == found[1]
    own = make_pairs(
        suggest_profile_spec(dataset_of(people())), vary={"race": ["B", "W"]}, n_profiles=200, random_state=5
    )
    assert found[0].split()[0] == hashlib.sha256(own.frame().to_csv().encode()).hexdigest()


def test_one_more_column_changes_no_other():
    few = {"a": FieldSpec(low=0, high=1), "n": FieldSpec(field="person.full_name")}
    more = {"z": FieldSpec(levels=("u", "v")), **few}
    one, two = (make_pairs(ProfileSpec(c), vary={"g": [0, 1]}, n_profiles=20).profiles for c in (few, more))
    pd.testing.assert_frame_equal(one, two[list(one)])


def test_names_follow_the_gender_of_the_profile(dataset):
    """In Russian a woman's surname says so."""
    spec = ProfileSpec(
        {"name": FieldSpec(field="person.full_name", follows="sex"), "sex": FieldSpec(levels=("f", "m"))}, dataset
    )
    made = make_pairs(spec, vary={"race": ["B", "W"]}, n_profiles=200, locale="ru").profiles
    female = made["name"].str.contains(r"(?:ова|ева|ина|ая)\b")
    assert female[made["sex"] == "f"].mean() > 0.6 and female[made["sex"] == "m"].mean() < 0.02


def test_the_suggestion_reads_types_and_names():
    frame = people(200).assign(email=[f"{i}@x" for i in range(200)], city=[f"c{i}" for i in range(200)])
    spec = suggest_profile_spec(dataset_of(frame), columns=["age", "works", "district", "email", "city", "priors"])
    ways = {name: own.kind for name, own in spec.columns.items()}
    assert ways == {
        "profile": "field",
        "name": "field",
        "age": "range",
        "works": "levels",
        "district": "levels",
        "email": "field",
        "city": "field",
        "priors": "levels" if frame["priors"].nunique() <= 10 else "range",
    }
    assert spec.columns["email"].field == "person.email" and spec.columns["city"].field == "address.city"
    age = sorted(frame["age"])
    assert (spec.columns["age"].low, spec.columns["age"].high) == (
        age[10],
        age[-11],
    )  # ten people lie at or beyond either end
    rare = suggest_profile_spec(dataset_of(frame.assign(town=["one"] * 195 + ["two"] * 5)), columns=["town"])
    assert rare.columns["town"].levels == ("one",)


@settings(max_examples=60)
@given(n=st.integers(1, 60), seed=st.integers(0, 999), levels=st.integers(1, 4))
def test_a_row_between_two_is_like_somebody(n, seed, levels):
    """Mixtures of categories are real, numbers lie between real ones, and an order between two columns holds."""
    random = np.random.default_rng(seed)
    age = random.integers(18, 90, n)
    frame = pd.DataFrame(
        {
            "age": age,
            "first": age - random.integers(0, 18, n),
            "kind": random.choice(list("abcd")[:levels], n),
            "flag": random.integers(0, 2, n),
            "dose": np.where(random.random(n) < 0.2, np.nan, random.normal(size=n)),
        }
    )
    made, n_alone = rows_between(frame, 80, np.random.default_rng(seed))
    pd.testing.assert_series_equal(made.dtypes, frame.dtypes)
    real = set(zip(frame["kind"], frame["flag"], frame["dose"].isna(), strict=True))
    assert set(zip(made["kind"], made["flag"], made["dose"].isna(), strict=True)) <= real
    gap, mixed = frame["age"] - frame["first"], made["age"] - made["first"]
    assert mixed.between(max(gap.min() - 1, 0), gap.max() + 1).all()
    for name in ("age", "dose"):
        assert made[name].dropna().between(frame[name].min(), frame[name].max()).all()
    assert 0 <= n_alone <= 80 and (n > 1 or n_alone == 80)


@pytest.mark.parametrize(
    ("columns", "options", "told"),
    [
        ({"a": FieldSpec(low=9, high=1)}, {}, "a range from a lower to a higher number"),
        ({"a": FieldSpec(low=0.2, high=0.8, is_whole=True)}, {}, "a whole number in it"),
        ({"a": FieldSpec(low=0, high=float("inf"))}, {}, "two ends within"),
        ({"a": FieldSpec(low=0)}, {}, "two ends within"),
        ({"a": FieldSpec()}, {}, "a field, a range, levels, or the data"),
        ({"a": FieldSpec(field="uuid", levels=("x",))}, {}, "or more than one"),
        ({"a": FieldSpec(field="file.file_name")}, {}, "one of Mimesis's fields"),
        ({"a": FieldSpec(field="person.full_name", arguments={"nonsense": 1})}, {}, "arguments that Mimesis's"),
        ({"a": FieldSpec(field="person.full_name", arguments={"gender": "purple"})}, {}, "arguments that Mimesis's"),
        ({"a": FieldSpec(field="person.full_name", follows="b")}, {}, "to follow a column of the profile with levels"),
        ({"a": FieldSpec(field="person.full_name", follows="a")}, {}, "to follow a column of the profile with levels"),
        ({"a": FieldSpec(from_data=True)}, {}, "a dataset with this column"),
        ({"g": FieldSpec(levels=("x",))}, {}, "at least one that is not varied"),
        ({"a": FieldSpec(levels=("x",))}, {"vary": {}}, "at least one protected attribute"),
        ({"a": FieldSpec(levels=("x",))}, {"vary": {"g": ["one"]}}, "at least two different values"),
        ({"a": FieldSpec(levels=("x",))}, {"vary": {"g": ["one", "one"]}}, "at least two different values"),
        ({"a": FieldSpec(levels=("x",))}, {"vary": {"g": ["one", None]}}, "at least two different values"),
        ({"a": FieldSpec(levels=("x",))}, {"vary": {"g": range(6), "h": range(6)}}, "at most 30 combinations"),
        ({"a": FieldSpec(levels=("x",))}, {"n_profiles": 0}, "n_profiles"),
        ({"a": FieldSpec(levels=("x",))}, {"n_profiles": 10**9}, "n_profiles"),
        ({"a": FieldSpec(levels=("x",))}, {"n_profiles": "many"}, "n_profiles"),
        ({"a": FieldSpec(levels=("x",))}, {"random_state": -1}, "random_state"),
        ({"a": FieldSpec(levels=("x",))}, {"locale": "tlh"}, "locale"),
        ({"a": FieldSpec(levels=("x",))}, {"locale": None}, "locale"),
        ({"a": FieldSpec(levels=("x",))}, {"vary": {"g": 5}}, "values that the column can hold"),
        ({"a": FieldSpec(levels=("x",))}, {"vary": {"g": [{}, []]}}, "values that the column can hold"),
        ({"a": FieldSpec(levels=("x",))}, {"vary": {"g": [1, float("inf")]}}, "none missing or infinite"),
        ({"a": FieldSpec(levels=("x",))}, {"vary": ["g"]}, "at least one protected attribute"),
        ({"a": FieldSpec(low=-1.7e308, high=1.7e308)}, {}, "two ends within"),
        ({"a": FieldSpec(low=0, high=10**400)}, {}, "two ends within"),
        ({"a": FieldSpec(field=["uuid"])}, {}, "one of Mimesis's fields"),
        ({"a": "uuid"}, {}, "a FieldSpec"),
    ],
)
def test_bad_input_is_told_before_anything_is_made(columns, options, told):
    with pytest.raises(InputError, match=re.escape(told)):
        make_pairs(ProfileSpec(columns), **({"vary": {"g": ["m", "f"]}} | options))


def test_values_that_the_column_cannot_hold_are_told(dataset):
    for vary in ({"race": ["W", "X"]}, {"age": ["old", "young"]}, {"works": ["perhaps", "no"]}):
        for make in (
            lambda v: pairs_from_rows(dataset, vary=v),
            lambda v: pairs_of({"age": 3}, vary=v, dataset=dataset),
        ):
            with pytest.raises(InputError, match="values that the column can hold"):
                make(vary)
    with pytest.raises(InputError, match="values that the column can hold"):
        make_pairs(ProfileSpec({"age": FieldSpec(levels=("old",))}, dataset), vary={"sex": ["f", "m"]})


def test_a_name_is_every_clones_where_gender_varies(dataset):
    """The first call that comes to mind: the suggestion's name follows the sex, and then the sex is what varies."""
    spec = suggest_profile_spec(dataset)
    assert spec.columns["name"].follows == "sex"
    made = make_pairs(spec, vary={"sex": ["f", "m"]}, n_profiles=50)
    assert_only_varied_differ(made, made.frame())
    assert not made.profiles["name"].str.contains(" ").all() and "surname" in made.options["columns"]["name"]


def test_numbers_that_a_type_cannot_hold_are_told():
    small = dataset_of(
        people(200).assign(
            small=np.resize(np.arange(-5, 60), 200).astype("int8"), half=(0.5 * np.arange(200)).astype("float32")
        )
    )
    with pytest.raises(InputError, match="values that the column can hold"):
        pairs_from_rows(small, vary={"small": [1, 300]})
    with pytest.raises(InputError, match="values that the column can hold"):
        make_pairs(ProfileSpec({"small": FieldSpec(low=0, high=1000, is_whole=True)}, small), vary={"sex": ["f", "m"]})
    made = make_pairs(
        ProfileSpec({"half": FieldSpec(low=0.0, high=1.0)}, small), vary={"sex": ["f", "m"]}, n_profiles=5
    )
    assert made.profiles["half"].dtype == np.float32
    assert list(pairs_from_rows(small, vary={"row": [1, 2]}).frame().columns).count("row") == 1


def test_everything_wrong_is_told_at_once():
    with pytest.raises(InputError) as told:
        make_pairs(ProfileSpec({"a": FieldSpec(low=2, high=1)}), vary={"g": [1]}, n_profiles=0, locale="xx")
    assert len(told.value.problems) == 4
