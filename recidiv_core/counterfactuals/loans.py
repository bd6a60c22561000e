"""The Mimesis article's own audit: its tree, and its profiles."""

from __future__ import annotations

import pandas as pd

from recidiv_core.counterfactuals.fields import FieldSpec, ProfileSpec
from recidiv_core.data import AuditDataset, loan_tree
from recidiv_core.models import Feature, TrainedModel


def loan_model(frame: pd.DataFrame) -> TrainedModel:
    """The article's tree of depth 3, trained on all of its rows (M, step 2)."""
    tree = loan_tree(frame)
    features = (Feature("Gender", "category", ("Female", "Male")), Feature("Income", "number"))
    card = {
        "title": "The article's tree",
        "algorithm": "decision_tree",
        "outcome": "Approved",
        "decisions": ("Denied", "Approved"),
        "threshold": 0.5,
        "random_state": 0,
        "features": [{"name": f.name, "kind": f.kind, "levels": list(f.levels)} for f in features],
    }
    return TrainedModel(card["title"], features, lambda X: tree.predict_proba(X)[:, 1], card, pipeline=tree)


def loan_profiles(dataset: AuditDataset | None = None) -> ProfileSpec:
    """An id, and an income between 40,000 and 70,000 (M, step 3)."""
    income = FieldSpec(low=40_000, high=70_000, is_whole=True)
    return ProfileSpec({"Applicant_ID": FieldSpec(field="uuid"), "Income": income}, dataset, "assistive")
