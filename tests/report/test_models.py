"""Recidivism data and models in the report: what it says, and what it withholds."""

import io
import json

import pandas as pd
import pypdf
import pytest

from recidiv_core import build_outcomes, evaluate_models, simulate_events, training_dataset
from recidiv_core.recidivism import EventColumns
from recidiv_core.report import Entry, protect, render_report, summary, withheld
from recidiv_core.report.models import _is_small

GENERAL, VIOLENT = "recidivism within 3 years", "violent recidivism within 3 years"


@pytest.fixture(scope="module")
def data():
    events = simulate_events(1_500)
    return build_outcomes(events.events, columns=events.columns, horizons=(3,), start="2000-01-01")


@pytest.fixture(scope="module")
def comparison(data):
    dataset = training_dataset(
        data.as_table(),
        outcomes=[GENERAL, VIOLENT],
        sensitive=data.demographics,
        features=data.features,
        id=data.person,
    )
    return evaluate_models(
        dataset,
        algorithms=["linear_discriminant", "decision_tree"],
        outcomes=[GENERAL, VIOLENT],
        n_outer=3,
        n_iter=0,
        unaware=True,
    )


def text_of(results, **options):
    reader = pypdf.PdfReader(io.BytesIO(render_report(results, **options)))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def test_both_say_what_was_done_and_found(data, comparison):
    text = text_of([Entry(data, "As the board defines it."), comparison])
    for part in (
        "Who comes back, and who can say?",
        "As the board defines it.",
        "watched for less than 3 years",
        "not offending again",
        "assault, homicide, robbery and threats",
        "out of fold (3 folds)",
        "Decision tree",
        "Kaplan",
    ):
        assert part in text, part
    own = data.outcomes[GENERAL]
    assert f"{own.n:,}" in text and f"{own.n_returned:,}" in text
    assert f"{comparison.table['auc'].iloc[0]:.4f}" in text
    assert text_of([comparison, data]).startswith("FAIRNESS AUDIT How well can it be predicted")


def test_no_row_of_anybody_leaves_with_them(data, comparison):
    whole = json.loads(render_report([data, comparison], format="json"))
    assert [r["room"] for r in whole["manifest"]["results"]] == ["recidivism", "models"]
    assert "table" not in whole["results"][0] and "scores" not in whole["results"][1]
    assert whole["results"][1]["points"] == []


def test_a_count_too_small_is_withheld_with_what_would_show_it():
    """12 rows within 1 year, 3 more returns within 2: the second outcome would show the three."""
    rows = [(i, "2000-01-01", "theft") for i in range(100)]
    rows += [(i, "2000-06-01", "theft") for i in range(20)] + [(i, "2001-06-01", "theft") for i in range(20, 23)]
    rows += [(999, "2010-01-01", "arson")]
    events = pd.DataFrame(rows, columns=["id", "date", "offence"])
    data = build_outcomes(events, columns=EventColumns("id", "date", offence="offence"), horizons=(1, 2))
    hidden = withheld(data, min_cell=10)
    assert hidden["group"].tolist() == [
        "recidivism within 2 years",
        "arson",
        "theft",
    ]  # with one class alone withheld, the total would tell it
    public = protect(data, min_cell=10)
    assert list(public.outcomes) == ["recidivism within 1 year"]
    assert public.codebook.set_index("offence")["n"].isna().to_dict() == {"arson": True, "theft": True}
    assert "within 2 years" not in " ".join(text for _, _, text in summary(public))
    assert not {o["name"] for o in public.to_dict()["outcomes"]} & {"recidivism within 2 years"}


def test_figures_at_a_threshold_that_rest_on_few_are_withheld(comparison):
    public = protect(comparison, min_cell=10)
    for suffix in ("", "_half", "_paper"):
        small = pd.Series(_is_small(comparison.folds, suffix, 10))
        for pair, own in comparison.folds.assign(small=small).groupby(["outcome", "algorithm"]):
            shown = public.folds[(public.folds["outcome"] == pair[0]) & (public.folds["algorithm"] == pair[1])]
            assert shown[f"recall{suffix}"].isna().all() == own["small"].any()
            assert not shown["auc"].isna().any() and shown["threshold"].isna().all()  # a threshold is somebody's score
    everything = protect(comparison, min_cell=100_000)
    assert everything.folds[["recall", "precision_half", "accuracy", "specificity_paper"]].isna().all().all()
    text = text_of([everything])
    assert "withheld" in text and "not estimable (" not in text
    assert len(withheld(comparison, min_cell=100_000)) == 8
    assert everything.table["auc"].isna().all() and "are withheld" in text  # each part has fewer people than that
