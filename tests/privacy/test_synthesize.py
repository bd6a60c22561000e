"""Copies: each column of its own type, the outcomes in the share asked for, nobody's numbers, and the same again
from the same seed.
"""

import io
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recidiv_core.data import load_dataset
from recidiv_core.errors import InputError
from recidiv_core.privacy import METHODS, fidelity, schema_of, synthesize
from recidiv_core.privacy.coding import coding_of
from recidiv_core.privacy.copula import GaussianCopula
from recidiv_core.privacy.ctgan import CTGAN
from recidiv_core.privacy.fidelity import cramers_v
from tests.privacy.conftest import dataset_of, typed

QUICK = {"ctgan": {"epochs": 3}}


@pytest.mark.parametrize("method", METHODS)
def test_a_copy_has_the_types_levels_and_ranges_of_the_table(method):
    dataset = dataset_of(typed())
    made = synthesize(dataset, method=method, **QUICK.get(method, {})).frame
    real = dataset.frame[list(made)]
    assert list(made) == list(real) and (made.dtypes == real.dtypes).all()
    for name in ("y", "is_new", "owns", "grade", "sex", "few"):
        assert set(made[name].dropna().unique()) <= set(real[name].dropna().unique()), name
    assert list(made["grade"].cat.categories) == ["low", "mid", "high", "never"] and made["grade"].cat.ordered
    for name, decimals in (("age", 0), ("share", 3), ("wage", 2)):
        values = made[name].dropna().astype(float)
        assert values.between(real[name].min(), real[name].max()).all()
        np.testing.assert_array_equal(values.round(decimals), values)
    json.dumps(synthesize(dataset, method=method, **QUICK.get(method, {})).card, allow_nan=False)


@settings(max_examples=25)
@given(seed=st.integers(0, 999), n=st.integers(20, 120))
def test_there_and_back_every_value_stands(seed, n):
    frame = typed(n, seed).assign(
        mixed=pd.Series([1, "1", None, 2.5] * n, dtype=object).iloc[:n], tiny=np.arange(n) * 1e-9
    )
    coding = coding_of(frame)
    pd.testing.assert_frame_equal(coding.decode(*coding.encode(frame)), frame)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_makes_the_same_copy(method):
    dataset, own = dataset_of(typed(200)), QUICK.get(method, {})
    first = synthesize(dataset, method=method, random_state=5, **own)
    np.random.random(3)
    if method == "ctgan":
        import torch

        torch.rand(3)
    again = synthesize(dataset, method=method, random_state=5, **own)
    pd.testing.assert_frame_equal(first.frame, again.frame)
    assert not first.frame.equals(synthesize(dataset, method=method, random_state=6, **own).frame)


@pytest.mark.parametrize(
    ("method", "ratio"), [("undersample", 0.5), ("smote", 0.5), ("copula", 0.5), ("copula", 0.2), ("ctgan", 0.5)]
)
def test_the_outcomes_come_in_the_share_asked_for(method, ratio):
    made = synthesize(dataset_of(typed()), method=method, ratio=ratio, **QUICK.get(method, {})).frame
    share = made["y"].mean()
    assert min(share, 1 - share) == pytest.approx(ratio, abs=0.006)


def test_real_rows_are_real_and_smote_keeps_them():
    dataset = dataset_of(typed())
    real = dataset.frame
    thin = synthesize(dataset, method="undersample").frame

    def key(frame):
        return frame.astype(object).fillna("?").astype(str).agg("|".join, axis=1)

    assert set(key(thin)) <= set(key(real[list(thin)]))
    more = synthesize(dataset, method="smote").frame
    made = more.iloc[len(real) :]
    is_rare = 1 if dataset.base_rate < 0.5 else 0
    assert len(made) and (made["y"] == is_rare).all() and made["age"].nunique() > 3


def test_no_number_lies_beyond_ten_people():
    frame = typed(500)
    frame.loc[0, "wage"] = 1e7  # somebody
    dataset = dataset_of(frame)
    for method in ("copula", "ctgan"):
        made = synthesize(dataset, method=method, **QUICK.get(method, {})).frame
        known = np.sort(frame["wage"].dropna())
        assert made["wage"].max() <= known[-10] and made["wage"].min() >= known[9]


def test_a_copula_keeps_margins_and_correlations():
    """Normal variables behind it: their correlations come back, also where only levels are seen."""
    random = np.random.default_rng(0)
    wanted = np.array([[1, 0.6, -0.4], [0.6, 1, 0.3], [-0.4, 0.3, 1]])
    normal = random.multivariate_normal(np.zeros(3), wanted, 20_000)
    numbers = np.column_stack([np.exp(normal[:, 0]), normal[:, 1]])
    codes = (normal[:, 2] > 0.3).astype(np.int64)[:, None]
    frame = pd.DataFrame({"a": numbers[:, 0], "b": numbers[:, 1], "y": codes[:, 0]})
    copula = GaussianCopula(numbers, codes, coding_of(frame, discrete=["y"]), outcome=0)
    made, levels = copula.draw(20_000, np.random.default_rng(1))
    assert stats.spearmanr(*made.T)[0] == pytest.approx(stats.spearmanr(*numbers.T)[0], abs=0.03)
    for i in range(2):
        assert stats.ks_2samp(made[:, i], numbers[:, i]).statistic < 0.02
        real, own = (
            stats.pointbiserialr(y[:, 0], stats.rankdata(x[:, i]))[0] for y, x in ((codes, numbers), (levels, made))
        )
        assert own == pytest.approx(real, abs=0.03)
    assert levels.mean() == pytest.approx(codes.mean(), abs=0.015)


@pytest.mark.parametrize("marginals", ["quantiles", "beta"])
def test_a_beta_margin_has_the_range_mean_and_variance_of_the_column(marginals):
    dataset = dataset_of(typed(3_000))
    made = synthesize(dataset, method="copula", n_rows=20_000, marginals=marginals).frame["wage"].dropna()
    real = dataset.frame["wage"].dropna()
    assert made.mean() == pytest.approx(real.mean(), rel=0.02) and made.std() == pytest.approx(real.std(), rel=0.06)


def test_ctgan_learns_modes_and_what_goes_with_them():
    """A number with two modes that a level tells, which a normal curve cannot make: after some epochs both come, and
    in the right place.
    """
    random = np.random.default_rng(0)
    level = random.integers(0, 2, 2_000)
    numbers = np.where(level == 1, 10.0, -10.0) + random.normal(0, 0.5, 2_000)
    made, codes = CTGAN(numbers[:, None], level[:, None], (2,), epochs=30, random_state=0).draw(
        1_000, np.random.default_rng(0)
    )
    assert np.abs(np.abs(made) - 10).max() < 4
    assert (np.sign(made[:, 0]) == np.where(codes[:, 0] == 1, 1, -1)).mean() > 0.9
    assert codes.mean() == pytest.approx(0.5, abs=0.1)


def test_ctgan_stops_when_asked():
    class Stop(Exception):
        pass

    def progress(share, text):
        if "epoch 3" in text:
            raise Stop

    with pytest.raises(Stop):
        synthesize(dataset_of(typed(200)), method="ctgan", epochs=50, progress=progress)


def test_likeness_against_other_libraries_and_a_fresh_sample():
    random = np.random.default_rng(0)
    a, b = random.integers(0, 3, 500), random.integers(0, 4, 500)
    b = np.where(random.random(500) < 0.3, a, b)
    table = pd.crosstab(a, b).to_numpy()
    chi, n, (r, c) = stats.chi2_contingency(table, correction=False).statistic, table.sum(), table.shape
    phi = max(chi / n - (r - 1) * (c - 1) / (n - 1), 0)
    most = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    assert cramers_v(a, b) == pytest.approx(np.sqrt(phi / most))
    real, fresh, broken = typed(800, 1), typed(800, 2), typed(800, 3).assign(age=18)
    good, bad = (fidelity(real, own, schema=schema_of(real)) for own in (fresh, broken))
    worst = good.columns.set_index("column")["similarity"]
    assert worst["age"] == pytest.approx(1 - stats.ks_2samp(real["age"], fresh["age"]).statistic)
    assert worst["sex"] == pytest.approx(
        1
        - real["sex"]
        .fillna("?")
        .value_counts(normalize=True)
        .sub(fresh["sex"].fillna("?").value_counts(normalize=True))
        .abs()
        .sum()
        / 2
    )
    assert good.told["low"] < 0.5 < good.told["high"] and bad.told["low"] > 0.8
    assert good.summary["marginals"] > 0.95 > 0.94 > bad.summary["worst_marginal"]


def test_ids_dates_and_texts_are_not_copied():
    frame = typed(200).assign(who=range(200), day=pd.Timestamp("2024-01-01"), story=[f"said {i}" for i in range(200)])
    made = synthesize(dataset_of(frame, id="who"), method="copula")
    assert not {"who", "day", "story"} & set(made.frame) and {"day", "story"} <= set(made.card["left_out"])
    own = synthesize(dataset_of(frame, id="who"), method="copula", columns=["age", "story"])
    assert set(own.frame) == {"y", "sex", "age", "story"}
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(own.parquet())), own.frame)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"method": "gan"}, "one of undersample, smote, copula, ctgan"),
        ({"method": "undersample", "ratio": 0.05}, "that the rarer outcome has already"),
        ({"method": "copula", "ratio": 0.7}, "at most 0.5"),
        ({"method": "undersample", "n_rows": 10}, "it follows from the ratio"),
        ({"method": "copula", "n_rows": 0}, "1 to 5,000,000"),
        ({"method": "copula", "epochs": 3}, "one that Gaussian copula has: marginals"),
        ({"method": "ctgan", "epochs": 0}, "a whole number of at least 1"),
        ({"method": "copula", "marginals": "normal"}, "one of quantiles, beta"),
        ({"method": "copula", "columns": ["nope"]}, "'nope'"),
    ],
)
def test_bad_options_are_told(options, told):
    with pytest.raises(InputError, match=told):
        synthesize(dataset_of(typed(200)), **options)
    with pytest.raises(InputError, match="at least 50 rows"):
        synthesize(dataset_of(typed(40)), method="copula")


def test_the_sample_has_what_its_page_needs():
    dataset = load_dataset("sample:residents")
    assert dataset.frame["weekly_wage"].isna().mean() == pytest.approx(0.05, abs=0.01)
    assert (
        set(dataset.attributes) == {"language", "sex"}
        and 0.03 < (dataset.frame["language"] == "indigenous").mean() < 0.1
    )


@pytest.mark.parametrize("method", METHODS)
def test_hostile_columns_are_left_out_or_copied_and_never_break(method):
    random = np.random.default_rng(0)
    n = 300
    frame = typed(n).assign(
        **{
            "huge": random.integers(2**60, 2**62, n),
            "wide": random.choice([1e308, -1e308, 0.0], n),
            "odd": random.normal(0, 1, n),
            "a|b": random.normal(0, 1, n),
            "": 1,
            "none": None,
        },
        far=np.where(np.arange(n) == 0, np.inf, random.random(n)),
    )
    dataset = dataset_of(frame)
    made = synthesize(dataset, method=method, **QUICK.get(method, {}))
    assert {"huge", "wide"} <= set(made.card["left_out"]) and {"odd", "a|b", "far"} <= set(made.frame)
    made.archive()
    if method in ("undersample", "smote"):
        assert made.frame["odd"].iloc[:50].isin(frame["odd"]).all()  # to the last bit


def test_smote_of_levels_alone():
    frame = typed(300)[["y", "is_new", "grade", "few", "sex"]]
    made = synthesize(dataset_of(frame), method="smote").frame
    assert len(made) > 300 and set(made["few"]) == {1.0, 2.5, 4.0}
