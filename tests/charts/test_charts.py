import json
import math
from importlib.resources import files

import jsonschema_rs
import pandas as pd
import pytest

from recidiv_core import (
    Roles,
    ScoreCurves,
    audit_counterfactuals,
    audit_groups,
    audit_sentencing,
    audit_slices,
    audit_thresholds,
    build_outcomes,
    compare_slices,
    evaluate_models,
    fairness_scale,
    load_dataset,
    pairs_from_rows,
    permutation_importance,
    score_curves,
    sentencing_records,
    simulate_events,
    simulate_sentences,
    slice_detail,
    tradeoff_curve,
    training_dataset,
)
from recidiv_core.charts import counterfactuals as pair_charts
from recidiv_core.charts import data as data_charts
from recidiv_core.charts import groups as group_charts
from recidiv_core.charts import models as model_charts
from recidiv_core.charts import privacy as copy_charts
from recidiv_core.charts import recidivism as recidivism_charts
from recidiv_core.charts import sentencing as sentence_charts
from recidiv_core.charts import slices as slice_charts
from recidiv_core.charts import thresholds as threshold_charts_of
from recidiv_core.charts.theme import VERDICT_MARKS, distinct, static
from recidiv_core.counterfactuals import loan_model, one_way, response_curve
from recidiv_core.data import describe_groups, score_histogram, simulate_failures
from recidiv_core.groups import HEADLINE, METRICS
from recidiv_core.models import literature
from recidiv_core.privacy import audit_baseline, audit_copy, audit_release, link_records, split_real, synthesize
from recidiv_core.recidivism import outcome_rates, return_curve
from recidiv_core.report import suppress
from recidiv_core.thresholds import (
    DEFINITIONS,
    curve_table,
    options_of,
    people_dots,
    satisfying_thresholds,
)
from tests.conftest import audit_of, random_table
from tests.privacy.conftest import dataset_of as dataset_of_people
from tests.privacy.conftest import typed

MAX_MARKS = 5_000


def _schema():
    """Altair's own schema; the names of its parts as they may stand in a reference."""
    text = (files("altair.vegalite.v6.schema") / "vega-lite-schema.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    parts = json.dumps(schema["definitions"])
    for position, name in enumerate(schema["definitions"]):
        parts = parts.replace(json.dumps(f"#/definitions/{name}"), f'"#/definitions/part{position}"')
    definitions = {f"part{i}": own for i, own in enumerate(json.loads(parts).values())}
    top = f"#/definitions/part{list(schema['definitions']).index('TopLevelLayerSpec')}"
    return {"$schema": schema["$schema"], "definitions": definitions, "$ref": top}


VALID = jsonschema_rs.validator_for(_schema())  # Altair's way takes a second a chart


def every_chart(seed=1, n=3_000, groups=8, unit=0.001):
    frame = random_table(seed, n, groups).assign(score=lambda f: (f["score"] / unit).round() * unit)
    dataset = load_dataset(frame, roles=Roles("y", score="score", sensitive="group"))
    audit = audit_groups(dataset, threshold=0.5, n_boot=100)
    described = describe_groups(dataset)
    charts = {
        f"disparity {u}": group_charts.disparity_chart(audit, "group", unit=u) for u in ("rate", "number", "ratio")
    }
    charts |= {f"metric {m}": group_charts.metric_chart(audit, "group", m) for m in METRICS}
    charts |= {
        "roc": group_charts.roc_chart(audit, "group"),
        "calibration": group_charts.calibration_chart(audit, "group"),
        "base rate": data_charts.base_rate_chart(described, "group"),
        "scores": data_charts.score_chart(score_histogram(dataset, attribute="group"), described, "group"),
    }
    if len(audit.cutpoints):
        charts["cutpoints"] = group_charts.cutpoint_chart(audit, "group", HEADLINE["punitive"][0])
    return audit, charts


def assert_valid_small_and_described(charts):
    for name, chart in charts.items():
        VALID.validate(chart)
        VALID.validate(static(chart))
        own = [layer.get("data", chart["data"])["values"] for layer in chart["layer"]]
        assert sum(map(len, own)) <= MAX_MARKS, name
        assert len(chart["description"]) > 30, name


@pytest.mark.parametrize("unit", [0.001, 0.1])
def test_charts_are_valid_small_and_described(unit):
    _, charts = every_chart(unit=unit)
    assert_valid_small_and_described(charts)


def test_the_verdict_chart_draws_the_table():
    audit, charts = every_chart()
    rows = audit.of("group", "disparities").set_index("metric")
    titles = {metric.title.split(" (")[0]: name for name, metric in METRICS.items()}
    for drawn in charts["disparity rate"]["data"]["values"]:
        row = rows.loc[titles[drawn["metric"]]]
        assert drawn["range"] == pytest.approx(100 * row["range"])
        assert (drawn["low"], drawn["high"]) == pytest.approx((100 * row["low"], 100 * row["high"]))
        assert drawn["verdict"] == VERDICT_MARKS[row["verdict"]].word
    band = charts["disparity rate"]["layer"][0]["data"]["values"][0]
    assert (band["low"], band["high"]) == (0, 100 * audit.options["tolerance"])


def test_verdicts_differ_by_more_than_colour():
    marks = list(VERDICT_MARKS.values())
    for attribute in ("word", "sign", "shape", "colour"):
        assert len({getattr(mark, attribute) for mark in marks}) == 3
    assert [mark.filled for mark in marks].count(False) == 1


def test_what_does_not_exist_is_not_drawn_and_says_why():
    audit = audit_of({"a": (30, 20, 10, 40), "b": (0, 30, 0, 70), "tiny": (2, 2, 2, 2)})
    drawn = {d["group"]: d for d in group_charts.metric_chart(audit, "group", "true_positive_rate")["data"]["values"]}
    assert drawn["b"]["estimate"] is None and drawn["b"]["text"] == "not estimable: nobody had the outcome"
    assert drawn["tiny"]["compared"] == "too small to compare" and drawn["a"]["compared"] == "compared"


def test_a_suppressed_chart_does_not_show_what_is_withheld():
    audit = suppress(
        audit_of({"a": (500, 400, 300, 600), "b": (450, 350, 250, 550), "c": (20, 3, 20, 20)}), min_cell=10
    )
    drawn = {d["group"]: d for d in group_charts.metric_chart(audit, "group", "false_positive_rate")["data"]["values"]}
    assert drawn["c"]["estimate"] is None and drawn["c"]["text"] == "withheld"
    assert "nan" not in group_charts.disparity_chart(audit, "group")["description"]


def test_long_and_empty_names_fit():
    frame = random_table(1).assign(group=lambda f: f["group"].map({"A": "x" * 300, "B": " ", "C": "=c"}))
    audit = audit_groups(load_dataset(frame, roles=Roles("y", score="score", sensitive="group")), threshold=0.5)
    names = [d["group"] for d in group_charts.metric_chart(audit, "group", "accuracy")["data"]["values"]]
    assert max(map(len, names)) <= 28 and "(missing)" in names


def threshold_charts():
    frame = random_table(1, 3_000, 8)
    dataset = load_dataset(frame, roles=Roles("y", score="score", sensitive="group"))
    curves = score_curves(dataset, attribute="group")
    audit = audit_thresholds(dataset, attribute="group", definition="equal_opportunity", n_boot=100)
    table, points, groups = curve_table(curves), audit.by_group, list(curves.groups)
    options = options_of(curves, definition="equal_opportunity")
    satisfying = satisfying_thresholds(curves, options)
    row = next(audit.by_group.itertuples())
    dots, _ = people_dots(curves.groups[row.group], row.threshold, low=0.0, high=1.0)
    tradeoff = pd.concat(tradeoff_curve(curves, definition=name, tolerances=(0.01, 0.1)) for name in DEFINITIONS)
    peers = pd.DataFrame({"name": ["another"], "range": [0.05], "objective": [3.0]})
    scale = fairness_scale(dataset, attribute="group", n_boot=100)
    charts = {
        "people": threshold_charts_of.people_chart(dots, row, threshold=row.threshold, baseline=0.5, domain=(0.0, 1.0)),
        "nobody": threshold_charts_of.people_chart(dots, row, threshold=math.inf, baseline=0.5, domain=(0.0, 1.0)),
        "price": threshold_charts_of.price_chart(audit),
        "metric": threshold_charts_of.metric_by_threshold(table, "error_balance", groups),
        "satisfying": threshold_charts_of.metric_by_threshold(
            table, "true_positive_rate", groups, satisfying=satisfying
        ),
        "chosen": threshold_charts_of.metric_by_threshold(table, "true_positive_rate", groups, points=points),
        "pr": threshold_charts_of.precision_recall_chart(table, points, groups, description="They do not meet."),
        "roc": threshold_charts_of.roc_chart(table, points, groups),
        "plot": threshold_charts_of.threshold_plot(curve_table(ScoreCurves({"all people": curves.pooled}))),
        "tradeoff": threshold_charts_of.tradeoff_chart(
            tradeoff, today=audit.solution, peers=peers, objective="the sum"
        ),
        "scale": threshold_charts_of.scale_chart(scale.table, 0.01),
    }
    return audit, charts


def test_charts_of_thresholds_are_valid_small_and_described():
    audit, charts = threshold_charts()
    assert_valid_small_and_described(charts)
    assert "nobody is flagged" in charts["nobody"]["description"]
    drawn = {(d["group"], d["what"]): d["change"] for d in charts["price"]["data"]["values"]}
    for row in audit.by_group.itertuples():
        assert drawn[row.group, "missed"] == pytest.approx(row.missed_per_1000)


def test_the_four_kinds_of_dots_differ_without_colour():
    looks = {(shape, filled) for _, _, shape, filled in threshold_charts_of.DOTS.values()}
    signs = {sign for sign, *_ in threshold_charts_of.DOTS.values()}
    assert len(looks) == len(signs) == 4


@pytest.mark.parametrize("error", ["log_loss", "false_positive"])
def test_slice_charts_are_valid_small_and_described_and_draw_their_tables(error):
    frame = simulate_failures(6_000, random_state=1).frame
    roles = Roles("event", score="score", sensitive=("sex", "district"))
    dataset = load_dataset(frame, roles=roles)
    audit = audit_slices(dataset, error=error, threshold=0.4, alpha=0.97, manual=[{"sex": "Female"}])
    slice_ = audit.table["slice"][0]
    detail = slice_detail(dataset, audit, slice_)
    other = load_dataset(frame.assign(score=frame["score"] ** 2), roles=roles)
    compared = compare_slices({"one": dataset, "two": other}, error=error, threshold=0.4)
    is_share = error != "log_loss"
    charts = {
        "slices": slice_charts.slices_chart(audit),
        "makeup": slice_charts.makeup_chart(detail),
        "parts": slice_charts.parts_chart(audit, detail),
        "spread": slice_charts.spread_chart(audit, detail),
        "lattice": slice_charts.lattice_chart(audit, detail),
        "bins": slice_charts.bins_chart(audit.binning.table, "age"),
        "variants": slice_charts.comparison_chart(audit.error_mean, compared, share=is_share),
    }
    assert_valid_small_and_described(charts)
    scale = 100 if is_share else 1
    for drawn, row in zip(charts["slices"]["data"]["values"], audit.table.itertuples(), strict=True):
        assert drawn["error"] == pytest.approx(scale * row.held_out_error)
        assert (drawn["low"] > scale * audit.held_out_error) == row.confirmed
    for drawn, row in zip(charts["makeup"]["data"]["values"], detail.makeup.itertuples(), strict=True):
        assert (drawn["value"], drawn["all"]) == pytest.approx((100 * row.share, 100 * row.share_all))
    assert len(charts["lattice"]["data"]["values"]) == len(detail.lattice)


def test_charts_of_recidivism_data_and_models_are_valid_small_and_described():
    events = simulate_events(1_500)
    data = build_outcomes(events.events, columns=events.columns, horizons=(1, 3, None))
    curve, rates = return_curve(data, by="group"), outcome_rates(data, by="group")
    outcomes = list(data.outcomes)[:2]
    dataset = training_dataset(
        data.as_table(), outcomes=outcomes, sensitive=data.demographics, features=data.features, id=data.person
    )
    found = evaluate_models(
        dataset, algorithms=["linear_discriminant", "decision_tree"], outcomes=outcomes, n_outer=2, n_iter=0
    )
    one = found.points[(found.points["outcome"] == outcomes[0]) & (found.points["algorithm"] == "decision_tree")]
    importance = permutation_importance(dataset, algorithm="decision_tree", n_repeats=2)
    charts = {
        "returned": recidivism_charts.return_chart(curve, [1, 3]),
        "rates": recidivism_charts.rates_chart(rates),
        "auc": model_charts.auc_chart(found.table, found.folds, literature(outcomes)),
        "roc": model_charts.roc_chart(found.points, {}),
        "threshold": model_charts.performance_chart(one),
        "importance": model_charts.importance_chart(importance, title="x", about="y"),
    }
    assert_valid_small_and_described(charts)
    dots = next(layer for layer in charts["auc"]["layer"] if layer["mark"]["type"] == "tick")["data"]["values"]
    assert sorted(d["fold"] for d in dots) == pytest.approx(sorted(found.folds["auc"]))
    assert len(charts["importance"]["data"]["values"]) == 15


def test_charts_of_pairs_are_valid_small_and_described_and_draw_their_tables():
    dataset = load_dataset("sample:loans")
    model = loan_model(dataset.frame)
    pairs = pairs_from_rows(dataset, vary={"Gender": ["Female", "Male"]})
    audit = audit_counterfactuals(model, pairs, threshold=0.5)
    bands, curve = audit.by_band("Income"), response_curve(model, pairs, feature="Income")
    charts = {
        "direction": pair_charts.direction_chart(audit.summary),
        "bands": pair_charts.band_chart(bands, feature="Income"),
        "curve": pair_charts.response_chart(curve, threshold=0.5, between=(30_000, 70_000)),
        "alone": pair_charts.response_chart(curve, threshold=2.0, between=None),
    }
    assert_valid_small_and_described(charts)
    lose, gain = charts["direction"]["data"]["values"]
    women = (dataset.frame["Income"] < 80_000).mean()
    assert (lose["value"], gain["value"]) == pytest.approx((-women, 0)) and lose["low"] < -women < lose["high"]
    assert "Male to Female" in charts["direction"]["description"]
    assert [r["value"] for r in charts["bands"]["data"]["values"]] == pytest.approx(bands["flip_rate"].tolist())
    assert "under it throughout" in charts["alone"]["description"]
    assert len(one_way(audit.summary)) == 1


def test_names_cut_short_stay_apart():
    """Two clones that differ at the end of a long name are two lines, and two rows."""
    long = ["black = not Black, married = 0", "black = not Black, married = 1", "A", "black = not Black, married = 1"]
    names = distinct(long)
    assert len(set(names)) == 4 and all(len(name) <= 28 for name in names)
    assert names[2] == "A" and names[1].endswith("married = 1")
    curve = pd.DataFrame(
        {
            "feature": "x",
            "value": [0, 1] * 2,
            "group": [long[0]] * 2 + [long[1]] * 2,
            "score": [0.1, 0.2, 0.8, 0.9],
            "n": 5,
        }
    )
    chart = pair_charts.response_chart(curve, threshold=0.5, between=None)
    assert len({row["group"] for row in chart["data"]["values"]}) == 2


def test_charts_of_copies_are_valid_small_and_described_and_draw_their_tables():
    split = split_real(dataset_of_people(typed(500)))
    copies = [audit_copy(split, synthesize(split.train, method=m)) for m in ("undersample", "copula")]
    release = audit_release(split, copies, baseline=audit_baseline(split), name="people")
    census = pd.DataFrame({"age": range(20, 60)})
    linkage = link_records(split.train.frame, census, block_on=None, fields=["age"], truth=[None] * len(split.train))
    privacy = copies[1].privacy
    charts = {
        "distances": copy_charts.distance_chart(privacy),
        "groups": copy_charts.nearer_chart(privacy),
        "attacks": copy_charts.attack_chart(copies[0].attacks),
        "links": copy_charts.linkage_chart(linkage),
        "frontier": copy_charts.frontier_chart(release.frontier),
    }
    assert_valid_small_and_described(charts)
    table = privacy.histogram
    assert table.groupby("series")["share"].sum().tolist() == pytest.approx([1, 1, 1]) and table["n"].sum() == 750
    groups = charts["groups"]["data"]["values"]
    assert sorted(r["value"] for r in groups[1:]) == pytest.approx(sorted(privacy.by_group["nearer_to_train"]))
    points = charts["frontier"]["data"]["values"]
    assert [p["auc"] for p in points] == pytest.approx(release.frontier["auc"].tolist()) and [
        p["sign"] for p in points
    ][:2] == ["given away"] * 2


def test_charts_of_sentences_are_valid_small_and_described_and_draw_their_tables():
    records = sentencing_records(simulate_sentences(6_000, random_state=2).frame)
    audit = audit_sentencing(records, charge="Fraud", race="Black", gender="Male", reference="White")
    case, contrast = audit.case, audit.contrast
    charts = {
        "groups": sentence_charts.groups_chart(case),
        "spread": sentence_charts.spread_chart(case),
        "histogram": sentence_charts.histogram_chart(case),
        "sides": sentence_charts.sides_chart(case),
        "contrast": sentence_charts.contrast_chart(contrast),
        "years": sentence_charts.years_chart(contrast),
    }
    assert_valid_small_and_described(charts)
    assert [r["mean"] for r in charts["groups"]["data"]["values"]] == case.by_group["mean"].tolist()
    assert [r["group"] for r in charts["groups"]["data"]["values"] if r["asked"]] == ["Black, Male"]
    shares = pd.DataFrame(charts["sides"]["data"]["values"]).groupby("row")["share"].sum()
    assert shares.tolist() == pytest.approx([1] * len(case.by_group))
    assert sum(r["n"] for r in charts["histogram"]["data"]["values"]) == case.summary["n_similar"]
    assert [r["difference"] for r in charts["contrast"]["data"]["values"]] == contrast.table["difference"].tolist()
    assert {r["group"] for r in charts["years"]["data"]["values"]} == {"Black", "Hispanic"}
