import numpy as np
import pandas as pd
import pytest

from recidiv_core import InputError, Roles, load_dataset
from recidiv_core.data import (
    assign_roles,
    band,
    csv_bytes,
    describe_groups,
    intersect,
    join,
    read_table,
    score_histogram,
)
from recidiv_core.data.tables import as_groups
from tests.conftest import random_table

FRAME = pd.DataFrame(
    {"id": [1, 2, 3, 4], "age": [17.0, 25.0, 60.0, np.nan], "sex": ["f", "m", None, "m"], "y": [0, 1, 0, 1]}
)


def test_bands_are_closed_below_and_in_order():
    table = band(read_table(FRAME), "age", cutpoints=[25, 60])
    assert table.frame["age (banded)"].astype(object).where(lambda s: s.notna(), None).tolist() == [
        "under 25",
        "25 to under 60",
        "60 and over",
        None,
    ]
    frame = pd.DataFrame({"y": [0, 1] * 30, "s": np.arange(60), "age": np.arange(60)})
    dataset = load_dataset(
        band(read_table(frame), "age", cutpoints=[10, 30]), roles=Roles("y", score="s", sensitive="age (banded)")
    )
    assert dataset.attributes["age (banded)"].levels == ("under 10", "10 to under 30", "30 and over")


@pytest.mark.parametrize(
    ("column", "cuts"), [("nope", [1]), ("sex", [1]), ("age", []), ("age", [3, 2]), ("age", [1, np.inf])]
)
def test_wrong_bands_are_refused(column, cuts):
    with pytest.raises(InputError):
        band(read_table(FRAME), column, cutpoints=cuts)


def test_a_fine_number_is_banded_at_its_quartiles():
    frame = random_table(1).assign(age=np.arange(400))
    dataset = load_dataset(frame, roles=Roles("y", score="score", sensitive="age"))
    assert dataset.attributes["age"].levels == ("under 100", "100 to under 200", "200 to under 299", "299 and over")
    assert any(entry.step == "banded" for entry in dataset.ledger)


def test_intersection_keeps_missing_as_a_group():
    table = intersect(read_table(FRAME.assign(black=["yes", "no", "yes", "no"])), ["black", "sex"])
    assert table.frame["black × sex"].tolist() == ["yes × f", "no × m", "yes × (missing)", "no × m"]
    with pytest.raises(InputError):
        intersect(table, ["sex"])


def test_join_keeps_every_row_and_counts_the_unmatched():
    other = read_table(pd.DataFrame({"id": ["2", "1", "9"], "race": ["b", "a", "c"]}), name="apart")
    table = join(read_table(FRAME), other, on="id", columns=["race"])
    assert as_groups(table.frame["race"]).tolist() == ["a", "b", "(missing)", "(missing)"]
    assert table.ledger[-1].n_rows == 2
    assert table.sha256 != read_table(FRAME).sha256


@pytest.mark.parametrize(
    ("other", "on", "columns", "words"),
    [
        ({"id": [1, 1], "race": ["a", "b"]}, "id", ["race"], "1 repeated ids"),
        ({"key": [1, 2], "race": ["a", "b"]}, "id", ["race"], "no such column"),
        ({"id": [1, 2], "race": ["a", "b"]}, "id", ["nope"], "no such column"),
        ({"id": [1, 2], "sex": ["a", "b"]}, "id", ["sex"], "in both"),
    ],
)
def test_wrong_joins_are_refused(other, on, columns, words):
    with pytest.raises(InputError, match=words):
        join(read_table(FRAME), read_table(pd.DataFrame(other)), on=on, columns=columns)


def test_csv_does_not_execute_in_a_spreadsheet():
    hostile = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "safe", "＝1"]
    frame = pd.DataFrame({"=name": hostile, "n": [-1.5] * 8, "pair": [("=a", "b")] * 8})
    text = csv_bytes(frame).decode("utf-8-sig")
    lines = pd.read_csv(__import__("io").StringIO(text), dtype=str, keep_default_na=False)
    assert next(iter(lines)) == "'=name"
    assert all(cell.startswith("'") for cell, raw in zip(lines["'=name"], hostile, strict=True) if raw != "safe")
    assert lines["n"].tolist() == ["-1.5"] * 8  # a number is a number
    assert lines["pair"].tolist() == ["'=a – b"] * 8


def test_description_counts_by_hand():
    frame = pd.DataFrame(
        {"y": [1, 1, 0, 0, 1], "s": [1, 2, 3, 4, 5], "g": list("aabbb"), "x": [None, 1.0, 2.0, None, None]}
    )
    dataset = load_dataset(frame, roles=Roles("y", score="s", sensitive="g", features=("x",)))
    rows = describe_groups(dataset).set_index("group")
    assert rows.loc["a", "n"] == 2 and rows.loc["a", "base_rate"] == 1.0 and rows.loc["b", "n_positive"] == 1
    assert rows["share_with_missing_features"].tolist() == pytest.approx([1 / 2, 2 / 3])
    histogram = score_histogram(dataset, attribute="g")
    assert histogram["n"].sum() == 5 and (histogram.groupby("group")["share"].sum() == 1).all()


def test_assigning_roles_leaves_the_table_alone():
    table = read_table(random_table(1))
    before = table.frame.copy()
    assign_roles(table, Roles("y", score="score", sensitive="group"))
    pd.testing.assert_frame_equal(table.frame, before)
