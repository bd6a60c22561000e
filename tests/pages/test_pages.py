"""Pages, run without a browser."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from recidiv_core.ui.rooms import ROOMS
from recidiv_core.ui.state import _KEY
from tests.conftest import ROOT, random_table
from tests.data.bad_files import CASES

TIMEOUT = 30
GOOD_CSV = random_table(1).rename(columns={"y": "label", "group": "race"}).to_csv(index=False).encode()


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def opened(word: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT).run()
    if word != "overview":
        app.switch_page(f"pages/{word}.py").run()
    assert not app.exception
    return app


def text_of(app: AppTest) -> str:
    return "\n".join(re.sub(r"\\(.)", r"\1", m.value) for m in [*app.markdown, *app.error, *app.caption])


def button(app: AppTest, label: str):
    return next(b for b in app.button if b.label == label)


def state(app: AppTest):
    return app.session_state[_KEY]


def upload(app: AppTest, name: str, data: bytes) -> AppTest:
    app.file_uploader[0].set_value((name, data, "text/csv")).run()
    assert not app.exception
    return app


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.word)
def test_every_page_asks_answers_and_explains(room):
    app = opened(room.word)
    assert app.title[0].value == room.question
    labels = [expander.label for expander in app.expander]
    assert "How to read this" in labels and "Method" in labels
    assert ("simulated sentences" if room.word == "sentencing" else "nc_releases") in text_of(app)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.word)
def test_every_page_stands_alone(room):
    """A deep link in a fresh server runs the page without app.py."""
    app = AppTest.from_file(str(ROOT / room.script), default_timeout=TIMEOUT).run()
    assert not app.exception
    assert app.title[0].value == room.question


def test_overview_shows_a_real_verdict_at_once():
    text = text_of(opened("overview"))
    assert "exceeds tolerance" in text and "For every 100 people flagged wrongly, 75 were missed" in text


def test_moving_the_cut_point_moves_the_numbers():
    app = opened("groups")
    before = state(app).audit().by_group
    app.slider[0].set_value(0.5).run()
    assert not app.exception and state(app).settings.threshold == 0.5
    after = state(app).audit().by_group
    assert after["selection_rate"].max() < before["selection_rate"].min()
    assert f"{100 * after['tp'].sum() / after['n'].sum():.1f}" != ""
    assert "% of all people are flagged" in text_of(app)


def test_tolerance_and_reference_are_used():
    app = opened("groups")
    next(s for s in app.select_slider if s.label == "Tolerance").set_value(0.2).run()
    next(s for s in app.selectbox if s.label == "Reference group").set_value("Black").run()
    audit = state(app).audit()
    assert audit.options["tolerance"] == 0.2 and set(audit.references["reference"]) == {"Black"}
    assert "within tolerance" in text_of(app)


def test_settings_survive_a_change_of_page():
    app = opened("groups")
    app.slider[0].set_value(0.4).run()
    app.switch_page("pages/overview.py").run()
    assert "score of 0.4 and above" in text_of(app)
    app.switch_page("pages/groups.py").run()
    assert app.slider[0].value == 0.4


def test_own_file_in_three_clicks():
    """Data page, upload, audit."""
    app = upload(opened("data"), "mine.csv", GOOD_CSV)
    roles = state(app).draft_roles
    assert (roles.label, roles.score, roles.weight) == ("label", "score", "weight") and set(roles.sensitive) == {
        "race",
        "sex",
    }
    button(app, "Audit this table").click().run()
    assert not app.exception and state(app).dataset.name == "mine.csv"
    assert "By race: 3 groups" in text_of(app)
    app.switch_page("pages/groups.py").run()
    assert not app.exception and set(state(app).audit().attributes) == {"race", "sex"}


@pytest.mark.parametrize("bad", [CASES[i] for i in range(0, len(CASES), 3)], ids=lambda bad: bad.name)
def test_a_bad_file_is_told_and_costs_nothing(bad):
    app = upload(opened("data"), bad.file, bad.data)
    if not app.error:  # the file is a table; its roles are what is wrong
        label = next(s for s in app.selectbox if s.label == "Outcome (label)")
        if label.value is None:
            label.select_index(0).run()
        button(app, "Audit this table").click().run()
    assert not app.exception
    text = text_of(app)
    assert not any(words in text for words in bad.forbid)
    assert app.error or state(app).dataset.name == bad.file
    if app.error:
        assert "still there" in app.error[0].value and state(app).dataset.name == "nc_releases"
    app.switch_page("pages/overview.py").run()
    assert not app.exception


def test_a_good_file_after_a_bad_one():
    app = upload(opened("data"), "bad.csv", b"\x89PNG")
    assert app.error
    app = upload(app, "mine.csv", GOOD_CSV)
    assert not app.error
    button(app, "Audit this table").click().run()
    assert state(app).dataset.name == "mine.csv"


def test_a_role_can_be_changed_and_a_wrong_one_is_told():
    app = opened("data")
    attributes = next(m for m in app.multiselect if m.label == "Protected attributes")
    attributes.set_value(["black", "age"]).run()
    button(app, "Audit this table").click().run()
    assert set(state(app).dataset.attributes) == {"black", "age"}
    next(s for s in app.selectbox if s.label == "Score").set_value("(none)").run()
    button(app, "Audit this table").click().run()
    assert "has no score yet" in text_of(app) and state(app).dataset.roles.score == "score"
    assert state(app).training.roles.score is None


def test_bands_and_intersections_become_attributes():
    app = opened("data")
    next(s for s in app.selectbox if s.label == "Band a numeric attribute").set_value("age").run()
    next(t for t in app.text_input if t.label == "Cut-points").set_value("300, 420").run()
    button(app, "Add the bands").click().run()
    assert "age (banded)" in state(app).draft_roles.sensitive
    next(m for m in app.multiselect if m.label == "Combine attributes").set_value(["black", "age (banded)"]).run()
    button(app, "Add the combination").click().run()
    button(app, "Audit this table").click().run()
    levels = state(app).dataset.attributes["black × age (banded)"].levels
    assert "Black × under 300" in levels and len(levels) == 6
    next(s for s in app.selectbox if s.label == "Band a numeric attribute").set_value("age").run()
    next(t for t in app.text_input if t.label == "Cut-points").set_value("many").run()
    button(app, "Add the bands").click().run()
    assert "numbers separated by commas" in text_of(app)


def test_samples_can_be_changed():
    app = opened("data")
    next(s for s in app.selectbox if s.label == "Or a sample").set_value("planted_scores").run()
    button(app, "Use this sample").click().run()
    assert state(app).dataset.name == "planted_scores" and "4 groups" in text_of(app)


def test_results_go_into_the_report_with_a_note():
    app = opened("groups")
    app.text_area[0].set_value("Look at *this*").run()
    button(app, "Add to report").click().run()
    app.switch_page("pages/report.py").run()
    assert not app.exception
    assert "Note: Look at *this*" in text_of(app) and len(state(app).entries) == 1
    assert {b.label for b in app.get("download_button")} >= {"Download PDF", "Download HTML", "Download JSON"}
    button(app, "Remove").click().run()
    assert not state(app).entries and "holds the current audit" in text_of(app)


def test_hostile_names_are_shown_as_they_are():
    data = random_table(1).rename(columns={"group": ":red[x] $y$ **b**"}).to_csv(index=False).encode()
    app = upload(opened("data"), "<b>t</b>.csv", data)
    next(m for m in app.multiselect if m.label == "Protected attributes").set_value([":red[x] $y$ **b**"]).run()
    next(s for s in app.selectbox if s.label == "Outcome (label)").set_value("y").run()
    button(app, "Audit this table").click().run()
    for word in ("overview", "groups", "report"):
        app.switch_page(f"pages/{word}.py").run()
        assert not app.exception
        raw = "\n".join(m.value for m in app.markdown)
        assert ":red[x]" not in raw and "**b**" not in raw and "<b>t</b>" not in raw
