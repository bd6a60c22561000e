"""A real server and a real Chromium. Required where RECIDIV_BROWSER=required, else skipped where there is none."""

from __future__ import annotations

import os
import shutil

import pytest

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser" in item.nodeid:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def executable():
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None and os.environ.get("RECIDIV_BROWSER") == "required":
        pytest.fail("a browser is required here, and there is none")
    if found is None:
        pytest.skip("no Chromium on this machine")
    return found


@pytest.fixture(scope="session")
def server(started, tmp_path_factory):
    """The address of one server for all tests."""
    return started(tmp_path_factory.mktemp("browser"), "--records", "simulated:200")[0]


@pytest.fixture(scope="session")
def browser(executable):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, server, request):
    """A fresh session on the first page; what the browser asked for elsewhere is in ``page.strangers``."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.strangers = []
    page.on(
        "request",
        lambda r: None if r.url.startswith((server, "data:", "blob:", "ws:")) else page.strangers.append(r.url),
    )
    page.goto(server)
    page.get_by_role("heading", name="Does this model treat people alike?").wait_for()
    yield page
    context.close()
