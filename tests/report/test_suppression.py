import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recidiv_core import Roles, audit_groups, load_dataset
from recidiv_core.report import published_metrics, suppress
from recidiv_core.stats import CELLS
from tests.conftest import audit_of, random_table

COUNTS = st.dictionaries(st.sampled_from("abc"), st.tuples(*[st.integers(0, 9)] * 4), min_size=2, max_size=3).filter(
    lambda c: (
        all(sum(v) for v in c.values())
        and sum(v[0] + v[2] for v in c.values())
        and sum(v[1] + v[3] for v in c.values())
        and len({v for c_ in c.values() for v in ("f",) if c_[0] + c_[1]}) == 1
        and any(v[2] + v[3] for v in c.values())
    )
)


def published_equations(audit, table):
    """What a reader of the report knows: rows of coefficients over the cells of all groups, and their values."""
    groups = list(audit.by_group["group"])
    cells = audit.cells.set_index("group").loc[groups, list(CELLS)].to_numpy(float)
    known = {("all", cell): np.outer(np.ones(len(groups)), [c == cell for c in CELLS]).ravel() for cell in CELLS}
    figures = {"n": CELLS, "n_positive": ("fn", "tp"), **{c: (c,) for c in CELLS}}
    for row in table[table["published"]].itertuples():
        if row.what in figures:
            place = [g == row.group for g in groups]
            known[row.group, row.what] = np.outer(place, [c in figures[row.what] for c in CELLS]).ravel()
    matrix = np.array(list(known.values()), dtype=float)
    return matrix, matrix @ cells.ravel(), cells


@settings(max_examples=60)
@given(COUNTS, st.integers(1, 6))
def test_no_small_cell_can_be_worked_out(counts, min_cell):
    """Every table of counts that agrees with all published figures is a candidate: a small cell must not be the same in
    all.

    Solved as linear algebra by another route: a cell is determined when it has no component in the null space.
    """
    audit = audit_of(counts, n_boot=100, min_support=1)
    table = published_metrics(audit, min_cell=min_cell)
    matrix, _, cells = published_equations(audit, table)
    _, singular, rows = np.linalg.svd(matrix)
    free = rows[(singular > 1e-9).sum() :]
    totals_only = np.linalg.svd(matrix[:4])[2][4:]
    for index, value in enumerate(cells.ravel()):
        if value < min_cell and np.abs(totals_only[:, index]).max(initial=0) > 1e-9:
            assert np.abs(free[:, index]).max(initial=0) > 1e-9


def test_the_second_cell_goes_too():
    """One group with a small cell: with totals known, hiding it alone would hide nothing."""
    audit = audit_of({"a": (50, 40, 30, 60), "b": (45, 35, 25, 55), "c": (20, 3, 20, 20)})
    table = published_metrics(audit, min_cell=10)
    hidden = table[~table["published"] & (table["what"] == "fp")]["group"].tolist()
    assert "c" in hidden and len(hidden) >= 2


def test_nothing_small_nothing_withheld():
    audit = audit_of({"a": (50, 40, 30, 60), "b": (45, 35, 25, 55)})
    assert published_metrics(audit, min_cell=10)["published"].all()
    pd.testing.assert_frame_equal(suppress(audit, min_cell=10).disparities, audit.disparities)


def test_withheld_is_withheld_in_every_table():
    audit = audit_of({"a": (500, 400, 300, 600), "b": (450, 350, 250, 550), "c": (20, 3, 20, 20)})
    public = suppress(audit, min_cell=10)
    table = published_metrics(audit, min_cell=10)
    hidden = {(r.group, r.what) for r in table[~table["published"]].itertuples()}
    assert ("c", "false_positive_rate") in hidden
    rows = public.by_group.set_index("group")
    for group, what in hidden:
        assert np.isnan(rows.loc[group, what])
    for row in public.intervals.itertuples():
        if (row.group, row.metric) in hidden:
            assert np.isnan([row.estimate, row.low, row.high, row.n]).all() and row.reason.startswith("withheld")
    for row in public.pairs.itertuples():
        if {(row.group_a, row.metric), (row.group_b, row.metric)} & hidden:
            assert np.isnan([row.difference, row.low, row.high, row.p_value]).all()
    for row in public.references.itertuples():
        if {(row.group, row.metric), (row.reference, row.metric)} & hidden:
            assert np.isnan([row.difference, row.ratio]).all()
    for row in public.disparities.itertuples():
        if row.worst_pair:
            assert not {(g, row.metric) for g in row.worst_pair} & hidden or np.isnan(row.range)
    assert public.cells.empty and public.roc.empty and public.cutpoints.empty
    assert (public.disparities["verdict"] == audit.disparities["verdict"]).all()


def test_totals_over_two_attributes_are_seen():
    """Race × sex: what the table by sex publishes helps to solve the table by race, and is counted."""
    random = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "y": random.integers(0, 2, 300),
            "score": random.integers(0, 2, 300),
            "r": random.choice(list("aab"), 300),
            "s": random.choice(list("fm"), 300),
        }
    )
    frame = pd.concat([frame, pd.DataFrame({"y": [1] * 3, "score": [1] * 3, "r": ["c"] * 3, "s": ["f"] * 3})])
    frame["rs"] = frame["r"] + frame["s"]
    audit = audit_groups(
        load_dataset(frame, roles=Roles("y", score="score", sensitive=("r", "s", "rs"))), threshold=1, n_boot=100
    )
    table = published_metrics(audit, min_cell=10).set_index(["attribute", "group", "what"])["published"]
    assert not table["r", "c", "n"] and not table["rs", "cf", "n"]
    # n of r = a, b and c add up to the total: with c hidden, another of them must be hidden, or nothing is.
    assert not (table["r", "a", "n"] and table["r", "b", "n"])


@pytest.mark.parametrize("min_cell", [0, 1])
def test_no_limit_withholds_nothing_but_zeros(min_cell):
    audit = audit_groups(
        load_dataset(random_table(1), roles=Roles("y", score="score", sensitive="group")), threshold=0.5
    )
    assert published_metrics(audit, min_cell=min_cell)["published"].all()


def test_missing_groups_are_counted_in_the_ledger_like_cells():
    frame = random_table(2)
    frame.loc[:3, "group"] = None
    audit = audit_groups(load_dataset(frame, roles=Roles("y", score="score", sensitive="group")), threshold=0.5)
    kept = suppress(audit, min_cell=10).ledger.query("step == 'kept'")
    assert kept["n_rows"].isna().all() and len(kept) == 1


def test_calibration_is_whole_or_absent():
    frame = pd.concat([random_table(3, 4000, 2), random_table(4, 60, 1).assign(group="small")])
    whole = audit_groups(
        load_dataset(random_table(3, 4000, 2), roles=Roles("y", score="score", sensitive="group")), threshold=0.5
    )
    assert len(suppress(whole, min_cell=10).calibration) == 20
    audit = audit_groups(load_dataset(frame, roles=Roles("y", score="score", sensitive="group")), threshold=0.5)
    assert suppress(audit, min_cell=10).calibration.empty


def test_score_metrics_of_a_two_valued_score_do_not_give_cells_away():
    """Brier = (FP + FN)/n and AUC = (1 + TPR − FPR)/2 would solve for FP = 3."""
    public = suppress(
        audit_of({"a": (500, 400, 300, 600), "b": (450, 350, 250, 550), "c": (40, 3, 40, 60)}), min_cell=10
    )
    rows = public.by_group.set_index("group")
    assert rows.loc["c", ["fp", "roc_auc", "brier_score", "log_loss", "calibration_error"]].isna().all()


def test_reasons_do_not_give_a_zero_away():
    public = suppress(
        audit_of({"a": (500, 400, 300, 600), "b": (450, 350, 250, 550), "c": (40, 0, 40, 60)}, reference="c"),
        min_cell=10,
    )
    for table in (public.left_out, public.intervals, public.references):
        own = table[(table["metric"] == "error_balance")]
        assert not own["reason"].str.contains("no false positives|value of 0").any()


def test_overlapping_bands_do_not_give_their_difference_away():
    """Four people are aged 25 to 29: under 30 less under 25 would be their table."""
    ages = [20] * 300 + [27] * 4 + [35] * 300 + [50] * 300
    random = np.random.default_rng(2)
    frame = pd.DataFrame({"y": random.integers(0, 2, 904), "score": random.integers(0, 2, 904), "age": ages})
    frame["three"] = np.select([frame["age"] < 25, frame["age"] < 45], ["<25", "25-44"], "45+")
    frame["two"] = np.where(frame["age"] < 30, "<30", "30+")
    audit = audit_groups(load_dataset(frame, roles=Roles("y", score="score", sensitive=("three", "two"))), threshold=1)
    shown = published_metrics(audit, min_cell=10).set_index(["attribute", "group", "what"])["published"]
    assert not (shown["three", "<25", "n"] and shown["two", "<30", "n"])


def test_the_sum_of_two_small_cells_is_small_too():
    """FP of b and c are 0 and 0: the total less FP of a would say so."""
    audit = audit_of({"a": (500, 400, 300, 600), "b": (50, 0, 30, 60), "c": (40, 0, 40, 60)})
    shown = published_metrics(audit, min_cell=10).set_index(["group", "what"])["published"]
    assert not shown["a", "fp"] and not shown["b", "fp"] and not shown["c", "fp"]


def test_the_ledger_does_not_complete_the_table():
    frame = pd.concat(
        [random_table(1, 400, 1), random_table(2, 60, 1).assign(group=None), random_table(3, 7, 1).assign(group="C")]
    )
    audit = audit_groups(load_dataset(frame, roles=Roles("y", score="score", sensitive="group")), threshold=0.5)
    public = suppress(audit, min_cell=10)
    assert public.ledger.query("step == 'kept'")["n_rows"].isna().all()
    assert public.by_group["n"].isna().sum() >= 2


def test_many_combinations_take_no_time():
    random = np.random.default_rng(1)
    frame = pd.DataFrame({c: random.integers(0, 15, 20_000).astype(str) for c in "abc"})
    frame = frame.assign(y=random.integers(0, 2, 20_000), score=random.random(20_000))
    audit = audit_groups(
        load_dataset(frame, roles=Roles("y", score="score", sensitive=tuple("abc"))), threshold=0.5, n_boot=100
    )
    assert len(audit.cells) > 3_000
    assert published_metrics(audit, min_cell=10)["published"].all()
