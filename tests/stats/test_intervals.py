import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from recidiv_core.stats import auc_bounds, difference_bounds, normal_quantile, ratio_bounds, student, wilson

CASES = [(0, 10), (1, 10), (5, 10), (10, 10), (3, 7), (81, 263), (999, 1000), (1, 100_000)]


@pytest.mark.parametrize(("x", "n"), CASES)
@pytest.mark.parametrize("level", [0.9, 0.95, 0.999])
def test_wilson_equals_statsmodels(x, n, level):
    expected = proportion_confint(x, n, alpha=1 - level, method="wilson")
    assert np.array(wilson(x / n, n, confidence_level=level)) == pytest.approx(expected, abs=1e-12)


def test_wilson_at_the_boundaries():
    low, high = wilson([0.0, 1.0, np.nan], [5, 5, 0])
    assert low[0] == 0.0 and high[1] == 1.0
    assert 0 < high[0] < 1 and 0 < low[1] < 1
    assert np.isnan(low[2]) and np.isnan(high[2])


@pytest.mark.parametrize(
    ("a", "b"), [(CASES[1], CASES[3]), (CASES[2], CASES[5]), (CASES[4], CASES[0]), (CASES[6], CASES[6])]
)
def test_difference_is_newcombes(a, b):
    """statsmodels' newcomb is Newcombe's method 10, the Wilson hybrid."""
    expected = confint_proportions_2indep(a[0], a[1], b[0], b[1], method="newcomb", compare="diff")
    p, q = a[0] / a[1], b[0] / b[1]
    found = difference_bounds(p, *wilson(p, a[1]), q, *wilson(q, b[1]))
    assert np.array(found) == pytest.approx(expected, abs=1e-10)


def test_newcombe_1998_table_2a():
    """56/70 − 48/80: 0.0524 to 0.3339 by method 10."""
    low, high = difference_bounds(56 / 70, *wilson(56 / 70, 70), 48 / 80, *wilson(48 / 80, 80))
    assert (round(float(low), 4), round(float(high), 4)) == (0.0524, 0.3339)


@pytest.mark.parametrize(
    ("a", "b"), [((50, 200), (40, 210)), ((0, 30), (12, 40)), ((5, 12), (7, 11)), ((30, 30), (29, 30))]
)
def test_ratio_holds_the_estimate_and_shrinks_with_n(a, b):
    def interval(scale):
        p, q = a[0] / a[1], b[0] / b[1]
        return ratio_bounds(p, *wilson(p, scale * a[1]), q, *wilson(q, scale * b[1]))

    low, high = interval(1)
    ratio = (a[0] / a[1]) / (b[0] / b[1])
    assert 0 <= low <= ratio <= high
    narrow_low, narrow_high = interval(100)
    assert narrow_high - narrow_low < high - low


def test_ratio_covers_in_simulation():
    random = np.random.default_rng(1)
    n, p, q = (80, 120), 0.3, 0.45
    x, y = random.binomial(n[0], p, 4000) / n[0], random.binomial(n[1], q, 4000) / n[1]
    low, high = ratio_bounds(x, *wilson(x, n[0]), y, *wilson(y, n[1]))
    assert np.mean((low <= p / q) & (p / q <= high)) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("degrees", [9, 30, 200])
@pytest.mark.parametrize("z", [1.0, 1.96, 3.3])
def test_student_equals_scipy(z, degrees):
    expected = scipy_stats.t.ppf(scipy_stats.norm.cdf(z), degrees)
    assert float(student(z, degrees)) == pytest.approx(expected, rel=2e-3)


def test_auc_of_one_is_not_certain():
    low, high = auc_bounds(1.0, 0.0, 20, 30, normal_quantile(0.95))
    assert high == 1.0 and 0.8 < low < 1.0
    # Newcombe's method 5 solves (1 − L)² = z² V(L).
    u, middle = 1 - float(low), 24
    variance = (1 - u) * u * (1 + middle * u / (1 + u) + middle * (1 - u) / (2 - u)) / 600
    assert u**2 == pytest.approx(normal_quantile(0.95) ** 2 * variance, rel=1e-6)
    mirrored_low, mirrored_high = auc_bounds(0.0, 0.0, 20, 30, normal_quantile(0.95))
    assert mirrored_low == 0.0 and mirrored_high == pytest.approx(u)
