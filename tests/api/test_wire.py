"""The running server against what a hostile client does on the wire, and how it ends."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from recidiv_core.api.policy import HEADERS
from tests.api.test_server import audit_path
from tests.conftest import ROOT

GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


def wire(address: str) -> socket.socket:
    host, port = address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=40)


def answers(address: str, *pieces: bytes) -> bytes:
    """All that comes back for what is sent, until the server is silent for a while or closes."""
    with wire(address) as own:
        with contextlib.suppress(BrokenPipeError):  # refused before all was sent
            for piece in pieces:
                own.sendall(piece)
        own.settimeout(0.4)
        found = b""
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while part := own.recv(65_536):
                found += part
        return found


UPGRADE = (
    b"GET /_stcore/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: "
    b"Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
)
POST = b"POST /sentencing-disparity HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (CHUNKED + b"2\r\n{}\r\n0\r\n\r\n", [422]),  # a chunked body as such is taken
        (CHUNKED + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n" + GET, [422, 200]),  # and another request after it
        (POST + b"Content-Length: 2\r\n\r\n{}" + GET, [422, 200]),
        (CHUNKED + b"2;ext=1\r\n{}\r\n0\r\n\r\n", [400]),
        (CHUNKED + b"2\r\n{}\r\n0\r\nX-Trailer: 1\r\n\r\n", [400]),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", [400]),
        (POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", [400]),
        (POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", [400]),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: elsewhere.example\r\n\r\n", [400]),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 120 + b"\r\n", [400]),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 300_000 + b"\r\n\r\n", [400]),
        (b"GET /health HTTP/1.1\nHost: localhost\n\n", [400]),
        (GET + GET + GET, [200, 200, 200]),
        (UPGRADE + b"Content-Length: 5\r\n\r\nxxxxx", [400]),
        (UPGRADE + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [400]),
        (UPGRADE.replace(b"GET", b"POST") + b"\r\n", [405]),
        (UPGRADE + b"Cookie: " + b"x" * 9_000 + b"\r\n\r\n", [400]),
    ],
)
def test_how_a_request_may_be_framed(served, sent, status):
    for pieces in ([sent], [sent[:30], sent[30:-3], sent[-3:]]):
        found = answers(served[0], *pieces)
        told = [int(code) for code in re.findall(rb"HTTP/1\.1 (\d+)", found)]
        assert told[: len(status)] == status and len(told) <= len(status), found[:300]


def test_thousands_of_requests_in_a_row_are_not_kept(served):
    """A connection that sends without listening is closed after some, and nobody waits meanwhile."""
    with wire(served[0]) as own, pytest.raises(OSError):
        for _ in range(200):
            own.sendall(GET * 500)
    start = time.perf_counter()
    urllib.request.urlopen(f"{served[0]}/health", timeout=10).read()
    assert time.perf_counter() - start < 2


def test_askers_who_leave_at_once_leave_nothing_behind(started, tmp_path):
    address, _ = started(tmp_path, "--records", "simulated:200")
    process = started.processes[-1].pid
    body = b"y,s,g\n1,0.5,a\n"
    head = f"POST {audit_path()} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    answers(address, head + body)  # workers are there
    before = len(os.listdir(f"/proc/{process}/fd"))
    for i in range(60):
        with wire(address) as own:
            own.sendall(head + body)
            time.sleep(0.001 * (i % 30))
    latest = time.monotonic() + 20
    while len(os.listdir(f"/proc/{process}/fd")) > before + 10 and time.monotonic() < latest:
        time.sleep(0.5)
    assert len(os.listdir(f"/proc/{process}/fd")) <= before + 10


def test_every_answer_carries_the_headers(served):
    """Also those that no application makes."""
    requests = {
        200: GET,
        404: b"GET /_stcore/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
        403: b"GET / HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n",
        400: b"nonsense\r\n\r\n",
        413: POST + b"Content-Length: 99999999\r\n\r\n",
        422: POST + b"Content-Length: 2\r\n\r\n{}",
    }
    page = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    elsewhere = UPGRADE + b"Origin: http://elsewhere.example\r\n\r\n"
    for status, sent in [*requests.items(), (200, page), (101, UPGRADE + b"\r\n"), (403, elsewhere)]:
        head = answers(served[0], sent).partition(b"\r\n\r\n")[0].decode()
        assert head.startswith(f"HTTP/1.1 {status} "), head
        for name, value in HEADERS:
            assert f"{name.lower()}: {value}" in head.replace(name, name.lower()), (status, name)
        assert "server:" not in head.lower()
    policy = answers(served[0], page).decode().split("script-src")[1].split(";")[0]
    assert "'self'" in policy and "unsafe" not in policy and "'sha256-" in policy


def _drip(address: str, kind: str, ended: dict[str, float]) -> None:
    """Send a byte every second, in one of the ways that keep a connection busy, until it is closed."""
    starts = {
        "head": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: ",
        "second head": GET + b"GET /health HTTP/1.1\r\nX: ",
        "lines before a head": b"\r\n",
        "body": POST + b"Content-Length: 60000\r\n\r\n{",
        "table": f"POST {audit_path()} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n".encode(),
        "upload": b"PUT /_stcore/upload_file/a/b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n",
        "body that nobody reads": b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n",
        "nothing": b"",
    }
    begun = time.monotonic()
    with wire(address) as own, contextlib.suppress(OSError):
        own.sendall(starts[kind])
        own.settimeout(0.01)
        while time.monotonic() - begun < 45:
            time.sleep(0.5)
            if kind != "nothing":
                own.sendall(b"\r\n" if kind.startswith("lines") else b"x")
            with contextlib.suppress(TimeoutError):
                while own.recv(65_536):
                    pass
                break
    ended[kind] = time.monotonic() - begun


def test_whoever_is_slow_is_closed_and_nobody_else_waits(served):
    kinds = [
        "head",
        "second head",
        "lines before a head",
        "body",
        "table",
        "upload",
        "body that nobody reads",
        "nothing",
    ]
    ended: dict[str, float] = {}
    threads = [threading.Thread(target=_drip, args=(served[0], kind, ended)) for kind in kinds]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        start = time.perf_counter()
        urllib.request.urlopen(f"{served[0]}/health", timeout=10).read()
        assert time.perf_counter() - start < 5
        time.sleep(0.5)
    assert set(ended) == set(kinds) and max(ended.values()) < 30, ended


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_and_without_a_word(tmp_path, number):
    """With a session open and a worker at work; nothing is left of it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "recidiv_core", "serve", "--port", str(port), "--records", "simulated:200"]
    environment = os.environ | {"STREAMLIT_SERVER_HEADLESS": "true", "TMPDIR": str(tmp_path)}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    address = f"http://127.0.0.1:{port}"
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{address}/health", timeout=1)
            break
        except OSError:
            time.sleep(0.25)
    own = wire(address)
    own.sendall(f"POST {audit_path()} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 600\r\n\r\n".encode())
    start = time.monotonic()
    server.send_signal(number)
    _, told = server.communicate(timeout=20)
    assert time.monotonic() - start < 5
    assert server.returncode == 0 and b"Traceback" not in told
    assert not list(tmp_path.iterdir())
    own.close()
