"""Synthetic copies in the report: what it says, and what it does not of few."""

import dataclasses
import io
import json

import numpy as np
import pandas as pd
import pypdf
import pytest

from recidiv_core.data import sample_census
from recidiv_core.privacy import audit_baseline, audit_copy, audit_release, link_records, split_real, synthesize
from recidiv_core.report import Entry, protect, render_report, withheld
from tests.privacy.conftest import dataset_of, typed


@pytest.fixture(scope="module")
def release():
    """600 people, of whom seven are of a group of their own."""
    frame = typed(600)
    frame["sex"] = np.where(np.arange(600) % 86 == 0, "X", np.where(np.arange(600) % 3 == 0, "F", "M"))
    split = split_real(dataset_of(frame))
    copies = [audit_copy(split, synthesize(split.train, method=m)) for m in ("undersample", "copula")]
    return audit_release(split, copies, baseline=audit_baseline(split), name="people")


def text_of(results, **options):
    reader = pypdf.PdfReader(io.BytesIO(render_report(results, **options)))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def test_the_tables_of_the_paper_are_all_there(release):
    census = sample_census().set_index("place")
    people = pd.DataFrame({"backwardness": ["low"] * 60, "overcrowded": np.arange(60.0)})
    linkage = link_records(people, census, block_on="backwardness", fields=["overcrowded"])
    text = text_of(Entry(dataclasses.replace(release, chosen="Gaussian copula", linkage=linkage), "For the board."))
    for part in (
        "Does a copy keep the use, and whom does it give away?",
        "For the board.",
        "The copy looked at: Gaussian copula",
        "Linking the copy to a public table",
        "Disparate impact",
        "Log loss in the worst slice found",
        "singling out",
        "linkability",
        "Nearer to train",
        "Giomi",
        "mean ± SD",
    ):
        assert part in text, part
    row = release.use.table.iloc[0]
    assert f"{row['auc']:.3f}" in text
    content = json.loads(render_report(release, format="json"))
    assert content["manifest"]["results"][0]["copies"] == ["Under-sampled 50:50", "Gaussian copula"]


def test_a_small_group_is_withheld_and_with_it_one_more(release):
    public = protect(release, min_cell=10)
    for before, after in zip(release.copies, public.copies, strict=True):
        groups = before.privacy.by_group.set_index("group")["n"]
        assert 0 < groups["X"] < 10
        assert set(after.privacy.by_group["group"]) == {"M"}  # else X would follow from the whole, F and M
    assert not public.use.slices["words"].str.contains("sex = X").any()
    assert {("sex", "X"), ("sex", "F")} <= set(
        zip(withheld(release, min_cell=10)["attribute"], withheld(release, min_cell=10)["group"], strict=True)
    )
    assert set(protect(release, min_cell=1).copies[0].privacy.by_group["group"]) == {"F", "M", "X"}


def test_a_leak_that_is_withheld_is_not_denied():
    """Whoever is given away in a group too small to be shown: the report says that one is, and not which."""
    frame = typed(800, 3)
    frame["sex"] = np.where(np.arange(800) < 100, "X", np.where(np.arange(800) % 2 == 0, "F", "M"))
    split = split_real(dataset_of(frame))
    copy = synthesize(split.train, method="copula")
    real = split.train.frame[list(copy.frame)]
    mixed = pd.concat([copy.frame[copy.frame["sex"] != "X"], real[real["sex"] == "X"]], ignore_index=True)
    audit = audit_copy(split, dataclasses.replace(copy, frame=mixed))
    assert audit.privacy.worst["group"] == "X"
    release = audit_release(split, [audit], baseline=audit_baseline(split), name="people")
    text = text_of(release, min_cell=80)
    assert "at least one of them is given away" in text and "sex = X" not in text.split("Withheld")[0]
    losses = protect(release, min_cell=80).use.slices
    assert (
        not losses["words"].isin(["sex = X"]).any()
        and losses[losses["kind"] == "group"].groupby(["variant", "algorithm"]).size().le(1).all()
    )
