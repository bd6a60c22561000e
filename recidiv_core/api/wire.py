"""The protocol below the guard, with limits to what comes before a body and to how it is framed: uvicorn's own, fast as
it is, takes headers of any size, waits for them for ever, and lets chunks carry anything beside their bytes.
"""

from __future__ import annotations

import re
import time
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from recidiv_core.api.doors import Doors

MOST_HEAD = 256_000  # bytes before the body: roles that name 2,000 columns fit
MOST_HEADERS = 100
HEAD_SECONDS = 15.0  # for the head of each request of a connection
BODY_SECONDS, BODY_PACE = 20.0, 10_000  # a body may be so late, at so many bytes a second
WRITE_SECONDS = 25.0  # in which a client has to read something
MOST_WAITING = 8  # requests that one connection sends before the first of them is answered: no browser does
_END_OF_HEAD = b"\r\n\r\n"
_SIZE = re.compile(rb"[0-9a-fA-F]{1,16}\r\n")


class Framing(Exception):
    """A body is framed in a way that is not taken."""


class Chunks:
    """Follows a chunked body: sizes alone, no extensions, and nothing after the last of them."""

    def __init__(self) -> None:
        self._left, self._line, self._is_last = 0, b"", False

    def taken(self, data: bytes) -> int:
        """How much of ``data`` belongs to this body."""
        place = 0
        while place < len(data):
            if self._left:
                step = min(self._left, len(data) - place)
                self._left -= step
                place += step
                continue
            end = data.find(b"\n", place) + 1 or len(data)
            self._line += data[place:end]
            place = end
            if self._is_last:
                if not b"\r\n".startswith(self._line):
                    raise Framing
                if self._line == b"\r\n":
                    return place
            elif self._line.endswith(b"\n") or len(self._line) > 18:
                if not _SIZE.fullmatch(self._line):
                    raise Framing
                size, self._line = int(self._line, 16), b""
                self._left, self._is_last = (size + 2 if size else 0), not size
        return place


class Watched:
    """Ends a connection whose client reads nothing for a while; one that reads slowly is waited for."""

    _write_timer: Any = None
    transport: Any
    loop: Any

    def pause_writing(self) -> None:
        super().pause_writing()  # type: ignore[misc]
        self._watch_writing(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        self._stop_watching()
        super().resume_writing()  # type: ignore[misc]

    def _watch_writing(self, left: int) -> None:
        self._write_timer = self.loop.call_later(WRITE_SECONDS, self._check_writing, left)

    def _check_writing(self, before: int) -> None:
        left = self.transport.get_write_buffer_size()
        if left >= before:
            self.transport.abort()
        else:
            self._watch_writing(left)

    def _stop_watching(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None


class LimitedSocket(Watched, WebSocketsSansIOProtocol):
    """A websocket that takes nothing while it cannot give, and is gone at once when its other end is."""

    leave: Any = None  # tells the doors

    def pause_writing(self) -> None:
        super().pause_writing()
        # pongs wait for nobody: a client that sends pings and does not read would fill the memory
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.transport.resume_reading()

    def keepalive_timeout(self) -> None:
        """No pong came: what is still to be written would keep the connection for ever."""
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_watching()
        if self.leave is not None:
            self.leave()
        super().connection_lost(exc)


class LimitedProtocol(Watched, HttpToolsProtocol):
    """A connection that is too much, too slow, or framed in a way that is not taken, is closed."""

    def __init__(self, *arguments: Any, doors: Doors, **more: Any):
        super().__init__(*arguments, **more)
        self._doors = doors
        self.peer: str | None = None
        self.since, self.received = time.monotonic(), 0
        self._head = 0
        self._last = b""  # of the head, in case its end comes in two pieces
        self._is_head, self._is_upgraded = True, False
        self._chunks: Chunks | None = None
        self._length = 0  # bytes of a body still to come, where its length was said
        self._head_timer: Any = None
        self._body_timer: Any = None
        self._body_due = 0.0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.peer = self.client[0] if self.client else None
        if not self._doors.enters(self):
            transport.abort()
            return
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._doors.leaves(self)
        self._cancel_timers()
        self._stop_watching()
        super().connection_lost(exc)

    def abort(self) -> None:
        """End the connection without a word."""
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        # What came fast is no credit for what comes slowly after it.
        self._body_due = min(self._body_due + len(data) / BODY_PACE, time.monotonic() + BODY_SECONDS)
        try:
            while data and not self._is_upgraded and not self.transport.is_closing():
                cut = self._cut(data)
                piece, data = data[:cut], data[cut:]
                super().data_received(piece)
        except Framing:
            self.send_400_response("Invalid HTTP request received.")
        if not self._is_upgraded and not self.transport.is_closing():
            self._wait_for_rest()

    def _cut(self, data: bytes) -> int:
        """How much of ``data`` to hand on: no further than the head, or the body, goes."""
        if self._is_head:
            seen = self._last + data
            end = seen.find(_END_OF_HEAD)
            cut = len(data) if end < 0 else end + len(_END_OF_HEAD) - len(self._last)
            self._last = seen[-3:] if end < 0 else b""
            self._head += cut
            if self._head > MOST_HEAD:
                raise Framing
            return cut
        if self._chunks is not None:
            return self._chunks.taken(data)
        cut = min(len(data), self._length)
        self._length -= cut
        return cut or len(data)  # what follows no head and no body is the parser's to refuse

    def on_headers_complete(self) -> None:
        names = [name for name, _ in self.headers]
        if len(names) > MOST_HEADERS or names.count(b"host") > 1 or names.count(b"content-length") > 1:
            raise Framing
        said = dict(self.headers)
        encoding = said.get(b"transfer-encoding", b"").strip().lower()
        has_body = encoding or said.get(b"content-length", b"0").strip() != b"0"
        if encoding not in (b"", b"chunked") or (self.parser.should_upgrade() and has_body):
            raise Framing
        if len(self.pipeline) >= MOST_WAITING:
            self.transport.abort()
            raise Framing
        self._is_head, self._head = False, 0
        self._chunks = Chunks() if encoding else None
        self._length = int(said.get(b"content-length") or 0)
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        self._body_due = time.monotonic() + BODY_SECONDS
        super().on_headers_complete()

    def _check_pace(self) -> None:
        """End a body that comes too slowly, unless it is we who do not take it."""
        left = self._body_due - time.monotonic()
        if left <= 0 and not self.flow.read_paused:
            self.transport.abort()
        else:
            self._body_timer = self.loop.call_later(max(left, 1.0), self._check_pace)

    def on_message_complete(self) -> None:
        self._is_head, self._chunks, self._length = True, None, 0
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None
        self._doors.waits(self, is_waiting=False)
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._is_upgraded = True
        self._doors.waits(self, is_waiting=False)
        self._cancel_timers()
        super().handle_websocket_upgrade()
        socket = self.transport.get_protocol()
        socket.leave = lambda: self._doors.leaves(self)  # until then it counts as the connection that it was
        if not socket.handshake_initiated:  # headers that the other parser does not take: it would wait for ever
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            self.transport.close()

    def _wait_for_rest(self) -> None:
        """Start the clock for what has begun and did not come whole; most requests do, and need none."""
        if not self._is_head and self._body_timer is None:
            self._body_timer = self.loop.call_later(BODY_SECONDS, self._check_pace)
        elif self._is_head and self._head:
            self._wait_for_head()

    def _wait_for_head(self) -> None:
        """Start the clock for a head, once; a request that begins is waited for."""
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)
            self._doors.waits(self, is_waiting=True)

    def _cancel_timers(self) -> None:
        for timer in (self._head_timer, self._body_timer):
            if timer is not None:
                timer.cancel()
