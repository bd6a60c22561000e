"""The Recidivism and Models pages, run without a browser."""

import numpy as np
import pandas as pd
import pytest

from recidiv_core.models import train_model
from tests.conftest import ROOT
from tests.models.conftest import dataset_of, planted
from tests.pages.test_pages import button, opened, state, text_of, upload


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def of(app, kind, label):
    return next(widget for widget in app.get(kind) if widget.label == label)


def press(app, start, timeout=120):
    next(b for b in app.button if b.label.startswith(start)).click().run(timeout=timeout)
    assert not app.exception, app.exception
    return app


def simulated(people=1_500):
    app = opened("recidivism")
    of(app, "number_input", "People to simulate").set_value(people).run()
    return press(app, "Simulate events")


def trained():
    app = press(simulated(), "Use this table for models").switch_page("pages/models.py").run()
    of(app, "multiselect", "Algorithms").set_value(["logistic_regression", "decision_tree"]).run()
    return press(app, "Train 2 models")


def test_the_first_picture_is_of_the_real_sample():
    app = opened("recidivism")
    assert not app.exception
    assert "1,445 rows" in text_of(app) and "23.4 % within 2 years" in text_of(app)
    assert "not offending again" in text_of(app)  # measured outcomes are warned about


def test_simulated_events_show_what_watching_does():
    app = simulated()
    assert "What was measured, and what is true" in [s.value for s in app.subheader]
    truth = next(d.value for d in app.dataframe if "True rate" in d.value.columns or "true rate" in d.value.columns)
    own = truth[truth["outcome"] == "recidivism within 3 years"].set_index("group")
    assert own.loc["B", "measured rate"] - own.loc["A", "measured rate"] > 0.06
    assert own.loc["B", "true low"] < own.loc["A", "true high"]


def test_the_codebook_can_be_changed_and_the_outcome_follows():
    app = simulated()
    events = state(app).events
    from recidiv_core.recidivism import build_outcomes

    wide = build_outcomes(events.table, columns=events.columns, violent=["assault", "sexual offence"])
    usual = build_outcomes(events.table, columns=events.columns)
    name = "violent recidivism within 3 years"
    assert wide.outcomes[name].n_returned != usual.outcomes[name].n_returned
    assert wide.codebook.loc[wide.codebook["violent"], "offence"].tolist() == ["assault", "sexual offence"]


def test_a_table_whose_columns_cannot_be_told_asks_for_them():
    frame = pd.DataFrame({"who": [1, 1, 2], "when": ["2000-01-01", "2001-06-01", "2000-01-01"], "x": [1, 2, 3]})
    app = upload(opened("recidivism"), "mine.csv", frame.to_csv(index=False).encode())
    assert "Choose the columns person and date first" in app.info[0].value and not app.exception
    of(app, "selectbox", "Person").set_value("who").run()
    of(app, "selectbox", "Date").set_value("when").run()
    assert not app.exception and "3 rows" in text_of(app)
    app = press(app, "Use this table for models")
    assert "at least one, chosen above" in text_of(app)


def test_a_broken_file_costs_nothing():
    app = upload(opened("recidivism"), "bad.csv", b"\x89PNG")
    assert app.error and "1,445 rows" in text_of(app)


def test_train_compare_choose_and_every_page_audits_it():
    app = trained()
    assert "ranks people best" in text_of(app)
    score = state(app).dataset.roles.score
    press(app, "Audit this model's scores")
    assert state(app).dataset.roles.score.startswith("score of ") and state(app).dataset.roles.score != score
    assert any("out of fold" in entry.detail for entry in state(app).dataset.ledger)
    for page in ("groups", "thresholds", "slices", "overview", "report"):
        app.switch_page(f"pages/{page}.py").run(timeout=60)
        assert not app.exception, page
    app.switch_page("pages/models.py").run()
    assert "Train 2 models" not in [b.label for b in app.button]  # what was trained stays


def test_every_view_of_a_model_draws():
    app = trained()
    starts = {
        "importance": "Which columns matter",
        "effects": "Compute the effects",
        "proxies": "How well do",
        "save": "Train it for saving",
    }
    for view in ("curves", "rules", "importance", "effects", "proxies", "save"):
        app.segmented_control(key="models view").set_value(view).run(timeout=60)
        assert not app.exception, view
        if view in starts:
            press(app, starts[view])
    assert "rows held out" in text_of(app)
    press(app, "Add to report")
    app.switch_page("pages/report.py").run()
    assert not app.exception and "ranks people best" in text_of(app)


def test_mitigations_land_on_the_trade_off():
    frame = planted(1_200)
    app = upload(opened("data"), "t.csv", frame.drop(columns=["later", "person", "sex"]).to_csv(index=False).encode())
    next(s for s in app.selectbox if s.key.startswith("role label ")).set_value("y").run()
    next(m for m in app.multiselect if m.key.startswith("role sensitive ")).set_value(["group"]).run()
    button(app, "Audit this table").click().run()
    assert "has no score yet" in text_of(app)
    app.switch_page("pages/models.py").run()
    of(app, "multiselect", "Algorithms").set_value(["logistic_regression"]).run()
    of(app, "multiselect", "Mitigations to compare").set_value(["reweighing"]).run()
    press(app, "Train 2 models")
    press(app, "Audit this model's scores")
    assert list(state(app).mitigated) == ["Reweighing (aif360), logistic regression"]
    from recidiv_core.ui.work import decision_points

    own = decision_points(
        state(app).dataset,
        state(app).mitigated,
        attribute="group",
        definition="statistical_parity",
        **state(app).threshold_options(),
    )
    flagged = next(iter(state(app).mitigated.values()))
    in_b = state(app).dataset.frame["group"].to_numpy() == "B"
    assert own["range"].iloc[0] == pytest.approx(abs(flagged[in_b].mean() - flagged[~in_b].mean()))


def test_a_model_from_a_file_is_matched_and_audited():
    frame = planted(900)
    model = train_model(dataset_of(frame), algorithm="decision_tree", unaware=True, n_iter=0).to_bytes()
    app = upload(
        opened("data"),
        "t.csv",
        frame.drop(columns="later").rename(columns={"noise": "chatter"}).to_csv(index=False).encode(),
    )
    next(s for s in app.selectbox if s.key.startswith("role label ")).set_value("y").run()
    next(m for m in app.multiselect if m.key.startswith("role sensitive ")).set_value(["group"]).run()
    button(app, "Audit this table").click().run()
    app.switch_page("pages/models.py").run()
    app = upload(app, "model.skops", model)
    assert "no such column in the table" in text_of(app)
    of(app, "selectbox", "Column for noise").set_value("chatter").run()
    press(app, "Score the table and audit it")
    assert state(app).dataset.roles.score == "model score" and len(np.unique(state(app).dataset.y_score)) > 3
    app = upload(app, "model.pkl", b"\x80\x04K\x01.")
    assert "which runs code" in text_of(app) and state(app).dataset.roles.score == "model score"


def test_choices_stay_after_a_look_at_other_pages():
    app = trained()
    before = text_of(app)
    press(app, "Audit this model's scores")
    app.switch_page("pages/groups.py").run()
    app.switch_page("pages/models.py").run()
    assert of(app, "multiselect", "Algorithms").value == ["logistic_regression", "decision_tree"]
    lead = next(line for line in before.splitlines() if "ranks people best" in line)
    assert lead in text_of(app)


def test_the_table_asked_for_last_is_trained_on():
    app = press(simulated(), "Use this table for models").switch_page("pages/data.py").run()
    frame = planted(600).drop(columns=["later", "person", "sex"])
    app = upload(app, "t.csv", frame.to_csv(index=False).encode())
    next(s for s in app.selectbox if s.key.startswith("role label ")).set_value("y").run()
    next(m for m in app.multiselect if m.key.startswith("role sensitive ")).set_value(["group"]).run()
    button(app, "Audit this table").click().run()
    app.switch_page("pages/models.py").run()
    assert state(app).training.table.name == "t.csv" and "600 rows" in " ".join(c.value for c in app.caption)


def test_a_model_for_another_table_is_told_in_a_line_and_one_for_this_warns():
    frame = planted(900)
    data = dataset_of(frame)
    model = train_model(data, algorithm="decision_tree", unaware=True, n_iter=0)
    app = opened("models")
    app = upload(app, "model.skops", model.to_bytes())
    assert "no such column" in text_of(app)
