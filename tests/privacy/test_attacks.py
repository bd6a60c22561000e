"""Attacks: on data with a known leak the interval covers it, and what does no better than guessing is marked."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.stats.proportion as peer

from recidiv_core.privacy import audit_attacks, schema_of
from recidiv_core.privacy.attacks import _judged


def people(n, random):
    """Numbers that nobody shares, a level that is nobody's business and follows from nothing, and a name that is
    nearly unique.
    """
    return pd.DataFrame(
        {
            **{f"x{i}": random.random(n) for i in range(6)},
            "secret": random.choice(list("abcd"), n),
            "place": random.integers(0, 5_000, n).astype(str),
        }
    )


def leaking(q, seed, n=400):
    """A copy of which each training record is in with probability q, as it is; the others are new people."""
    random = np.random.default_rng(seed)
    train, holdout, fresh = people(n, random), people(n, random), people(n, random)
    kept = random.random(n) < q
    return train, pd.concat([train[kept], fresh[~kept]], ignore_index=True), holdout


def attacked(q, seed, n_attacks=250):
    train, copy, holdout = leaking(q, seed)
    schema = schema_of(train, columns=[*(f"x{i}" for i in range(6)), "secret"])
    found = audit_attacks(
        train, copy, holdout=holdout, schema=schema, secrets=["secret"], n_attacks=n_attacks, random_state=seed
    )
    return found.table.set_index("attack")


@pytest.mark.parametrize("q", [0.0, 0.1, 0.5])
def test_the_interval_covers_a_known_leak(q):
    """Whoever is in the copy is linked and has the secret known; of others the attacker knows what chance gives."""
    held = {"inference": 0, "linkability": 0}
    for seed in range(25):
        table = attacked(q, seed)
        for attack in held:
            row = table.loc[attack]
            held[attack] += row["low"] <= q <= row["high"]
    assert all(number >= 21 for number in held.values()), held


def test_singling_out_by_values_that_one_record_has():
    """Of the values that one record of the copy alone has, a leaked one is one training record's, another's
    nobody's.
    """
    covered = 0
    for seed in range(30):
        train, copy, holdout = leaking(0.3, seed, 600)
        schema = schema_of(pd.concat([train, copy, holdout])[["x0"]])
        row = audit_attacks(
            train, copy, holdout=holdout, schema=schema, secrets=[], random_state=seed, n_attacks=300
        ).table.iloc[0]
        covered += row["low"] <= 0.3 <= row["high"]
    assert covered >= 26


def test_what_does_no_better_than_guessing_is_marked():
    tables = [attacked(0.0, seed) for seed in range(6)]
    rows = pd.concat(tables)
    rows = rows[rows["risk"].notna()]
    is_marked = rows["reason"].str.startswith("not to be trusted")
    assert (is_marked == (rows["rate"] <= rows["baseline"])).all() and 0 < is_marked.sum() < len(rows)
    assert (attacked(1.0, 1).loc[["inference", "linkability"], "risk"] > 0.97).all()


def test_rates_and_risk_by_hand():
    main, control, baseline = (np.arange(200) < k for k in (80, 20, 10))
    row = _judged(main, control, baseline, 0.95)
    assert (row["rate"], row["control"], row["baseline"]) == (0.4, 0.1, 0.05)
    assert row["risk"] == pytest.approx((0.4 - 0.1) / (1 - 0.1))
    assert (row["rate_low"], row["rate_high"]) == pytest.approx(peer.proportion_confint(80, 200, method="wilson"))
    assert row["low"] < row["risk"] < row["high"] and row["reason"] == ""
    assert _judged(baseline, baseline, main, 0.95)["reason"].startswith("not to be trusted")
    everybody = np.ones(50, bool)
    assert np.isnan(_judged(everybody, everybody, everybody, 0.95)["risk"])
    assert "singles anybody out" in _judged(np.empty(0, bool), np.empty(0, bool), baseline, 0.95)["reason"]
