"""Sentences in the report: what it says, and what it does not of few."""

import dataclasses
import io
import itertools
import json

import numpy as np
import pandas as pd
import pypdf
import pytest

from recidiv_core.report import Entry, protect, render_report, withheld
from recidiv_core.sentencing import audit_sentencing, sentencing_answer, sentencing_records, simulated_table

CASE = {"charge": "Drug trafficking", "level": 6, "race": "Black", "gender": "Male"}


@pytest.fixture(scope="module")
def audit():
    records = sentencing_records(simulated_table("simulated:20000"))
    return audit_sentencing(records, **CASE, reference="White", compare_to={"race": "White", "gender": "Male"})


def text_of(results, **options):
    reader = pypdf.PdfReader(io.BytesIO(render_report(results, **options)))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def test_what_the_page_says_is_in_the_report(audit):
    text = text_of(Entry(audit, "For the client."))
    shown = audit.case.summary
    for part in (
        "How do sentences deviate from the guidelines?",
        "For the client.",
        f"on average {shown['mean']:.1f} months longer",
        f"n = {shown['n']}",
        "The five outputs",
        "5: nature of the deviations",
        "like cases, matched exactly",
        "The two ways agree",
        "Charge bargaining",
        "MacKinnon",
        "Difference in like cases, by year",
    ):
        assert part in text, part
    content = json.loads(render_report(audit, format="json"))
    assert content["manifest"]["results"][0]["case"] == CASE
    assert content["manifest"]["results"][0]["roles"]["guideline_low"] == "guideline_low"


@pytest.mark.parametrize("seed", [7, 8])
def test_the_report_says_what_the_page_says_to_the_letter(seed):
    """Nothing is withheld of these: rounding for publication moves no bound, and changes no word."""
    records = sentencing_records(simulated_table("simulated:40000", random_state=seed))
    audit = audit_sentencing(records, charge="Drug trafficking", race="Black")
    text = text_of(audit)
    for sentence in sentencing_answer(audit):
        assert sentence in text, sentence


def test_a_bound_beyond_nothing_stays_beyond_it():
    frame = pd.DataFrame({"given": [50.0] * 600 + [50.4, 50.5] * 300, "race": ["White"] * 600 + ["Black"] * 600})
    audit = _of(frame, race="Black")
    assert 0 < protect(audit, min_cell=10).case.comparison["difference_low"] <= audit.case.comparison["difference_low"]


def test_percentiles_need_people_beyond_them(audit):
    public = protect(audit, min_cell=10).case.distribution.set_index("group")
    sizes = public["n"]
    assert public["p5"].notna().tolist() == (sizes >= 200).tolist()
    assert public["p50"].notna().tolist() == (sizes >= 20).tolist()
    assert protect(audit, min_cell=10).case.histogram.empty


def _records(sizes: dict[tuple[str, str], int]):
    """So many sentences of each race and gender, a third above, within and below."""
    rows = [
        {
            "charge": "Fraud",
            "race": race,
            "gender": gender,
            "disposition": "prison",
            "guideline_low": 40,
            "guideline_high": 60,
            "given": (30, 50.5, 70)[i % 3],
        }
        for (race, gender), n in sizes.items()
        for i in range(n)
    ]
    return sentencing_records(pd.DataFrame(rows))


def _told(audit, public) -> np.ndarray:
    """What is published of the groups' sizes, each as a row over the groups."""
    groups = list(audit.case.by_group["group"])
    place = {name: np.eye(len(groups))[i] for i, name in enumerate(groups)}
    rows = [sum(place.values())] if not np.isnan(public.case.summary["n_similar"]) else []
    rows += [place[r.group] for r in public.case.by_group.itertuples() if not np.isnan(r.n)]
    for side, name in ((public.case.summary, "asked"), (public.case.comparison, "compared")):
        if not np.isnan(side["n"]) and audit.case.members[name]:
            rows.append(sum(place[own] for own in audit.case.members[name]))
    return np.array(rows)


def test_no_small_group_follows_from_what_is_published():
    """Random sizes of six groups, every way to ask: neither a hidden small group nor a sum of small ones is in the
    span of what is told.
    """
    random = np.random.default_rng(0)
    pairs = list(itertools.product(("A", "B", "C"), ("F", "M")))
    n_hidden = 0
    for _ in range(8):
        sizes = dict(zip(pairs, random.choice([1, 3, 6, 9, 12, 40, 90], 6), strict=True))
        records = _records(sizes)
        for race, gender in ((None, None), ("A", None), (None, "M"), ("A", "M")):
            other = {"race": "B"} if race and random.random() < 0.5 else None
            audit = audit_sentencing(records, charge="Fraud", race=race, gender=gender, compare_to=other)
            public = protect(audit, min_cell=10)
            told = _told(audit, public)
            rank = np.linalg.matrix_rank(told) if len(told) else 0
            names = list(audit.case.by_group["group"])
            small = [i for i, n in enumerate(audit.case.by_group["n"]) if n < 10]
            for i in small:
                n_hidden += 1
                assert np.linalg.matrix_rank(np.vstack([*told, np.eye(6)[i]])) > rank, (sizes, race, gender, names[i])
    assert n_hidden > 60


def test_shares_of_few_are_withheld_with_what_they_follow_from():
    rows = [("A", 70, 60), ("A", 50, 25), ("A", 30, 5), ("B", 70, 40), ("B", 50, 40), ("B", 30, 40)]
    frame = pd.DataFrame(
        [
            {
                "charge": "Fraud",
                "race": race,
                "gender": "M",
                "disposition": "prison",
                "guideline_low": 40,
                "guideline_high": 61,
                "given": given,
            }
            for race, given, n in rows
            for _ in range(n)
        ]
    )
    audit = audit_sentencing(sentencing_records(frame), charge="Fraud", race="A")
    public = protect(audit, min_cell=10)
    groups = public.case.by_group.set_index("group")
    assert groups.loc["A, M", ["above", "within", "below"]].isna().all()
    assert groups.loc["B, M", ["above", "within", "below"]].notna().all()
    assert np.isnan(public.case.summary["above"]) and not np.isnan(public.case.comparison["above"])
    places = public.case.nature[public.case.nature["group"] == "A, M"].set_index("value")["n"]
    assert np.isnan(places["below the guidelines"]) and places.isna().sum() >= 2
    assert ("group", "A, M", "shares above and below") in set(
        withheld(audit, min_cell=10).itertuples(index=False, name=None)
    )


def _of(frame: pd.DataFrame, **case):
    columns = {"charge": "Fraud", "gender": "M", "disposition": "prison", "guideline_low": 40, "guideline_high": 60}
    records = sentencing_records(frame.assign(**{k: v for k, v in columns.items() if k not in frame}))
    return audit_sentencing(records, charge="Fraud", **case)


@pytest.mark.parametrize(
    "sizes",
    [
        {50.0: 40, 60.0: 30, 40.0: 27, 70.0: 3},
        {70.0: 45, 50.0: 5, 30.0: 50},
        {70.0: 3, 50.0: 90, 30.0: 4},
        {70.0: 45, 60.0: 4, 50.0: 40, 30.0: 50},
    ],
)
def test_a_place_of_few_does_not_follow_from_the_others(sizes):
    frame = pd.DataFrame({"given": np.repeat(list(sizes), list(sizes.values())), "race": "White"})
    public = protect(_of(frame, race="White"), min_cell=10).case
    told = public.nature[public.nature["kind"] == "place in the range"].dropna(subset=["n"])
    if min(sizes.values()) < 10 and {70.0, 30.0} - {given for given, n in sizes.items() if n >= 10}:
        assert told.empty and np.isnan(public.summary["above"])
    else:
        assert set(told["value"]) <= {"above the guidelines", "below the guidelines"}
        inside = 1 - public.summary["above"] - public.summary["below"] if not np.isnan(public.summary["above"]) else 0
        assert inside == 0 or inside * sum(sizes.values()) >= 9.5


def test_the_contrast_tells_no_size_exactly_and_no_mean_to_the_last_figure():
    """A sentence of another charge, and three of a small group: exact sizes and means would tell the three."""
    sizes = {
        ("White", "M"): 100,
        ("White", "F"): 60,
        ("Black", "M"): 80,
        ("Black", "F"): 12,
        ("Hispanic", "M"): 50,
        ("Hispanic", "F"): 3,
    }
    rows = [(race, gender, "Fraud") for (race, gender), n in sizes.items() for _ in range(n)] + [
        ("White", "M", "Theft")
    ]
    frame = pd.DataFrame(rows, columns=["race", "gender", "charge"])
    frame["given"] = np.random.default_rng(0).integers(30, 80, len(frame))
    audit = _of(frame, race="White", gender="M")
    public = protect(audit, min_cell=10)
    assert (public.contrast.table[["n", "n_reference", "n_used"]] % 10 == 0).all(axis=None)
    for value in (
        *public.contrast.table["difference"],
        public.case.summary["mean"],
        *public.case.by_group["mean"].dropna(),
    ):
        assert round(value, 1) == value
    assert public.ledger["n_rows"].isna().tolist() == [False, True, True]  # one elsewhere follows from what is counted
    assert "median" not in public.case.summary or np.isnan(public.case.summary["median"])


def test_reasons_that_few_sentences_have_are_told_as_one(audit):
    frame = audit.ledger.assign(n_rows=[20_000, 2_352, 4, 17_644])
    public = protect(dataclasses.replace(audit, ledger=frame), min_cell=10).ledger
    assert public["n_rows"].tolist() == [20_000, 2_356, 17_644] and "life" in public["issue"].iloc[1]


def test_a_case_of_few_is_withheld_and_still_a_report():
    records = _records({("A", "M"): 4, ("B", "M"): 60, ("B", "F"): 5})
    text = text_of(audit_sentencing(records, charge="Fraud", race="A", gender="M"))
    assert "too few" in text and "on average" not in text.split("What was audited")[0]
    none = audit_sentencing(records, charge="Fraud", race="A", gender="F")
    assert "no counted sentence matches" in text_of(none)
