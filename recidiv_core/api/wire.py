"""The protocol below the guard, with limits to what comes before a body: uvicorn's own, fast as it is, takes headers of any size, and waits for them for ever."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 256_000  # bytes before the body: roles that name 2,000 columns fit
HEAD_SECONDS = 20.0


class LimitedProtocol(HttpToolsProtocol):
    """A connection whose request line and headers are too large, or do not come, is closed."""

    _head = 0
    _is_head = True
    _timer: Any = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_head:
            self._head += len(data)
            if self._head > MOST_HEAD + len(data):  # a body may follow in the same piece
                self.transport.close()
                return
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._is_head = False
        self._timer.cancel()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._head, self._is_head = 0, True
        super().on_message_complete()
