"""A little of what ``make fuzz`` does at length: hostile tables, models and bodies are done or refused in words."""

import pytest

from benchmarks.fuzz import one
from tests.conftest import ROOT

NUMBERS = {"tables": 150, "pages": 3, "training": 1, "models": 6, "bodies": 15}
# Seeds that brought a fault to light once.
KNOWN = [("tables", 924), ("training", 7), ("pages", 12), ("training", 114), ("pages", 1018)]


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch):
    """A page that is tested patches Streamlit, and finds its files from the top."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("streamlit.error_util._log_uncaught_app_exception", None)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("stage", NUMBERS)
def test_a_little_of_everything(stage):
    seeds = [*range(700_000, 700_000 + NUMBERS[stage]), *(seed for known, seed in KNOWN if known == stage)]
    found = [(seed, *one((stage, seed))) for seed in seeds]
    assert not [(seed, place) for seed, outcome, _, place in found if outcome == "fault"]
    if len(seeds) > 10:
        assert sum(outcome == "done" for _, outcome, _, _ in found) > 0.15 * len(seeds)  # it is not all refused
