"""Long work in workers: the event loop of the dashboard goes on, and what takes too long or whose asker has gone is
ended.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

import anyio

from recidiv_core import workers
from recidiv_core.errors import RecidivError

SECONDS = 120.0
MOST_WAITING = 200
_MEMORY = 4_000_000_000  # bytes that the data of one request may take
_LOG = logging.getLogger(__name__)


class TooMuch(RecidivError):
    """The work was ended at its time limit, or too much was waiting."""


class Workers:
    """A process for each piece of work, as many at once as there are cores; the others wait."""

    def __init__(self, pool: workers.Pool, *, seconds: float = SECONDS):
        self._pool = pool
        # It may write: a loop that was never compiled is kept by numba, in a file.
        self._task = workers.Task("recidiv_core.api.tasks:answer", seconds=seconds, memory=_MEMORY, may_write=True)
        self._turns: anyio.CapacityLimiter | None = None
        self._waiting = 0

    async def run(self, task: str, body: bytes, roles: dict[str, Any], options: dict[str, Any]) -> memoryview:
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
                job = await anyio.to_thread.run_sync(self._pool.job)
                asked = {"task": task, "roles": roles, "options": options}
                try:
                    return await _in_thread(lambda: job.answer(self._task, body, about="body", options=asked))
                except workers.TooLong:
                    raise TooMuch(
                        f"the work took longer than {self._task.seconds:g} seconds: send fewer rows, or ask for less"
                    ) from None
                except workers.Broken as error:
                    _LOG.error("%s: %s", task, error.place or "the worker ended")
                    raise
                finally:
                    job.end()
        finally:
            self._waiting -= 1


async def _in_thread(work: Callable[[], memoryview]) -> memoryview:
    """In a thread of its own: one that was left behind must not hold up others."""
    return await anyio.to_thread.run_sync(work, limiter=anyio.CapacityLimiter(1), abandon_on_cancel=True)
