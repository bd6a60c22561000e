"""Tables that need no network: one real, the others simulated with a planted truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from recidiv_core.data.loans import loan_tree, loans
from recidiv_core.data.reading import parse_table, read_table
from recidiv_core.data.residents import simulate_residents
from recidiv_core.data.roles import Roles
from recidiv_core.data.simulate import simulate_failures, simulate_scores
from recidiv_core.data.tables import Table, shown
from recidiv_core.errors import InputError
from recidiv_core.places import SAMPLE_DATA

SAMPLE_PREFIX = "sample:"
HORIZON = 24  # months; the label of nc_releases


@dataclass(frozen=True)
class Sample:
    """A table that comes with the program. ``threshold`` is the cut-point at which it is first shown."""

    name: str
    title: str
    roles: Roles
    threshold: float
    build: Callable[[], Table]


def sample_raw(name: str) -> Table:
    """The file behind a sample, as it is, before any outcome was made from it."""
    return parse_table((SAMPLE_DATA / f"{name}.csv").read_bytes(), name)


def _nc_releases() -> Table:
    """Releases with the outcome at 24 months; those not followed for so long are excluded and counted."""
    table = sample_raw("nc_releases")
    raw = table.frame
    returned = raw["cens"] == 0
    too_short = raw["follow"] < HORIZON  # returned or not: else early failures alone would be kept
    label = (returned & (raw["durat"] <= HORIZON)).astype(int)
    frame = raw.assign(
        **{f"recidivated within {HORIZON} months": label, "black": raw["black"].map({1: "Black", 0: "not Black"})}
    )
    derived = table.derived(frame.loc[~too_short].reset_index(drop=True), "outcome", "durat", "cens", str(HORIZON))
    detail = f"rows followed for less than {HORIZON} months (the shortest follow-up is {raw['follow'].min()} months)"
    return derived.noted("excluded", detail, int(too_short.sum()))


def _planted_slice() -> Table:
    return read_table(simulate_failures(20_000, random_state=7).frame, name="planted_slice")


def _planted_scores() -> Table:
    return read_table(simulate_scores(20_000, random_state=7).frame, name="planted_scores")


def _residents() -> Table:
    return read_table(simulate_residents(6_000, random_state=7).frame, name="residents")


def _loans() -> Table:
    """With the tree's own probability on the rows it learnt from, as in the article."""
    frame = loans()
    score = loan_tree(frame).predict_proba(frame.astype({"Gender": object})[["Gender", "Income"]])[:, 1]
    return read_table(frame.assign(**{"tree score": score}), name="loans")


SAMPLES: dict[str, Sample] = {
    sample.name: sample
    for sample in (
        Sample(
            "nc_releases",
            "Releases from North Carolina prisons, 1977–78: 1,445 real records, race, return within 24 months",
            Roles(
                f"recidivated within {HORIZON} months",
                score="score",
                sensitive=("black",),
                features=(
                    "alcohol",
                    "drugs",
                    "super",
                    "married",
                    "felon",
                    "workprg",
                    "property",
                    "person",
                    "priors",
                    "educ",
                    "rules",
                    "age",
                    "tserved",
                ),
            ),
            0.25,
            _nc_releases,
        ),
        Sample(
            "planted_scores",
            "Simulated scores for 20,000 people with a disparity planted in one of four groups",
            Roles("event", score="score", sensitive=("group",)),
            0.5,
            _planted_scores,
        ),
        Sample(
            "planted_slice",
            "Simulated risk scores for 20,000 people, right but for one slice: those without work in the district "
            "North",
            Roles(
                "event", score="score", sensitive=("sex", "district"), features=("age", "priors", "offence", "employed")
            ),
            0.5,
            _planted_slice,
        ),
        Sample(
            "loans",
            "1,000 simulated loans, approved for every man and for women with a high income, and the tree that "
            "learnt it",
            Roles("Approved", score="tree score", sensitive=("Gender",), features=("Income",), polarity="assistive"),
            0.5,
            _loans,
        ),
        Sample(
            "residents",
            "6,000 simulated people from 900 places, with a census of the places: for the Privacy page",
            Roles(
                "reoffended",
                score="score",
                sensitive=("language", "sex"),
                features=(
                    "age",
                    "priors",
                    "offence",
                    "employed",
                    "weekly_wage",
                    "backwardness",
                    "no_basic_education",
                    "overcrowded",
                ),
            ),
            0.5,
            _residents,
        ),
    )
}


def sample_of(source: str) -> Sample:
    """The sample that "sample:NAME" names."""
    name = source.removeprefix(SAMPLE_PREFIX)
    if name not in SAMPLES:
        raise InputError.one("sample", "one of " + ", ".join(SAMPLES), shown(name, 40))
    return SAMPLES[name]


def sample_table(source: str) -> Table:
    """The table of "sample:NAME", with what was done to it in its ledger."""
    return sample_of(source).build()


def sample_census() -> pd.DataFrame:
    """The public census of the places that the people of "sample:residents" come from."""
    return simulate_residents(6_000, random_state=7).census


def list_samples() -> pd.DataFrame:
    """Name and description of each sample."""
    return pd.DataFrame([{"name": s.name, "description": s.title} for s in SAMPLES.values()])
