"""How often a definition that holds in sample holds on fresh people, and whether the printed interval covers the truth.

python -m benchmarks.honesty_thresholds [tables]

Columns: people a group; tables with a solution; mean range in sample, and the true one of the same thresholds; share of
tables in which these hold on fresh people; mean held-out range, and the true one of the thresholds that it judges;
share of tables whose interval covers that truth, and that of the thresholds printed; shares of false verdicts.

Each table is drawn from a population whose score distributions are known, so that the true range of any thresholds
follows in closed form: people with and without the event have latent Normal(±separation/2 + shift, 1).
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from recidiv_core import Roles, audit_thresholds, load_dataset
from recidiv_core.data import simulate_scores
from recidiv_core.thresholds import DEFINITIONS, halves_of, options_of, score_curves
from recidiv_core.thresholds.optimum import definition_ranges, solve

BASE_RATES = {"A": 0.35, "B": 0.45, "C": 0.55}
SHIFTS = {"C": 0.4}
SEPARATION = 1.5
SIZES = (300, 1_000, 3_000, 10_000, 30_000)
TOLERANCE = 0.01


def true_counts(thresholds: dict[str, float]) -> np.ndarray:
    """Expected true and false positives, positives and negatives of each group per person, shape (G, 4)."""
    rows = []
    for group, base in BASE_RATES.items():
        cut = ndtri(np.clip(thresholds[group] - 5e-7, 0, 1)) if np.isfinite(thresholds[group]) else np.inf
        shift = SHIFTS.get(group, 0.0)
        recall, fallout = (1 - ndtr(cut - (side * SEPARATION / 2 + shift)) for side in (1, -1))
        rows.append((base * recall, (1 - base) * fallout, base, 1 - base))
    return np.array(rows)


def one_table(size: int, definition: str, seed: int) -> dict[str, object] | None:
    """What the page would print for one table of ``size`` people a group, and the truth behind it."""
    frame = simulate_scores(
        size * len(BASE_RATES),
        base_rates=BASE_RATES,
        shares=[1 / 3] * 3,
        shifts=SHIFTS,
        separation=SEPARATION,
        random_state=seed,
    ).frame
    dataset = load_dataset(frame, roles=Roles("event", score="score", sensitive="group"))
    audit = audit_thresholds(dataset, attribute="group", definition=definition, tolerance=TOLERANCE, random_state=seed)
    if audit.solution.status == "infeasible":
        return None
    row = audit.of(definition)
    halves = halves_of(dataset, attribute="group", random_state=seed)
    options = options_of(score_curves(dataset, attribute="group"), definition=definition, tolerance=TOLERANCE)
    tuned = options.baseline | solve(halves.tuning, options, excluded={}).thresholds
    truth = definition_ranges(true_counts(tuned))[definition]  # of the rule that the held-out half judges
    fresh = definition_ranges(true_counts(audit.thresholds))[definition]
    return {
        "in_sample": audit.solution.achieved_range,
        "fresh": fresh,
        "held_out": row.held_out_range,
        "truth": truth,
        "covered": not (row.held_out_low > truth + 1e-12 or row.held_out_high < truth),
        "rule_covered": not (row.held_out_low > fresh + 1e-12 or row.held_out_high < fresh),
        "verdict": row.held_out_verdict,
    }


def main(tables: int = 200) -> None:
    print(f"{tables} tables each, three groups, satisfied in sample at {TOLERANCE}; truth in closed form")
    heads = (
        "a group",
        "n",
        "in sample",
        "truth",
        "holds",
        "held out",
        "its truth",
        "covered",
        "rule cov.",
        "f. within",
        "f. exceeds",
    )
    print(f"{'definition':20}" + "".join(f"{head:>11}" for head in heads))
    for definition in DEFINITIONS:
        for size in SIZES:
            found = [one_table(size, definition, seed) for seed in range(tables)]
            table = pd.DataFrame([row for row in found if row is not None])
            if table.empty:
                print(f"{definition:20}{size:8,}{0:6}  the tolerance could not be met")
                continue
            wrong_within = ((table["verdict"] == "within") & (table["truth"] >= TOLERANCE)).mean()
            wrong_exceeds = ((table["verdict"] == "exceeds") & (table["truth"] < TOLERANCE)).mean()
            figures = (
                table["in_sample"].mean(),
                table["fresh"].mean(),
                (table["fresh"] < TOLERANCE).mean(),
                table["held_out"].mean(),
                table["truth"].mean(),
                table["covered"].mean(),
                table["rule_covered"].mean(),
                wrong_within,
                wrong_exceeds,
            )
            print(f"{definition:20}{size:11,}{len(table):11}" + "".join(f"{figure:11.4f}" for figure in figures))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
