"""A server as a user starts it, on the sentences whose answer S prints."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.conftest import ROOT
from tests.sentencing.test_sentencing import papers_table


@pytest.fixture(scope="session")
def started():
    """Start ``serve`` with more arguments; gives address and the file that holds all it printed."""
    processes = []

    def start(folder, *arguments: str) -> tuple[str, object]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        log = folder / "log.txt"
        command = [sys.executable, "-m", "recidiv_core", "serve", "--port", str(port), *arguments]
        with log.open("wb") as out:
            processes.append(subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT))
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1)
                return f"http://127.0.0.1:{port}", log
            except OSError:
                assert processes[-1].poll() is None, log.read_text()
                time.sleep(0.25)
        raise AssertionError("the server did not start")

    yield start
    for process in processes:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(scope="session")
def served(started, tmp_path_factory):
    """Address and log of a server on S's sentences."""
    folder = tmp_path_factory.mktemp("served")
    papers_table().to_csv(folder / "sentences.csv", index=False)
    return started(folder, "--records", str(folder / "sentences.csv"))
