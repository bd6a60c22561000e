"""Long work in processes: the event loop of the dashboard goes on, what takes too long is ended, and with its process all of a request's data is gone."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from multiprocessing.connection import Connection
from typing import Any

import anyio

from recidiv_core.errors import InputError, Problem, RecidivError

SECONDS = 120.0
# Imported once, compiled loops too; a process made from there is then ready in milliseconds.
_LOADED = [f"recidiv_core.{name}" for name in ("api.tasks", "slices.kernels", "slices.optimal", "thresholds.kernels")]
_START = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


class TooLong(RecidivError):
    """The work was ended at its time limit."""


class Broken(RecidivError):
    """The process ended without an answer. Why is not told: a message could hold a cell value."""


class Workers:
    """A process for each piece of work, as many at once as there are cores; the others wait."""

    def __init__(self, *, seconds: float = SECONDS):
        self._seconds = seconds
        self._context = multiprocessing.get_context(_START)
        if _START == "forkserver":
            self._context.set_forkserver_preload(_LOADED)
        self._limiter: anyio.CapacityLimiter | None = None

    async def run(self, task: str, body: bytes, roles: dict[str, Any], options: dict[str, Any]) -> bytes:
        """The answer of :func:`recidiv_core.api.tasks.answer`.

        Raises
        ------
        InputError, TooLong, Broken
        """
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(os.cpu_count() or 1)
        return await anyio.to_thread.run_sync(self._in_process, task, body, roles, options, limiter=self._limiter)

    def _in_process(self, task: str, body: bytes, roles: dict[str, Any], options: dict[str, Any]) -> bytes:
        here, there = self._context.Pipe()
        process = self._context.Process(target=_answer, args=(there,), daemon=True)
        process.start()
        there.close()
        try:
            here.send_bytes(json.dumps([task, roles, options]).encode())
            here.send_bytes(body)
            if not here.poll(self._seconds):
                raise TooLong(f"the work took longer than {self._seconds:g} seconds")
            kind, answer = here.recv_bytes(1), here.recv_bytes()
        except (EOFError, OSError):
            raise Broken("the work ended without an answer") from None
        finally:
            process.kill()
            process.join()
            here.close()
        if kind == b"-":
            raise InputError([Problem(*problem) for problem in json.loads(answer)])
        return answer


def _answer(there: Connection) -> None:
    """What the process does. Nothing that it prints goes anywhere: a warning can hold a cell value."""
    sink = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(sink, stream.fileno())
    from recidiv_core.api.tasks import answer

    task, roles, options = json.loads(there.recv_bytes())
    try:
        kind, told = b"+", answer(task, there.recv_bytes(), roles, options)
    except InputError as error:
        kind, told = b"-", json.dumps([[p.where, p.expected, p.found] for p in error.problems]).encode()
    there.send_bytes(kind)
    there.send_bytes(told)
