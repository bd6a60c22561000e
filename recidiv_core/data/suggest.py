"""Roles guessed from names and values, for a person to confirm. Nothing is audited on a guess."""

from __future__ import annotations

import re

import pandas as pd

from recidiv_core.data.roles import Roles
from recidiv_core.data.tables import Table

_NAMES = {
    "label": r"two_year_recid|recidivat|is_recid|^recid|label|outcome|target|y_true|default|event|^y$",
    "score": r"^decile_score$|score|proba?|risk|y_score",
    "prediction": r"predict|y_pred|decision|flagged",
    "sensitive": r"race|ethnic|^sex$|gender|^black$|^white$|age_cat|^age$|religio|nationalit|disab|^group$",
    "weight": r"weight",
    "id": r"^id$|_id$|^key$",
}


def suggest_roles(table: Table) -> Roles | None:
    """A likely reading of the columns, or None when no two-valued column or no score can be told."""
    frame = table.frame
    levels = {column: frame[column].nunique() for column in frame.columns}
    numeric = {c for c in frame.columns if pd.api.types.is_numeric_dtype(frame[c])}
    plain = [c for c in frame if not re.search(_NAMES["sensitive"], c, re.IGNORECASE)]
    two_valued = [c for c in plain if levels[c] == 2]
    label = _first("label", two_valued) or next((c for c in two_valued if c in numeric), None)
    score = _first("score", [c for c in plain if c in numeric and levels[c] > 2])
    prediction = _first("prediction", [c for c in frame if levels[c] == 2 and c != label])
    if label is None or (score is None and prediction is None):
        return None
    fits = [c for c in frame if c not in (label, score) and (2 <= levels[c] <= 20 or c in numeric)]
    sensitive = tuple(c for c in fits if re.search(_NAMES["sensitive"], c, re.IGNORECASE))
    values = frame[label].dropna().unique()
    positive = next((v for v in values if str(v).lower() in ("1", "1.0", "true", "yes")), sorted(values, key=str)[-1])
    return Roles(
        label,
        score=score,
        prediction=None if score else prediction,
        sensitive=sensitive,
        id=_first("id", list(frame.columns)),
        weight=_first("weight", sorted(numeric)),
        positive_label=1 if str(positive).lower() in ("1", "1.0", "true") else str(positive),
    )


def _first(role: str, columns: list[str]) -> str | None:
    """The column that the earliest alternative of the role's pattern finds."""
    for pattern in _NAMES[role].split("|"):
        found = next((c for c in columns if re.search(pattern, c, re.IGNORECASE)), None)
        if found is not None:
            return found
    return None
