"""A trained model: what it takes, how it scores, and the card that travels with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset, Roles, Table, assign_roles, shown
from recidiv_core.errors import InputError, Problem
from recidiv_core.files import write_whole
from recidiv_core.models.algorithms import algorithm_of
from recidiv_core.models.evaluate import auc_of
from recidiv_core.models.fitting import Progress, fit, n_fits, tune
from recidiv_core.models.prepare import (
    CATEGORY,
    NUMBER,
    Feature,
    check_search,
    check_size,
    model_frame,
    outcome_part,
    rows_of,
    splits,
    usable_features,
)
from recidiv_core.plain import plain
from recidiv_core.stats import auc_bounds, normal_quantile
from recidiv_core.version import __version__


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """``features`` are its columns, ``score`` takes them as :func:`model_frame` makes them and gives one number a row.

    ``card`` is what is known of it. ``columns`` maps a feature to the table's column where the two have different
    names. ``held_out`` (n,) marks the rows of the table it was trained on that it has not seen; None for a model from
    outside.
    """

    title: str
    features: tuple[Feature, ...]
    score: Callable[[pd.DataFrame], np.ndarray] = field(repr=False)
    card: dict[str, Any]
    columns: dict[str, str] = field(default_factory=dict)
    held_out: np.ndarray | None = field(default=None, repr=False)
    pipeline: Any = field(default=None, repr=False)

    def match(self, frame: pd.DataFrame) -> tuple[list[Problem], list[str]]:
        """What keeps the model from scoring ``frame``, and what is worth knowing: every mismatch by its column's
        name.
        """
        problems, notes = [], []
        for feature in self.features:
            name = self.columns.get(feature.name, feature.name)
            where = shown(name) if name == feature.name else f"{shown(name)} for {shown(feature.name)}"
            if name not in frame:
                problems.append(
                    Problem(
                        f"column {where}", f"a {feature.kind}, which the model takes", "no such column in the table"
                    )
                )
                continue
            own = frame[name]
            if feature.kind == NUMBER:
                n_bad = int((pd.to_numeric(own, errors="coerce").isna() & own.notna()).sum())
                if n_bad or pd.api.types.is_datetime64_any_dtype(own):
                    problems.append(
                        Problem(
                            f"column {where}",
                            "numbers, which the model takes",
                            f"{n_bad or len(own):,} values that are none",
                        )
                    )
            elif feature.levels:
                unknown = sorted(
                    set(model_frame(own.drop_duplicates().to_frame(), [Feature(name, CATEGORY)])[name].dropna())
                    - set(feature.levels)
                )
                if unknown:
                    notes.append(
                        f"{where}: {len(unknown):,} values that the model has not seen; it treats them as rare ones"
                    )
        extra = [name for name in frame if name not in {self.columns.get(f.name, f.name) for f in self.features}]
        if extra:
            notes.append(f"{len(extra):,} columns that the model does not take")
        return problems, notes

    def predict_score(self, frame: pd.DataFrame) -> np.ndarray:
        """One score a row, shape (n,).

        Raises
        ------
        InputError
            With every column that does not match, or when the model gives something else than one finite number a row.
        """
        problems, _ = self.match(frame)
        if problems:
            raise InputError(problems)
        own = frame.rename(columns={column: name for name, column in self.columns.items()})[
            [f.name for f in self.features]
        ]
        if not len(own):
            return np.empty(0)
        made = np.asarray(self.score(model_frame(own, self.features)), dtype=float).reshape(-1)
        if made.shape != (len(own),) or not np.isfinite(made).all():
            raise InputError.one(f"model {shown(self.title)}", "one finite score a row", "something else")
        return made

    def scored(self, table: Table, roles: Roles) -> AuditDataset:
        """``table`` with the model's score as a column, ready for an audit by ``roles`` (whose score it becomes)."""
        name = "model score"
        while name in table.frame:
            name += " (new)"
        frame = table.frame.assign(**{name: self.predict_score(table.frame)})
        made = table.derived(frame, "model", self.card.get("sha256", self.title))
        made = made.noted(
            "scored",
            f"{shown(name)} computed by the model {shown(self.title)}; whether it was trained on these rows is not "
            "known",
        )
        for note in self.match(table.frame)[1]:
            made = made.noted("noticed", note)
        own = Roles(
            **(
                roles.to_dict()
                | {
                    "score": name,
                    "prediction": None,
                    "features": tuple(self.columns.get(f.name, f.name) for f in self.features),
                }
            )
        )
        return assign_roles(made, own)

    def to_bytes(self) -> bytes:
        """The model as a skops file: ``{"recidiv": card, "pipeline": …}``."""
        import skops.io

        if self.pipeline is None:
            raise InputError.one("model", "one trained here", "one from outside")
        return skops.io.dumps({"recidiv": json.dumps(self.card), "pipeline": self.pipeline})

    def save(self, path: str | Path) -> None:
        """Write :meth:`to_bytes` to ``path``."""
        write_whole(path, self.to_bytes())


def train_model(
    dataset: AuditDataset,
    *,
    algorithm: str,
    outcome: str | None = None,
    features: Sequence[str] | None = None,
    unaware: bool = False,
    balance: float | None = None,
    n_inner: int = 5,
    n_iter: int = 20,
    random_state: int = 0,
    progress: Progress = None,
) -> TrainedModel:
    """Tune and train one model on 70 % of the people, and measure it on the others: what is saved is what was measured.

    Options as :func:`evaluate_models`. Its card holds the data's digest, columns, seed, parameters and the held-out
    metrics.
    """
    chosen = algorithm_of(algorithm)
    check_search(n_inner=n_inner, n_iter=n_iter, random_state=random_state)
    if chosen.mitigates:
        raise InputError.one("algorithm", "one that makes a model which can be saved", chosen.title)
    label = outcome or dataset.roles.label
    own, _ = outcome_part(dataset, label)
    used, _ = usable_features(own, unaware=unaware, features=features)
    rows = rows_of(own, used, dataset.roles.sensitive[0])
    check_size(rows, 2, n_inner if n_iter else 2)
    ((train, test),) = splits(rows, 1, random_state)
    total, done = n_fits(chosen, n_iter=n_iter, n_inner=n_inner), 0

    def tick(text: str) -> None:
        nonlocal done
        if progress is not None:
            progress(done / total, f"{chosen.title}: {text}")
        done += 1

    tuned = tune(
        chosen, used, rows, train, n_iter=n_iter, n_inner=n_inner, balance=balance, random_state=random_state, tick=tick
    )
    tick("the last fit")
    fitted = fit(chosen, used, rows, train, params=tuned.params, balance=balance, random_state=random_state)
    auc, error = auc_of(rows, test, fitted.score(rows.X.iloc[test]))
    n_positive = int(rows.y[test].sum())
    low, high = auc_bounds(auc, error, n_positive, len(test) - n_positive, normal_quantile(0.95))
    held_out = np.zeros(len(rows.y), bool)
    held_out[test] = True
    card = {
        "recidiv": __version__,
        "algorithm": algorithm,
        "title": chosen.title,
        "outcome": label,
        "positive_label": own.roles.positive_label,
        "params": tuned.params,
        "features": [{"name": f.name, "kind": f.kind, "levels": list(f.levels)} for f in used],
        "unaware": unaware,
        "sensitive": list(own.roles.sensitive),
        "balance": balance,
        "random_state": random_state,
        "data": {**_about(own), "n_train": fitted.n_train, "n_held_out": len(test)},
        "held_out": {"auc": auc, "low": float(low), "high": float(high), "base_rate": float(rows.y[test].mean())},
    }
    return TrainedModel(
        title=chosen.title,
        features=used,
        score=fitted.score,
        card=plain(card),
        columns={},
        held_out=held_out,
        pipeline=fitted.model,
    )


def _about(dataset: AuditDataset) -> dict[str, Any]:
    """What a card says of the data."""
    return {"name": dataset.name, "sha256": dataset.sha256, "digest": dataset.digest, "n": len(dataset)}
