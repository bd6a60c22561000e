"""From events to an audit in a real browser: simulate, train two models, stop one run, choose, and read the verdict
on the groups page.
"""

import re

from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from tests.browser.test_journeys import downloaded, go, settled, uploader
from tests.browser.test_slices import choose


def press(page, name, until):
    """Press a button until the page says ``until``: a press while the page is being drawn anew goes nowhere."""
    for patience in (8_000, 20_000, 60_000):
        page.get_by_test_id("stMainBlockContainer").get_by_role("button", name=name, exact=True).click()
        try:
            return page.get_by_text(until).first.wait_for(timeout=patience)
        except PlaywrightTimeoutError:
            if patience == 60_000:
                raise


def test_simulate_train_two_choose_one_and_see_its_audit(page):
    go(page, "Recidivism")
    page.get_by_text("1,445 rows").first.wait_for()
    page.locator('input[aria-label="People to simulate"]').fill("3000")
    page.keyboard.press("Enter")
    settled(page)
    press(page, "Simulate events", "What was measured, and what is true")
    page.get_by_text("being caught again, not offending again").first.wait_for()
    press(page, "Use this table for models", "Train models on it")
    settled(page)
    page.get_by_role("link", name="Train models on it").click()
    page.get_by_role("heading", name="How well can it be predicted, and by what?").wait_for()
    settled(page)

    press(page, "Train 2 models", "ranks people best")
    settled(page)
    chart = page.locator('[role="graphics-document"]').first
    assert "AUC on people not trained on" in chart.get_attribute("aria-label")
    choose(page, "Model", "Gradient boosting")
    press(page, "Audit this model's scores", "Audited now: score of Gradient boosting")
    go(page, "Groups")
    page.get_by_text(re.compile("simulated events .* people · outcome: recidivism within 1 year")).first.wait_for()
    page.get_by_text(re.compile("exceeds tolerance|cannot conclude|within tolerance")).first.wait_for()
    assert page.locator('[data-testid="stException"]').count() == 0 and page.strangers == []

    go(page, "Models")
    page.get_by_role("radio", name="Save the model").click()
    press(page, "Train it for saving", "rows held out")
    settled(page)
    model = downloaded(page, "Download the model (skops)")
    assert model.startswith(b"PK")
    place = uploader(page, "A trained model")
    place.set_input_files({"name": "m.pkl", "mimeType": "application/octet-stream", "buffer": b"\x80\x04K\x01."})
    page.get_by_text("which runs code").first.wait_for()
    place.set_input_files({"name": "m.skops", "mimeType": "application/octet-stream", "buffer": model})
    page.get_by_text(re.compile("takes \\d+ columns")).first.wait_for()
    settled(page)
    press(page, "Score the table and audit it", re.compile("Audited now: model score"))


def test_training_shows_progress_stops_and_keeps_what_is_finished(page):
    go(page, "Recidivism")
    page.get_by_text("1,445 rows").first.wait_for()
    press(page, "Simulate events", "What was measured, and what is true")
    press(page, "Use this table for models", "Train models on it")
    settled(page)
    go(page, "Models")
    choose(page, "Algorithms", "Multilayer perceptron")
    main = page.get_by_test_id("stMainBlockContainer")
    press(page, "Train 3 models", re.compile("Multilayer perceptron, recidivism"))
    main.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text("ranks people best").first.wait_for()
    settled(page)
    main.get_by_role("button", name="Train the other 1", exact=True).wait_for()
    assert page.locator('[data-testid="stException"]').count() == 0
