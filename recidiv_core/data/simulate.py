"""Scores and outcomes with a truth that is known, for learning the program and for proving it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

DEFAULT_BASE_RATES = {"A": 0.35, "B": 0.35, "C": 0.35, "D": 0.25}
DEFAULT_SHARES = (0.4, 0.3, 0.2, 0.1)
DEFAULT_SHIFTS = {"C": 0.6}


@dataclass(frozen=True)
class SimulatedScores:
    """``frame`` has the columns event (0/1), score (0 to 1) and group; ``truth`` says what was planted."""

    frame: pd.DataFrame
    truth: dict[str, object]


def simulate_scores(
    n: int,
    *,
    base_rates: Mapping[str, float] | None = None,
    shares: Sequence[float] | None = None,
    shifts: Mapping[str, float] | None = None,
    separation: float = 1.5,
    random_state: int = 0,
) -> SimulatedScores:
    """People whose score is Φ(latent) with latent ~ Normal(separation · (event − ½) + shift of the group, 1).

    A shift moves a whole group's scores, so that at any cut-point its true and false positive rates both
    differ from those of the others although its base rate does not: a planted, known disparity.

    Parameters
    ----------
    n : int
        Rows.
    base_rates : mapping of group -> probability of the event
    shares : share of each group, in the order of ``base_rates``
    shifts : mapping of group -> shift on the latent scale, in standard deviations
    separation : distance between the means of those with and without the event
    """
    from scipy.special import ndtr

    base_rates = DEFAULT_BASE_RATES if base_rates is None else base_rates
    shares = (DEFAULT_SHARES if shares is None and len(base_rates) == 4 else shares) or [1 / len(base_rates)] * len(
        base_rates
    )
    shifts = DEFAULT_SHIFTS if shifts is None else shifts
    random = np.random.default_rng(random_state)
    names = list(base_rates)
    group = random.choice(len(names), size=n, p=np.asarray(shares) / np.sum(shares))
    event = random.random(n) < np.array([base_rates[name] for name in names])[group]
    centre = separation * (event - 0.5) + np.array([shifts.get(name, 0.0) for name in names])[group]
    score = ndtr(centre + random.standard_normal(n)).round(6)
    frame = pd.DataFrame({"event": event.astype(int), "score": score, "group": np.array(names)[group]})
    truth = {"base_rates": dict(base_rates), "shifts": dict(shifts), "separation": separation}
    return SimulatedScores(frame, truth)
