"""The robust coefficient is that of statsmodels."""

import numpy as np
import pytest
import statsmodels.api as sm

from recidiv_core.stats import robust_coefficient


@pytest.mark.parametrize("seed", range(6))
def test_it_is_the_one_of_statsmodels(seed):
    random = np.random.default_rng(seed)
    n = 60 + 200 * seed
    first, second = random.integers(0, 5, n), random.integers(0, 13, n)
    asked = [random.normal(size=n) + (first == 2), (random.random(n) < 0.3).astype(float)]
    y = asked[0] - 2 * asked[1] + first + random.normal(size=n) * (1 + abs(asked[0]))
    found = robust_coefficient(y, asked, [first, second])
    X = np.column_stack([*asked, np.ones(n), *[first == i for i in range(1, 5)], *[second == i for i in range(1, 13)]])
    fit = sm.OLS(y, X.astype(float)).fit(cov_type="HC3", use_t=True)
    assert found == pytest.approx((fit.params[0], fit.bse[0], fit.df_resid))
    assert found.bounds(0.9) == pytest.approx(tuple(fit.conf_int(0.1)[0]))
    assert found.p_value == pytest.approx(fit.pvalues[0])


def test_without_categories_it_is_welch_with_the_unbiased_spread_of_hc3():
    y, is_group = np.array([1.0, 2, 4, 10, 11, 15]), np.array([0.0, 0, 0, 1, 1, 1])
    found = robust_coefficient(y, [is_group], [])
    # HC3 divides each squared residual by (1 − 1/3)²: Σe²/n² · (3/2)².
    assert found.value == pytest.approx(12 - 7 / 3)
    assert found.se**2 == pytest.approx((14 / 3 + 14) / 9 * 2.25)


def test_what_the_others_tell_has_no_coefficient():
    codes = np.array([0, 1, 2] * 10)
    assert robust_coefficient(np.arange(30.0), [(codes == 1).astype(float)], [codes]) is None
    assert robust_coefficient(np.arange(3.0), [np.array([0.0, 1, 0])], [np.array([0, 1, 2])]) is None


def test_a_row_alone_in_its_level_says_nothing():
    random = np.random.default_rng(0)
    y, asked = random.normal(size=40), random.normal(size=40)
    alone = np.zeros(40, dtype=int)
    alone[7] = 1
    kept = np.arange(40) != 7
    assert robust_coefficient(y, [asked], [alone]) == pytest.approx(robust_coefficient(y[kept], [asked[kept]], []))


def test_districts_within_charges_and_a_charge_twice():
    """Categories that tell one another: the same coefficient."""
    random = np.random.default_rng(1)
    charge, group = random.integers(0, 3, 300), (random.random(300) < 0.4).astype(float)
    district, y = charge * 4 + random.integers(0, 4, 300), random.normal(size=300) + group
    X = np.column_stack([group, *[district == i for i in range(12)]]).astype(float)
    fit = sm.OLS(y, X).fit(cov_type="HC3", use_t=True)
    assert robust_coefficient(y, [group], [charge, district, charge]) == pytest.approx(
        (fit.params[0], fit.bse[0], fit.df_resid)
    )


def test_where_one_row_decides_nothing_is_said():
    """Forty of one group in the South; of the other one there, and all others in the North: that one's own error
    cannot be seen.
    """
    group, south = np.r_[np.ones(40), np.zeros(201)], np.r_[np.ones(41, dtype=int), np.zeros(200, dtype=int)]
    assert robust_coefficient(np.random.default_rng(0).normal(size=241), [group], [south]) is None


def test_where_nothing_varies_there_are_no_bounds():
    found = robust_coefficient(np.repeat([1.0, 11.0], 40), [np.repeat([0.0, 1.0], 40)], [])
    assert found.value == pytest.approx(10) and np.isnan(found.bounds(0.95)).all() and np.isnan(found.p_value)
