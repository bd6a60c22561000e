"""How often a search confirms a slice where there is none, and where there is one.

python -m benchmarks.honesty_slices [tables]

No real slice: errors have nothing to do with the columns, though outcomes and scores may. Share of audits that confirm
any slice (at most 5 %), and in which any interval printed misses the truth, which is 0. A planted slice: share of
audits that find it, alone or as a near part of what they find, and confirm it.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from recidiv_core import Roles, audit_slices, load_dataset
from recidiv_core.data import simulate_failures
from recidiv_core.slices import FOUND

SIZES = (400, 2_000, 10_000)
ERRORS = ("log_loss", "zero_one", "false_positive", "own: skewed", "own: counts")
EFFECTS = (0.0, 0.5, 1.0, 2.0, 3.0)
PLANTED = {"employed": "no", "district": "North"}


def without_slices(n: int, seed: int) -> pd.DataFrame:
    """Every column but the score tells nothing of the error: outcomes follow the score alone, which follows no
    column.
    """
    random = np.random.default_rng([seed, n])
    frame = simulate_failures(n, effect=0.0, groups=False, random_state=seed).frame
    # Wrong at one rate everywhere: flagged with one chance for those with the outcome, with another for those without.
    return frame.assign(skewed=random.lognormal(0, 1, n), counts=random.poisson(0.4, n))


def null(tables: int) -> None:
    print(
        f"No real slice, {tables} audits each, α = 0.99 (so that something is found): share that confirm any; "
        "intervals that miss"
    )
    print(f"{'error':16}" + "".join(f"{f'n = {n:,}':>24}" for n in SIZES))
    for error in ERRORS:
        figures = []
        for n in SIZES:
            confirmed, missed, found = 0, 0, 0
            for seed in range(tables):
                dataset = load_dataset(
                    without_slices(n, seed), roles=Roles("event", score="score", sensitive=("sex", "district"))
                )
                columns = ["age", "priors", "offence", "employed", "sex", "district"]
                audit = audit_slices(
                    dataset,
                    error=error.removeprefix("own: "),
                    threshold=0.4,
                    alpha=0.99,
                    features=columns,
                    random_state=seed,
                )
                table = audit.table[audit.table["reason"] == ""]
                confirmed += bool(audit.n_confirmed)
                found += bool(audit.n_found)
                missed += bool(((table["low"] > 0) | (table["high"] < 0)).any())
            figures.append(f"{confirmed / tables:.3f}  {missed / tables:.3f} ({found / tables:.0%})")
        print(f"{error:16}" + "".join(f"{figure:>24}" for figure in figures))


def planted(tables: int) -> None:
    print(
        f"\nA planted slice (15 % of people), log loss, {tables} audits each: share in which it is found, and "
        "found and confirmed"
    )
    print(f"{'effect (logit)':16}" + "".join(f"{f'n = {n:,}':>24}" for n in SIZES))
    for effect in EFFECTS[1:]:
        figures = []
        for n in SIZES:
            found, confirmed = 0, 0
            for seed in range(tables):
                frame = simulate_failures(n, effect=effect, random_state=seed).frame
                audit = audit_slices(
                    load_dataset(frame, roles=Roles("event", score="score", sensitive=("sex", "district"))),
                    random_state=seed,
                )
                own = [i for i, slice_ in enumerate(audit.table["slice"]) if slice_ == PLANTED]
                under = audit.folded.loc[[slice_ == PLANTED for slice_ in audit.folded["slice"]], "under"]
                ranks = [*(audit.table["rank"].iloc[own]), *under]
                found += bool(ranks)
                confirmed += bool(
                    audit.table.loc[audit.table["rank"].isin(ranks) & (audit.table["kind"] == FOUND), "confirmed"].any()
                )
            figures.append(f"{found / tables:.3f}  {confirmed / tables:.3f}")
        print(f"{effect:<16g}" + "".join(f"{figure:>24}" for figure in figures))


def main(tables: int = 200) -> None:
    null(tables)
    planted(tables)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
