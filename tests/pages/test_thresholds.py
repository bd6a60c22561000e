"""The Thresholds page, run without a browser."""

import json

import pytest

from recidiv_core.data import simulate_scores
from recidiv_core.thresholds import DEFINITIONS
from tests.conftest import ROOT, shared
from tests.pages.test_pages import button, opened, state, text_of, upload

VIEWS = {
    "thresholds view": ("price", "phases", "pr", "roc", "table"),
    "thresholds whole": ("words", "scale", "tradeoff", "pairs"),
}


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def press(app, definition):
    """Press a definition; what the page then says."""
    control = next(c for c in app.segmented_control if "definition" in str(c.key))
    control.set_value(definition).run()
    assert not app.exception
    return text_of(app)


def see_all(app):
    for key, views in VIEWS.items():
        for view in views:
            app.segmented_control(key=key).set_value(view).run()
            assert not app.exception, view


def slider(app, group):
    return next(s for s in app.select_slider if s.label == f"Threshold of {group}")


def with_table(frame, **roles):
    app = opened("data")
    upload(app, "t.csv", frame.to_csv(index=False).encode())
    for role, value in roles.items():
        next(s for s in app.selectbox if s.key.startswith(f"role {role} ")).set_value(value).run()
    sensitive = next(m for m in app.multiselect if m.key.startswith("role sensitive "))
    if not sensitive.value:
        sensitive.set_value(["group"]).run()
    button(app, "Audit this table").click().run()
    assert state(app).dataset.name == "t.csv", text_of(app)
    return app.switch_page("pages/thresholds.py").run()


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_a_definition_sets_the_thresholds_and_every_view_draws(definition):
    app = opened("thresholds")
    text = press(app, definition)
    found = state(app).threshold_audit()
    assert f"{found.solution.objective:.4f}" in text and DEFINITIONS[definition].title in text
    for group, threshold in found.thresholds.items():
        assert slider(app, group).value == threshold
    see_all(app)


def test_a_slider_goes_on_by_hand_from_what_was_found():
    app = opened("thresholds")
    press(app, "equal_opportunity")
    before = state(app).threshold_audit().thresholds
    moved = slider(app, "Black")
    moved.set_value(0.5).run()
    assert not app.exception and state(app).search.definition is None
    after = state(app).threshold_audit().thresholds
    assert after["Black"] == 0.5 and after["not Black"] == before["not Black"]
    assert next(c for c in app.segmented_control if "definition" in str(c.key)).value == "by hand"
    slider(app, "Black").set_value(before["Black"]).run()  # the exact threshold stays on offer
    assert state(app).threshold_audit().thresholds == before


def test_controls_take_effect_at_once():
    app = opened("thresholds")
    press(app, "statistical_parity")
    first = state(app).threshold_audit().solution.objective
    app.select_slider(key="thresholds tolerance").set_value(0.05).run()
    assert state(app).threshold_audit().solution.objective > first
    assert state(app).settings.tolerance == 0.05  # one tolerance on every page
    app.selectbox(key="thresholds objective").set_value("cost").run()
    app.number_input(key="thresholds cost").set_value(3.0).run()
    options = state(app).threshold_audit().options
    assert not app.exception and (options["objective"], options["cost_ratio"]) == ("cost", 3.0)
    app.checkbox(key="thresholds min_recall on").set_value(True).run()
    app.slider(key="thresholds min_recall").set_value(70).run()
    found = state(app).threshold_audit()
    assert (found.by_group["true_positive_rate"] >= 0.7).all()
    app.checkbox(key="thresholds min_recall on").set_value(False).run()
    assert state(app).search.min_recall is None
    app.number_input(key="thresholds weight Black").set_value(0.0).run()
    app.slider(key="thresholds partial").set_value(0.5).run()
    options = state(app).threshold_audit().options
    assert not app.exception and options["weights"]["Black"] == 0 and options["partial"] == 0.5
    assert (
        "are satisfied" not in press(app, "equal_opportunity") and state(app).threshold_audit().options["partial"] == 1
    )


def test_a_trivial_optimum_is_named_first_and_its_limit_offered():
    frame = simulate_scores(3_000, base_rates={"A": 0.8, "B": 0.6}, separation=0.5, random_state=1).frame
    app = with_table(frame)
    text = press(app, "equal_opportunity")
    assert "Equal opportunity is satisfied, but trivially, by flagging" in text
    button(app, "Flag at most 60 % of each group").click().run()
    found = state(app).threshold_audit()
    assert (found.by_group["selection_rate"] <= 0.6).all() and app.checkbox(
        key="thresholds max_selection_rate on"
    ).value
    assert not app.exception and app.slider(key="thresholds max_selection_rate").value == 60


def test_compas_says_what_the_deciles_allow():
    path = shared("compas-scores-two-years.csv")
    app = opened("data")
    upload(app, path.name, path.read_bytes())
    next(s for s in app.selectbox if s.key.startswith("role label")).set_value("two_year_recid").run()
    next(s for s in app.selectbox if s.key.startswith("role score")).set_value("decile_score").run()
    button(app, "Audit this table").click().run()
    app.switch_page("pages/thresholds.py").run()
    next(c for c in app.segmented_control if str(c.key).startswith("thresholds attribute")).set_value("race").run()
    assert "smallest range that any reach is 2.78 percentage points" in press(app, "predictive_parity")
    for name in ("statistical_parity", "equal_opportunity", "treatment_equality"):
        text = press(app, name)
        assert "trivially, by flagging everybody in African-American, Asian, Caucasian, Hispanic and Other" in text
        assert "(2.7387)" in text and "Native American (fewer than 30 rows (18))" in text
    button(app, "Flag at most 60 % of each group").click().run()
    assert "No thresholds satisfy treatment equality" in text_of(app)
    assert "trivially, by sparing everybody" in press(app, "statistical_parity")
    button(app, "Find at least 30 % of those with the outcome in each group").click().run()
    assert "No thresholds satisfy statistical parity" in text_of(app)


def test_a_rule_comes_back_and_bad_ones_are_told():
    app = opened("thresholds")
    press(app, "predictive_parity")
    wanted = state(app).threshold_audit().thresholds
    rule = {"kind": "recidiv decision rule", "attribute": "black", "thresholds": wanted}
    press(app, "by hand")
    slider(app, "Black").set_value(0.5).run()
    app.file_uploader(key="thresholds upload").set_value(
        ("r.json", json.dumps(rule).encode(), "application/json")
    ).run()
    assert not app.exception and state(app).threshold_audit().thresholds == wanted
    for bad in (b"", b"\x89PNG", b'{"kind": "recidiv decision rule", "attribute": "x", "thresholds": {"a": 1}}'):
        app.file_uploader(key="thresholds upload").set_value(("bad.json", bad, "application/json")).run()
        assert not app.exception and "This cannot be used yet" in text_of(app)
        assert state(app).threshold_audit().thresholds == wanted


def test_a_rule_for_another_attribute_turns_to_it():
    frame = simulate_scores(1_000, random_state=1).frame.assign(sex=lambda f: ["f", "m"] * (len(f) // 2))
    app = with_table(frame)
    other = next(name for name in ("group", "sex") if name != state(app).attribute)
    levels = state(app).dataset.attributes[other].levels
    rule = {"kind": "recidiv decision rule", "attribute": other, "thresholds": dict.fromkeys(levels, 0.25)}
    app.file_uploader(key="thresholds upload").set_value(
        ("r.json", json.dumps(rule).encode(), "application/json")
    ).run()
    assert not app.exception and state(app).attribute == other
    assert set(state(app).threshold_audit().thresholds.values()) == {0.25}
    assert next(c for c in app.segmented_control if str(c.key).startswith("thresholds attribute")).value == other


def test_a_table_without_a_score_is_told_so():
    frame = simulate_scores(500, random_state=1).frame
    frame["flag"] = (frame.pop("score") > 0.5).astype(int)
    app = with_table(frame, label="event", prediction="flag")
    assert not app.exception and any("need a score" in info.value for info in app.info)


def test_hostile_group_names_stay_text():
    frame = simulate_scores(2_000, random_state=1).frame
    frame["group"] = frame["group"].map({"A": "*b* <b>x</b>", "B": "$x$ [a](b)", "C": "=1+1", "D": "a\nb"})
    app = with_table(frame)
    text = press(app, "equal_opportunity")
    assert "*b* <b>x</b>" in text
    see_all(app)


def test_thresholds_and_scale_go_into_the_report():
    app = opened("thresholds")
    press(app, "statistical_parity")
    app.segmented_control(key="thresholds whole").set_value("scale").run()
    app.text_area(key="note thresholds").set_value("Mine.").run()
    for key in ("add thresholds", "add scale"):
        app.button(key=key).click().run()
    assert [e.note for e in state(app).entries] == ["Mine.", ""]  # a note belongs to one result
    assert app.text_area(key="note thresholds").value == ""
    assert [type(e.result).__name__ for e in state(app).entries] == ["ThresholdAudit", "FairnessScale"]
    app.switch_page("pages/report.py").run()
    assert not app.exception and "thresholds by black" in text_of(app) and "fairness scale by black" in text_of(app)
