"""How the model treats each group."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset
from recidiv_core.errors import InputError, Problem
from recidiv_core.groups.estimates import ScoreStatistics, estimate_groups
from recidiv_core.groups.result import GroupAudit
from recidiv_core.groups.scores import calibration_table, cutpoint_table, roc_table
from recidiv_core.groups.tables import attribute_tables
from recidiv_core.options import LARGEST_SEED, MOST_DRAWS, as_found, is_number, is_seed, is_threshold
from recidiv_core.stats import (
    CELLS,
    ConfusionCounts,
    ScoreCurves,
    baseline_threshold,
    compare_groups,
    normal_quantile,
    prevalence_threshold,
)

MIN_N_BOOT = 100


def score_curves(dataset: AuditDataset, *, attribute: str) -> ScoreCurves:
    """The score curves of one attribute's groups, reduced at the first call."""
    groups = dataset.attributes[attribute]
    return dataset.reduced(
        ("curves", attribute),
        lambda: ScoreCurves.from_codes(
            dataset.y_true, dataset.y_score, groups.codes, groups.levels, sample_weight=dataset.weight
        ),
    )


def default_threshold(dataset: AuditDataset) -> float:
    """F's baseline threshold over all rows (most recall with precision ≥ 0.85, else most precision)."""
    attribute = dataset.roles.sensitive[0]
    return dataset.reduced("baseline", lambda: baseline_threshold(score_curves(dataset, attribute=attribute).pooled))


def matching_threshold(dataset: AuditDataset) -> float:
    """The threshold over all rows at which about as many people are flagged as had the outcome."""
    attribute = dataset.roles.sensitive[0]
    return prevalence_threshold(score_curves(dataset, attribute=attribute).pooled)


def audit_groups(
    dataset: AuditDataset,
    *,
    threshold: float | None = None,
    flagged: np.ndarray | None = None,
    tolerance: float = 0.01,
    confidence_level: float = 0.95,
    n_boot: int = 1000,
    min_support: int = 30,
    reference: str | Mapping[str, str] | None = None,
    random_state: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> GroupAudit:
    """Audit how each group of each protected attribute is treated at one threshold.

    Parameters
    ----------
    threshold : float, optional
        Flag a row when its score ≥ threshold, in the score's own unit. None: the prediction column when there is
        one, else the baseline threshold of F, section 3.6.
    flagged : bool array, shape (n,), optional
        Who is flagged, where something other than one threshold or the prediction column decides it.
    tolerance : float
        ε: a range of a metric over groups below it is *within* (F, section 3.6).
    min_support : int
        Groups with fewer rows, or fewer than 10 in a metric's denominator, are left out of comparisons.
    reference : str or mapping of attribute -> group, optional
        The group that differences and ratios are taken to; the largest by default.

    Raises
    ------
    InputError
        When an option is out of range or the reference does not exist.
    """
    options = {
        "threshold": threshold,
        "tolerance": tolerance,
        "confidence_level": confidence_level,
        "n_boot": n_boot,
        "min_support": min_support,
        "reference": reference,
        "random_state": random_state,
    }
    references = _checked_options(dataset, options, flagged)
    if flagged is None:
        flagged, used, source = _flagged(dataset, threshold)
    else:
        used, source = None, "rule"
    joint = _joint_counts(dataset, flagged)
    parts, critical = [], {}
    for position, (name, attribute) in enumerate(dataset.attributes.items()):
        if progress:
            progress(position / len(dataset.attributes), f"Comparing the groups of {name}")
        counts = joint.counts.collapse(joint.combinations[:, position], attribute.levels)
        scores = _score_statistics(dataset, name)
        # By its name: what else is audited beside an attribute must not change its numbers.
        random = np.random.default_rng([random_state, zlib.crc32(name.encode())])
        groups = estimate_groups(counts, scores, min_support=min_support, n_boot=n_boot, random=random)
        comparison = compare_groups(groups.estimates, tolerance=tolerance, confidence_level=confidence_level)
        critical[name] = comparison.critical
        parts.append(
            attribute_tables(
                attribute,
                counts,
                groups,
                comparison,
                scores,
                options | {"reference": references[name]},
                dataset.roles.polarity,
                random,
            )
        )
    tables = {key: pd.concat([part[key] for part in parts], ignore_index=True) for key in parts[0]}
    tables |= _score_tables(dataset, confidence_level)
    if progress:
        progress(1.0, "Done")
    return GroupAudit(
        dataset={"name": dataset.name, "sha256": dataset.sha256, "digest": dataset.digest, "n": len(dataset)},
        roles=dataset.roles,
        options=options,
        threshold=used,
        threshold_source=source,
        cells=joint.table(dataset),
        ledger=dataset.ledger_table(),
        critical=critical,
        **tables,
    )


def _checked_options(
    dataset: AuditDataset, options: dict[str, Any], flagged: np.ndarray | None
) -> dict[str, str | None]:
    """The reference group of each attribute (None: the largest); raises with every option out of range."""
    problems = []
    limits = {
        "tolerance": ("a number from 0 to 1", lambda x: is_number(x, 0, 1)),
        "confidence_level": ("a number between 0.5 and 1", lambda x: is_number(x, 0.5, 1) and 0.5 < x < 1),
        "n_boot": (
            f"a whole number of at least {MIN_N_BOOT} and at most {MOST_DRAWS:,}",
            lambda x: is_number(x, MIN_N_BOOT, MOST_DRAWS, whole=True),
        ),
        "min_support": ("a whole number of at least 1", lambda x: is_number(x, 1, 2**53, whole=True)),
        "random_state": (f"a whole number from 0 to {LARGEST_SEED}", is_seed),
    }
    for name, (expected, fits) in limits.items():
        if not fits(options[name]):
            problems.append(Problem(name, expected, as_found(options[name])))
    if options["threshold"] is not None:
        if dataset.y_score is None:
            problems.append(Problem("threshold", "a score column to apply it to", "a prediction column only"))
        elif not (is_threshold(options["threshold"]) or options["threshold"] == -math.inf):  # which flags everybody
            problems.append(Problem("threshold", "a number", as_found(options["threshold"])))
    if flagged is not None and (options["threshold"] is not None or flagged.shape != (len(dataset),)):
        problems.append(Problem("flagged", f"a value for each of {len(dataset):,} rows, and no threshold", "otherwise"))
    reference = options["reference"]
    chosen: dict[str, str | None] = dict.fromkeys(dataset.attributes)
    if reference is not None:
        pairs = reference.items() if isinstance(reference, Mapping) else [(n, reference) for n in chosen]
        found = {n: g for n, g in pairs if n in chosen and g in dataset.attributes[n].levels}
        wrong = set(dict(pairs)) - set(found) if isinstance(reference, Mapping) else not found
        if wrong:
            problems.append(Problem("reference", "a group of a protected attribute", "a group that does not occur"))
        chosen |= found
    if problems:
        raise InputError(problems)
    return chosen


def _flagged(dataset: AuditDataset, threshold: float | None) -> tuple[np.ndarray, float | None, str]:
    if threshold is None and dataset.y_pred is not None:
        return dataset.y_pred, None, "prediction"
    used = default_threshold(dataset) if threshold is None else float(threshold)
    return dataset.y_score >= used, used, "baseline" if threshold is None else "given"


class _Joint:
    """Confusion counts of every combination of all attributes' groups: the one pass over the rows."""

    def __init__(self, counts: ConfusionCounts, combinations: np.ndarray):
        self.counts, self.combinations = counts, combinations

    def table(self, dataset: AuditDataset) -> pd.DataFrame:
        columns = {
            name: np.array(attribute.levels, dtype=object)[self.combinations[:, i]]
            for i, (name, attribute) in enumerate(dataset.attributes.items())
        }
        return pd.DataFrame(columns | {cell: self.counts.n[:, i] for i, cell in enumerate(CELLS)})


def _joint_counts(dataset: AuditDataset, flagged: np.ndarray) -> _Joint:
    codes, combinations = dataset.reduced("joint", lambda: _joint_codes(dataset))
    names = tuple(str(i) for i in range(len(combinations)))
    return _Joint(ConfusionCounts.from_codes(names, codes + flagged, sample_weight=dataset.weight), combinations)


def _joint_codes(dataset: AuditDataset) -> tuple[np.ndarray, np.ndarray]:
    """4 · combination + 2 · outcome per row, and the group of each attribute (columns) in each combination."""
    attributes = list(dataset.attributes.values())
    if len(attributes) == 1:
        combination, combinations = attributes[0].codes.astype(np.int64), np.arange(len(attributes[0].levels))[:, None]
    else:
        combination = np.zeros(len(dataset), dtype=np.int64)
        for (
            attribute
        ) in attributes:  # one after the other: of many, the number of possible combinations is beyond counting
            mixed = combination * len(attribute.levels) + attribute.codes
            combination = pd.factorize(mixed, sort=True)[0].astype(np.int64)
        row = np.empty(combination.max(initial=-1) + 1, dtype=np.int64)
        row[combination] = np.arange(len(combination))  # one row of each
        combinations = np.column_stack([attribute.codes[row] for attribute in attributes])
    return 4 * combination + 2 * dataset.y_true, combinations


def _score_statistics(dataset: AuditDataset, attribute: str) -> ScoreStatistics | None:
    if dataset.y_score is None:
        return None
    return dataset.reduced(
        ("scores", attribute),
        lambda: ScoreStatistics.from_curves(
            score_curves(dataset, attribute=attribute), probabilities=dataset.has_probabilities
        ),
    )


def _score_tables(dataset: AuditDataset, confidence_level: float) -> dict[str, pd.DataFrame]:
    """ROC, calibration and all cut-points; they do not depend on the threshold and are made once."""
    if dataset.y_score is None:
        return {"roc": pd.DataFrame(), "calibration": pd.DataFrame(), "cutpoints": pd.DataFrame()}
    return dataset.reduced(("score tables", confidence_level), lambda: _made_score_tables(dataset, confidence_level))


def _made_score_tables(dataset: AuditDataset, confidence_level: float) -> dict[str, pd.DataFrame]:
    z = normal_quantile(confidence_level)
    parts: dict[str, list[pd.DataFrame]] = {"roc": [], "calibration": [], "cutpoints": []}
    for name in dataset.attributes:
        curves = score_curves(dataset, attribute=name)
        found = {
            "roc": roc_table(curves),
            "calibration": calibration_table(curves, z=z),
            "cutpoints": cutpoint_table(curves, z=z),
        }
        for key, table in found.items():
            table.insert(0, "attribute", name)
            parts[key].append(table)
    return {key: pd.concat(tables, ignore_index=True) for key, tables in parts.items()}
