"""The server under siege: slow connections beside a working page, many sessions with a large table, kills at random
moments.

python -m benchmarks.siege [slow] [sessions] [kills]    (all of them by default)
"""

from __future__ import annotations

import asyncio
import io
import multiprocessing
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
SLOW, SESSIONS, ROWS, KILLS = 2_000, 100, 346_685, 50
MEMORY = 1.5  # GB that the server may hold in the second part


class Served:
    """A server of its own, in a session of its own, with its temporary files in a folder of its own."""

    def __init__(self, *arguments: str):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = tempfile.mkdtemp()
        self.log = Path(self.folder, "log.txt")
        environment = os.environ | {"STREAMLIT_SERVER_HEADLESS": "true", "TMPDIR": self.folder}
        command = [
            sys.executable,
            "-m",
            "recidiv_core",
            "serve",
            "--port",
            str(self.port),
            "--records",
            "simulated:200",
            *arguments,
        ]
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
        self.address = f"http://127.0.0.1:{self.port}"
        while self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.address}/health", timeout=1)
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(self.log.read_text())

    def memory(self) -> float:
        """GB that the server itself holds."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e9

    def children(self) -> set[int]:
        """Its workers and what they come from."""
        return descendants(self.process.pid) - {self.process.pid}

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder)


def descendants(pid: int) -> set[int]:
    """The processes that come from ``pid``, it among them, that are still at work."""
    parents = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (place / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(place.name)] = int(parent)
    found = {pid} & set(parents)
    while more := {p for p, parent in parents.items() if parent in found} - found:
        found |= more
    return found


async def _drip(port: int, is_head: bool, ended: list[float]) -> None:
    """One slow connection: a byte a second of a head or of a body, until it is closed or refused."""
    begun = time.monotonic()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "
        body = (
            b"POST /sentencing-disparity HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
            b"application/json\r\nContent-Length: 60000\r\n\r\n{"
        )
        writer.write(head if is_head else body)
        while time.monotonic() - begun < 60:
            writer.write(b"x")
            await writer.drain()
            try:
                async with asyncio.timeout(1):
                    if not await reader.read(4_096):
                        break
            except TimeoutError:
                continue
        writer.close()
    except OSError:
        pass
    ended.append(time.monotonic() - begun)


def _drips(port: int) -> list[float]:
    """Seconds after which each of many slow connections, half of them slow with the head and half with the body,
    ended.
    """
    ended: list[float] = []

    async def all_of_them() -> None:
        await asyncio.gather(*(_drip(port, i % 2 == 0, ended) for i in range(SLOW)))

    asyncio.run(all_of_them())
    return ended


def slow() -> None:
    """2,000 slow connections of both kinds; beside them a session whose page is worked out again and again, and the
    API.
    """
    served = Served()
    own = Session(served)
    for _ in range(5):
        own.run()
    quiet = [timed(own.run) for _ in range(20)]
    busy, asked = [], []
    with ProcessPoolExecutor(
        1, multiprocessing.get_context("spawn")
    ) as elsewhere:  # who measures waits for nobody's thread
        siege = elsewhere.submit(_drips, served.port)
        while not siege.done():
            busy.append(timed(own.run))
            asked.append(timed(lambda: urllib.request.urlopen(f"{served.address}/health", timeout=20).read()))
            time.sleep(0.1)
        ended = siege.result()
    print(
        f"slow: {len(ended):,} connections, all ended after {min(ended):.1f} to {max(ended):.1f} s; the page, "
        f"worked out and sent: {spread(quiet)} before, {spread(busy)} beside them; /health {spread(asked)}"
    )
    served.end()


def timed(work: Callable[[], object]) -> float:
    """Seconds that a piece of work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def spread(seconds: list[float]) -> str:
    """Median, 95th percentile and longest, in milliseconds."""
    return (
        f"{1000 * np.median(seconds):.0f} ms (p95 {1000 * np.quantile(seconds, 0.95):.0f}, longest "
        f"{1000 * max(seconds):.0f})"
    )


def _large(seed: int) -> tuple[bytes, int]:
    """A table of 346,685 rows and ``seed`` more as Parquet, and how many it has: no two sessions have as many."""
    own, n = np.random.default_rng(seed), ROWS + seed
    score = own.random(n).round(3)
    frame = pd.DataFrame(
        {
            "label": (own.random(n) < 0.1 + 0.3 * score).astype(int),
            "score": score,
            "race": own.choice(["a", "b", "c", "d"], n),
        }
    )
    for i in range(5):
        frame[f"c{i}"] = own.integers(0, 50, n)
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
    return out.getvalue(), n


class Session:
    """A session of the dashboard by its own protocol: it uploads a table, audits it, and reads what the page says."""

    def __init__(self, served: Served):
        from websockets.sync.client import connect

        self.served, self.shown, self.files, self.widgets = served, "", [], {}
        url = f"ws://127.0.0.1:{served.port}/_stcore/stream"
        self.wire = ExitStack().enter_context(
            connect(url, origin=served.address, subprotocols=["streamlit"], max_size=None, open_timeout=60)
        )
        self.session = self.cookie = ""

    def run(self, query: str = "", widgets: list | None = None, page: str = "") -> str:
        """Run the script once, and return all the text that came."""
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_script_hash = page
        for widget in widgets or ():
            message.rerun_script.widget_states.widgets.append(widget)
        self.wire.send(message.SerializeToString())
        texts: list[str] = []
        while True:
            told = ForwardMsg()
            told.ParseFromString(self.wire.recv(timeout=120))
            kind = told.WhichOneof("type")
            if kind == "new_session":
                self.session = told.new_session.initialize.session_id or self.session
            elif kind == "navigation":
                self.pages = {p.url_pathname: p.page_script_hash for p in told.navigation.app_pages}
            elif kind == "file_urls_response":
                self.files = list(told.file_urls_response.file_urls)
                return ""
            elif kind == "delta" and told.delta.WhichOneof("type") == "new_element":
                element = told.delta.new_element
                name = element.WhichOneof("type")
                if name in ("markdown", "alert"):
                    texts.append(getattr(element, name).body)
                elif name in ("file_uploader", "button"):
                    widget = getattr(element, name)
                    self.widgets[widget.label] = widget.id
            elif kind == "script_finished" and told.script_finished == 0:
                return re.sub(r"\\(.)", r"\1", "\n".join(texts))

    def upload(self, data: bytes) -> str:
        """Put a table on the Data page; what the page says, or why the server refused."""
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.WidgetStates_pb2 import WidgetState

        self.run()
        page = self.pages["your-data"]
        self.run(page=page)
        message = BackMsg()
        message.file_urls_request.request_id = "1"
        message.file_urls_request.session_id = self.session
        message.file_urls_request.file_names.append("large.parquet")
        self.wire.send(message.SerializeToString())
        self._await_files()
        refused = self._put(data)
        if refused:
            return refused
        widget = WidgetState(id=next(i for label, i in self.widgets.items() if label.startswith("Your own file")))
        info = widget.file_uploader_state_value.uploaded_file_info.add()
        info.name, info.size, info.file_id = "large.parquet", len(data), self.files[0].file_id
        info.file_urls.CopyFrom(self.files[0])
        self.state = [widget]
        said = self.run(page=page, widgets=self.state)
        if "large.parquet: expected" in said or "room for it" in said:
            return said
        press = WidgetState(id=self.widgets["Audit this table"], trigger_value=True)
        return self.run(page=page, widgets=[widget, press])

    def _await_files(self) -> None:
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        while not self.files:
            told = ForwardMsg()
            told.ParseFromString(self.wire.recv(timeout=60))
            if told.WhichOneof("type") == "file_urls_response":
                self.files = list(told.file_urls_response.file_urls)

    def _put(self, data: bytes) -> str:
        """Send the file as the browser does; why it was refused, if it was."""
        ready = urllib.request.urlopen(f"{self.served.address}/_stcore/health", timeout=60)
        cookie = ready.headers["Set-Cookie"].split(";")[0]
        token = cookie.partition("=")[2].strip('"')
        boundary = "x7d8f"
        body = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
            'filename="large.parquet"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode()
            + data
            + f"\r\n--{boundary}--\r\n".encode()
        )
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Cookie": cookie, "X-Xsrftoken": token}
        asked = urllib.request.Request(self.served.address + self.files[0].upload_url, body, headers, method="PUT")
        try:
            urllib.request.urlopen(asked, timeout=120)
            return ""
        except urllib.error.HTTPError as error:
            return error.read().decode()


def sessions() -> None:
    """100 sessions with the large table, one after the other, all kept open: those beyond the limit are told, and
    each sees its own.
    """
    served = Served("--memory", str(MEMORY), "--max-sessions", "90")
    first = Session(served)  # what it loads of the program stays, whoever comes
    first.upload(_large(0)[0])
    first.wire.close()
    time.sleep(60)
    empty = served.memory()
    kept, refused, most = [], Counter(), 0.0
    for seed in range(SESSIONS):
        data, n = _large(seed)
        try:
            own = Session(served)
        except Exception as error:
            refused[f"no session, status {getattr(getattr(error, 'response', None), 'status_code', '?')}"] += 1
            continue
        said = own.upload(data)
        if f"{n:,} people" in said:
            kept.append((own, n))
        else:
            refused[re.sub(r"[\d,.]+", "N", said[said.find("expected") :][:140])] += 1
            own.wire.close()
        most = max(most, served.memory())
    # Each is asked once more, when all the others are there: it still has its own table, and sees no other's.
    wrong = sum(re.findall(r"([\d,]+) people ·", own.run())[:1] != [f"{n:,}"] for own, n in kept)
    print(
        f"sessions: {len(kept)} of {SESSIONS} kept {ROWS:,} rows each under {MEMORY:g} GB (most {most:.2f}, empty "
        f"{empty:.2f}); refused: {dict(refused)}; {wrong} of those kept saw another's table or none"
    )
    for own, _ in kept:
        own.wire.close()
    begun = time.monotonic()
    while served.memory() > empty + 0.15 * (most - empty) and time.monotonic() - begun < 120:
        time.sleep(1)
    print(f"    after closing all: {served.memory():.2f} GB after {time.monotonic() - begun:.0f} s")
    served.end()


WRITING = """
import sys, itertools
from pathlib import Path
from recidiv_core import Roles, audit_groups, audit_thresholds, build_report, decision_rule, load_dataset, train_model
from recidiv_core.commands.shared import written
from recidiv_core import workers
workers.start(workers.Pool(load=["recidiv_core.data.reading"]))
folder = Path(sys.argv[1])
roles = Roles("label", score="score", sensitive=("race",), features=("c0", "c1"))
dataset = load_dataset(sys.argv[2], roles=roles)
audit = audit_groups(dataset)
rule = decision_rule(audit_thresholds(dataset, attribute="race", definition="equal_opportunity"))
model = train_model(dataset, algorithm="logistic_regression", n_iter=0)
print("ready", flush=True)
for i in itertools.count():
    build_report(audit, folder / "report.pdf")
    written(folder / "rule.json", rule | {"i": i})
    model.save(folder / "model.skops")
    load_dataset(sys.argv[2], roles=dataset.roles)
"""


def kills() -> None:
    """Fifty kills of writer, worker, or both, while reports, rules and models are written and tables are read."""
    import json
    import zipfile

    import pypdf

    folder = Path(tempfile.mkdtemp())
    table = folder / "table.csv"
    frame = pd.read_parquet(io.BytesIO(_large(3)[0])).head(3_000)
    frame.to_csv(table, index=False)
    temporary = folder / "tmp"
    temporary.mkdir()
    chance = random.Random(7)
    half, orphans, n_whole = 0, 0, 0
    for i in range(KILLS):
        environment = os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITING, str(folder), str(table)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        writer.stdout.readline()
        time.sleep(chance.uniform(0.05, 1.5))
        family = descendants(writer.pid) - {writer.pid}
        if i % 3 != 0:
            for pid in family:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if i % 3 != 1:
            writer.kill()
        else:  # the workers alone: it goes on, with others
            time.sleep(1)
            assert writer.poll() is None
            family |= descendants(writer.pid) - {writer.pid}
            writer.kill()
        writer.wait()
        begun = time.monotonic()
        while (left := [pid for pid in family if descendants(pid)]) and time.monotonic() - begun < 10:
            time.sleep(0.05)
        orphans += len(left)
        for name, check in (
            ("report.pdf", lambda p: pypdf.PdfReader(p).pages[0]),
            ("rule.json", lambda p: json.loads(p.read_text())),
            ("model.skops", lambda p: zipfile.ZipFile(p).testzip()),
        ):
            if (folder / name).exists():
                try:
                    check(folder / name)
                    n_whole += 1
                except Exception:
                    half += 1
    parts = [path.name for path in folder.iterdir() if path.suffix == ".part"]
    print(
        f"kills: {KILLS}; {n_whole} files looked at, {half} not whole; {orphans} orphans after 10 s; {len(parts)} "
        f"parts and {len(list(temporary.iterdir()))} temporary folders left"
    )
    shutil.rmtree(folder)


if __name__ == "__main__":
    asked = sys.argv[1:] or ["slow", "sessions", "kills"]
    for name in asked:
        {"slow": slow, "sessions": sessions, "kills": kills}[name]()
