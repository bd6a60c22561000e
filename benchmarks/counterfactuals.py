"""How fast are pairs made, scored and summed up, and do the intervals hold?

python -m benchmarks.counterfactuals [samples]

Made: 100,000 profiles by suggestion (an id and a name by Mimesis, eight columns), against the article's own loop over
profiles with Mimesis on a hundredth of them. Asked: four values, with a model that costs nothing, so that what is left
is ours. Coverage: flip rate and mean gap where several rows are of one person.
"""

from __future__ import annotations

import sys
import time

import mimesis
import numpy as np
import pandas as pd

from recidiv_core.counterfactuals import audit_counterfactuals, make_pairs, pairs_from_rows, suggest_profile_spec
from recidiv_core.data import read_table
from recidiv_core.models import Feature, TrainedModel, training_dataset

N, VALUES = 100_000, ["A", "B", "C", "D"]


def main() -> None:
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    _speed()
    _coverage(samples)


def _people(n: int, random: np.random.Generator) -> pd.DataFrame:
    frame = pd.DataFrame(
        {f"x{i}": random.normal(size=n) for i in range(4)} | {f"k{i}": random.choice(list("uvw"), n) for i in range(4)}
    )
    return frame.assign(race=random.choice(VALUES, n), y=random.integers(0, 2, n))


def _model(rule) -> TrainedModel:
    features = (
        *(Feature(f"x{i}", "number") for i in range(4)),
        *(Feature(f"k{i}", "category", tuple("uvw")) for i in range(4)),
    )
    return TrainedModel("a rule", (*features, Feature("race", "category", tuple(VALUES))), rule, {})


def _speed() -> None:
    random = np.random.default_rng(0)
    dataset = training_dataset(read_table(_people(20_000, random), name="people"), outcomes=["y"], sensitive=["race"])
    asked = []

    def rule(X: pd.DataFrame) -> np.ndarray:
        begun = time.perf_counter()
        scores = X["x0"].to_numpy() + 0.3 * (X["race"] == "B").to_numpy()
        asked.append(time.perf_counter() - begun)
        return scores

    for from_data in (False, True):
        spec = suggest_profile_spec(dataset, from_data=from_data)
        begun = time.perf_counter()
        pairs = make_pairs(spec, vary={"race": VALUES}, n_profiles=N)
        made = time.perf_counter() - begun
        begun = time.perf_counter()
        audit = audit_counterfactuals(_model(rule), pairs, threshold=0.5)
        rest = time.perf_counter() - begun - asked.pop()
        begun = time.perf_counter()
        audit.pairs_of(audit.order[:100]), audit.by_band("x0")
        shown = time.perf_counter() - begun
        source = "between rows" if from_data else "column by column"
        print(
            f"{N:,} profiles × {len(VALUES)}, {source}: made {made:.2f} s; asked and summed up {rest:.2f} s beyond "
            f"the model; pairs and bands {shown:.2f} s"
        )
        if not from_data:
            print(f"  the article's loop: {_loop(N // 100) * 100 / made:.0f} times as long to make")


def _loop(n: int) -> float:
    """Seconds that the article's way takes for ``n`` profiles of as many columns."""
    generic = mimesis.Generic("en")
    begun = time.perf_counter()
    rows = []
    for _ in range(n):
        profile = {"profile": generic.cryptographic.uuid(), "name": generic.person.full_name()}
        profile |= {f"x{i}": generic.random.uniform(-3, 3) for i in range(4)} | {
            f"k{i}": generic.random.choice("uvw") for i in range(4)
        }
        rows += [{**profile, "race": value} for value in VALUES]
    pd.DataFrame(rows)
    return time.perf_counter() - begun


def _coverage(samples: int) -> None:
    print(f"share of {samples} intervals at 95 % that hold the truth: people × rows, flip rate, mean gap")
    for n_people, n_rows in ((8, 10), (20, 5), (60, 5), (200, 1)):
        held = np.zeros(2)
        for seed in range(samples):
            random = np.random.default_rng(seed)
            # A person's rows are alike: x is the person's own and a little noise; B crosses 0.7 where x is in [0.4,
            # 0.7).
            x = np.clip(np.repeat(random.random(n_people), n_rows), 0, 1)
            frame = _people(len(x), random).assign(
                x0=x, who=np.repeat(np.arange(n_people), n_rows), y=np.resize([0, 1], len(x))
            )
            dataset = training_dataset(read_table(frame, name="people"), outcomes=["y"], sensitive=["race"], id="who")
            model = _model(lambda X: X["x0"] * (1 + 0.2 * (X["race"] == "B")) + 0.3 * (X["race"] == "B"))
            row = audit_counterfactuals(
                model, pairs_from_rows(dataset, vary={"race": ["A", "B"]}), threshold=0.7
            ).summary.iloc[0]
            truth = 0.7 - 0.4 / 1.2, 0.1 + 0.3
            held += row["low"] <= truth[0] <= row["high"], row["gap_low"] <= truth[1] <= row["gap_high"]
        print(f"  {n_people:>4} × {n_rows:<3}{held[0] / samples:>8.3f}{held[1] / samples:>8.3f}")


if __name__ == "__main__":
    main()
