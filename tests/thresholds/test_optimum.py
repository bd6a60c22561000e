"""The optimiser against every combination tried, and against predictions counted by scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_score, recall_score

from recidiv_core.errors import InputError
from recidiv_core.stats import ScoreCurves
from recidiv_core.thresholds import DEFINITIONS, optimal_thresholds, search
from tests.thresholds.oracle import Case, brute_force, random_case, takes_part

N_CASES = 600


def curves_of(case: Case) -> ScoreCurves:
    return ScoreCurves.from_arrays(case.y, case.score, case.group, sample_weight=case.weight)


@pytest.mark.parametrize("block", range(6))
@pytest.mark.parametrize("sparse_first", [False, True])
def test_the_optimum_is_that_of_every_combination_tried(block, sparse_first, monkeypatch):
    if sparse_first:  # as large tables are searched: a part of the candidates first, then those that can still win
        monkeypatch.setattr(search, "_LARGE", 4)
        monkeypatch.setattr(search, "_STRIDE", 2)
    compared = {"optimal": 0, "infeasible": 0}
    for seed in range(block, N_CASES, 6):
        case = random_case(seed)
        if sum(takes_part(case, name) for name in case.names) < 2:
            with pytest.raises(InputError):
                optimal_thresholds(curves_of(case), **case.options)
            continue
        total, least, groups = brute_force(case)
        found = optimal_thresholds(curves_of(case), **case.options)
        assert set(groups) == set(case.names) - set(found.excluded_groups), seed
        compared[found.status] += 1
        if total is None:
            assert found.status == "infeasible" and (
                found.smallest_range == pytest.approx(least, abs=1e-12, nan_ok=True)
            ), (seed, case.options)
        else:
            assert found.status == "optimal", (seed, case.options)
            assert found.objective == pytest.approx(total, abs=1e-12), (seed, case.options)
        if not math.isnan(least):
            wanted = case.options["tolerance"] if total is not None else least + 1e-12
            assert range_by_scikit_learn(case, found.thresholds, groups) < wanted, (seed, case.options)
    assert min(compared.values()) > 10  # both happen often enough to mean something


def range_by_scikit_learn(case: Case, thresholds: dict[str, float], groups: list[str]) -> float:
    """max − min of the definition's metric, from the rows' predictions."""
    flagged = case.score >= np.array([thresholds[g] for g in case.group])
    weight = np.ones(len(case.y)) if case.weight is None else case.weight
    ranges = []
    for metric in DEFINITIONS[case.options["definition"]].metrics:
        values = []
        for name in groups:
            rows = case.group == name
            y, pred, w = case.y[rows], flagged[rows], weight[rows]
            (_, fp), (fn, _) = confusion_matrix(y, pred, labels=[False, True], sample_weight=w)
            before = case.score[rows] >= case.options["baseline"]
            values.append(
                {
                    "selection_rate": lambda p=pred, w=w, b=before: (
                        np.average(p, weights=w) - (1 - case.options.get("partial", 1.0)) * np.average(b, weights=w)
                    ),
                    "true_positive_rate": lambda y=y, p=pred, w=w: recall_score(y, p, sample_weight=w),
                    "false_positive_rate": lambda y=y, p=pred, w=w: recall_score(~y, p, sample_weight=w),
                    "positive_predictive_value": lambda y=y, p=pred, w=w: precision_score(y, p, sample_weight=w),
                    "error_balance": lambda fn=fn, fp=fp: fn / fp,
                }[metric]()
            )
        ranges.append(max(values) - min(values))
    return max(ranges)
