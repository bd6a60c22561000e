"""Do the intervals of rates and AUCs hold the truth as often as they say, where people have several rows each?

python -m benchmarks.honesty_models [samples]

Rates of an outcome: samples of people from one large simulation, whose own rate is the truth. AUC over folds: a score
that is fixed beforehand on the same people (what the folds' models differ by is then left out, and only chance in the
people is in). Beside each stands the interval that takes rows as independent.
"""

from __future__ import annotations

import sys

import numpy as np

from recidiv_core import build_outcomes, simulate_events
from recidiv_core.models.evaluate import auc_of
from recidiv_core.models.prepare import Rows
from recidiv_core.stats import auc_bounds, normal_quantile, wilson_of_people

SIZES = (200, 1_000, 5_000)


def main() -> None:
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    events = simulate_events(120_000, random_state=11)
    data = build_outcomes(events.events, columns=events.columns, horizons=(3,), start="2000-01-01")
    name = "recidivism within 3 years"
    table = data.table[data.table[name].notna()]
    y = table[name].to_numpy(bool)
    score = (table["appearances"] - 0.1 * table["age"]).to_numpy()
    people, person = np.unique(table["person"], return_inverse=True)
    order = np.argsort(person, kind="stable")
    starts = np.searchsorted(person[order], np.arange(len(people) + 1))
    truth = y.mean(), auc_of(Rows(table, y, None, y), np.arange(len(y)), score)[0]
    random, z = np.random.default_rng(0), normal_quantile(0.95)
    print(
        f"truth: rate {truth[0]:.4f}, AUC {truth[1]:.4f}; {samples} samples each, share of 95 % intervals that hold it"
    )
    print(f"{'people':>8}{'rate':>10}{'rate, rows':>12}{'AUC':>8}{'AUC, rows':>11}")
    for size in SIZES:
        held = np.zeros(4)
        for _ in range(samples):
            drawn = random.integers(0, len(people), size)
            rows = np.concatenate([order[starts[i] : starts[i + 1]] for i in drawn])
            own = np.repeat(np.arange(size), [starts[i + 1] - starts[i] for i in drawn])
            held[:2] += [
                _holds(wilson_of_people(y[rows].astype(float), who), truth[0]) for who in (own, np.arange(len(rows)))
            ]
            for place, who in ((2, own), (3, None)):
                auc, error = auc_of(Rows(table, y[rows], who, y[rows]), np.arange(len(rows)), score[rows])
                bounds = auc_bounds(auc, error, y[rows].sum(), (~y[rows]).sum(), z)
                held[place] += _holds((float(bounds[0]), float(bounds[1])), truth[1])
        print(
            f"{size:>8,}"
            + "".join(f"{share:>{width}.3f}" for share, width in zip(held / samples, (10, 12, 8, 11), strict=True))
        )


def _holds(bounds: tuple[float, float], truth: float) -> bool:
    return bounds[0] <= truth <= bounds[1]


if __name__ == "__main__":
    main()
