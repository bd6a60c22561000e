"""How fast are distances and links, and what does our CTGAN make beside the published one?

python -m benchmarks.privacy [seeds]

Distances: 50,000 × 50,000 records of 36 columns against scikit-learn's brute force in float32, and the memory of
100,000 × 100,000. Links: 1.5 million candidate pairs. CTGAN: 10,000 rows × 20 columns × 100 epochs; then the simulated
residents, its default against the Gaussian copula with either kind of margins and against ``ctgan`` 0.12, which does
not fit beside our parts: where the environment variable CTGAN_PYTHON names a Python that has it, it is run there with
the same rows and epochs.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset, read_table, simulate_residents
from recidiv_core.models import auc_interval, training_dataset, transferred_scores, usable_features
from recidiv_core.privacy import fidelity, link_records, nearest_distances, schema_of, synthesize

_PEER = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np, pandas as pd, torch
from ctgan import CTGAN
source, out, epochs, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
discrete = json.loads(sys.argv[5])
frame = pd.read_csv(source)
np.random.seed(seed); torch.manual_seed(seed)
begun = time.time()
model = CTGAN(epochs=epochs)
model.fit(frame, discrete)
made = model.sample(len(frame))
print(time.time() - begun)
made.to_csv(out, index=False)
"""


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    _distances()
    _links()
    _training()
    _beside_the_published(seeds)


def _distances() -> None:
    from sklearn.neighbors import NearestNeighbors

    random = np.random.default_rng(0)

    def table(n: int) -> pd.DataFrame:
        return pd.DataFrame(random.random((n, 36)).astype(np.float32), columns=[f"x{i}" for i in range(36)])

    a, b = table(50_000), table(50_000)
    begun = time.perf_counter()
    NearestNeighbors(n_neighbors=2, algorithm="brute").fit(b.to_numpy()).kneighbors(a.to_numpy())
    peer = time.perf_counter() - begun
    begun = time.perf_counter()
    nearest_distances(a, b, schema=schema_of(b))
    own = time.perf_counter() - begun
    print(
        f"nearest of 50,000 x 50,000 x 36: {own:.1f} s, scikit-learn in float32 {peer:.1f} s ({own / peer:.2f} times)"
    )
    a, b = table(100_000), table(100_000)
    begun = time.perf_counter()
    nearest_distances(a, b, schema=schema_of(b))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"nearest of 100,000 x 100,000 x 36: {time.perf_counter() - begun:.1f} s, at most {peak:.2f} GB in the "
        "whole process"
    )


def _links() -> None:
    simulated = simulate_residents(7_500, n_places=940, random_state=0)
    people, census = simulated.frame, simulated.census.set_index("place")
    begun = time.perf_counter()
    audit = link_records(
        people,
        census,
        block_on="backwardness",
        fields=["no_basic_education", "overcrowded"],
        truth=people["place"].to_numpy(),
    )
    print(f"{audit.n_candidates:,} candidate pairs linked in {time.perf_counter() - begun:.2f} s")


def _training() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{i}": random.normal(random.choice([-4, 0, 4], 10_000), 1) for i in range(10)})
    frame = frame.assign(
        **{f"k{i}": random.choice(list("abcde"), 10_000) for i in range(9)}, y=random.integers(0, 2, 10_000)
    )
    dataset = training_dataset(read_table(frame, name="wide"), outcomes=["y"], sensitive=["k0"])
    begun = time.perf_counter()
    synthesize(dataset, method="ctgan", epochs=100)
    print(f"CTGAN, 10,000 rows x 20 columns x 100 epochs: {time.perf_counter() - begun:.0f} s")


def _beside_the_published(seeds: int) -> None:
    """Means over seeds, with their SD."""
    columns = [
        "reoffended",
        "age",
        "sex",
        "language",
        "priors",
        "offence",
        "employed",
        "weekly_wage",
        "backwardness",
        "no_basic_education",
        "overcrowded",
    ]
    frame = simulate_residents(6_000, random_state=7).frame[columns].dropna().reset_index(drop=True)
    train, holdout = frame.iloc[:4_000].reset_index(drop=True), frame.iloc[4_000:].reset_index(drop=True)
    dataset = training_dataset(
        read_table(train, name="residents"), outcomes=["reoffended"], sensitive=["language", "sex"]
    )
    print(
        f"{'':<26}{'seconds':>9}{'marginals':>16}{'weekly wage':>16}"
        f"{'association gap':>18}{'told apart':>16}{'AUC on real':>16}"
    )
    _row("real rows", [(0.0, train)], dataset, holdout)
    for marginals in ("quantiles", "beta"):
        _row(
            f"copula, {marginals}",
            [_timed(dataset, seed, "copula", marginals=marginals) for seed in range(seeds)],
            dataset,
            holdout,
        )
    for epochs in (150, 300):
        _row(
            f"CTGAN here, {epochs} epochs",
            [_timed(dataset, seed, "ctgan", epochs=epochs) for seed in range(seeds)],
            dataset,
            holdout,
        )
    python = os.environ.get("CTGAN_PYTHON")
    if python is None:
        print("ctgan 0.12: not run (CTGAN_PYTHON names no Python that has it)")
        return
    for epochs in (150, 300):
        _row(
            f"ctgan 0.12, {epochs} epochs",
            [_published(python, train, seed, epochs) for seed in range(seeds)],
            dataset,
            holdout,
        )


def _timed(dataset: AuditDataset, seed: int, method: str, **options) -> tuple[float, pd.DataFrame]:
    begun = time.perf_counter()
    made = synthesize(dataset, method=method, random_state=seed, **options).frame
    return time.perf_counter() - begun, made


def _published(python: str, train: pd.DataFrame, seed: int, epochs: int) -> tuple[float, pd.DataFrame]:
    discrete = [name for name in train if not pd.api.types.is_numeric_dtype(train[name])] + ["reoffended"]
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "train.csv", Path(folder) / "made.csv"
        train.to_csv(source, index=False)
        told = subprocess.run(
            [python, "-c", _PEER, str(source), str(out), str(epochs), str(seed), json.dumps(discrete)],
            capture_output=True,
            text=True,
            check=True,
        )
        return float(told.stdout.split()[-1]), pd.read_csv(out)


def _row(title: str, made: list[tuple[float, pd.DataFrame]], dataset: AuditDataset, holdout: pd.DataFrame) -> None:
    schema = schema_of(dataset.frame)
    features, _ = usable_features(dataset)
    figures = []
    for seconds, frame in made:
        like = fidelity(holdout, frame, schema=schema)
        (score,) = transferred_scores(
            frame, (frame["reoffended"] == 1).to_numpy(), [holdout], features=features, algorithm="random_forest"
        )
        auc, _, _ = auc_interval(holdout["reoffended"] == 1, score)
        wage = like.columns.set_index("column").loc["weekly_wage", "similarity"]
        figures.append(
            (seconds, like.summary["marginals"], wage, like.summary["association_gap"], like.summary["told_auc"], auc)
        )
    table = np.array(figures)
    spread = table.std(axis=0, ddof=1) if len(table) > 1 else np.zeros(table.shape[1])
    texts = [f"{m:.3f} ± {s:.3f}" for m, s in zip(table.mean(axis=0)[1:], spread[1:], strict=True)]
    print(
        f"{title:<26}{table[:, 0].mean():>9.1f}{texts[0]:>16}{texts[1]:>16}{texts[2]:>18}{texts[3]:>16}{texts[4]:>16}",
        flush=True,
    )


if __name__ == "__main__":
    main()
