"""Long work in processes: the event loop of the dashboard goes on, what takes too long or whose asker has gone is ended, and with its process all of a request's data is gone."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import sys
import traceback
from multiprocessing.connection import Connection
from typing import Any

import anyio

from recidiv_core.errors import InputError, Problem, RecidivError

SECONDS = 120.0
MOST_WAITING = 200
_MEMORY = 4_000_000_000  # bytes that the data of one request may take
# Imported once, compiled loops too; a process made from there is then ready in milliseconds.
_LOADED = [f"recidiv_core.{name}" for name in ("api.tasks", "slices.kernels", "slices.optimal", "thresholds.kernels")]
_START = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
_LOG = logging.getLogger(__name__)
_DONE, _REFUSED, _FAULT = b"+", b"-", b"!"


class TooMuch(RecidivError):
    """The work was ended at its time limit, or too much was waiting."""


class Broken(RecidivError):
    """The process ended without an answer. Why is not told: a message could hold a cell value."""


class Workers:
    """A process for each piece of work, as many at once as there are cores; the others wait."""

    def __init__(self, *, seconds: float = SECONDS):
        self._seconds = seconds
        self._context = multiprocessing.get_context(_START)
        if _START == "forkserver":
            self._context.set_forkserver_preload(_LOADED)
        self._turns: anyio.CapacityLimiter | None = None
        self._waiting = 0

    async def run(self, task: str, body: bytes, roles: dict[str, Any], options: dict[str, Any]) -> bytes:
        """The answer of :func:`recidiv_core.api.tasks.answer`. Cancelled, the work ends too.

        Raises
        ------
        InputError, TooMuch, Broken
        """
        if self._turns is None:  # it belongs to the event loop
            self._turns = anyio.CapacityLimiter(os.cpu_count() or 1)
        if self._waiting >= MOST_WAITING:
            raise TooMuch("too much is waiting: try again later")
        self._waiting += 1
        try:
            async with self._turns:
                job = _Job(self._context)
                threads = anyio.CapacityLimiter(1)  # of its own: one that was left behind must not hold up others
                try:
                    with anyio.fail_after(self._seconds):
                        return await anyio.to_thread.run_sync(
                            job.answer, [task, roles, options], body, limiter=threads, abandon_on_cancel=True
                        )
                except TimeoutError:
                    raise TooMuch(
                        f"the work took longer than {self._seconds:g} seconds: send fewer rows, or ask for less"
                    ) from None
                finally:
                    job.end()
        finally:
            self._waiting -= 1


class _Job:
    """One process, and what is said to it and by it."""

    def __init__(self, context: Any):
        self._here, there = context.Pipe()
        self._there = there
        self._process = context.Process(target=_answer, args=(there,), daemon=True)
        self._is_ended = False

    def answer(self, head: list[Any], body: bytes) -> bytes:
        try:
            self._process.start()
            self._there.close()
            if self._is_ended:
                self._process.kill()
            self._here.send_bytes(json.dumps(head).encode())
            self._here.send_bytes(body)
            kind, told = self._here.recv_bytes(1), self._here.recv_bytes()
        except (EOFError, OSError, ValueError):
            raise Broken("the work ended without an answer") from None
        if kind == _REFUSED:
            raise InputError([Problem(*problem) for problem in json.loads(told)])
        if kind == _FAULT:
            _LOG.error("%s", told.decode())
            raise Broken("the work failed")
        return told

    def end(self) -> None:
        """Kill the process, whatever it does: its data goes with it."""
        self._is_ended = True
        if self._process.pid is not None:
            self._process.kill()


def _answer(there: Connection) -> None:
    """What the process does. Nothing that it prints goes anywhere: a warning can hold a cell value."""
    sink = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(sink, stream.fileno())
    _limit()
    from recidiv_core.api.tasks import answer

    task, roles, options = json.loads(there.recv_bytes())
    try:
        kind, told = _DONE, answer(task, there.recv_bytes(), roles, options)
    except InputError as error:
        kind, told = _REFUSED, _plain(error.problems)
    except MemoryError:
        kind, told = _REFUSED, _plain([Problem("body", "a table that fits into memory", "one that does not")])
    except Exception as error:  # its place alone is told: what it says could hold a cell value
        place = traceback.extract_tb(error.__traceback__)[-1]
        kind, told = _FAULT, f"{type(error).__name__} at {place.filename}:{place.lineno}".encode()
    there.send_bytes(kind)
    there.send_bytes(told)


def _plain(problems: Any) -> bytes:
    return json.dumps([[problem.where, problem.expected, problem.found] for problem in problems]).encode()


def _limit() -> None:
    try:
        import resource
    except ImportError:  # not on Windows; there the other limits alone hold
        return
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
