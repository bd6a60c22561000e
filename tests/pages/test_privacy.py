"""The Privacy page, run without a browser."""

import io
import json
import zipfile

import pandas as pd
import pytest

from recidiv_core.data import csv_bytes
from tests.conftest import ROOT
from tests.pages.test_counterfactuals import errors, shown, table_with
from tests.pages.test_models import of
from tests.pages.test_pages import button, opened, state, text_of


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def residents():
    """The page on the sample with a census, its copies made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        app = opened("data")
        of(app, "selectbox", "Or a sample").select("residents").run()
        button(app, "Use this sample").click().run()
        yield shown(app.switch_page("pages/privacy.py").run(timeout=180))


def view(app, name):
    return shown(app.segmented_control(key="copies view").set_value(name).run(timeout=120))


def upload(app, label, name, data):
    own = next(u for u in app.file_uploader if u.label == label)
    return shown(own.set_value((name, data, "text/csv")).run(timeout=120))


def said(app):
    return text_of(app).replace("\\", "")


def test_every_view_reads_the_same_figures(residents):
    app = view(residents, "distances")
    assert "No sign in its distances that the copy gives people away" in said(app)
    table = table_with(app, "copy", "dcr_mean").set_index("copy")
    assert table.loc["Under-sampled 50:50", "copies"] == 1 and table.loc["Gaussian copula", "copies"] == 0
    assert set(table_with(app, "attribute", "group")["group"]) == {"Spanish", "indigenous", "Female", "Male"}
    view(app, "linkage")
    linked = table_with(app, "certainty", "n_true")
    assert linked["certainty"].tolist() == [1.9, 1.95, 1.99, 1.995, 1.999] and linked["n_pairs"].is_monotonic_decreasing
    view(app, "attacks")
    assert {"singling out", "inference", "linkability"} == set(table_with(app, "attack", "risk")["attack"])
    assert table_with(app, "member_auc")["variant"].nunique() == 4
    view(app, "use")
    assert {"accuracy", "auc"} <= set(table_with(app, "variant", "accuracy"))
    view(app, "frontier")
    text = said(app)
    assert "Gaussian copula keeps most of the use" in text and "language = indigenous" in text
    auc = table_with(app, "variant", "nearer_to_train").set_index("variant").loc["Gaussian copula", "auc"]
    assert f"an AUC of {auc:.3f}" in text


def test_people_are_hidden_until_asked_for(residents):
    app = view(residents, "distances")
    assert not any("whose" in d.value for d in app.dataframe)
    of(app, "toggle", "Show the ten nearest pairs: these are people").set_value(True).run()
    assert len(table_with(shown(app), "whose")) == 20


def test_the_copy_goes_out_with_its_card_and_into_the_report(residents):
    app = view(residents, "linkage")
    button(app, "Add to report").click().run()
    entry = state(shown(app)).entries[-1].result
    assert entry.chosen == "Gaussian copula" and entry.linkage is not None and len(entry.copies) == 3
    done = [v for k, v in state(app).compared.items() if k[:2] == ("copy", "copula")]
    copy, audit = done[0]
    with zipfile.ZipFile(io.BytesIO(copy.archive())) as archive:
        assert set(archive.namelist()) == {"copy.csv", "copy.parquet", "card.json"}
        assert json.loads(archive.read("card.json"))["method"] == "copula"
        pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(archive.read("copy.parquet"))), copy.frame)
    assert audit.title == "Gaussian copula"


def test_a_copy_and_a_holdout_from_files():
    app = shown(opened("privacy"))
    train = next(v for k, v in state(app)._results.items() if k[0] == "built" and k[1][0] == "split").train
    upload(app, "A copy made elsewhere", "broken.csv", csv_bytes(train.frame.drop(columns="black")))
    assert "column 'black'" in errors(app)
    upload(app, "A copy made elsewhere", "same.csv", csv_bytes(train.frame))
    assert "The copy gives people away: 100.0 %" in said(shown(app))
    other = train.frame.sample(200, random_state=1)
    upload(app, "Other people, as holdout (optional)", "other.csv", csv_bytes(other.drop(columns=train.roles.label)))
    assert "outcome" in errors(app)
    assert "The copy gives people away: 100.0 %" in said(app)  # what was there stays
    more = train.frame.assign(age=train.frame["age"] + 1, tserved=train.frame["tserved"] + 1)
    upload(app, "Other people, as holdout (optional)", "more.csv", csv_bytes(more))
    assert "Copies are made from the whole table" in said(app)
    next(b for b in app.button if "more" in b.label).click().run(timeout=120)
    assert "Copies are made from the whole table" not in said(shown(app))
