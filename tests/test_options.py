"""Numbers that no option can be: each function refuses them in words."""

import math

import pytest

from recidiv_core import Roles, audit_groups, audit_slices, audit_thresholds, load_dataset, synthesize, train_model
from recidiv_core.errors import InputError
from recidiv_core.options import as_found, is_number, is_seed, is_threshold
from tests.conftest import random_table

DATASET = load_dataset(random_table(1), roles=Roles("y", score="score", sensitive="group"))
CALLS = {
    audit_groups: (
        {},
        ["threshold", "tolerance", "confidence_level", "n_boot", "min_support", "random_state"],
    ),
    audit_thresholds: (
        {"attribute": "group", "definition": "equal_opportunity"},
        ["tolerance", "confidence_level", "n_boot", "min_support", "random_state", "beta", "partial", "min_precision"],
    ),
    audit_slices: ({"error": "log_loss"}, ["k", "alpha", "min_support", "max_level", "holdout", "random_state"]),
    train_model: ({"algorithm": "logistic_regression"}, ["n_inner", "n_iter", "random_state", "balance"]),
    synthesize: ({"method": "copula"}, ["n_rows", "random_state", "ratio"]),
}
CASES = [(call, given, name) for call, (given, names) in CALLS.items() for name in names]


@pytest.mark.parametrize(("call", "given", "name"), CASES, ids=lambda x: x if isinstance(x, str) else "")
@pytest.mark.parametrize(
    "value", [10**400, -(10**400), math.nan, -math.inf], ids=["huge", "minus huge", "nan", "minus infinite"]
)
def test_a_number_that_cannot_be_is_refused_in_words(call, given, name, value):
    if (name, value) in (("max_level", 10**400), ("threshold", -math.inf)):
        return  # more parts than there are columns: all there can be; and below every score: all are flagged
    with pytest.raises(InputError) as caught:
        call(DATASET, **given, **{name: value})
    assert "0" * 50 not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "number", "seed", "threshold", "found"),
    [
        (1, True, True, True, "1"),
        (0.5, True, False, True, "0.5"),
        (2**32, False, False, True, "4.29497e+09"),
        (True, False, False, False, "something else"),
        ("1", False, False, False, "something else"),
        (None, False, False, False, "something else"),
        (math.inf, False, False, True, "something else"),
        (math.nan, False, False, False, "not a number"),
        (10**400, False, False, False, "something else"),
        (-1, False, False, True, "-1"),
    ],
)
def test_what_is_a_number_a_seed_and_a_threshold(value, number, seed, threshold, found):
    assert (is_number(value, 0, 10), is_seed(value), is_threshold(value), as_found(value)) == (
        number,
        seed,
        threshold,
        found,
    )
