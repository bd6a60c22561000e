"""The Sentencing page, run without a browser."""

import pytest

from recidiv_core.data import csv_bytes
from recidiv_core.sentencing import case_answer, sentencing_disparity, sentencing_records, simulate_sentences
from tests.conftest import ROOT
from tests.pages.test_counterfactuals import errors, shown, table_with
from tests.pages.test_models import of
from tests.pages.test_pages import button, opened, state
from tests.pages.test_privacy import said, upload
from tests.sentencing.test_sentencing import papers_table


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def page():
    return opened("sentencing")


def choose(app, label, value):
    own = [box for box in app.selectbox if box.label == label]
    return shown(own[-1].select(value).run(timeout=60))  # the columns stand before the case


def told(app):
    return " ".join(info.value for info in app.info)


OWN = "Your own sentences: CSV, Parquet or XLSX"


def test_the_sample_answers_at_once_and_states_its_truth():
    app = page()
    assert "Drug trafficking, level 6, Black, Male: on average" in said(app) and "The two ways agree" in said(app)
    assert "12 months more" in said(app) and "Charge bargaining" in said(app)
    assert len(app.get("vega_lite_chart")) == 6
    outputs = table_with(app, "output", "what")
    assert set(outputs["output"]) == {1, 2, 3, 4} and set(outputs["group"]) == {"all", "Black, Male", "White, Male"}


def test_a_table_of_ones_own_gives_the_papers_number():
    app = upload(page(), OWN, "sentences.csv", csv_bytes(papers_table()))
    assert state(app).sentences.table.name == "sentences.csv"
    for label, value in (("Charge", "Drug trafficking"), ("Quantity level", 6), ("Race", "Black"), ("Gender", "Male")):
        app = choose(app, label, value)
    assert "39.7 months longer than the guidelines" in said(app) and "n = 93" in said(app)
    assert "Fewer than 30 counted sentences" in told(app)
    button(app, "Add to report").click().run()
    assert len(state(app).entries) == 1
    app = shown(app.switch_page("pages/data.py").run())
    app = shown(app.switch_page("pages/sentencing.py").run())
    assert "39.7 months longer" in said(app)  # the choices outlast the page


def test_every_choice_changes_what_is_said():
    app = page()
    records = sentencing_records(state(app).sentences.table)
    app = choose(app, "Race", "Hispanic")
    asked = state(app).case_choices.case()
    assert asked["race"] == "Hispanic"
    assert case_answer(sentencing_disparity(records, **asked)) in said(app)
    app = choose(app, "Compare with", "Black, Female")
    assert "Against Black, Female" in said(app)
    app = choose(app, "Quantity level", "all levels")
    assert "Drug trafficking, Hispanic, Male" in said(app)
    app = choose(app, "Groups of", "gender")
    assert "Male against Female" in said(app)
    app = shown(of(app, "multiselect", "Alike in").set_value([]).run(timeout=60))
    assert "Nothing was asked to be alike" in said(app)


def test_a_file_that_is_no_table_of_sentences_is_told_and_nothing_is_lost():
    app = upload(page(), OWN, "other.csv", b"a,b\n1,2\n3,4\n")
    assert not app.exception and "Choose the columns of charge, sentence given and guideline" in told(app)
    app = upload(page(), OWN, "broken.csv", b"\x00\x01")
    assert "broken.csv" in errors(app) and "Drug trafficking, level 6" in said(app)
    frame = papers_table().assign(given="five years")
    app = upload(page(), OWN, "text.csv", csv_bytes(frame))
    assert 'months as numbers, or "life"' in errors(app) and "five years" not in errors(app)
    bare = papers_table()[["charge", "guideline", "given"]]
    app = upload(page(), OWN, "bare.csv", csv_bytes(bare))
    assert not app.exception and "there is no column of dispositions" in str(table_with(app, "issue", "n_rows"))


def test_columns_named_by_hand_outlast_the_page():
    frame = papers_table().rename(columns={"given": "x", "guideline": "y"})
    app = upload(page(), OWN, "foreign.csv", csv_bytes(frame))
    assert "Choose the columns of charge, sentence given and guideline" in told(app)
    for label, value in (("Sentence given", "x"), ("Guideline", "y")):
        app = shown(of(app, "selectbox", label).select(value).run(timeout=60))
    assert "guidelines' midpoint" in said(app)
    app = shown(app.switch_page("pages/data.py").run())
    app = shown(app.switch_page("pages/sentencing.py").run())
    assert "guidelines' midpoint" in said(app) and of(app, "selectbox", "Sentence given").value == "x"


def test_hostile_names_are_shown_as_they_are():
    frame = simulate_sentences(600, random_state=1).frame
    frame["race"] = frame["race"].replace({"Black": "**[x](http://evil.example)** $a$", "White": "<b>:red[w]"})
    app = upload(page(), OWN, "hostile.csv", csv_bytes(frame))
    assert not app.exception
    text = "".join(m.value for m in app.markdown)
    assert "[x](http" not in text and "\\*\\*\\[x\\]" in text


def test_sentences_can_be_simulated_at_any_size():
    app = page()
    of(app, "number_input", "Sentences to simulate").set_value(1_000)
    app = shown(button(app, "Simulate sentences").click().run(timeout=60))
    assert "simulated sentences (1,000, seed 7): 1,000 rows" in said(app)
