"""Who may ask, how much, and for how long. It stands before everything, the dashboard too."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import logging
import traceback

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recidiv_core.api.answers import FAULT, refusal

PATHS = ("/sentencing-disparity", "/health", "/api/")  # what the API answers begins with one of them
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
OPEN_PATH = "/health"
MOST_BYTES = {"/api/audit": 100_000_000, "/api/thresholds": 100_000_000, "/api/slices": 100_000_000}
FEW_BYTES = 64_000
MOST_HELD = 400_000_000  # bytes of all bodies together
BODY_SECONDS = 60.0
_LOG = logging.getLogger(__name__)


class _Refused(Exception):
    def __init__(self, status: int, message: str):
        self.status, self.message = status, message


class Guard:
    """Middleware. With a token every request has to bring it, as ``Authorization: Bearer`` or as the password of Basic, which a browser asks for; only
    ``/health`` is open. Without one only a request to this machine by its own name is answered: a page elsewhere whose name is made to point here is not.

    What is asked of the API goes to ``api``, the rest to the dashboard. Bodies for the API are read here, whole: too large, too slow or too many at once is
    refused before anything is done with them.
    """

    def __init__(self, app: ASGIApp, *, api: ASGIApp, token: str | None, body_seconds: float = BODY_SECONDS):
        self._app, self._api = app, api
        self._token = None if token is None else token.encode()
        self._seconds = body_seconds
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._admit(scope["path"], headers)
            is_api = scope["type"] == "http" and scope["path"].startswith(PATHS)
            if not is_api:
                await self._app(scope, receive, send)
                return
            await self._with_body(scope, headers, receive, send)
        except _Refused as error:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            extra = {"WWW-Authenticate": 'Basic realm="Recidiv", charset="UTF-8"'} if error.status == 401 else {}
            # The rest of the body is not read: the connection ends with the answer.
            await refusal(error.status, error.message, headers=extra | {"Connection": "close"})(scope, receive, send)

    def _admit(self, path: str, headers: Headers) -> None:
        if self._token is None:
            host = headers.get("host", "").lower()
            name = host if host.endswith("]") else host.rpartition(":")[0] or host
            if name not in LOOPBACK:
                raise _Refused(403, "without a token only requests to localhost are answered")
        elif path != OPEN_PATH and not hmac.compare_digest(_given(headers), self._token):
            raise _Refused(401, "the token is missing, or another one")

    async def _with_body(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        limit = MOST_BYTES.get(scope["path"], FEW_BYTES)
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit:
            raise _Refused(413, f"the body may have at most {limit:,} bytes")
        parts: list[bytes] = []
        held = 0
        try:
            async with asyncio.timeout(self._seconds):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return
                    part, more = message.get("body", b""), message.get("more_body", False)
                    parts.append(part)
                    held += len(part)
                    self._held += len(part)
                    if held > limit:
                        raise _Refused(413, f"the body may have at most {limit:,} bytes")
                    if self._held > MOST_HELD:
                        raise _Refused(503, "too much is being worked on: try again later")
            await self._answered(scope, _replay(b"".join(parts), receive), send)
        except TimeoutError:
            raise _Refused(408, f"the body has to arrive within {self._seconds:g} seconds") from None
        finally:
            self._held -= held

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The answer; a fault of the program is told and logged by its place alone: what it says could hold a cell value."""
        has_begun = False

        async def seen(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._api(scope, receive, seen)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            _LOG.error("%s at %s:%s", type(error).__name__, place.filename, place.lineno)
            if not has_begun:
                raise _Refused(500, FAULT) from None


def _replay(body: bytes, receive: Receive) -> Receive:
    """``receive`` with the body read already."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def _given(headers: Headers) -> bytes:
    """The token of a request; empty where there is none that can be read."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    value = value.strip().encode("latin-1", errors="replace")
    if kind.lower() == "bearer":
        return value
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return b""
