"""How often are the verdicts wrong? Simulation of whole tables of metrics; prints a table.

No true disparity: the share of tables with any *exceeds* must be at most 5 %. A disparity of three times the
tolerance between two groups of 50,000: at least 90 % *exceeds*. None between two groups of 1,000,000: at least 90 %
*within*. Rows are never made: score levels × outcome are drawn as a multinomial, which is the same distribution.

    python -m benchmarks.honesty [repetitions]
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import product

import numpy as np
import pandas as pd

from recidiv_core.groups.estimates import ScoreStatistics, estimate_groups
from recidiv_core.groups.tables import verdict_of
from recidiv_core.stats import ConfusionCounts, ScoreCurve, ScoreCurves, compare_groups

LEVELS = (np.arange(20) + 0.5) / 20
TOLERANCE = 0.01


def distribution(base_rate: float, slope: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """P(score level | outcome) for outcome 1 and 0: exponentially tilted towards high and low scores."""
    up, down = np.exp(slope * LEVELS), np.exp(-slope * LEVELS)
    return base_rate * up / up.sum(), (1 - base_rate) * down / down.sum()


def draw(random, sizes, base_rates, shifts):
    """Curves and counts at cut-point 0.5 of one simulated table, or of the whole population when random is None."""
    curves, cells = {}, []
    for g, (n, base, shift) in enumerate(zip(sizes, base_rates, shifts, strict=True)):
        shares = np.concatenate([move(p, shift) for p in distribution(base)])
        counts = random.multinomial(n, shares) if random else n * shares
        pos, neg = counts[:20], counts[20:]
        curves[str(g)] = ScoreCurve(LEVELS, pos, neg, pos, neg)
        cells.append([neg[:10].sum(), neg[10:].sum(), pos[:10].sum(), pos[10:].sum()])
    n = np.array(cells)
    return ScoreCurves(curves), ConfusionCounts(tuple(curves), n, n, n)


def truth(sizes, base_rates, shifts) -> dict[str, float]:
    """The true range of every metric."""
    curves, counts = draw(None, sizes, base_rates, shifts)
    scores = ScoreStatistics.from_curves(curves, probabilities=True)
    groups = estimate_groups(counts, scores, min_support=1, n_boot=100, random=np.random.default_rng(0))
    return dict(zip(groups.metrics, np.ptp(groups.value, axis=0), strict=True))


def move(p: np.ndarray, shift: float) -> np.ndarray:
    """Move ``shift`` of the whole mass of p from the levels below the cut-point to those above."""
    moved = p.copy()
    amount = shift * p.sum()
    moved[:10] -= amount * p[:10] / p[:10].sum()
    moved[10:] += amount * p[10:] / p[10:].sum()
    return moved


def verdicts(seed, sizes, base_rates, shifts):
    """The verdict on every metric of one simulated table, None where too few groups can be compared."""
    random = np.random.default_rng(seed)
    curves, counts = draw(random, sizes, base_rates, shifts)
    scores = ScoreStatistics.from_curves(curves, probabilities=True)
    with np.errstate(invalid="ignore"):
        groups = estimate_groups(counts, scores, min_support=30, n_boot=1000, random=random)
        found = compare_groups(groups.estimates, tolerance=TOLERANCE, confidence_level=0.95)
    return {m: verdict_of(found.low[k], found.high[k], TOLERANCE)[0] for k, m in enumerate(groups.metrics)}


def share(args):
    name, sizes, base_rates, shifts, repetitions = args
    tables = pd.DataFrame([verdicts([i, len(sizes), sizes[0]], sizes, base_rates, shifts) for i in range(repetitions)])
    return name, tables


def main(repetitions: int) -> None:
    none = [
        (f"n = {n:,}, {g} groups, base rate {base}", [n // g] * g, [base] * g, [0.0] * g, repetitions)
        for g, n, base in product((2, 4, 8), (300, 3_000, 100_000), (0.1, 0.5))
    ]
    large = [
        (
            f"disparity {3 * TOLERANCE:.2f}, 2 × 50,000, base 0.5",
            [50_000] * 2,
            [0.5] * 2,
            [0.0, 3 * TOLERANCE],
            repetitions,
        ),
        (
            f"disparity {3 * TOLERANCE:.2f}, 2 × 50,000, base 0.1",
            [50_000] * 2,
            [0.1] * 2,
            [0.0, 3 * TOLERANCE],
            repetitions,
        ),
        ("disparity 0, 2 × 1,000,000, base 0.5", [1_000_000] * 2, [0.5] * 2, [0.0] * 2, repetitions),
        ("disparity 0, 2 × 1,000,000, base 0.1", [1_000_000] * 2, [0.1] * 2, [0.0] * 2, repetitions),
    ]
    truths = {name: truth(*rest) for name, *rest, _ in large}
    with ProcessPoolExecutor() as pool:
        results = list(pool.map(share, none + large))
    print(f"{repetitions} tables each. Share of tables with any 'exceeds' (at most 0.05 wanted):")
    for name, tables in results[: len(none)]:
        print(f"  {name:45s} {(tables == 'exceeds').any(axis=1).mean():.4f}")
    for name, tables in results[len(none) :]:
        print(f"\nShare of each verdict, {name}:")
        shares = tables.apply(pd.Series.value_counts, normalize=True).fillna(0).T.round(3)
        shares.insert(0, "true range", pd.Series(truths[name]).round(4))
        print(shares.to_string())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
