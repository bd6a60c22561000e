"""The Slices page in a real browser: run, stop, look closer, write a slice by hand, and see it in the PDF."""

import io
import re

import numpy as np
import pandas as pd
import pypdf
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from tests.browser.test_journeys import audited, downloaded, go, settled, upload
from tests.conftest import random_table


def choose(page, label, text):
    """Pick an option of a select box or add one to a multiselect; again where a redraw closed the list or lost the
    press.
    """
    box = page.locator(f'input[aria-label="{label}"]')
    widget = page.locator('[data-testid="stSelectbox"], [data-testid="stMultiSelect"]').filter(has=box)
    for is_last in (False, False, True):
        box.click()
        box.fill(text)
        try:
            page.get_by_role("option").filter(has_text=text).first.click(timeout=30_000 if is_last else 4_000)
        except PlaywrightTimeoutError:
            if is_last:
                raise
            page.keyboard.press("Escape")
            continue
        if (
            widget.get_attribute("data-testid") == "stMultiSelect"
        ):  # its list stays open; Escape would clear a select box
            page.keyboard.press("Escape")
        settled(page)
        box.blur()  # a select box then shows what is chosen, not what was typed
        if text in widget.inner_text() + box.input_value():
            return
    raise AssertionError(f"{label}: {text} could not be chosen")


def test_search_pick_write_by_hand_and_report(page):
    go(page, "Data")
    choose(page, "Or a sample", "right but for")
    page.get_by_role("button", name="Use this sample").click()
    settled(page)
    go(page, "Slices")
    page.get_by_text("The first confirmed: employed = no and district = North").wait_for()
    chart = page.locator('[role="graphics-document"]').first
    assert "employed = no and district = North" in chart.get_attribute("aria-label")

    choose(page, "Slice", "3 · employed = no")
    page.get_by_role("radio", name="Which part matters").click()
    page.get_by_text("what each part adds").wait_for()
    page.get_by_role("radio", name="What lies around it").click()
    page.get_by_text("its neighbours, with one part fewer").wait_for()

    page.get_by_text("Write a slice by hand").click()
    choose(page, "Columns of the slice", "offence")
    choose(page, "offence is any of", "Drugs")
    page.get_by_role("button", name="Add this slice").click()
    settled(page)
    page.get_by_text("offence = Drugs", exact=True).first.wait_for()

    page.get_by_label("Add this to the report").fill("Written by hand: the board asked about drugs.")
    page.get_by_role("button", name="Add to report").click()
    page.get_by_text("Added to the report").wait_for()
    go(page, "Report")
    text = " ".join(
        " ".join(p.extract_text().split()) for p in pypdf.PdfReader(io.BytesIO(downloaded(page, "Download PDF"))).pages
    )
    for part in (
        "Where does the model fail?",
        "employed = no and district = North",
        "by hand: offence = Drugs",
        "the board asked",
    ):
        assert part in text
    assert page.locator('[data-testid="stException"]').count() == 0 and page.strangers == []


def test_a_search_over_too_much_says_so_runs_with_progress_and_stops(page):
    random = np.random.default_rng(0)
    wide = pd.DataFrame(random.integers(0, 2, (6_000, 40))).add_prefix("c")
    frame = pd.concat([random_table(1, 6_000).drop(columns="weight"), wide], axis=1)
    go(page, "Data")
    page.get_by_role("heading", name="Who is in the data?").wait_for()
    settled(page)
    upload(page, "wide.csv", frame.to_csv(index=False).encode())
    page.get_by_text("wide.csv: 6,000 rows").wait_for()
    choose(page, "Outcome (label)", "y")
    audited(page, "wide.csv · 6,000 people")
    go(page, "Slices")
    page.get_by_role("heading", name="How the columns were cut").wait_for()
    page.get_by_text("More", exact=True).click()
    page.locator('input[aria-label="σ: fewest rows in a slice"]').fill("1")
    page.keyboard.press("Enter")
    settled(page)
    page.locator('[data-testid="stSlider"]').filter(has_text="α: error against size").get_by_role("slider").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.get_by_text(re.compile("at most .* conjunctions of 3,000 rows")).wait_for()

    main = page.get_by_test_id("stMainBlockContainer")
    main.get_by_role("button", name="Search", exact=True).click()
    page.get_by_text(re.compile("branches, .* slices opened")).first.wait_for()
    main.get_by_role("button", name="Stop", exact=True).click()
    settled(page)
    main.get_by_role("button", name="Search", exact=True).wait_for()
    assert page.get_by_text(re.compile("branches, .* slices opened")).count() == 0

    page.locator('[data-testid="stSlider"]').filter(has_text="α: error against size").get_by_role("slider").focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    page.get_by_role(
        "heading", name="How the columns were cut"
    ).wait_for()  # the search at 0.95 is done, or found, by itself
    assert page.locator('[data-testid="stException"]').count() == 0
