"""The test on held-out rows: against independent libraries, by hand, and in simulation."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from recidiv_core.slices.confirm import Moments, confirm, mean_bounds


def test_shares_have_the_interval_of_clopper_and_pearson():
    for hits, n in ((0, 20), (3, 20), (20, 20), (61, 400)):
        errors = np.repeat([1.0, 0.0], [hits, n - hits])
        found = mean_bounds(Moments.of(errors, None), Moments.of(errors, None), stats.norm.ppf(0.975), is_binary=True)
        assert found == pytest.approx(proportion_confint(hits, n, alpha=0.05, method="beta"), abs=1e-12)


def test_means_without_skewness_have_students_interval():
    errors = 10 + stats.norm.ppf((np.arange(50) + 0.5) / 50)  # symmetric
    found = mean_bounds(Moments.of(errors, None), Moments.of(errors, None), stats.norm.ppf(0.975), is_binary=False)
    assert found == pytest.approx(stats.t.interval(0.95, 49, errors.mean(), stats.sem(errors)), abs=2e-4)


@pytest.mark.parametrize("n", [25, 100])
def test_skewed_means_are_covered_on_both_sides(n):
    random = np.random.default_rng(n)
    z, missed = stats.norm.ppf(0.975), np.zeros(2)
    for _ in range(4_000):
        of = Moments.of(random.exponential(size=n), None)
        low, high = mean_bounds(of, of, z, is_binary=False)
        missed += low > 1, high < 1
    assert (missed / 4_000 < 0.045).all() and missed.sum() / 4_000 < 0.07  # Student's own misses 0.07 above at n = 25


RARE = {  # nearly always small, rarely large: what the rows of one side do not hold, they cannot show
    "log loss at a base rate of 2 %": lambda random, n: -np.log(np.where(random.random(n) < 0.02, 0.02, 0.98)),
    "two values": lambda random, n: np.where(random.random(n) < 0.05, 1.0, 0.1),
    "lognormal": lambda random, n: random.lognormal(0, 1.5, n),
    "0, 1, 2": lambda random, n: random.integers(0, 3, n).astype(float),
}


@pytest.mark.parametrize("size", [15, 60, 440, 485])
@pytest.mark.parametrize("kind", RARE)
def test_rare_large_errors_neither_confirm_by_chance_nor_narrow_an_interval(kind, size):
    random = np.random.default_rng(size)
    rows = np.arange(500) < size
    tables = [confirm(RARE[kind](random, 500), None, [rows], confidence_level=0.95).iloc[0] for _ in range(300)]
    assert np.mean([t["confirmed"] for t in tables]) <= 0.05
    assert np.mean([t["low"] > 0 or t["high"] < 0 for t in tables]) <= 0.08  # 0.05 and two standard errors and a half


def test_weights_count_as_kish_has_it():
    errors, weight = np.array([0.1, 0.4, 0.9, 0.2]), np.array([2.0, 2.0, 2.0, 2.0])
    assert Moments.of(errors, weight) == Moments.of(errors, np.ones(4))
    assert Moments.of(errors, np.array([1.0, 1.0, 0.0, 0.0])).n == 2
    assert Moments.of(errors, None).deviation == pytest.approx(errors.std(ddof=1))


def family(seed, n=4_000, k=6, effect=(0.3, 0.08, 0.0, 0.0, 0.05, 0.0)):
    random = np.random.default_rng(seed)
    slices = [random.random(n) < 0.15 for _ in range(k)]
    chance = 0.3 + sum(e * rows for e, rows in zip(effect, slices, strict=True))
    return (random.random(n) < chance).astype(float), slices


@pytest.mark.parametrize("seed", range(5))
def test_holm_is_that_of_statsmodels_and_intervals_agree_with_it(seed):
    errors, slices = family(seed)
    table = confirm(errors, None, slices, confidence_level=0.95)
    rejected, adjusted, *_ = multipletests(table["p_value"], alpha=0.05, method="holm")
    assert table["p_holm"].to_numpy() == pytest.approx(adjusted)
    assert (table["confirmed"] == (rejected & (table["excess"] > 0))).all()
    assert (table["confirmed"] == (table["low"] > 0)).all()
    for row, rows in zip(table.itertuples(), slices, strict=True):
        assert (row.n, row.mean_error) == (rows.sum(), pytest.approx(errors[rows].mean()))
        assert row.excess == pytest.approx(errors[rows].mean() - errors.mean())
        exact = stats.fisher_exact(
            [[errors[rows].sum(), (1 - errors[rows]).sum()], [errors[~rows].sum(), (1 - errors[~rows]).sum()]]
        ).pvalue
        assert row.p_value == pytest.approx(exact, abs=0.12, rel=0.9) and row.p_value > exact * 0.3


def test_what_cannot_be_tested_has_a_reason_and_no_part_in_the_family():
    errors, slices = family(1)
    few = np.zeros(len(errors), bool)
    few[:4] = True
    table = confirm(
        errors, None, [*slices, few, np.ones(len(errors), bool), np.zeros(len(errors), bool)], confidence_level=0.95
    )
    assert list(table["reason"][6:]) == [
        "fewer than 10 held-out rows in the slice",
        "fewer than 10 held-out rows outside the slice",
        "fewer than 10 held-out rows in the slice",
    ]
    assert not table["confirmed"][6:].any() and table["low"][6:].isna().all()
    alone = confirm(errors, None, slices, confidence_level=0.95)
    assert table["p_holm"][:6].to_list() == alone["p_holm"].to_list()


@pytest.mark.parametrize("error", [0.3, 0.25])  # one is not exact in binary, one is
def test_a_few_rows_with_one_error_prove_nothing(error):
    others = np.random.default_rng(0).choice([0.1, 0.3, 0.45], 990, p=[0.3, 0.4, 0.3])
    table = confirm(np.append(np.full(10, error), others), None, [np.arange(1000) < 10], confidence_level=0.95)
    assert not table["confirmed"][0] and table["low"][0] < 0


def test_with_weights_too_few_effective_rows_are_said_to_be_that():
    weight = np.where(np.arange(400) % 20 == 0, 1_000.0, 1.0)
    table = confirm(np.random.default_rng(0).random(400), weight, [np.arange(400) < 60], confidence_level=0.95)
    assert table["reason"][0] == "fewer than 10 effective held-out rows in the slice" and table["n"][0] == 60
