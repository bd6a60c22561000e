"""Whole journeys, as a person would make them."""

import io
import json
import re

import pypdf
import pytest
from playwright.sync_api import TimeoutError

from tests.conftest import random_table

CSV = random_table(11, 900).rename(columns={"y": "label", "group": "race"}).to_csv(index=False).encode()


def settled(page):
    for _ in range(2):  # what is drawn may set off another run
        page.wait_for_timeout(400)
        page.wait_for_function("() => !document.querySelector('[data-testid=\"stStatusWidgetRunningIcon\"]')")
    page.wait_for_timeout(200)


def audited(page, text):
    """Press "Audit this table" until the page says ``text``: a press while the page is being drawn anew goes
    nowhere.
    """
    for patience in (6_000, 12_000, 30_000):
        page.get_by_role("button", name="Audit this table").click()
        try:
            return page.get_by_text(text).first.wait_for(timeout=patience)
        except TimeoutError:
            if patience == 30_000:
                raise


def go(page, name):
    page.get_by_role("link", name=name, exact=True).first.click()
    settled(page)


def uploader(page, label="Your own file"):
    """The place for a file by its label: each is drawn when its own script is there, so that the first is not always
    the first to come.
    """
    return page.locator('[data-testid="stFileUploader"]', has_text=label).locator("input[type=file]")


def upload(page, name, data):
    uploader(page).set_input_files({"name": name, "mimeType": "text/csv", "buffer": data})
    settled(page)


def downloaded(page, button):
    """What a download button gives. A press while the page is being drawn anew goes nowhere, so it is pressed again."""
    for patience in (8_000, 15_000, 30_000):
        try:
            with page.expect_download(timeout=patience) as waiting:
                page.get_by_role("button", name=button, exact=len(button) < 5).last.click()
        except TimeoutError:
            if patience == 30_000:
                raise
            continue
        with open(waiting.value.path(), "rb") as file:
            return file.read()


def report_text(page, note):
    """Add what the page shows to the report with a note, and return the text of the PDF."""
    page.get_by_label("Add this to the report").fill(note)
    page.get_by_role("button", name="Add to report").click()
    page.get_by_text("Added to the report").wait_for()
    go(page, "Report")
    pages = pypdf.PdfReader(io.BytesIO(downloaded(page, "Download PDF"))).pages
    return " ".join(" ".join(p.extract_text() for p in pages).split())


def test_first_screen_is_a_real_audit(page):
    page.get_by_text("For every 100 people flagged wrongly").first.wait_for()
    assert page.locator('[data-testid="stException"]').count() == 0
    charts = page.locator('[role="graphics-document"]')
    charts.first.wait_for()
    for i in range(charts.count()):
        assert len(charts.nth(i).get_attribute("aria-label")) > 30
    assert page.strangers == []  # nothing is asked of any other machine


def test_upload_roles_slider_verdict_and_pdf(page):
    """Upload a file, change a role, move a slider, read the verdict, take the PDF and check its text."""
    go(page, "Data")
    upload(page, "mine.csv", CSV)
    page.get_by_text("mine.csv: 900 rows").wait_for()
    attributes = page.locator('[data-testid="stMultiSelect"]').filter(has_text="Protected attributes")
    attributes.locator('[data-tag][aria-label^="sex"]').focus()
    page.keyboard.press("Delete")
    settled(page)
    audited(page, "By race: 3 groups")

    go(page, "Groups")
    slider = page.get_by_role("slider").first
    before = slider.get_attribute("aria-valuetext")
    slider.focus()
    for _ in range(12):
        page.keyboard.press("ArrowLeft")
    settled(page)
    cut = slider.get_attribute("aria-valuetext")
    assert cut != before
    verdict = page.get_by_text(re.compile("^[▲●□] (exceeds tolerance|within tolerance|cannot conclude)$")).first
    verdict.wait_for()
    words = verdict.inner_text()

    page.get_by_label("Add this to the report, with a note of your own").fill("Seen in court.")
    page.get_by_role("button", name="Add to report").click()
    settled(page)
    go(page, "Report")
    data = downloaded(page, "Download PDF")
    reader = pypdf.PdfReader(io.BytesIO(data))
    text = " ".join(" ".join(p.extract_text() for p in reader.pages).split())
    assert "Seen in court." in text and "An audit of mine.csv" in text and words in text
    manifest = json.loads(reader.attachments["manifest.json"][0])["results"][0]
    assert manifest["roles"]["sensitive"] == ["race"]
    assert manifest["threshold"] == pytest.approx(float(cut))
    assert "sex" not in manifest["roles"]["sensitive"] and page.strangers == []


def test_a_bad_file_is_told_and_the_good_one_stays(page):
    go(page, "Data")
    upload(page, "picture.csv", b"\x89PNG\r\n\x1a\n" + bytes(99))
    page.get_by_text("a PNG picture").wait_for()
    go(page, "Overview")
    page.get_by_text("nc_releases · 1,445 people").wait_for()
    assert page.locator('[data-testid="stException"]').count() == 0


def test_tables_and_charts_can_be_taken_away(page):
    data = downloaded(page, "Download as CSV")
    assert data.startswith(b"\xef\xbb\xbfRoom,Attribute,Verdict")
    page.locator('[data-testid="stPopover"] button').first.click()
    for label, start in (("SVG", b"<svg"), ("PNG", b"\x89PNG"), ("CSV", b"\xef\xbb\xbfattribute"), ("JSON", b"[")):
        assert downloaded(page, label).startswith(start)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_overflows_or_fails(browser, server, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    for path in ("/", "/your-data", "/by-group", "/per-group-thresholds", "/take-away"):
        page.goto(server + path)
        page.locator("h1").first.wait_for()
        settled(page)
        assert page.locator('[data-testid="stException"]').count() == 0, path
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth + 1"), path
    context.close()


def test_two_sessions_do_not_see_each_other(browser, server, page):
    go(page, "Data")
    upload(page, "secret.csv", CSV)
    page.get_by_text("secret.csv: 900 rows").wait_for()
    audited(page, "secret.csv · 900 people")
    other = browser.new_context()
    stranger = other.new_page()
    stranger.goto(server)
    stranger.get_by_text("nc_releases · 1,445 people").wait_for()
    assert "secret" not in stranger.content()
    other.close()


def held(page):
    """What the answer box says."""
    return page.get_by_text(
        re.compile("At these thresholds|With a threshold for each group|No thresholds satisfy|satisfied, but trivially")
    ).first.inner_text()


def badge(page, title):
    return (
        page.locator('[data-testid="stVerticalBlock"]')
        .filter(has=page.get_by_text(title, exact=True))
        .last.inner_text()
    )


def test_thresholds_by_hand_by_definition_and_by_rule(page):
    """Move sliders, press a definition, see badge and numbers change; the rule taken away flags the same when it
    comes back.
    """
    go(page, "Thresholds")
    before = held(page)
    slider = page.locator('input[aria-label="Threshold of Black"]')
    start = slider.get_attribute("aria-valuetext")
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    settled(page)
    assert slider.get_attribute("aria-valuetext") != start and held(page) != before

    page.get_by_role("radio", name="Statistical parity").click()
    page.get_by_text("statistical parity is satisfied").first.wait_for()
    settled(page)
    assert "● satisfied" in badge(page, "Statistical parity ◆")
    rule, flags = downloaded(page, "Download the decision rule"), downloaded(page, "Download who is flagged")
    exact = slider.get_attribute("aria-valuetext")
    assert json.loads(rule)["thresholds"]["Black"] == pytest.approx(float(exact), rel=1e-5)

    slider = page.locator('input[aria-label="Threshold of Black"]')
    slider.focus()
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    page.get_by_text("At these thresholds").first.wait_for()
    settled(page)
    assert downloaded(page, "Download who is flagged") != flags
    given = {"name": "rule.json", "mimeType": "application/json", "buffer": rule}
    uploader(page, "Apply a rule").set_input_files(given)
    page.locator(f'input[aria-label="Threshold of Black"][aria-valuetext="{exact}"]').wait_for()
    settled(page)
    assert downloaded(page, "Download who is flagged") == flags
    assert page.locator('[data-testid="stException"]').count() == 0 and page.strangers == []


def test_every_view_of_the_thresholds_page_draws(page):
    go(page, "Thresholds")
    page.get_by_role("radio", name="Equal opportunity").click()
    page.get_by_text("equal opportunity is satisfied").first.wait_for()
    settled(page)
    for view in ("Metric by threshold", "Precision and recall", "ROC and thresholds", "Fairness scale", "Trade-off"):
        page.get_by_role("radio", name=view).click()
        settled(page)
        charts = page.locator('[role="graphics-document"]')
        charts.last.wait_for()
        for i in range(charts.count()):
            assert len(charts.nth(i).get_attribute("aria-label")) > 30
        assert page.locator('[data-testid="stException"]').count() == 0, view
