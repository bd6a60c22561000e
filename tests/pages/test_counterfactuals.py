"""The Counterfactuals page, run without a browser."""

import numpy as np
import pandas as pd
import pytest

from recidiv_core.models import train_model
from tests.conftest import ROOT
from tests.counterfactuals.conftest import people
from tests.models.conftest import dataset_of, planted
from tests.pages.test_models import of, press
from tests.pages.test_pages import button, opened, state, text_of, upload


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def on_loans():
    app = opened("data")
    of(app, "selectbox", "Or a sample").select("loans").run()
    return shown(button(app, "Use this sample").click().run().switch_page("pages/counterfactuals.py").run())


def shown(app):
    assert not app.exception, app.exception
    return app


def view(app, name):
    return shown(app.segmented_control(key="pairs view").set_value(name).run(timeout=120))


def table_with(app, *columns):
    return next(d.value for d in app.dataframe if set(columns) <= set(d.value.columns))


def errors(app):
    return " ".join(e.value for e in app.error).replace("\\", "")


def test_the_loans_in_a_few_clicks():
    app = on_loans()
    assert "all 1,000" in text_of(app) and "1,000 lose by it (Approved to Denied), 0 gain" in text_of(app).replace(
        "\\", ""
    )
    pairs = table_with(app, "decision", "flips")
    assert len(pairs) == 400 and pairs.groupby("Gender")["decision"].nunique().tolist() == [1, 1]
    view(app, "where")
    curve = next(c for c in app.get("vega_lite_chart") if "Mean score against Income" in c.proto.spec)
    assert "Female: crosses it at 80,000" in curve.proto.spec
    view(app, "one")
    assert table_with(app, "needed")["needed"].tolist()[0].startswith("79,99")
    of(app, "number_input", "Income").set_value(85_000).run()
    assert table_with(shown(app), "needed", "now")["now"].tolist() == ["85,000"]


def test_the_first_sample_is_asked_at_once_and_every_view_draws():
    app = shown(opened("counterfactuals"))
    assert "get another decision when black changes" in text_of(app).replace("\\", "")
    assert len(state(app).compared) >= 2
    for name in ("direction", "where", "proxies", "one", "pairs"):
        view(app, name)
    for source, words in (("between", "profiles between real rows"), ("rows", "real rows get another decision")):
        of(app, "radio", "Profiles").set_value(source).run(timeout=120)
        assert words.split(" get")[0] in text_of(shown(app)).replace("\\", "")


def test_an_unaware_model_says_so_with_its_probe():
    app = opened("counterfactuals")
    of(app, "selectbox", "Model").set_value(("asked", "logistic_regression")).run(timeout=120)
    of(app, "toggle", "Unaware of the protected attributes").set_value(True).run(timeout=120)
    text = text_of(shown(app)).replace("\\", "")
    assert "does not take black" in text and "by construction" in text and "What it can still know of black" in text


def test_choices_stay_and_the_report_holds_what_was_found():
    app = on_loans()
    of(app, "number_input", "How many").set_value(300).run()
    of(app, "slider", "Threshold").set_value(0.25).run()
    view(app, "one")
    button(app, "Add to report").click().run()
    app.switch_page("pages/overview.py").run().switch_page("pages/counterfactuals.py").run()
    assert of(app, "number_input", "How many").value == 300 and of(shown(app), "slider", "Threshold").value == 0.25
    (entry,) = state(app).entries
    audit = entry.result
    assert (
        audit.threshold == 0.25 and audit.overall["n"] == 300 and audit.single is not None and not audit.single.is_real
    )
    assert audit.curve is not None and audit.bands["n"].sum() == 300


def test_a_row_of_the_table_stays_out_of_the_report():
    app = on_loans()
    view(app, "one")
    app.segmented_control(key="pairs start").set_value(True).run()
    button(shown(app), "Add to report").click().run()
    assert state(app).entries[0].result.single.is_real


def test_columns_are_made_in_another_way_and_back():
    app = on_loans()
    of(app, "selectbox", "Column to make in another way").select("Income").run()
    of(app, "number_input", "From").set_value(90_000).run()
    of(app, "number_input", "To").set_value(60_000).run()
    button(app, "Make it so").click().run()
    assert "a range from a lower to a higher number" in errors(shown(app))
    of(app, "number_input", "To").set_value(110_000).run()
    button(app, "Make it so").click().run()
    assert "None of 1,000 profiles gets another decision" in text_of(shown(app)).replace("\\", "") and not app.error
    button(app, "All as suggested").click().run()
    assert "all 1,000" in text_of(shown(app))


def test_too_few_values_are_told_and_nothing_is_lost():
    app = on_loans()
    of(app, "multiselect", "Values of Gender").set_value(["Male"]).run()
    assert "at least two different values" in errors(shown(app))
    of(app, "multiselect", "Change").set_value([]).run()
    assert "at least one protected attribute" in errors(shown(app))
    of(app, "multiselect", "Change").set_value(["Gender"]).run()
    assert "1,000 lose" in text_of(shown(app)).replace("\\", "")


def test_a_model_from_a_file_is_asked():
    frame = planted()
    model = train_model(dataset_of(frame), algorithm="logistic_regression", n_iter=0)
    app = opened("data")
    upload(app, "planted.csv", frame.drop(columns="later").to_csv(index=False).encode())
    of(app, "selectbox", "Outcome (label)").select("y").run()
    of(app, "selectbox", "Score").select("(none)").run()
    of(app, "multiselect", "Protected attributes").set_value(["group", "sex"]).run()
    button(app, "Audit this table").click().run()
    app.switch_page("pages/models.py").run()
    app.get("file_uploader")[0].upload("own.skops", model.to_bytes(), "application/octet-stream").run(timeout=120)
    app.switch_page("pages/counterfactuals.py").run(timeout=120)
    of(shown(app), "selectbox", "Model").select("outside").run(timeout=120)
    assert "group" in text_of(shown(app)) and not app.error
    of(app, "multiselect", "Change").set_value(["sex"]).run(timeout=120)
    assert "does not take sex" in text_of(shown(app)).replace("\\", "")


def test_hostile_names_and_missing_values():
    names = {
        "race": "*race* [x](y)",
        "age": "score",
        "district": "decision",
        "income": "<b>flips</b>",
        "priors": "name",
    }
    frame = people(300).rename(columns=names).assign(risk=np.random.default_rng(0).random(300))
    frame["decision"] = frame["decision"].astype(object).where(frame.index % 9 > 0)
    app = opened("data")
    upload(app, "odd.csv", frame.to_csv(index=False).encode())
    of(app, "selectbox", "Outcome (label)").select("y").run()
    of(app, "selectbox", "Score").select("risk").run()
    of(app, "multiselect", "Protected attributes").set_value(["*race* [x](y)", "score"]).run()
    button(app, "Audit this table").click().run()
    app.switch_page("pages/counterfactuals.py").run(timeout=120)
    for name in ("direction", "where", "proxies", "one", "pairs"):
        view(app, name)
        assert not app.error, errors(app)
    of(app, "multiselect", "Change").set_value(["score"]).run(timeout=120)
    assert "somebody who cannot be" in " ".join(c.value for c in shown(app).caption)
    assert isinstance(table_with(app, "flips"), pd.DataFrame)


def test_many_profiles_wait_for_a_press():
    app = opened("counterfactuals")
    of(app, "number_input", "How many").set_value(30_000).run(timeout=120)
    assert "Exact McNemar" not in text_of(shown(app))
    press(app, "Make and score 60,000 clones")
    assert "Of 30,000 profiles" in text_of(app)
