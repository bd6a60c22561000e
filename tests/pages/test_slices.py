"""The Slices page, run without a browser."""

import numpy as np
import pytest

from recidiv_core.data import simulate_failures
from recidiv_core.ui.work import finished_slices
from tests.conftest import ROOT, random_table
from tests.pages.test_pages import button, opened, state, text_of, upload

VIEWS = ("makeup", "spread", "parts", "lattice", "folded")


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def audit_of(app):
    return finished_slices(state(app))


def planted():
    app = opened("data")
    next(s for s in app.selectbox if s.label == "Or a sample").set_value("planted_slice").run()
    button(app, "Use this sample").click().run()
    return app.switch_page("pages/slices.py").run()


def of(app, kind, label):
    return next(widget for widget in app.get(kind) if widget.label == label)


def with_table(frame, **roles):
    app = upload(opened("data"), "t.csv", frame.to_csv(index=False).encode())
    for role, value in roles.items():
        next(s for s in (*app.selectbox, *app.multiselect) if s.key.startswith(f"role {role} ")).set_value(value).run()
    button(app, "Audit this table").click().run()
    assert state(app).dataset.name == "t.csv", text_of(app)
    return app.switch_page("pages/slices.py").run()


def test_it_searches_by_itself_and_answers():
    app = opened("slices")
    assert "none is confirmed" in text_of(app)  # the real sample: a fair score on 1,445 people
    app = planted()
    assert not app.exception and "The first confirmed: employed = no and district = North" in text_of(app)
    assert app.get("vega_lite_chart") and not [b for b in app.button if b.label == "Stop"]
    app.switch_page("pages/overview.py").run()
    assert "employed = no and district = North" in text_of(app)


def test_every_view_of_a_slice_draws():
    app = planted()
    for view in VIEWS:
        app.segmented_control(key="slices view").set_value(view).run()
        assert not app.exception, view
    of(app, "selectbox", "Slice").set_value(3).run()
    assert not app.exception


def test_controls_take_effect_at_once():
    app = planted()
    of(app, "selectbox", "Error").set_value("false_negative").run()
    assert audit_of(app).error == "false_negative" and "of people with the outcome" in text_of(app)
    of(app, "checkbox", "Search protected attributes too").set_value(False).run()
    assert not {"sex", "district"} & set(audit_of(app).features)
    of(app, "slider", "Slices").set_value(3).run()
    of(app, "select_slider", "α: error against size").set_value(0.99).run()
    of(app, "select_slider", "Most parts in a slice").set_value(1).run()
    of(app, "number_input", "σ: fewest rows in a slice").set_value(500).run()
    of(app, "multiselect", "Columns").set_value(["age", "priors", "sex"]).run()
    audit = audit_of(app)
    assert not app.exception and audit.features == ("age", "priors", "sex") and audit.options["alpha"] == 0.99
    assert len(audit.table) <= 3 and (audit.table["level"] == 1).all() and (audit.table["n"] >= 500).all()


def test_a_slice_by_hand_stands_in_the_table_until_it_is_removed():
    app = planted()
    of(app, "multiselect", "Columns of the slice").set_value(["sex", "district"]).run()
    next(m for m in app.multiselect if m.label.startswith("sex")).set_value(["Female"]).run()
    assert button(app, "Add this slice").disabled
    next(m for m in app.multiselect if m.label.startswith("district")).set_value(["East", "West"]).run()
    button(app, "Add this slice").click().run()
    row = audit_of(app).table.iloc[-1]
    assert row["kind"] == "by hand" and row["words"] == "sex = Female and district = East or West"
    button(app, "Remove").click().run()
    assert not app.exception and not state(app).slicing.manual


def test_bins_can_be_changed_and_brought_back():
    app = planted()
    found = audit_of(app).binning.cutpoints
    of(app, "selectbox", "Column").set_value("age").run()
    of(app, "text_input", "Cut-points").set_value("25, 60")
    button(app, "Use these").click().run()
    audit = audit_of(app)
    assert audit.binning.cutpoints["age"] == (25.0, 60.0) and audit.binning.cutpoints["priors"] == found["priors"]
    assert {"under 25", "25–59", "60 and over"} == set(audit.binning.frame["age"].cat.categories)
    of(app, "text_input", "Cut-points").set_value("many")
    button(app, "Use these").click().run()
    assert "finite numbers, separated by commas" in text_of(app)
    of(app, "text_input", "Cut-points").set_value("60, inf")
    button(app, "Use these").click().run()
    assert "finite numbers" in text_of(app) and audit_of(app).binning.cutpoints["age"] == (25.0, 60.0)
    of(app, "text_input", "Special codes").set_value("44")
    of(app, "text_input", "Cut-points").set_value("25, 60")
    button(app, "Use these").click().run()
    audit = audit_of(app)  # a code added leaves the cut-points as they were set
    assert audit.binning.cutpoints["age"] == (25.0, 60.0) and "code 44" in audit.binning.frame["age"].cat.categories
    button(app, "All columns back to the bins found").click().run()
    assert audit_of(app).binning.cutpoints == found and not app.exception


def test_other_columns_bins_leave_slices_by_hand():
    app = planted()
    for column, level in (("offence", "Drugs"), ("age", "23–27")):
        of(app, "multiselect", "Columns of the slice").set_value([column]).run()
        next(m for m in app.multiselect if m.label.startswith(column)).set_value([level]).run()
        button(app, "Add this slice").click().run()
    of(app, "selectbox", "Column").set_value("age").run()
    of(app, "text_input", "Cut-points").set_value("40")
    button(app, "Use these").click().run()
    by_hand = audit_of(app).table.query("kind == 'by hand'")["words"].to_list()
    assert by_hand == ["offence = Drugs"] and not app.exception


def test_a_trend_that_does_not_fit_can_be_taken_back():
    app = planted()
    of(app, "selectbox", "Column").set_value("age").run()
    # Older people have the outcome less often.
    of(app, "selectbox", "Trend of the event rate").set_value("ascending")
    button(app, "Use these").click().run()
    assert "age" in audit_of(app).left_out and "Not searched as it is" in "".join(w.value for w in app.warning)
    of(app, "selectbox", "Trend of the event rate").set_value("none")
    button(app, "Use these").click().run()
    assert "age" in audit_of(app).features and not app.exception


def test_a_tiny_table_says_how_many_rows_are_needed():
    app = with_table(random_table(2, 60).drop(columns="weight"), label="y", score="score", sensitive=["group"])
    assert "at least 64 to search" in text_of(app) and not app.exception


def test_another_score_is_compared():
    frame = simulate_failures(3_000, random_state=2).frame
    app = with_table(
        frame.assign(second=(frame["score"] * 0.9).round(4)), label="event", score="score", sensitive=["sex"]
    )
    of(app, "selectbox", "Another score in this table").set_value("second").run()
    button(app, "Compare").click().run()
    assert not app.exception
    found = next(value for key, value in state(app).finished.items() if key[0] == "variants")
    assert set(found["variant"]) == {"t.csv", "t.csv, second"}
    assert "Against t.csv the error of" in text_of(app)
    assert (
        "age" not in of(app, "selectbox", "Another score in this table").options
    )  # no probability, and the error is log loss


def test_chosen_slices_go_into_the_report():
    app = planted()
    of(app, "multiselect", "Slices for the report").set_value([1, 3]).run()
    button(app, "Add to report").click().run()
    (entry,) = state(app).entries
    assert list(entry.result.table["rank"]) == [1, 3]
    of(app, "multiselect", "Slices for the report").set_value([]).run()
    assert not [b for b in app.button if b.label == "Add to report"]
    app.switch_page("pages/report.py").run()
    assert not app.exception and "slices by log loss" in text_of(app)


def test_deciles_have_no_log_loss_and_say_so():
    frame = random_table(2, 2_000).assign(score=lambda f: (f["score"] * 10).round(), own=1.0, shame=-1.0)
    app = with_table(frame, label="y", score="score", sensitive=["group"], weight="(none)")
    errors = of(app, "selectbox", "Error")
    assert "Log loss" not in errors.options and "No log loss" in text_of(app) and audit_of(app).error == "zero_one"
    assert "Column: own" in errors.options and "Column: shame" not in errors.options
    errors.set_value("own").run()
    assert not app.exception and "No slice was found" in text_of(app)


def test_a_prediction_only_is_audited_too():
    frame = random_table(2, 2_000).assign(said=lambda f: (f["score"] > 0.5).astype(int)).drop(columns="score")
    app = with_table(frame, label="y", prediction="said", sensitive=["group"], weight="(none)")
    assert not app.exception and audit_of(app).error == "zero_one" and audit_of(app).threshold is None


def test_hostile_names_are_shown_as_they_are():
    name = ":red[x] $y$ **b**"
    frame = random_table(1, 2_000).rename(columns={"group": name})
    frame[name] = np.where(frame[name] == "A", "<b>**A**</b>", frame[name])
    app = with_table(frame, label="y", sensitive=[name])
    for label in ("Columns of the slice",):
        of(app, "multiselect", label).set_value([name]).run()
    assert not app.exception
    raw = "\n".join(m.value for m in [*app.markdown, *app.caption])
    assert ":red[x]" not in raw and "**b**" not in raw and "**A**" not in raw


def test_too_much_waits_for_a_press(monkeypatch):
    monkeypatch.setattr("recidiv_core.slices.prepare._HEAVY_CELLS", 100)
    app = opened("slices")
    assert audit_of(app) is None and "at most" in text_of(app)
    button(app, "Search").click().run()
    assert not app.exception and audit_of(app) is not None
