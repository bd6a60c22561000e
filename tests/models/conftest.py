"""Tables with a known truth, small enough to train on in a test."""

import numpy as np
import pandas as pd
import pytest

from recidiv_core.data import read_table
from recidiv_core.models import training_dataset


def planted(n=1_500, seed=0, people=None):
    """y depends on age, priors and district North; noise on nothing. Group B lives in the North."""
    random = np.random.default_rng(seed)
    group = random.choice(["A", "B"], n, p=[0.6, 0.4])
    district = np.where(random.random(n) < np.where(group == "B", 0.85, 0.1), "North", "South")
    frame = pd.DataFrame(
        {
            "age": random.integers(18, 70, n),
            "priors": random.poisson(2, n).astype(float),
            "district": district,
            "noise": np.random.default_rng(seed + 1).normal(size=n),
            "group": group,
            "sex": random.choice(["f", "m"], n),
            "person": np.arange(n) if people is None else random.integers(0, people, n),
        }
    )
    logit = -0.06 * (frame["age"] - 40) + 0.5 * (frame["priors"] - 2) + 1.2 * (frame["district"] == "North") - 0.6
    frame["y"] = (random.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
    frame.loc[frame.index % 17 == 0, "priors"] = np.nan
    frame["later"] = frame["y"].astype(float).where(frame.index % 5 > 0)
    return frame


def dataset_of(frame, **options):
    usual = {
        "outcomes": ["y"],
        "sensitive": ["group"],
        "features": ["age", "priors", "district", "noise"],
        "id": "person",
    }
    return training_dataset(read_table(frame, name="planted"), **(usual | options))


@pytest.fixture(scope="session")
def dataset():
    return dataset_of(planted())
