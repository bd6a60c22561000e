"""From a CSV of 346,685 rows and 12 columns to the first painted page, and a move of the slider, in a real Chromium.

python -m benchmarks.first_paint ADDRESS      (of a running dashboard)
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from playwright.sync_api import Page, sync_playwright

from benchmarks.speed import table_of

_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def idle(page: Page) -> None:
    page.wait_for_function("() => !document.querySelector('[data-testid=\"stStatusWidgetRunningIcon\"]')")


def main(address: str) -> None:
    path = Path(tempfile.mkdtemp(), "large.csv")
    table_of(346_685).to_csv(path, index=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(60_000)
        page.goto(address)
        page.get_by_role("link", name="Data", exact=True).first.click()
        page.get_by_role("button", name="Use this sample").wait_for()
        page.wait_for_timeout(2000)
        start = perf_counter()
        page.locator('[data-testid="stFileUploader"] input[type="file"]').first.set_input_files(path)
        page.get_by_text("large.csv: 346,685 rows").wait_for()
        shown = perf_counter()
        print(f"{path.stat().st_size / 1e6:.0f} MB: upload to the page with its suggested roles {shown - start:.2f} s")
        start = perf_counter()
        page.get_by_role("button", name="Audit this table").click()
        page.get_by_text("By group: 4 groups").wait_for()
        idle(page)
        print(f"'Audit this table' to the painted page {perf_counter() - start:.2f} s")
        start = perf_counter()
        page.get_by_role("link", name="Groups", exact=True).first.click()
        page.get_by_text("of all people are flagged").wait_for()
        print(f"Groups page, first time {perf_counter() - start:.2f} s")
        page.wait_for_timeout(2000)
        slider, share = page.get_by_role("slider").first, page.get_by_text("of all people are flagged")
        slider.focus()
        times = []
        for _ in range(10):
            before = share.inner_text()
            start = perf_counter()
            page.keyboard.press("ArrowLeft")
            page.wait_for_function("old => !document.body.innerText.includes(old)", arg=before)
            times.append(perf_counter() - start)
        print(f"a move of the slider, key to new numbers on the screen: median {sorted(times)[5] * 1000:.0f} ms")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8501")
