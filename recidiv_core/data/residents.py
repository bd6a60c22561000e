"""People who live in places of a public census, for learning what a synthetic copy gives away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

DEGREES = ("very low", "low", "medium", "high", "very high")
_SHARES = (0.3, 0.25, 0.2, 0.15, 0.1)


@dataclass(frozen=True)
class SimulatedResidents:
    """``frame`` holds people with what is known of their place, ``census`` the places as anybody can look them up,
    by ``place``.
    """

    frame: pd.DataFrame
    census: pd.DataFrame
    truth: dict[str, object]


def simulate_residents(n: int, *, n_places: int = 900, random_state: int = 0) -> SimulatedResidents:
    """People with a record, each from one of ``n_places`` places, and a score that is right but for a term that it
    cannot know.

    As in R: a place has a degree of social backwardness, and two figures of the census that nearly name it. Weekly
    wages have three modes, by work and offence, and one in twenty is not known; 6 % of people speak an indigenous
    language, mostly in backward places.
    """
    from scipy.special import expit

    random = np.random.default_rng(random_state)
    degree = random.choice(5, n_places, p=_SHARES)
    census = pd.DataFrame(
        {
            "place": [f"P{i:04d}" for i in range(n_places)],
            "backwardness": pd.Categorical.from_codes(degree, DEGREES, ordered=True),
            "no_basic_education": (100 * random.beta(2 + 2 * degree, 12 - 1.5 * degree)).round(2),
            "overcrowded": (100 * random.beta(1.5 + 1.5 * degree, 16 - 2 * degree)).round(2),
        }
    )
    crowd = random.gamma(1.2, 1.0, n_places)
    home = random.choice(n_places, n, p=crowd / crowd.sum())
    own = degree[home]
    is_indigenous = random.random(n) < 0.015 + 0.03 * own
    is_young = random.random(n) < 0.6
    age = np.where(is_young, 18 + random.gamma(3.0, 2.2, n), random.normal(44, 7, n)).clip(18, 80).astype(int)
    sex = random.choice(["Female", "Male"], n, p=[0.15, 0.85])
    priors = random.poisson(random.gamma(1.1, 1.6, n))
    offence = random.choice(["Robbery", "Burglary", "Drugs", "Assault"], n, p=[0.4, 0.2, 0.25, 0.15])
    is_employed = random.random(n) < 0.65 - 0.05 * own
    centre = np.where(is_employed, np.where(random.random(n) < 0.3, 5200.0, 2600.0), 600.0)
    wage = (centre * np.exp(random.normal(0, 0.08, n))).round(0)
    wage[random.random(n) < 0.05] = np.nan
    known = -1.1 - 0.035 * (age - 32) + 0.28 * priors + 0.25 * own - 0.6 * is_employed + 0.3 * (sex == "Male")
    event = random.random(n) < expit(known + random.normal(0, 0.4, n) + 0.5 * (offence == "Burglary"))
    score = expit(known + 0.35 * is_indigenous).round(6)
    frame = pd.DataFrame(
        {
            "reoffended": event.astype(int),
            "score": score,
            "age": age,
            "sex": sex,
            "language": np.where(is_indigenous, "indigenous", "Spanish"),
            "priors": priors,
            "offence": offence,
            "employed": np.where(is_employed, "yes", "no"),
            "weekly_wage": wage,
        }
    ).join(census.iloc[home].reset_index(drop=True))
    return SimulatedResidents(frame, census, {"score shifted for": "indigenous", "by": 0.35})
