"""The article's audit in a real browser: from the sample to the PDF."""

from tests.browser.test_journeys import go, report_text, settled
from tests.browser.test_slices import choose


def test_the_loans_from_start_to_pdf(page):
    go(page, "Data")
    choose(page, "Or a sample", "approved for every man")
    page.get_by_role("button", name="Use this sample").click()
    settled(page)
    go(page, "Counterfactuals")
    page.get_by_text("1,000 lose by it (Approved to Denied), 0 gain").first.wait_for()

    page.get_by_role("radio", name="Who gains, who loses").click()
    page.get_by_text("Who gains and who loses when nothing but the attribute changes").wait_for()
    page.get_by_role("radio", name="Where it happens").click()
    page.get_by_text("The score against Income, a line for each clone").wait_for()
    chart = page.locator('[role="graphics-document"]').first
    chart.wait_for()
    assert "Female: crosses it at 80,000" in chart.get_attribute("aria-label")

    page.get_by_role("radio", name="One person").click()
    page.get_by_text("The smallest change of one thing that would alter the decision").wait_for()
    page.get_by_text("to 79,99").first.wait_for()

    # Profiles beyond the step: nobody flips.
    page.get_by_text("How the profiles are made").click()
    for _ in range(3):  # a choice may come while the page is drawn anew, and go nowhere
        choose(page, "Column to make in another way", "Income")
        if page.locator('input[aria-label="From"]').count():
            break
    for label, value in (("From", "81000"), ("To", "119000")):
        page.locator(f'input[aria-label="{label}"]').fill(value)
        page.keyboard.press("Enter")
        settled(page)
    page.get_by_role("button", name="Make it so").click()
    settled(page)
    page.get_by_text("None of 1,000 profiles gets another decision").first.wait_for()
    page.get_by_role("button", name="All as suggested").click()
    settled(page)
    page.get_by_text("1,000 lose by it (Approved to Denied), 0 gain").first.wait_for()
    settled(page)  # while it is drawn anew the page holds the old and the new

    text = report_text(page, "As the article has it.")
    for part in ("all 1,000", "As the article has it.", "40,000 to 70,000, whole numbers", "One profile, typed in"):
        assert part in text
    assert page.locator('[data-testid="stException"]').count() == 0 and page.strangers == []
