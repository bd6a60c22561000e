import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recidiv_core import Roles, audit_groups, load_dataset
from recidiv_core.groups import METRICS, answer, disparity_sentence, overall_verdict
from recidiv_core.report import suppress
from recidiv_core.words import listed, number, people, percent, points
from tests.conftest import audit_of, random_table


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.01, 0.05, 0.2]), st.sampled_from([0, 10]))
@settings(max_examples=30)
def test_a_sentence_never_says_more_than_its_verdict(seed, tolerance, min_cell):
    dataset = load_dataset(random_table(seed, 500, 4), roles=Roles("y", score="score", sensitive="group"))
    audit = audit_groups(dataset, threshold=0.5, tolerance=tolerance, n_boot=100)
    audit = suppress(audit, min_cell=min_cell) if min_cell else audit
    for row in audit.rows("group", "disparities"):
        sentence = disparity_sentence(audit, row)
        assert "nan" not in sentence and "None" not in sentence
        if row.verdict == "exceeds" and "withheld" not in sentence:
            claimed = re.search(r"is at least (\d+\.?\d*)", sentence)
            assert claimed, sentence
            unit = 1 if METRICS[row.metric].unit == "number" else 100
            assert tolerance * unit < float(claimed[1]) <= row.low * unit + 1e-9
        else:
            assert "at least" not in sentence
        if row.verdict == "cannot conclude":
            assert "may be" in sentence or "withheld" in sentence or "Nothing can be concluded" in sentence


def test_the_sentence_names_the_pair_that_shows_it():
    """Zoe's group is furthest off but small: what is shown beyond doubt lies between Ann's and Bob's."""
    audit = audit_of({"Ann": (3000, 1000, 1000, 5000), "Bob": (2000, 2600, 2000, 3400), "Zoe": (10, 12, 10, 8)})
    row = next(r for r in audit.rows("group", "disparities") if r.metric == "false_positive_rate")
    assert row.verdict == "exceeds" and row.worst_pair == ("Zoe", "Ann")
    sentence = disparity_sentence(audit, row)
    assert "43 in 100 were flagged all the same in the group Bob, 17 in 100 in the group Ann" in sentence
    assert "Furthest apart in the data, but less surely so, are Zoe and Ann." in sentence
    pair = audit.pairs.query("metric == 'false_positive_rate' and group_a == 'Ann' and group_b == 'Bob'").iloc[0]
    claimed = float(re.search(r"between the two is at least (\d+\.\d)", sentence)[1])
    assert claimed <= 100 * -pair["high"] < claimed + 0.1


def test_the_sentence_names_the_pair_that_the_table_names():
    audit = audit_of({"Ann": (300, 100, 100, 500), "Bob": (200, 400, 200, 200)})
    row = next(r for r in audit.rows("group", "disparities") if r.metric == "false_positive_rate")
    assert row.worst_pair == ("Bob", "Ann")
    sentence = disparity_sentence(audit, row)
    assert sentence.startswith(
        "Of people without the outcome, 67 in 100 were flagged all the same in the group Bob, 17 in 100 in the "
        "group Ann."
    )


def test_the_answer_is_no_only_when_something_exceeds():
    far = audit_of({"a": (300, 100, 100, 500), "b": (200, 400, 200, 200)})
    assert overall_verdict(far, "group") == "exceeds" and answer(far, "group").startswith("No, by ")
    near = audit_of({"a": (30, 10, 10, 50), "b": (31, 9, 11, 49)})
    assert overall_verdict(near, "group") == "cannot conclude" and answer(near, "group").startswith(
        "The data cannot say."
    )


def test_small_tolerances_and_rates_are_told_apart():
    audit = audit_of({"a": (30_000, 20, 10_000, 59_980), "b": (30_000, 200, 10_000, 59_800)}, tolerance=0.0004)
    row = next(r for r in audit.rows("group", "disparities") if r.metric == "false_positive_rate")
    sentence = disparity_sentence(audit, row)
    assert row.verdict == "exceeds" and "33 in 10,000" in sentence and "3 in 10,000" in sentence
    assert "the tolerance is 0.04 percentage points" in sentence


def test_why_the_data_cannot_say():
    perfect = audit_of({"a": (5_000, 0, 0, 5_000), "b": (5_000, 0, 0, 5_000)}, tolerance=0.05)
    assert "too small" not in answer(perfect, "group") and "do not exist here" in answer(perfect, "group")
    exact = audit_of({"a": (30, 10, 10, 50), "b": (31, 9, 11, 49)}, tolerance=0)
    assert "never be shown to be kept" in answer(exact, "group")
    one_sided = audit_of({"a": (500, 0, 300, 600), "b": (450, 350, 250, 550), "c": (450, 340, 250, 550)})
    row = next(r for r in one_sided.rows("group", "disparities") if r.metric == "error_balance")
    assert "Not compared: a (no false positives to divide by)." in disparity_sentence(one_sided, row)


def test_within_needs_every_measure():
    cells = (400_000, 100_000, 100_000, 400_000)
    audit = audit_of_counts({"a": cells, "b": cells})
    verdicts = audit.disparities.set_index("metric")["verdict"]
    assert verdicts["false_positive_rate"] == "within"
    assert overall_verdict(audit, "group") == ("within" if verdicts["error_balance"] == "within" else "cannot conclude")


def audit_of_counts(counts):
    """Very many rows, through weights: each row stands for many, so the effective size is that of the rows."""
    return audit_of({group: tuple(n // 10 for n in cells) for group, cells in counts.items()}, tolerance=0.05)


def test_a_base_rate_alone_is_not_a_verdict_on_the_model():
    """The groups differ in how often the outcome came, by far; every error rate is alike."""
    audit = audit_of({"a": (8000, 400, 2000, 1600), "b": (1600, 2000, 400, 8000)}, tolerance=0.05)
    assert audit.disparities.set_index("metric").loc["base_rate", "verdict"] == "exceeds"
    alike = audit_of({"a": (800, 200, 200, 800), "b": (800, 200, 200, 800)}, tolerance=0.2)
    assert overall_verdict(alike, "group") != "exceeds"


@pytest.mark.parametrize(
    ("function", "arguments", "text"),
    [
        (points, (0.01,), "1 percentage point"),
        (points, (0.365,), "36.5 percentage points"),
        (percent, (0.448, 0.425, 0.471), "44.8 %"),
        (percent, (0.09, 0.02, 0.27), "9 %"),
        (percent, (float("nan"),), "not estimable"),
        (number, (0.75, 0.4, 1.1), "0.75"),
        (number, (float("nan"),), "not estimable"),
        (people, (0.448, 0.087), ["45 in 100", "9 in 100"]),
        (people, (0.448, 0.007), ["448 in 1,000", "7 in 1,000"]),
        (listed, (["a"],), "a"),
        (listed, (["a", "b", "c"],), "a, b and c"),
        (listed, ([],), ""),
    ],
)
def test_words(function, arguments, text):
    assert function(*arguments) == text
