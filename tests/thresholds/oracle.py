"""The definitions, objectives and limits once more, from rows and predictions, and every combination tried."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

METRIC = {
    "statistical_parity": ("selected",),
    "equal_opportunity": ("recall",),
    "predictive_parity": ("precision",),
    "treatment_equality": ("balance",),
    "equalized_odds": ("recall", "fallout"),
}


@dataclass
class Case:
    """A small table with options for ``optimal_thresholds``."""

    y: np.ndarray
    score: np.ndarray
    group: np.ndarray
    options: dict[str, Any]
    weight: np.ndarray | None = None
    names: list[str] = field(init=False)

    def __post_init__(self):
        self.names = [str(g) for g in np.unique(self.group)]


def described(y: np.ndarray, flagged: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """Rates of one group from its rows; NaN where a denominator is 0."""

    def share(rows: np.ndarray, of: np.ndarray) -> float:
        below = weight[of].sum()
        return weight[rows & of].sum() / below if below else math.nan

    everyone = np.ones(len(y), bool)
    missed, wrongly = weight[y & ~flagged].sum(), weight[~y & flagged].sum()
    return {
        "selected": share(flagged, everyone),
        "recall": share(flagged, y),
        "fallout": share(flagged, ~y),
        "precision": share(y, flagged),
        "balance": missed / wrongly if wrongly else math.nan,
        "tp": weight[y & flagged].sum(),
        "fp": wrongly,
        "fn": missed,
        "tn": weight[~y & ~flagged].sum(),
    }


def value_of(rates: dict[str, float], options: dict[str, Any]) -> float:
    tp, fp, fn, tn = (rates[c] for c in ("tp", "fp", "fn", "tn"))
    kind, beta = options.get("objective", "f_beta"), options.get("beta", 1.0)
    if kind == "f_beta":
        precision, recall = rates["precision"], rates["recall"]
        if tp == 0:
            return 0.0
        return (1 + beta**2) * precision * recall / (beta**2 * precision + recall)
    if kind == "balanced_accuracy":
        return (rates["recall"] + 1 - rates["fallout"]) / 2
    if kind == "accuracy":
        return (tp + tn) / (tp + fp + fn + tn)
    return -(options["cost_ratio"] * fp + fn) / (tp + fp + fn + tn)


def takes_part(case: Case, group: str) -> bool:
    y = case.y[case.group == group]
    kind, definition = case.options.get("objective", "f_beta"), case.options["definition"]
    weight = np.ones(len(y)) if case.weight is None else case.weight[case.group == group]
    if weight.sum() ** 2 / (weight**2).sum() < case.options["min_support"]:
        return False
    needs_yes = kind in ("f_beta", "balanced_accuracy") or definition in ("equal_opportunity", "equalized_odds")
    needs_no = kind == "balanced_accuracy" or definition in ("treatment_equality", "equalized_odds")
    return not ((needs_yes and not y.any()) or (needs_no and y.all()))


def brute_force(case: Case) -> tuple[float | None, float, list[str]]:
    """The largest objective within the tolerance (None: there is none), the smallest range, and who takes part."""
    options, tolerance = case.options, case.options["tolerance"]
    part = options.get("partial", 1.0)
    groups = [name for name in case.names if takes_part(case, name)]
    choices = []
    for name in groups:
        rows = case.group == name
        y, score = case.y[rows], case.score[rows]
        weight = np.ones(len(y)) if case.weight is None else case.weight[rows]
        before = described(y, score >= options["baseline"], weight)["selected"]
        own = []
        for threshold in (*np.unique(score), math.inf):
            rates = described(y, score >= threshold, weight)
            values = [rates[m] for m in METRIC[options["definition"]]]
            if part < 1:
                values = [values[0] - (1 - part) * before]
                if not -tolerance < values[0] < part + tolerance:
                    continue
            limits = (
                ("min_precision", lambda r, x: r["precision"] >= x),
                ("max_selection_rate", lambda r, x: r["selected"] <= x),
                ("min_recall", lambda r, x: r["recall"] >= x),
            )
            if any(math.isnan(v) for v in values) or not all(
                meets(rates, options[limit]) for limit, meets in limits if options.get(limit) is not None
            ):
                continue
            own.append((values, options.get("weights", {}).get(name, 1.0) * value_of(rates, options)))
        choices.append(own)
    best, least = None, math.nan
    for combination in itertools.product(*choices):
        spread = max(max(column) - min(column) for column in zip(*(values for values, _ in combination), strict=True))
        least = spread if math.isnan(least) else min(least, spread)
        if spread < tolerance:
            total = sum(worth for _, worth in combination)
            best = total if best is None else max(best, total)
    return best, least, groups


def random_case(seed: int) -> Case:
    """Two to four groups, 3 to 14 rows each, few distinct scores, options of every kind."""
    random = np.random.default_rng(seed)
    n_groups = int(random.integers(2, 5))
    sizes = random.integers(3, 15 if n_groups < 4 else 9, n_groups)
    group = np.repeat([f"g{i}" for i in range(n_groups)], sizes)
    n = len(group)
    score = random.integers(0, int(random.choice([2, 4, 7, 50])), n) / 10
    y = random.random(n) < np.clip(0.2 + score * random.uniform(0, 1), 0.05, 0.95)
    options: dict[str, Any] = {
        "definition": str(random.choice(list(METRIC))),
        "tolerance": float(random.choice([0.0, 0.01, 0.05, 0.1, 0.25, 0.5])),
        "objective": str(random.choice(["f_beta", "f_beta", "balanced_accuracy", "accuracy", "cost"])),
        "min_support": int(random.choice([1, 1, 5])),
        "baseline": float(random.choice([0.0, 0.2, 0.35])),
    }
    if options["objective"] == "f_beta":
        options["beta"] = float(random.choice([0.5, 1.0, 2.0]))
    if options["objective"] == "cost":
        options["cost_ratio"] = float(random.choice([0.2, 1.0, 3.0]))
    if options["definition"] == "statistical_parity" and random.random() < 0.6:
        options["partial"] = float(random.choice([0.0, 0.3, 0.5, 0.9]))
    for limit, choice in (("min_precision", 0.4), ("max_selection_rate", 0.6), ("min_recall", 0.3)):
        if random.random() < 0.25:
            options[limit] = choice
    if random.random() < 0.4:
        options["weights"] = {f"g{i}": float(random.integers(0, 4)) for i in range(n_groups)}
    weight = random.uniform(0.5, 2, n) if random.random() < 0.25 else None
    if weight is not None or "partial" in options:  # sums in another order: not to be settled by the last bit
        options["tolerance"] += 0.0003
    return Case(y, score, group, options, weight)
