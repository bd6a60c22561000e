"""Tables that the tests of copies share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from recidiv_core.data import read_table
from recidiv_core.models import training_dataset
from recidiv_core.privacy import split_real


def typed(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """A column of each type that a table may have, with missing values where the type can have them."""
    random = np.random.default_rng(seed)
    age = random.integers(18, 80, n)
    risk = random.random(n)
    frame = pd.DataFrame(
        {
            "y": (risk + 0.01 * age + random.normal(0, 0.3, n) > 0.9).astype("int8"),
            "age": age.astype("int64"),
            "visits": pd.array(random.integers(0, 300, n), dtype="Int64"),
            "share": risk.round(3),
            "wage": np.round(np.exp(random.normal(7, 0.4, n)), 2),
            "is_new": random.random(n) < 0.3,
            "owns": pd.array(random.random(n) < 0.5, dtype="boolean"),
            "grade": pd.Categorical(
                random.choice(["low", "mid", "high"], n), categories=["low", "mid", "high", "never"], ordered=True
            ),
            "sex": random.choice(["F", "M"], n, p=[0.3, 0.7]),
            "few": random.choice([1.0, 2.5, 4.0], n),
        }
    )
    frame.loc[random.random(n) < 0.1, ["wage"]] = np.nan
    frame.loc[random.random(n) < 0.1, "visits"] = pd.NA
    frame.loc[random.random(n) < 0.1, "owns"] = pd.NA
    frame.loc[random.random(n) < 0.1, "sex"] = None
    return frame


def dataset_of(frame: pd.DataFrame, **roles):
    roles = {"outcomes": ["y"], "sensitive": ["sex"]} | roles
    return training_dataset(read_table(frame, name="people"), **roles)


@pytest.fixture(scope="session")
def people_split():
    """Two halves of 2,000 typed people."""
    return split_real(dataset_of(typed(2_000)))
