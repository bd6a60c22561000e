"""How many sessions the dashboard holds, what they may bring, and that what they held is freed when they are gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from streamlit.runtime import Runtime

from recidiv_core import memory

SECONDS_TO_COME_BACK = 40  # after a lost connection; then a session has ended
_SWEEP_SECONDS = 5
MOST_FILES, MOST_UPLOADED = 40, 1_000_000_000  # of one session: number, and bytes
_USUAL = 500_000_000  # bytes taken for a file whose length was not said: the most there can be
_FOR_A_SESSION = 20_000_000  # bytes that one without a table of its own takes


class Sessions:
    """The sessions of the one dashboard of this process; ``most`` of them at once."""

    def __init__(self, *, most: int):
        self._most = most
        self._arriving: list[tuple[str, int]] = []  # session and size of each file that is on its way

    def refuses(self, existing: str | None) -> str | None:
        """Why a new session cannot be, in words; None where it can, or where ``existing`` is one that goes on.

        One that has lost its connection does not count: whoever loads the page again at a full server is not kept out
        by themselves.
        """
        manager = _manager()
        if existing is not None and manager.get_session_info(existing) is not None:
            return None
        if len(manager.list_active_sessions()) >= self._most:
            return f"This server holds {self._most} sessions at once, and all are taken. Try again later."
        if not memory.has_room(_FOR_A_SESSION):
            return "This server's memory is used up by other sessions. Try again later."
        return None

    @contextmanager
    def arriving(self, session: str, size: int | None) -> Iterator[str | None]:
        """While a file of ``size`` bytes comes: why it cannot be taken; None where it can, and then there is room
        for it until it is here.
        """
        coming = (session, _USUAL if size is None else size)
        own = [n for other, n in self._arriving if other == session]
        own += [len(file.data) for file in _files().get(session, {}).values()]
        if len(own) >= MOST_FILES or sum(own) + coming[1] > MOST_UPLOADED:
            most = f"{MOST_FILES} files of {MOST_UPLOADED / 1e6:,.0f} MB in all"
            yield f"a session holds at most {most}: remove one first"
        # A file, and its copy while it is taken from the request.
        elif not memory.has_room(2 * (coming[1] + sum(n for _, n in self._arriving))):
            yield "this server's memory is used up by other sessions: try again later"
        else:
            self._arriving.append(coming)
            try:
                yield None
            finally:
                self._arriving.remove(coming)

    @asynccontextmanager
    async def swept(self, _app: Any) -> AsyncIterator[dict[str, Any]]:
        """While the dashboard runs: free what sessions that have ended held, whoever comes next."""
        sweeper = asyncio.create_task(_sweep())
        try:
            yield {}
        finally:
            sweeper.cancel()


async def _sweep() -> None:
    n_before = 0
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        manager = _manager()
        # Streamlit's store drops what has expired only when something is stored; nothing public asks it to.
        manager._session_storage._cache.expire()
        known = {info.session.id for info in manager.list_sessions()}
        uploads = Runtime.instance().uploaded_file_mgr
        for session in set(_files()) - known:
            uploads.remove_session_files(session)
        if len(known) < n_before or not memory.has_room(_FOR_A_SESSION):
            await asyncio.to_thread(memory.give_back)
        n_before = len(known)


def _manager() -> Any:
    return Runtime.instance()._session_mgr


def _files() -> dict[str, dict[str, Any]]:
    """The uploaded files of each session."""
    return dict(Runtime.instance().uploaded_file_mgr.file_storage)
