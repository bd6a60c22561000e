"""Slices in the report: what it says, and what it withholds."""

import io
import json

import numpy as np
import pandas as pd
import pypdf
import pytest

from recidiv_core import Roles, audit_groups, audit_slices, load_dataset
from recidiv_core.data import simulate_failures
from recidiv_core.report import Entry, protect, render_report, withheld

ROLES = Roles("event", score="score", sensitive=("sex", "district"))


@pytest.fixture(scope="module")
def dataset():
    return load_dataset(simulate_failures(6_000, random_state=1).frame, roles=ROLES)


def text_of(results, **options):
    reader = pypdf.PdfReader(io.BytesIO(render_report(results, **options)))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def test_it_says_what_was_found_and_how_it_was_tested(dataset):
    audit = audit_slices(dataset, manual=[{"sex": "Female"}])
    text = text_of([Entry(audit, "The board asked.")])
    for part in (
        "Where does the model fail?",
        "The board asked.",
        "employed = no and district = North",
        "▲ confirmed",
        "by hand: sex = Female",
        "Holm",
    ):
        assert part in text
    row = audit.table.iloc[0]
    assert f"{row['held_out_n']:,}" in text and f"{audit.held_out_error:.3f}" in text
    assert text_of([audit_groups(dataset, threshold=0.5), audit])  # it can stand second as well
    content = json.loads(render_report(audit, format="json"))
    assert content["results"][0]["room"] == "slices" and content["results"][0]["features"] == list(audit.features)
    assert "Slices: log loss" in render_report(audit, format="html").decode()


def test_chosen_slices_keep_the_tests_of_their_family(dataset):
    audit = audit_slices(dataset)
    chosen = audit.only([2])
    assert list(chosen.table["rank"]) == [2] and chosen.table["p_holm"][0] == audit.table["p_holm"][1]
    text = text_of(chosen)
    assert f"of {audit.n_found} slices found" in text and f"Shown are 1 of the {audit.n_found} slices found" in text
    assert "Shown are" not in text_of(audit)


def small(**extra):
    """200 people in 4 districts; one has 14 of them."""
    random = np.random.default_rng(4)
    n = 400
    frame = pd.DataFrame(
        {"event": random.integers(0, 2, n), "score": random.random(n).round(3), "sex": random.choice(["f", "m"], n)}
    )
    return frame.assign(district=np.repeat(["North", "South", "West"], [200, 186, 14]), **extra)


HIDDEN = {
    "few people": ([{"district": "West"}], {0}),
    "few others": ([{"district": ["North", "South"]}], {0}),
    "what two leave": ([{"district": "North"}, {"district": "South"}], {1}),
    "one inside the other": (
        [{"sex": ["f", "m"], "district": ["North", "South"]}, {"district": ["North", "South"]}],
        {0, 1},
    ),
    "large enough": ([{"sex": "f"}, {"district": "North"}], set()),
}


@pytest.mark.parametrize("case", HIDDEN)
def test_small_cells_are_withheld_also_by_subtraction(case):
    manual, hidden = HIDDEN[case]
    dataset = load_dataset(small(), roles=Roles("event", score="score", sensitive=("sex", "district")))
    audit = audit_slices(dataset, manual=manual, features=["sex"], alpha=0.5)
    assert audit.n_found == 0
    public = protect(audit, min_cell=10)
    assert set(np.flatnonzero(public.table["n"].isna())) == hidden
    assert public.table["max_error"].isna().all()
    (result,) = json.loads(render_report(audit, format="json"))["results"]
    assert result["binning"]["table"] == []  # counts of levels would be small cells of their own
    assert len(withheld(audit, min_cell=10)) == len(hidden)
    text = text_of(audit)
    for i in hidden:
        assert f"{audit.table['held_out_error'][i]:.4f}" not in text
    assert ("withheld withheld withheld" in text) == bool(hidden)
    assert protect(audit, min_cell=0).table["n"].notna().all()


def test_counted_errors_are_cells_too():
    """Everybody flagged: among those without the outcome every decision is wrong, so nobody is right."""
    dataset = load_dataset(small(score=np.linspace(0.5, 1, 400)), roles=Roles("event", score="score", sensitive="sex"))
    audit = audit_slices(dataset, error="false_positive", threshold=0.4, manual=[{"sex": "f"}], features=["sex"])
    assert protect(audit, min_cell=10).table["n"].isna().all()
