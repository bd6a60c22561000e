"""Linkage against a slow reference, pair by pair."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recidiv_core.data import sample_census, sample_table
from recidiv_core.errors import InputError
from recidiv_core.privacy import LinkField, link_records

FIELDS = [LinkField("x", "number"), LinkField("kind", "exact"), LinkField("name", "text", public="label")]


def tables(seed, n, m):
    random = np.random.default_rng(seed)

    def draw(size):
        return pd.DataFrame(
            {
                "key": random.choice(["u", "v", "w", None], size, p=[0.4, 0.3, 0.2, 0.1]),
                "x": random.integers(0, 12, size) / 2,
                "kind": random.choice(["a", "b", None], size),
                "name": random.choice(["martha", "marhta", "dixon", "DICKSONX", None], size),
            }
        )

    left, right = draw(n), draw(m).rename(columns={"name": "label"})
    left.loc[random.random(n) < 0.1, "x"] = np.nan
    right.index = [f"p{i}" for i in range(m)]
    truth = random.choice([*right.index, None], n)
    return left, right, truth


def jaro_winkler(a, b):
    """After Winkler (1990), letter by letter."""
    if a == b:
        return 1.0
    reach = max(len(a), len(b)) // 2 - 1
    used, found = set(), []
    for i, letter in enumerate(a):
        for j in range(max(0, i - reach), min(len(b), i + reach + 1)):
            if j not in used and b[j] == letter:
                used.add(j)
                found.append((i, j))
                break
    if not found:
        return 0.0
    first, second = [a[i] for i, _ in found], [b[j] for j in sorted(used)]
    swapped = sum(p != q for p, q in zip(first, second, strict=True)) / 2
    m = len(found)
    jaro = (m / len(a) + m / len(b) + (m - swapped) / m) / 3
    same = next((i for i in range(min(4, len(a), len(b))) if a[i] != b[i]), min(4, len(a), len(b)))
    return jaro + 0.1 * same * (1 - jaro) if jaro > 0.7 else jaro


def by_hand(left, right, truth, certainties):
    """All pairs, one after the other: (score, is true) of each, and the best of each record."""
    scale = right["x"].max() - right["x"].min() or 1.0
    pairs, best = [], []
    for i, a in enumerate(left.to_dict("records")):
        own = []
        for label, b in zip(right.index, right.to_dict("records"), strict=True):
            if pd.isna(a["key"]) or a["key"] != b["key"]:
                continue
            score = 0.0 if np.isnan(a["x"]) else max(1 - abs(a["x"] - b["x"]) / scale, 0)
            score += float(not pd.isna(a["kind"]) and a["kind"] == b["kind"])
            if not pd.isna(a["name"]) and not pd.isna(b["label"]):
                score += jaro_winkler(a["name"].lower(), b["label"].lower())
            own.append((score, label))
            pairs.append((score, label == truth[i]))
        top = max((score for score, _ in own), default=None)
        best.append([label for score, label in own if score > top - 1e-9])
    counts = [(sum(s >= c - 1e-9 for s, _ in pairs), sum(t for s, t in pairs if s >= c - 1e-9)) for c in certainties]
    right_links = sum(len(own) == 1 and own[0] == truth[i] for i, own in enumerate(best))
    return len(pairs), counts, right_links


@settings(max_examples=40)
@given(seed=st.integers(0, 9999), n=st.integers(1, 25), m=st.integers(1, 20))
def test_pairs_are_those_of_the_slow_way(seed, n, m):
    left, right, truth = tables(seed, n, m)
    certainties = (0.5, 1.0, 1.5, 2.5, 3.0)
    audit = link_records(left, right, block_on="key", fields=FIELDS, certainties=certainties, truth=truth)
    n_pairs, counts, n_right = by_hand(left, right, truth, certainties)
    assert audit.n_candidates == n_pairs
    assert [tuple(row) for row in audit.table[["n_pairs", "n_true"]].to_numpy()] == counts
    assert audit.best["n_right"] == n_right
    # In small chunks as at once.
    import recidiv_core.privacy.linkage as module

    step, module._CHUNK = module._CHUNK, 7
    try:
        again = link_records(left, right, block_on="key", fields=FIELDS, certainties=certainties, truth=truth)
    finally:
        module._CHUNK = step
    pd.testing.assert_frame_equal(audit.table, again.table)
    assert audit.best == pytest.approx(again.best, nan_ok=True)


def test_texts_to_the_last_bit_and_empty_ones():
    left, right = pd.DataFrame({"t": ["abcdefgh", "", None]}), pd.DataFrame({"t": ["abcdefgx", ""]})
    audit = link_records(left, right, block_on=None, fields=[LinkField("t", "text")], certainties=[0.95])
    assert audit.table["n_pairs"].tolist() == [1]


def test_a_copy_of_the_people_is_linked_to_their_places():
    """The real rows as a copy: every record finds the place it is from."""
    people, census = sample_table("sample:residents").frame, sample_census().set_index("place")
    fields = ["no_basic_education", "overcrowded"]
    audit = link_records(people, census, block_on="backwardness", fields=fields, truth=people["place"].to_numpy())
    assert audit.options["certainties"] == [1.9, 1.95, 1.99, 1.995, 1.999]
    assert audit.best["share_right"] > 0.99 > 10 * audit.best["chance"]
    assert audit.table["n_true"].iloc[-1] == len(people)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"block_on": "nope"}, "key 'nope'"),
        ({"fields": []}, "at least one"),
        ({"fields": ["nope"]}, "field 'nope'"),
        ({"fields": [LinkField("kind", "number")]}, "numbers in both tables"),
        ({"fields": [LinkField("x", "cosine")]}, "a similarity of number, exact, text"),
        ({"fields": [LinkField("x", "number", scale=-1.0)]}, "a scale above 0"),
        ({"truth": ["nobody"] * 30}, "30 that are none"),
        ({"certainties": []}, "at least one"),
        ({"truth": [1]}, "one label for each of 30 records"),
    ],
)
def test_what_cannot_be_linked_is_told(change, told):
    left, right, _ = tables(0, 30, 20)
    with pytest.raises(InputError, match=told):
        link_records(left, right, **({"block_on": "key", "fields": ["x"]} | change))
