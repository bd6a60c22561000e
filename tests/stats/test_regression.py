"""The robust coefficient is that of statsmodels."""

import numpy as np
import pytest
import statsmodels.api as sm

from recidiv_core.stats import robust_coefficient


@pytest.mark.parametrize("seed", range(6))
def test_it_is_the_one_of_statsmodels(seed):
    random = np.random.default_rng(seed)
    n = 60 + 200 * seed
    first, second = random.integers(-1, 4, n), random.integers(-1, 12, n)
    asked = [random.normal(size=n) + (first == 2), (random.random(n) < 0.3).astype(float)]
    y = asked[0] - 2 * asked[1] + first + random.normal(size=n) * (1 + abs(asked[0]))
    found = robust_coefficient(y, asked, [first, second])
    X = np.column_stack([*asked, np.ones(n), *[first == i for i in range(4)], *[second == i for i in range(12)]])
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
    codes = np.array([-1, 0, 1] * 10)
    assert robust_coefficient(np.arange(30.0), [(codes == 1).astype(float)], [codes]) is None
    assert robust_coefficient(np.arange(3.0), [np.array([0.0, 1, 0])], [np.array([-1, 0, 1])]) is None


def test_a_row_alone_in_its_level_says_nothing():
    random = np.random.default_rng(0)
    y, asked = random.normal(size=40), random.normal(size=40)
    alone = np.full(40, -1)
    alone[7] = 0
    kept = np.arange(40) != 7
    assert robust_coefficient(y, [asked], [alone]) == pytest.approx(robust_coefficient(y[kept], [asked[kept]], []))
