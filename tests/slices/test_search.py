"""The search against every conjunction, one by one."""

import numpy as np
import pandas as pd
import pytest

from recidiv_core.errors import InputError
from recidiv_core.slices import find_slices, slice_rows
from recidiv_core.slices.find import NO_ERROR, NOTHING
from tests.slices.oracle import every_slice

ERRORS = {
    "skewed": lambda random, n: random.exponential(size=n),
    "0/1": lambda random, n: (random.random(n) < 0.3).astype(float),
    "constant": lambda random, n: np.full(n, 0.7),
    "ties": lambda random, n: random.integers(0, 3, n).astype(float),
    "heavy": lambda random, n: np.abs(random.standard_cauchy(n)),
    "huge": lambda random, n: random.exponential(size=n) * 1e12,
    "tiny": lambda random, n: random.exponential(size=n) * 1e-12,
}


def table_of(random: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray, str]:
    """Few rows and many columns among them: fewer rows than there are pairs of column and value."""
    n, kind = int(random.choice([1, 2, 5, 12, 40, 150])), str(random.choice(list(ERRORS)))
    columns = {}
    for name in "ebdca"[: random.integers(1, 6)]:
        values = random.integers(0, random.integers(1, 6), n).astype(object)
        if random.random() < 0.3:
            values[random.random(n) < 0.3] = None
        columns[name] = values if random.random() < 0.5 else [None if v is None else f"v{v}" for v in values]
    return pd.DataFrame(columns, dtype=object), ERRORS[kind](random, n), kind


@pytest.mark.parametrize("seed", range(400))
def test_the_best_are_those_of_every_conjunction(seed):
    random = np.random.default_rng(seed)
    features, errors, _ = table_of(random)
    weight = random.choice([0.0, 0.5, 1.0, 3.0], len(errors)) if seed % 4 == 0 else None
    if weight is not None and not weight.any():
        weight[0] = 1.0
    options = {
        "alpha": float(random.choice([0.3, 0.5, 0.9, 0.95, 0.99, 1.0])),
        "min_support": int(random.choice([1, 2, 5, 10])),
        "max_level": random.choice([None, 1, 2, 3]),
    }
    k = int(random.choice([1, 3, 10, 40]))
    expected = [] if errors.sum() == 0 else every_slice(features, errors, weight=weight, **options)
    found = find_slices(features, errors, k=k, sample_weight=weight, **options)
    table = found.table[found.table["score"] > 1e-9]
    assert table["score"].to_list() == pytest.approx([one["score"] for one in expected[:k]], rel=1e-6, abs=1e-8)
    scaled = np.ones(len(errors)) if weight is None else weight / weight.mean()
    for row in table.itertuples():
        rows = slice_rows(features, row.slice)
        assert row.size == pytest.approx(scaled[rows].sum()) and row.level == len(row.slice)
        assert row.mean_error == pytest.approx(np.average(errors[rows], weights=scaled[rows]))
        assert row.max_error == errors[rows].max() and row.share == pytest.approx(row.size / len(errors))


def test_by_hand():
    """Eight rows; α = 0.5. x = 1 holds 4 rows with all the error: 0.5 (2 − 1) − 0.5 (2 − 1) = 0; at α = 0.9: 0.9 −
    0.1 = 0.8.
    """
    features = pd.DataFrame({"x": [1, 1, 1, 1, 0, 0, 0, 0], "y": [1, 1, 0, 0, 1, 1, 0, 0]})
    errors = np.array([1.0, 1, 1, 1, 0, 0, 0, 0])
    assert find_slices(features, errors, alpha=0.5, min_support=1).table.empty
    found = find_slices(features, errors, alpha=0.9, min_support=1).table
    assert found["slice"].to_list() == [{"x": 1}, {"x": 1, "y": 0}, {"x": 1, "y": 1}]
    assert found["score"].to_list() == pytest.approx([0.8, 0.6, 0.6])


def test_neither_names_nor_order_of_rows_or_columns_show():
    random = np.random.default_rng(5)
    features = pd.DataFrame({name: random.integers(0, 4, 600) for name in "abcdef"})
    features["copy"] = features["a"]  # ties all over
    errors = random.exponential(size=600) * (1 + (features["a"] == 2) * (features["b"] == 1))
    first = find_slices(features, errors, alpha=0.97).table
    order = random.permutation(600)
    again = find_slices(features.iloc[order, ::-1], errors[order], alpha=0.97).table
    again["slice"] = [{name: own[name] for name in features if name in own} for own in again["slice"]]
    pd.testing.assert_frame_equal(first, again)
    renamed = find_slices(features.rename(columns=str.upper), errors, alpha=0.97).table
    assert renamed["score"].to_list() == first["score"].to_list()


@pytest.mark.parametrize(
    ("errors", "reason"), [(np.zeros(50), NO_ERROR), (np.ones(50), NOTHING)], ids=["no errors", "all the same"]
)
def test_nothing_to_find_has_a_reason(errors, reason):
    found = find_slices(pd.DataFrame({"a": [0, 1] * 25}), errors, min_support=2)
    assert found.table.empty and found.reason == reason


def test_what_was_searched_is_counted():
    features = pd.DataFrame({"a": [0] * 6 + [1] * 4, "b": [0, 1] * 5, "c": list("vwxyzvwxyz")})
    found = find_slices(features, np.arange(10.0), min_support=3)
    assert (found.n_predicates, found.n_conjunctions) == (4, 4 + 4)  # no value of c has three rows
    found = find_slices(features, np.arange(10.0), min_support=1, max_level=2)
    assert (found.n_predicates, found.n_conjunctions) == (9, 9 + 2 * 2 + 2 * 5 + 2 * 5)


def test_uneven_weights_are_exact():
    """Weights that differ by 2³⁰: the slice a = 0 has more error than all, a = 1 less."""
    tiny = 2.0**-30
    features = pd.DataFrame({"a": [0, 1] + [0] * 10 + [1] * 8})
    weight, errors = np.array([10, 10] + [1.4 * tiny] * 10 + [1.6 * tiny] * 8), np.array([0.0, 0] + [1] * 18)
    found = find_slices(features, errors, sample_weight=weight, k=1, alpha=1.0, min_support=1).table
    (expected,) = every_slice(features, errors, alpha=1.0, min_support=1, weight=weight)
    assert found["slice"][0] == expected["slice"] == {"a": 0} and found["score"][0] == pytest.approx(
        expected["score"], rel=1e-6
    )


def test_a_slice_of_exactly_the_least_weight_counts():
    features = pd.DataFrame({"a": [0] * 48 + [1] * 84})
    weight = np.array([1.0] * 32 + [3.0] * 16 + [1.0] * 84)
    errors = np.array([1.0] * 48 + [0.0] * 84)
    for order in (np.arange(132), np.random.default_rng(0).permutation(132)):
        support = weight[:48].sum() / weight.mean()
        found = find_slices(features.iloc[order], errors[order], sample_weight=weight[order], min_support=support)
        assert found.table["slice"].to_list() == [{"a": 0}]


@pytest.mark.parametrize("unit", [1e-300, 1e-12, 1e12, 1e300])
def test_the_unit_of_the_error_does_not_show(unit):
    random = np.random.default_rng(2)
    features = pd.DataFrame({name: random.integers(0, 3, 300) for name in "abc"})
    errors = random.exponential(size=300)
    first, other = (find_slices(features, e, alpha=1.0, min_support=5).table for e in (errors, errors * unit))
    assert other["score"].to_list() == pytest.approx(first["score"].to_list(), rel=1e-9)


def test_columns_and_values_keep_their_kind():
    features = pd.DataFrame({0: [1, "1", 1.5] * 20, 7: [True, False] * 30}, dtype=object)
    errors = np.where([type(v) is str for v in features[0]], 1.0, 0.1)
    found = find_slices(features, errors, min_support=5, alpha=1.0).table
    assert found["slice"][0] == {0: "1"} and slice_rows(features, found["slice"][0]).sum() == 20


def test_values_of_a_bad_array_are_not_repeated():
    with pytest.raises(InputError) as caught:
        find_slices(pd.DataFrame({"a": range(9)}), ["secret"] * 9)
    assert "secret" not in str(caught.value)


BAD = {
    "names alike": (pd.DataFrame({1: range(9), "1": range(9)}), np.ones(9), {}),
    "no columns": (pd.DataFrame(index=range(9)), np.ones(9), {}),
    "negative": (pd.DataFrame({"a": range(9)}), -np.ones(9), {}),
    "not finite": (pd.DataFrame({"a": range(9)}), np.full(9, np.nan), {}),
    "too few": (pd.DataFrame({"a": range(9)}), np.ones(8), {}),
    "k": (pd.DataFrame({"a": range(9)}), np.ones(9), {"k": 0}),
    "alpha": (pd.DataFrame({"a": range(9)}), np.ones(9), {"alpha": 0}),
    "support": (pd.DataFrame({"a": range(9)}), np.ones(9), {"min_support": 0}),
    "level": (pd.DataFrame({"a": range(9)}), np.ones(9), {"max_level": 1.5}),
    "weight": (pd.DataFrame({"a": range(9)}), np.ones(9), {"sample_weight": np.zeros(9)}),
    "predicates": (pd.DataFrame({c: range(9000) for c in "abc"}), np.ones(9000), {"min_support": 1}),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told(name):
    features, errors, options = BAD[name]
    with pytest.raises(InputError):
        find_slices(features, errors, **options)


def test_a_search_stops_when_its_report_raises():
    class Stop(Exception):
        pass

    random = np.random.default_rng(0)
    features = pd.DataFrame({f"c{i}": random.integers(0, 3, 20_000) for i in range(40)})
    calls = []

    def progress(share, text):
        calls.append(share)
        if len(calls) == 3:
            raise Stop

    with pytest.raises(Stop):  # 3^40 conjunctions, no bound to speak of: it would not end
        find_slices(features, random.random(20_000) < 0.5, alpha=1.0, min_support=1, progress=progress)
    assert len(calls) == 3
