"""A copula copy of the sample in a real browser: from the histogram and the verdict to the PDF."""

import re

from tests.browser.test_journeys import go, report_text, settled


def test_a_copula_copy_from_the_histogram_to_the_pdf(page):
    go(page, "Privacy")
    page.get_by_text("No sign in its distances that the copy gives people away").first.wait_for(timeout=120_000)
    settled(page)
    page.get_by_text("How far the nearest record is").wait_for()
    chart = page.locator('[role="graphics-document"]').first
    chart.wait_for()
    told = chart.get_attribute("aria-label")
    share = re.search(r"([\d.]+) % of the copy are nearer to train", told).group(1)
    page.get_by_text(f"No sign in its distances that the copy gives people away: {share} %").first.wait_for()

    page.get_by_role("radio", name="Under-sampled 50:50").click()
    page.get_by_text("The copy gives people away: 100.0 %").first.wait_for()
    settled(page)
    page.get_by_role("radio", name="Gaussian copula").click()
    page.get_by_text(f"{share} %").first.wait_for()
    settled(page)
    for view, words in (
        ("Attacks", "Most is gained by"),
        ("Use", "Trained on each variant"),
        ("Use against privacy", "keeps most of the use"),
    ):
        page.get_by_role("radio", name=view, exact=True).click()
        page.get_by_text(words).first.wait_for()
        settled(page)

    text = report_text(page, "Shall we publish it?")
    for part in ("Shall we publish it?", "The copy looked at: Gaussian copula", f"{share} %", "Disparate impact"):
        assert part in text, part
    assert page.locator('[data-testid="stException"]').count() == 0 and page.strangers == []
