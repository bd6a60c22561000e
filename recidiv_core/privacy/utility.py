"""What a copy is worth: models trained on it, judged on real people (R, Tables 2 to 4), and what they remember of
those it was made from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import MISSING_GROUP, AuditDataset, Roles, Table, assign_roles, person_codes, shown
from recidiv_core.errors import InputError, Problem
from recidiv_core.groups import audit_groups
from recidiv_core.models import ALGORITHMS, Feature, auc_interval, transferred_scores, usable_features
from recidiv_core.plain import plain
from recidiv_core.privacy.distances import Progress
from recidiv_core.slices import audit_slices
from recidiv_core.stats import mean_bounds, wilson_of_people

CUT = 0.5  # R's models flag at a probability of one half
FIRST_ALGORITHMS = ("random_forest", "logistic_regression")
_LEAST = 1e-15  # of a probability in a log loss
_FEWEST_OF_OUTCOME = 10


@dataclass(frozen=True, eq=False)
class UtilityAudit:
    """What models trained on each variant do with the same real people.

    Attributes
    ----------
    table : DataFrame
        variant, algorithm, title, n_train, n; accuracy and auc with bounds (R's Table 3); log_loss; with training
        records given ``member_auc`` with bounds: how well a low loss tells them from people the copy was not made from
        (0.5: not at all).
    fairness : DataFrame
        variant, algorithm, attribute, and of the group whose selection rate is furthest from the largest group's:
        group, reference, gap with bounds, ratio with bounds (R's Table 4: a gap in points, and disparate impact).
    slices : DataFrame
        variant, algorithm, kind ("worst found", "group"), words, n, share, log_loss with bounds, reason (R's Table 2).
        The worst slice is searched on half of the people and its loss is that of the others.
    """

    table: pd.DataFrame
    fairness: pd.DataFrame
    slices: pd.DataFrame
    options: dict[str, Any]

    def merged(self, other: UtilityAudit) -> UtilityAudit:
        """Both as one."""
        parts = [
            pd.concat([getattr(self, name), getattr(other, name)], ignore_index=True)
            for name in ("table", "fairness", "slices")
        ]
        return UtilityAudit(*parts, self.options)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return plain({"table": self.table, "fairness": self.fairness, "slices": self.slices, "options": self.options})


def audit_utility(
    variants: Mapping[str, pd.DataFrame],
    real_test: AuditDataset,
    *,
    real_train: AuditDataset | None = None,
    algorithms: Sequence[str] = FIRST_ALGORITHMS,
    features: Sequence[str] | None = None,
    random_state: int = 0,
    confidence_level: float = 0.95,
    progress: Progress = None,
) -> UtilityAudit:
    """Train each algorithm on each variant and judge it on ``real_test``, with its usual parameters and a flag at a
    probability of one half.

    Parameters
    ----------
    variants : name -> table with the outcome and the features
    real_test : AuditDataset
        Real people that no variant was made from.
    real_train : AuditDataset, optional
        Those that the copies were made from, for membership inference by the loss (Yeom et al. 2018).
    features : columns, default what a model may take of the real people and all variants have

    Raises
    ------
    InputError
        With every problem found.
    """
    used = _features(variants, real_test, algorithms, features)
    tables, fairness, slices = [], [], []
    jobs = [(variant, name) for variant in variants for name in algorithms]
    for position, (variant, name) in enumerate(jobs):
        if progress is not None:
            progress(position / len(jobs), f"{ALGORITHMS[name].title} trained on {variant}")
        frame = variants[variant]
        frame = frame[frame[real_test.roles.label].notna()]
        y = _is_positive(frame[real_test.roles.label], real_test)
        others = [real_test.frame, *([] if real_train is None else [real_train.frame])]
        scores = transferred_scores(frame, y, others, features=used, algorithm=name, random_state=random_state)
        key = {"variant": variant, "algorithm": name, "title": ALGORITHMS[name].title}
        tables.append(
            key
            | {"n_train": len(frame)}
            | _use(real_test, scores[0], confidence_level)
            | _memory(real_test, real_train, scores, confidence_level)
        )
        scored = _scored(real_test, scores[0])
        fairness += [key | row for row in _gaps(scored, random_state, confidence_level)]
        slices += [key | row for row in _losses(scored, [f.name for f in used], random_state, confidence_level)]
    options = {
        "algorithms": list(algorithms),
        "features": [f.name for f in used],
        "threshold": CUT,
        "random_state": int(random_state),
        "confidence_level": confidence_level,
    }
    return UtilityAudit(pd.DataFrame(tables), pd.DataFrame(fairness), pd.DataFrame(slices), options)


def _features(
    variants: Mapping[str, pd.DataFrame],
    real_test: AuditDataset,
    algorithms: Sequence[str],
    features: Sequence[str] | None,
) -> list[Feature]:
    problems = [
        Problem("algorithm", f"one of {', '.join(ALGORITHMS)}", "another")
        for n in algorithms
        if n not in ALGORITHMS or ALGORITHMS[n].mitigates
    ]
    if not variants or not algorithms:
        problems.append(Problem("variants and algorithms", "at least one of each", "none"))
    usable, _ = usable_features(real_test, features=features)
    label = real_test.roles.label
    used = [f for f in usable if features is not None or all(f.name in frame for frame in variants.values())]
    for variant, frame in variants.items():
        problems += [
            Problem(f"{variant}, column {shown(n)}", "a column of every variant", "no such column")
            for n in (label, *(f.name for f in used))
            if n not in frame
        ]
        if label in frame:
            counts = np.bincount(_is_positive(frame[label].dropna(), real_test), minlength=2)
            if counts.min() < _FEWEST_OF_OUTCOME:
                problems.append(
                    Problem(
                        f"{variant}, outcome {shown(label)}",
                        f"at least {_FEWEST_OF_OUTCOME} rows with and {_FEWEST_OF_OUTCOME} without it",
                        f"{counts[1]:,} and {counts[0]:,}",
                    )
                )
    if not used:
        problems.append(Problem("features", "at least one that all variants have", "none"))
    if problems:
        raise InputError(problems)
    return used


def _is_positive(column: pd.Series, dataset: AuditDataset) -> np.ndarray:
    """Whether each value is one that the real people with the outcome have, in any spelling that the numbers allow."""
    own = (
        pd.to_numeric(column, errors="coerce")
        if pd.api.types.is_numeric_dtype(dataset.frame[dataset.roles.label])
        else column.astype(str)
    )
    real = dataset.frame[dataset.roles.label]
    values = set(
        real[dataset.y_true].unique()
        if own.dtype != object and pd.api.types.is_numeric_dtype(own)
        else real[dataset.y_true].astype(str).unique()
    )
    return own.isin(values).to_numpy()


def _person(dataset: AuditDataset) -> np.ndarray | None:
    if dataset.roles.id is None:
        return None
    codes = person_codes(dataset.frame[dataset.roles.id])
    return codes if len(np.unique(codes)) < len(codes) else None


def _use(real_test: AuditDataset, score: np.ndarray, confidence_level: float) -> dict[str, float]:
    """R's Table 3."""
    y, person = real_test.y_true, _person(real_test)
    is_right = ((score >= CUT) == y).astype(float)
    low, high = wilson_of_people(
        is_right, np.arange(len(y)) if person is None else person, confidence_level=confidence_level
    )
    auc, auc_low, auc_high = auc_interval(y, score, person=person, confidence_level=confidence_level)
    return {
        "n": len(y),
        "accuracy": float(is_right.mean()),
        "accuracy_low": low,
        "accuracy_high": high,
        "auc": auc,
        "auc_low": auc_low,
        "auc_high": auc_high,
        "log_loss": float(_log_loss(y, score).mean()),
    }


def _memory(
    real_test: AuditDataset, real_train: AuditDataset | None, scores: Sequence[np.ndarray], confidence_level: float
) -> dict[str, float]:
    """The AUC with which a low loss tells training records from others."""
    if real_train is None:
        return {}
    loss = np.concatenate([_log_loss(real_train.y_true, scores[1]), _log_loss(real_test.y_true, scores[0])])
    is_member = np.repeat([True, False], [len(real_train), len(real_test)])
    people = [_person(own) for own in (real_train, real_test)]
    person = None
    if any(own is not None for own in people):
        first, second = (
            np.arange(len(d)) if own is None else own for own, d in zip(people, (real_train, real_test), strict=True)
        )
        person = np.concatenate([first, second + first.max() + 1])
    auc, low, high = auc_interval(is_member, -loss, person=person, confidence_level=confidence_level)
    return {"member_auc": auc, "member_low": low, "member_high": high}


def _log_loss(y: np.ndarray, score: np.ndarray) -> np.ndarray:
    """R's equation 12, of each row."""
    p = np.clip(score, _LEAST, 1 - _LEAST)
    return -np.where(y, np.log(p), np.log1p(-p))


def _scored(dataset: AuditDataset, score: np.ndarray) -> AuditDataset:
    name = "score of the model trained on the copy"
    table = Table(dataset.frame.assign(**{name: score}), dataset.name, dataset.sha256).derived(
        dataset.frame.assign(**{name: score}), "score", "copy"
    )
    return assign_roles(table, Roles(**(dataset.roles.to_dict() | {"score": name, "prediction": None})))


def _gaps(scored: AuditDataset, random_state: int, confidence_level: float) -> list[dict[str, Any]]:
    """R's Table 4: of each attribute the group whose share flagged is furthest from that of the largest."""
    audit = audit_groups(scored, threshold=CUT, random_state=random_state, confidence_level=confidence_level)
    rates = audit.references[audit.references["metric"] == "selection_rate"]
    sizes = audit.by_group.set_index(["attribute", "group"])["n"]
    found = []
    for attribute, own in rates[rates["difference"].notna()].groupby("attribute", sort=False):
        row = own.loc[own["difference"].abs().idxmax()]
        found.append(
            {
                "attribute": attribute,
                "group": row["group"],
                "n_group": int(sizes.loc[(attribute, row["group"])]),
                "n_reference": int(sizes.loc[(attribute, row["reference"])]),
                "reference": row["reference"],
                "gap": row["difference"],
                "gap_low": row["low"],
                "gap_high": row["high"],
                "ratio": row["ratio"],
                "ratio_low": row["ratio_low"],
                "ratio_high": row["ratio_high"],
            }
        )
    return found


def _losses(
    scored: AuditDataset, features: Sequence[str], random_state: int, confidence_level: float
) -> list[dict[str, Any]]:
    """R's Table 2: the worst slice that a search finds, and each group."""
    rows = [_worst_slice(scored, features, random_state, confidence_level)]
    loss = _log_loss(scored.y_true, scored.y_score)
    for attribute in scored.attributes.values():
        for code, level in enumerate(attribute.levels):
            own = loss[attribute.codes == code]
            if level == MISSING_GROUP or len(own) < 2:
                continue
            low, high = mean_bounds(own, confidence_level=confidence_level)
            rows.append(
                {
                    "kind": "group",
                    "attribute": attribute.name,
                    "words": f"{attribute.name} = {level}",
                    "n": len(own),
                    "share": len(own) / len(loss),
                    "log_loss": float(own.mean()),
                    "low": low,
                    "high": high,
                    "is_confirmed": False,
                    "reason": "",
                }
            )
    return rows


def _worst_slice(
    scored: AuditDataset, features: Sequence[str], random_state: int, confidence_level: float
) -> dict[str, Any]:
    """The slice with the highest log loss, on held-out rows; where none is found, why not."""
    row: dict[str, Any] = {"kind": "worst found", "attribute": ""}
    try:
        found = audit_slices(
            scored,
            error="log_loss",
            features=features,
            k=1,
            random_state=random_state,
            confidence_level=confidence_level,
        )
        reason = found.reason or "no slice with more error than the average was found"
    except InputError as error:
        found, reason = None, str(error.problems[0].expected)
    if found is None or not len(found.table):
        nothing = dict.fromkeys(("share", "log_loss", "low", "high"), np.nan)
        return row | {"words": "none", "n": 0} | nothing | {"is_confirmed": False, "reason": reason}
    best = found.table.iloc[0]
    return row | {
        "words": best["words"],
        "n": int(best["held_out_n"]),
        "share": best["share"],
        "log_loss": best["held_out_error"],
        "low": best["low"] + best["held_out_error"] - best["excess"],
        "high": best["high"] + best["held_out_error"] - best["excess"],
        "is_confirmed": bool(best["confirmed"]),
        "reason": best["reason"] or "",
    }
