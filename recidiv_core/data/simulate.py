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


def simulate_failures(n: int, *, effect: float = 3.0, groups: bool = True, random_state: int = 0) -> SimulatedScores:
    """People whose score is right but in one slice: those without work in the district North.

    The score is the probability that a logistic model of age, priors, sex and employment gives; outcomes follow that
    model, in the planted slice with ``effect`` added on the logit scale, of which the score knows nothing.

    Parameters
    ----------
    n : int
        Rows.
    effect : float
        On the logit scale; 0 plants nothing, so that every slice's error differs from the average only as its people's
        own probabilities do.
    groups : bool
        Whether the model's probabilities differ between people at all; without, each is 0.4 but for noise that no
        column shows.
    """
    from scipy.special import expit

    random = np.random.default_rng(random_state)
    age = random.gamma(2.0, 9.0, n).astype(int) + 18
    priors = random.poisson(random.gamma(1.2, 2.0, n))
    sex = random.choice(["Female", "Male"], n, p=[0.2, 0.8])
    district = random.choice(["North", "East", "South", "West", "Centre"], n, p=[0.35, 0.2, 0.2, 0.15, 0.1])
    offence = random.choice(
        ["Theft", "Drugs", "Violence", "Traffic", "Other offence"], n, p=[0.35, 0.25, 0.2, 0.15, 0.05]
    )
    is_employed = random.random(n) < 0.55
    known = -1.3 - 0.04 * (age - 35) + 0.2 * priors + 0.3 * (sex == "Male") - 0.4 * is_employed
    latent = (known if groups else np.full(n, -0.4)) + random.normal(0, 0.5, n)
    planted = ~is_employed & (district == "North")
    event = random.random(n) < expit(latent + effect * planted)
    frame = pd.DataFrame(
        {
            "event": event.astype(int),
            "score": expit(latent).round(6),
            "age": age,
            "priors": priors,
            "sex": sex,
            "district": district,
            "offence": offence,
            "employed": np.where(is_employed, "yes", "no"),
        }
    )
    return SimulatedScores(frame, {"slice": "employed = no and district = North", "effect": effect, "rows": planted})
