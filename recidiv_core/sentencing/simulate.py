"""Sentencing records in the shape that S documents, with a truth that is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from recidiv_core.data import Table, read_table, shown
from recidiv_core.errors import InputError

CHARGES = {"Drug trafficking": 0.45, "Fraud": 0.2, "Firearms": 0.2, "Robbery": 0.15}
SAMPLE, SEED = "simulated:20000", 7  # what page and API answer from at first, so that they say the same
TRUTH = {"disparity": 12.0, "confounding": 1.0, "plea": 6.0}


@dataclass(frozen=True)
class SimulatedSentences:
    """``frame`` has the columns of :class:`SentenceColumns`; ``truth``: "disparity", the months more that a Black
    defendant is given in a case alike in all that is recorded, "confounding", by how much more cases differ between the
    groups (0: not at all), "plea", the months that a plea takes off.
    """

    frame: pd.DataFrame
    truth: dict[str, float]


def simulate_sentences(
    n: int, *, random_state: int = 0, truth: Mapping[str, float] | None = None
) -> SimulatedSentences:
    """Federal-like sentences: guidelines follow charge, quantity level and history; what is given deviates by chance,
    level, district and what is planted.

    With ``confounding`` Black defendants more often have the higher levels and the longer histories, at which sentences
    deviate upwards for everybody: a raw disparity that is not one between like cases.
    """
    truth = TRUTH | dict(truth or {})
    random = np.random.default_rng(random_state)
    race = random.choice(["Black", "White", "Hispanic"], n, p=[0.4, 0.4, 0.2])
    is_black = race == "Black"
    gender = random.choice(["Male", "Female"], n, p=[0.85, 0.15])
    charge = random.choice(list(CHARGES), n, p=list(CHARGES.values()))
    level = np.clip(random.poisson(5 + 2 * truth["confounding"] * is_black, n), 0, 17)
    history = np.clip(random.poisson(1 + truth["confounding"] * is_black, n), 0, 5) + 1
    district = random.choice(["North", "South", "East", "West"], n, p=[0.3, 0.3, 0.2, 0.2])
    start = np.array([30, 24, 36, 44])[[list(CHARGES).index(c) for c in charge]]
    low = (start + 4 * level + 5 * history).astype(float)
    high = np.round(1.25 * low)
    is_plea = random.random(n) < 0.8
    drift = (
        1.5 * (level - 5)
        + 2.0 * (history - 2)
        + np.select([district == "North", district == "South"], [4.0, -3.0], 0.0)
    )
    deviation = drift + truth["disparity"] * is_black - truth["plea"] * is_plea + random.normal(0, 14, n)
    given = np.maximum(np.round((low + high) / 2 + deviation), 0)
    disposition = random.choice(
        ["Prison Only", "Prison and alternatives", "Probation", None], n, p=[0.8, 0.08, 0.1, 0.02]
    )
    sentence = pd.Series(given).astype(object)
    sentence[random.random(n) < 0.01] = "life"
    frame = pd.DataFrame(
        {
            "charge": charge,
            "level": level,
            "race": race,
            "gender": gender,
            "disposition": disposition,
            "guideline_low": low,
            "guideline_high": high,
            "given": sentence,
            "plea": np.where(is_plea, "plea", "trial"),
            "district": district,
            "history": history,
            "year": random.integers(2014, 2024, n),
        }
    )
    return SimulatedSentences(frame, dict(truth))


def simulated_table(source: str, *, random_state: int = SEED) -> Table:
    """The sentences that "simulated:N" names, as a table.

    Raises
    ------
    InputError
        When N is no number of sentences from 100 to 1,000,000.
    """
    number = source.removeprefix("simulated:")
    if not (number.isdecimal() and len(number) < 8 and 100 <= int(number) <= 1_000_000):
        raise InputError.one("records", "simulated:N with 100 to 1,000,000 sentences", shown(number, 20))
    name = f"simulated sentences ({int(number):,}, seed {random_state})"
    return read_table(simulate_sentences(int(number), random_state=random_state).frame, name=name)
