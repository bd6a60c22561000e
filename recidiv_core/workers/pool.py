"""Asking for work to be done in a process of its own."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from recidiv_core.errors import InputError, Problem, RecidivError
from recidiv_core.workers.worker import DONE, READY, REFUSED, read_frame, write_frame

_CAN_FORK = hasattr(os, "fork") and hasattr(socket, "send_fds")
_GRACE = 10.0  # seconds after a worker's own clock before it is taken for stuck
# All that a worker may know of where it runs.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "NUMBA_CACHE_DIR")
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Ended(RecidivError):
    """A worker ended without an answer."""


class TooLong(Ended):
    """Its clock ended it."""


class Broken(Ended):
    """It was ended by something else: its memory, a fault, or whoever killed it.

    ``place`` says where a fault was; never what it said.
    """

    def __init__(self, place: str = ""):
        self.place = place
        super().__init__("the work ended without an answer")


@dataclass(frozen=True)
class Task:
    """What a worker is asked: ``function`` is "module:name" of one that takes the body as bytes and options by name,
    and returns bytes.

    ``seconds`` of time and ``memory`` in bytes are its limits; ``may_write`` says whether it may write files.
    """

    function: str
    seconds: float
    memory: int
    may_write: bool = False

    @property
    def module(self) -> str:
        return self.function.partition(":")[0]

    def head(self, about: str, options: dict[str, Any]) -> memoryview:
        return json.dumps({**self.__dict__, "about": about, "options": options}).encode()


class Job:
    """One worker, as whoever asked sees it: a socket to it, and the lifeline that it lives by."""

    def __init__(self, wire: socket.socket, lifeline: int, process: int | None = None):
        self._wire, self._lifeline, self._process = wire, lifeline, process
        self._lock = threading.Lock()
        self._is_ended = False

    def is_ready(self) -> bool:
        """Whether there is a worker; waits until it says so."""
        try:
            self._wire.settimeout(_GRACE * 6)  # all that a worker needs may still have to be loaded
            return self._wire.recv(1) == READY
        except OSError:
            return False

    def answer(self, task: Task, body: bytes, *, about: str, options: dict[str, Any]) -> memoryview:
        """What the worker makes of ``body``.

        Raises
        ------
        InputError
            As the worker says; ``about`` names the input where it does not fit into memory.
        TooLong, Broken
            When it ended without an answer.
        """
        begun = time.monotonic()
        try:
            self._wire.settimeout(task.seconds + _GRACE)
            with self._wire.makefile("wb") as sink, self._wire.makefile("rb") as source:
                write_frame(sink, task.head(about, options))
                write_frame(sink, body)
                found = read_frame(source)
        except (EOFError, OSError, ValueError):
            if time.monotonic() - begun >= task.seconds:
                raise TooLong(f"the work took longer than {task.seconds:g} seconds") from None
            raise Broken from None
        return _told(found)

    def __del__(self) -> None:
        self.end()  # one that was made for somebody who has gone meanwhile

    def end(self) -> None:
        """End the worker, whatever it does, from any thread: its data goes with it."""
        with self._lock:
            if self._is_ended:
                return
            self._is_ended = True
            os.close(self._lifeline)
        with suppress(OSError):  # it may have ended by itself
            self._wire.shutdown(socket.SHUT_RDWR)
        self._wire.close()
        if self._process is not None:
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)


def _told(found: bytes) -> memoryview:
    kind, told = found[:1], memoryview(found)[1:]
    if kind == DONE:
        return told
    if kind == REFUSED:
        raise InputError([Problem(*problem) for problem in json.loads(bytes(told))])
    raise Broken(bytes(told).decode(errors="replace"))


class Pool:
    """Workers forked from a warm process, which is started with the first of them, or by :meth:`warm`, and again
    where it was killed.
    """

    def __init__(self, *, load: Sequence[str] = (), most: int | None = None):
        self._load = list(load)
        most = most or 2 * (os.cpu_count() or 1)
        # By task: a model that scores for ten minutes keeps nobody from reading a table.
        self._turns = defaultdict(lambda: threading.BoundedSemaphore(most))
        self._lock = threading.Lock()
        self._zygote: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def run(self, task: Task, body: bytes, *, about: str, options: dict[str, Any]) -> memoryview:
        """As :meth:`Job.answer`, when it is its turn."""
        with self._turns[task]:
            job = self.job()
            try:
                return job.answer(task, body, about=about, options=options)
            finally:
                job.end()

    def job(self) -> Job:
        """A new worker, which waits to be asked.

        Raises
        ------
        Broken
            When none can be made.
        """
        for pause in (0, 0.1, 1):  # the warm process may have been killed: then once more, with another
            time.sleep(pause)
            self.warm()
            ours, theirs = socket.socketpair()
            watched, lifeline = os.pipe()
            job = Job(ours, lifeline)
            with suppress(OSError), self._lock:
                socket.send_fds(self._control, [READY], [theirs.fileno(), watched])
            theirs.close()
            os.close(watched)
            if job.is_ready():
                return job
            job.end()
        raise Broken

    def warm(self) -> None:
        """Start the process that workers are forked from, where it is not running."""
        with self._lock:
            if self._zygote is not None and self._zygote.poll() is None:
                return
            if self._control is not None:
                self._control.close()
            self._control, theirs = socket.socketpair()
            with theirs:
                self._zygote = subprocess.Popen(
                    [sys.executable, "-m", "recidiv_core.workers.zygote", str(theirs.fileno()), *self._load],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    env=_environment(),
                    start_new_session=True,  # Ctrl-C is for the one who started it
                )

    def close(self) -> None:
        """End the warm process; workers that are busy go on for those who asked."""
        with self._lock:
            if self._control is not None:
                self._control.close()
            if self._zygote is not None:
                self._zygote.kill()
                self._zygote.wait()
            self._zygote = self._control = None


class Forks:
    """Workers forked from this process itself: for a program of one thread, which has loaded what they need."""

    def run(self, task: Task, body: bytes, *, about: str, options: dict[str, Any]) -> memoryview:
        """As :meth:`Job.answer`."""
        from recidiv_core.workers.zygote import become_worker

        ours, theirs = socket.socketpair()
        watched, lifeline = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(lifeline)
            ours.close()
            forget()
            become_worker(theirs.detach(), watched)
        theirs.close()
        os.close(watched)
        job = Job(ours, lifeline, process)
        try:
            job.is_ready()
            return job.answer(task, body, about=about, options=options)
        finally:
            job.end()


class Cold:
    """A new interpreter for each piece of work, for where nothing can be forked."""

    def run(self, task: Task, body: bytes, *, about: str, options: dict[str, Any]) -> memoryview:
        """As :meth:`Job.answer`."""
        asked = BytesIO()
        write_frame(asked, task.head(about, options))
        write_frame(asked, body)
        try:
            done = subprocess.run(
                [sys.executable, "-m", "recidiv_core.workers.once"],
                input=asked.getbuffer(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                timeout=task.seconds + _GRACE,
                check=False,
            )
            found = read_frame(BytesIO(done.stdout))
        except subprocess.TimeoutExpired:
            raise TooLong(f"the work took longer than {task.seconds:g} seconds") from None
        except EOFError:
            raise Broken from None
        return _told(found)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return kept | _ONE_THREAD | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}


_workers: Pool | Forks | Cold | None = None


def start(workers: Pool | None = None) -> None:
    """Have what comes from outside read in processes of their own from now on: by ``workers``, or as this process can.

    A program that serves or runs commands says it once; a notebook does not, and reads in its own process.
    """
    global _workers
    if workers is not None and _CAN_FORK:
        _workers = workers
        atexit.register(workers.close)
    elif _workers is None:
        if not _CAN_FORK:
            _workers = Cold()
        elif threading.active_count() == 1:
            _workers = Forks()
        else:  # a fork of a process with threads may find their locks taken
            start(Pool())


def started() -> bool:
    """Whether :func:`start` was called in this process."""
    return _workers is not None


def forget() -> None:
    """Undo :func:`start`: a worker does its work itself."""
    global _workers
    _workers = None


def run(task: Task, body: bytes, *, about: str, options: dict[str, Any]) -> memoryview:
    """What ``task`` makes of ``body`` in a process of its own, as :meth:`Job.answer`; whether workers were started
    or not.
    """
    return (_workers or _kept_for(task.module)).run(task, body, about=about, options=options)


@cache
def _kept_for(module: str) -> Pool | Cold:
    """For a program that started none: the first piece of work waits until all is loaded, the others do not."""
    if not _CAN_FORK:
        return Cold()
    pool = Pool(load=[module])
    atexit.register(pool.close)
    return pool
