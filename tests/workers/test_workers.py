"""Work in processes of its own: its answers, its limits, and that nothing of it outlives whoever asked."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmarks.siege import descendants
from recidiv_core.errors import InputError
from recidiv_core.workers import Broken, Pool, Task, TooLong
from recidiv_core.workers.pool import Cold, Forks
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing can be forked here")
# Asks for work that takes a minute, in compiled code, and says which processes do it.
ASKING = """
import os, sys, threading, time
from recidiv_core.workers import Pool, Task
pool = Pool(load=["tests.workers.tasks"])
jobs = [pool.job() for _ in range(2)]
for job, name in zip(jobs, ("spin", "sleep")):
    task = Task(f"tests.workers.tasks:{name}", seconds=50, memory=10**9)
    threading.Thread(target=lambda job=job, task=task: job.answer(task, b"", about="x", options={})).start()
time.sleep(1.5)
print(pool._zygote.pid, flush=True)
"""


def task(name: str, seconds: float = 20, memory: int = 1_000_000_000, **more) -> Task:
    return Task(f"tests.workers.tasks:{name}", seconds, memory, **more)


@pytest.fixture(scope="module")
def pool():
    made = Pool(load=["tests.workers.tasks"])
    made.run(task("reverse"), b"", about="x", options={})  # all is loaded
    yield made
    made.close()


@pytest.mark.parametrize("make", [Forks, Cold, Pool])
def test_each_way_gives_the_same_answer(make):
    workers = make()
    body = os.urandom(3_000_000)
    found = workers.run(task("reverse"), body, about="x", options={"times": 2})
    assert bytes(found) == body[::-1] * 2
    with pytest.raises(InputError, match="here: expected another, got this"):
        workers.run(task("refuse"), b"", about="x", options={})
    if make is Pool:
        workers.close()


def test_limits_on_time_and_memory_and_files(pool, tmp_path):
    start = time.monotonic()
    with pytest.raises(TooLong, match="longer than 1 seconds"):
        pool.run(task("spin", seconds=1), b"", about="x", options={})
    assert time.monotonic() - start < 5
    with pytest.raises(InputError, match="the table: expected one that fits into memory"):
        pool.run(task("grow"), b"x", about="the table", options={})
    path = tmp_path / "file"
    with pytest.raises(Broken):
        pool.run(task("write"), b"x", about="x", options={"path": str(path)})
    assert not path.exists() or path.stat().st_size == 0
    assert pool.run(task("write", may_write=True), b"x", about="x", options={"path": str(path)}) == b"written"


def test_a_fault_tells_its_place_and_nothing_of_what_it_says(pool):
    with pytest.raises(Broken) as caught:
        pool.run(task("fail"), b"Aurelio Quispe", about="x", options={})
    assert caught.value.place == f"ValueError at tests/workers/tasks.py:{_line_of('raise ValueError')}"
    assert "Aurelio" not in str(caught.value)


def _line_of(text: str) -> int:
    lines = Path(ROOT, "tests/workers/tasks.py").read_text().splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


def test_a_worker_knows_little_of_where_it_runs(pool, monkeypatch):
    monkeypatch.setenv("RECIDIV_TOKEN", "a secret of the server")
    for workers in (Pool(), Cold()):
        assert b"RECIDIV" not in bytes(workers.run(task("surroundings"), b"", about="x", options={}))
        if isinstance(workers, Pool):
            workers.close()


def test_many_at_once_and_none_gets_anothers_answer(pool):
    found = {}

    def ask(i: int) -> None:
        found[i] = bytes(pool.run(task("reverse"), f"{i:05}".encode() * 1_000, about="x", options={}))

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {i: f"{i:05}"[::-1].encode() * 1_000 for i in range(60)}


def test_it_goes_on_after_the_warm_process_was_killed(pool):
    pool.warm()
    os.kill(pool._zygote.pid, signal.SIGKILL)
    assert pool.run(task("reverse"), b"ab", about="x", options={}) == b"ba"


def test_an_asker_who_gives_up_ends_the_work(pool):
    pool.warm()
    own, job = pool._zygote.pid, pool.job()
    asked = threading.Thread(target=_asked_in_vain, args=(job,))
    asked.start()
    _until(lambda: len(descendants(own)) == 2)
    job.end()
    asked.join(5)
    assert not asked.is_alive()
    _until(lambda: descendants(own) == {own})


def _asked_in_vain(job) -> None:
    with pytest.raises(Broken):
        job.answer(task("spin", seconds=60), b"", about="x", options={})


def _until(is_so, seconds: float = 10) -> None:
    latest = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < latest
        time.sleep(0.05)


@pytest.mark.parametrize("killed", ["asker", "zygote", "both"])
def test_nothing_outlives_whoever_asked(killed):
    """Also where both are killed at once, and the work is in code that lets no other thread run."""
    asker = subprocess.Popen([sys.executable, "-c", ASKING], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    zygote = int(asker.stdout.readline())
    own = descendants(asker.pid)
    assert len(own) == 4
    if killed != "asker":
        os.kill(zygote, signal.SIGKILL)
    if killed != "zygote":
        asker.kill()
    if killed == "zygote":  # the work goes on for whoever asked, and ends with them
        asker.kill()
    asker.wait(10)
    _until(lambda: not any(descendants(pid) for pid in own))
    asker.stdout.close()
