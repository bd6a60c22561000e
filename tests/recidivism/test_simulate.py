"""The simulator plants what it says, and the descriptions agree with other programs."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from recidiv_core.data import read_table
from recidiv_core.errors import InputError
from recidiv_core.recidivism import (
    build_outcomes,
    describe_outcomes,
    outcome_rates,
    return_curve,
    simulate_events,
    suggest_durations,
    suggest_events,
)

LABEL = "recidivism within 3 years"


@pytest.fixture(scope="module")
def simulated():
    return simulate_events(12_000, random_state=3)


@pytest.fixture(scope="module")
def data(simulated):
    return build_outcomes(simulated.events, columns=simulated.columns, horizons=(1, 3, None), start="2000-01-01")


def by_group(data, values):
    own = data.table[LABEL].notna().to_numpy()
    return pd.Series(values[own], dtype=float).groupby(data.table["group"].to_numpy()[own]).mean()


def test_watching_more_shows_in_measured_outcomes_and_not_in_true_ones(simulated, data):
    """B offends as A does and is convicted more often; C offends more.

    Clusters of rows of one person make some 1 pp of noise.
    """
    measured = by_group(data, data.table[LABEL].to_numpy(dtype=float))
    true = by_group(data, simulated.offended(data.table["person"], data.table["court date"], years=3).astype(float))
    assert abs(true["B"] - true["A"]) < 0.03
    assert measured["B"] - measured["A"] > 0.10
    assert true["C"] - true["A"] > 0.05


def test_the_true_outcomes_are_those_of_a_loop(simulated, data):
    some = data.table.sample(60, random_state=0)
    true = simulated.offended(some["person"], some["court date"], years=3)
    for (_, row), got in zip(some.iterrows(), true, strict=True):
        own = simulated.offences.loc[simulated.offences["person"] == row["person"], "date"]
        assert got == ((own > row["court date"]) & (own <= row["court date"] + pd.DateOffset(years=3))).any()


def test_each_offence_is_convicted_with_its_groups_probability(simulated):
    """Among offences after a person's first conviction nothing has been selected."""
    group = simulated.events.groupby("person")["group"].first()
    own = simulated.offences.merge(
        simulated.offences[simulated.offences["convicted"]].groupby("person")["date"].min().rename("first"), on="person"
    )
    later = own[own["date"] > own["first"]]
    rates = later["convicted"].groupby(group.loc[later["person"]].to_numpy()).agg(["mean", "size"])
    for name, planted in simulated.truth["detection"].items():
        assert abs(rates.loc[name, "mean"] - planted) < 4 * np.sqrt(planted * (1 - planted) / rates.loc[name, "size"])


def test_the_same_seed_makes_the_same_events_and_another_does_not(simulated):
    assert simulate_events(500, random_state=3).events.equals(simulate_events(500, random_state=3).events)
    assert not simulate_events(500, random_state=3).events.equals(simulate_events(500, random_state=4).events)
    assert simulated.events["person"].nunique() == 12_000
    with pytest.raises(InputError, match="keys among"):
        simulate_events(10, truth={"colour": 1})


def test_the_columns_are_guessed_from_their_names(simulated):
    assert suggest_events(read_table(simulated.events)) == simulated.columns
    nc = suggest_durations(read_table(pd.DataFrame({"WHITE": [0], "FOLLOW": [1], "RECID": [0], "TIME": [0]})))
    assert (nc.time, nc.returned, nc.follow_up, nc.demographics) == ("TIME", "RECID", "FOLLOW", ("WHITE",))


def test_the_share_returned_by_time_is_kaplan_and_meiers(data):
    curve = return_curve(data, by="group")
    for group, own in curve.groupby("group"):
        rows = (data.table["group"] == group).to_numpy()
        other = SurvfuncRight(data.follow_up[""]["time"][rows], data.follow_up[""]["returned"][rows].astype(int))
        at = np.searchsorted(other.surv_times, own["years"], side="right") - 1
        later = own["years"].to_numpy() > other.surv_times[0]
        assert np.allclose(own["share"][later], 1 - other.surv_prob[at[later]])
        error = other.surv_prob_se[at[later]] / (other.surv_prob[at[later]] * -np.log(other.surv_prob[at[later]]))
        low = 1 - other.surv_prob[at[later]] ** np.exp(-1.959964 * error)
        assert np.allclose(own["low"][later], low, atol=1e-6)


def test_descriptions_are_means_by_outcome(data):
    table = describe_outcomes(data).set_index(["variable", "level"])
    yes = data.table[data.table[LABEL] == 1]
    assert table.loc[("N", ""), f"{LABEL}: yes"] == len(yes)
    assert table.loc[("age", ""), f"{LABEL}: yes"] == pytest.approx(yes["age"].mean())
    assert table.loc[("group", "B"), f"{LABEL}: yes"] == pytest.approx((yes["group"] == "B").mean())
    rates = outcome_rates(data, by="group").set_index(["outcome", "group"])
    own = data.table[(data.table["group"] == "B") & data.table[LABEL].notna()]
    assert rates.loc[(LABEL, "B"), "n"] == len(own)
    assert rates.loc[(LABEL, "B"), "rate"] == pytest.approx(own[LABEL].mean())
