"""Models whose decisions are known, and small tables to ask with."""

import numpy as np
import pandas as pd
import pytest

from recidiv_core.data import read_table
from recidiv_core.models import Feature, TrainedModel, training_dataset


def model_of(rule, /, **kinds):
    """A model that scores by ``rule(X)``; ``kinds`` gives a column's levels, or "number"."""
    features = tuple(
        Feature(name, "number") if kind == "number" else Feature(name, "category", tuple(kind))
        for name, kind in kinds.items()
    )
    return TrainedModel("a rule", features, rule, {"title": "a rule"})


def people(n=400, seed=0):
    """Race, sex, age, priors (some missing), work, in the types that tables come in."""
    random = np.random.default_rng(seed)
    age = random.integers(18, 70, n)
    return pd.DataFrame(
        {
            "race": pd.Categorical(random.choice(["W", "B", "A"], n), categories=["W", "B", "A"], ordered=True),
            "sex": random.choice(["f", "m"], n),
            "age": age,
            "first": np.minimum(random.integers(12, 40, n), age),
            "priors": pd.array(np.where(random.random(n) < 0.1, None, random.poisson(3, n)), dtype="Int64"),
            "income": random.lognormal(10, 0.5, n),
            "works": random.random(n) < 0.5,
            "district": random.choice(["North", "South", "East"], n),
            "y": random.integers(0, 2, n),
            "who": random.integers(0, n // 2, n),
        }
    )


def dataset_of(frame, sensitive=("race", "sex"), **options):
    return training_dataset(read_table(frame, name="people"), outcomes=["y"], sensitive=sensitive, **options)


@pytest.fixture(scope="session")
def dataset():
    frame = people()
    made = dataset_of(frame)
    # Reading a frame keeps its types: what clones must keep too.
    assert made.frame["race"].cat.categories.tolist() == ["W", "B", "A"] and made.frame["race"].cat.ordered
    return made
