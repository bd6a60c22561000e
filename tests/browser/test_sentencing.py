"""The sample case in a real browser, on the server with the API beside it, while two hundred others ask."""

import concurrent.futures
import json

import pytest

from tests.api.test_server import EXAMPLE, asked, audit_path, sent, table
from tests.browser.test_journeys import go, report_text, settled


@pytest.fixture
def server(started, tmp_path):
    """The dashboard with the API, as ``make run`` starts it."""
    return started(tmp_path)[0]


def _asked_of(address: str, i: int) -> int:
    if i % 20:
        return asked(address, EXAMPLE)[0]
    return sent(address, audit_path(), table(i)[0], {"Content-Type": "text/csv"})[0]


def test_the_sample_case_from_page_to_pdf_while_others_ask(page, server):
    go(page, "Sentencing")
    page.get_by_text("Drug trafficking, level 6, Black, Male: on average").first.wait_for(timeout=60_000)
    settled(page)
    own = asked(server, EXAMPLE)[1]["deviations"][0]["sentence_deviations"][0]
    page.get_by_text(f"on average {own['commitmentTerm']:.1f} months longer").first.wait_for()  # page and API agree
    charts = page.locator('[role="graphics-document"]')
    charts.first.wait_for()
    assert "Black, Male: +" in charts.first.get_attribute("aria-label")

    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        waiting = [pool.submit(_asked_of, server, i) for i in range(200)]
        page.get_by_role("tab", name="Five outputs").click()
        page.get_by_text("What a defender is told").wait_for()
        settled(page)
        assert {one.result() for one in waiting} == {200}

    text = report_text(page, "For the client.")
    for part in ("For the client.", f"on average {own['commitmentTerm']:.1f} months longer", "The two ways agree"):
        assert part in text, part
    assert page.locator('[data-testid="stException"]').count() == 0 and page.strangers == []

    page.goto(f"{server}/api/docs")  # and the description page loads nothing from elsewhere
    page.get_by_text("/sentencing-disparity").first.wait_for()
    assert page.strangers == [] and json.loads(EXAMPLE)["race"] == "Black"
