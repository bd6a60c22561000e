"""The loans of the Mimesis article: men are approved, women only with a high income; and the tree that learns it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def loans() -> pd.DataFrame:
    """Gender, Income, Approved of 1,000 applicants: the article's own numbers (its step 1, seed 42)."""
    random = np.random.RandomState(42)  # the generator that np.random.seed sets
    genders = random.choice(["Male", "Female"], 1000)
    incomes = random.randint(30_000, 120_000, 1000)
    approved = (genders == "Male") | (incomes > 80_000)
    return pd.DataFrame({"Gender": genders, "Income": incomes, "Approved": approved.astype(int)})


def loan_tree(frame: pd.DataFrame) -> Any:
    """The article's classifier (its step 2): a tree of depth 3 on all rows, Male as 1 and Female as 0."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder
    from sklearn.tree import DecisionTreeClassifier

    code = OrdinalEncoder(categories=[np.array(["Female", "Male"], dtype=object)])
    prepare = ColumnTransformer([("code", code, ["Gender"]), ("number", "passthrough", ["Income"])])
    tree = Pipeline([("prepare", prepare), ("tree", DecisionTreeClassifier(max_depth=3, random_state=0))])
    return tree.fit(frame.astype({"Gender": object})[["Gender", "Income"]], frame["Approved"])
