"""What several rooms' tests need."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

# The tests run side by side: threads of each that wait for one another would cost ten times the work.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings

from recidiv_core import Roles, audit_groups, load_dataset

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"

settings.register_profile("recidiv", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("recidiv")


def shared(name: str) -> Path:
    """A table that lies beside the checkout on some machines; the test skips where it does not."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{name} is not on this machine")
    return path


def table_of(counts: dict[str, tuple[int, int, int, int]], attribute: str = "group") -> pd.DataFrame:
    """Rows with the given (tp, fp, fn, tn) in each group; the score is the prediction."""
    cells = ((1, 1), (0, 1), (1, 0), (0, 0))
    rows = [
        {"y": y, "score": flagged, attribute: group}
        for group, numbers in counts.items()
        for (y, flagged), n in zip(cells, numbers, strict=True)
        for _ in range(n)
    ]
    return pd.DataFrame(rows)


def audit_of(counts: dict[str, tuple[int, int, int, int]], **options):
    """The audit of :func:`table_of` at the cut-point between 0 and 1."""
    dataset = load_dataset(table_of(counts), roles=Roles("y", score="score", sensitive="group"))
    return audit_groups(dataset, threshold=1, **options)


def random_table(seed: int, n: int = 400, groups: int = 3) -> pd.DataFrame:
    """A table with outcome, score, weight and two attributes."""
    random = np.random.default_rng(seed)
    score = random.random(n).round(3)
    return pd.DataFrame(
        {
            "y": (random.random(n) < 0.2 + 0.6 * score).astype(int),
            "score": score,
            "weight": random.uniform(0.5, 2, n),
            "group": np.array(list("ABCDEFGH"))[random.integers(0, groups, n)],
            "sex": np.where(random.random(n) < 0.5, "f", "m"),
        }
    )


@pytest.fixture(scope="session")
def compas():
    """COMPAS at the cut-point 5, by race."""
    path = shared("compas-scores-two-years.csv")
    return audit_groups(
        load_dataset(path, roles=Roles("two_year_recid", score="decile_score", sensitive="race")), threshold=5
    )


@pytest.fixture(scope="session")
def started():
    """Start ``serve`` with more arguments, by ``launch`` in Python's place; gives address and the file that holds
    all it printed.
    """
    processes = []

    def start(folder, *arguments: str, launch: tuple[str, ...] = ("-m", "recidiv_core")) -> tuple[str, object]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        log = folder / "log.txt"
        command = [sys.executable, *launch, "serve", "--port", str(port), *arguments]
        with log.open("wb") as out:
            processes.append(
                subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=os.environ | {"STREAMLIT_SERVER_HEADLESS": "true"},
                    stdout=out,
                    stderr=subprocess.STDOUT,
                )
            )
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1)
                return f"http://127.0.0.1:{port}", log
            except OSError:
                assert processes[-1].poll() is None, log.read_text()
                time.sleep(0.25)
        raise AssertionError("the server did not start")

    def stop() -> None:
        process = processes.pop()
        process.terminate()
        process.wait(timeout=20)

    start.stop, start.processes = stop, processes
    yield start
    while processes:
        stop()
