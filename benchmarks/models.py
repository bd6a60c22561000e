"""Recidivism data and models at size: simulated events to outcomes, beside a loop; then every algorithm for two
outcomes.

python -m benchmarks.models [people]

The loop is the obvious way, person by person; the ratio is of the whole step from events to outcomes and history, on
the same events. Then the nested comparison of issue and design: eight algorithms, two outcomes, 3 × 3 folds, 5
combinations; and whether what was planted is found.
"""

from __future__ import annotations

import sys
from time import perf_counter

import numpy as np
import pandas as pd

from recidiv_core import (
    build_outcomes,
    evaluate_models,
    permutation_importance,
    proxy_probe,
    simulate_events,
    training_dataset,
)
from recidiv_core.models import TRAINABLE, scored_dataset

LARGE = 165_000  # people, who make some 350,000 appearances, the size of F's table
OUTCOMES = ("recidivism within 3 years", "violent recidivism within 3 years")


def loop(events: pd.DataFrame) -> int:
    """Outcomes within three years and a few features, one person at a time; returns how many came back."""
    came = 0
    for _, own in events.groupby("person"):
        days = sorted(own["court date"].unique())
        for day in days:
            known = own[own["court date"] <= day]
            counts = known["offence class"].value_counts()
            _ = 1 - ((counts / counts.sum()) ** 2).sum(), known["custody days 1"].sum() + known["custody days 2"].sum()
            came += any(day < other <= day + pd.DateOffset(years=3) for other in days)
    return came


def main() -> None:
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    begun = perf_counter()
    large = simulate_events(LARGE)
    simulated = perf_counter() - begun
    begun = perf_counter()
    data = build_outcomes(large.events, columns=large.columns, start="2000-01-01")
    print(
        f"{len(large.events):,} events simulated in {simulated:.1f} s; {len(data):,} rows with outcomes and "
        f"history in {perf_counter() - begun:.1f} s"
    )
    del large, data
    small = simulate_events(500)
    begun = perf_counter()
    came = loop(small.events)
    slow = perf_counter() - begun
    begun = perf_counter()
    data = build_outcomes(small.events, columns=small.columns, horizons=(3, None))
    fast = perf_counter() - begun
    print(f"events of 500 people: loop {slow:.2f} s ({came:,} returns), here {fast:.3f} s, {slow / fast:,.0f} times")

    events = simulate_events(people)
    data = build_outcomes(events.events, columns=events.columns, horizons=(3,), start="2000-01-01")
    dataset = training_dataset(
        data.as_table(), outcomes=OUTCOMES, sensitive=data.demographics, features=data.features, id=data.person
    )
    begun = perf_counter()
    found = evaluate_models(
        dataset, algorithms=TRAINABLE, outcomes=OUTCOMES, n_outer=3, n_inner=3, n_iter=5, unaware=True
    )
    print(
        f"\n{people:,} people, {len(dataset):,} rows: 8 algorithms × 2 outcomes, nested 3 × 3, 5 combinations: "
        f"{perf_counter() - begun:.0f} s"
    )
    print(
        found.table[
            ["outcome", "title", "auc", "auc_low", "auc_high", "recall", "precision", "specificity", "seconds"]
        ].to_string(index=False)
    )
    planted(events, data, dataset, found)


def planted(events, data, dataset, found) -> None:
    """Is what was planted there to be seen?"""
    found = proxy_probe(dataset, attribute="group")
    groups, columns = found.groups, found.features
    best = groups.iloc[0]
    print(
        f"\nproxy: group {best['group']} told with AUC {best['auc']:.3f} ({best['low']:.3f} to "
        f"{best['high']:.3f}); by {', '.join(columns['feature'][:2])}"
    )
    importance = permutation_importance(dataset, algorithm="gradient_boosting", unaware=True)
    print(f"importance: {', '.join(importance['feature'][:4])}")
    scored = scored_dataset(dataset, found, outcome=OUTCOMES[0], algorithm="gradient_boosting")
    frame = scored.frame
    true = events.offended(frame["person"], frame["court date"], years=3)
    flagged = scored.y_score >= np.quantile(scored.y_score, 1 - scored.base_rate)
    table = pd.DataFrame({"group": frame["group"], "measured": scored.y_true, "true": true, "flagged": flagged})
    table["flagged, did not come back"] = table["flagged"].where(~scored.y_true)
    table["flagged, did not truly offend"] = table["flagged"].where(~true)
    print("unaware gradient boosting, rates by group (as many flagged as came back):")
    print(table.groupby("group").mean().round(3).to_string())


if __name__ == "__main__":
    main()
