"""Who may ask, how much, and for how long. It stands before everything, the dashboard too."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import logging
import traceback
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recidiv_core.api.answers import FAULT, refusal

LOOPBACK = "localhost"
OPEN_PATH = "/health"
TABLES = ("/api/audit", "/api/thresholds", "/api/slices")
MOST_BYTES, FEW_BYTES = 100_000_000, 64_000  # of a table, and of anything else
MOST_HELD = 400_000_000  # bytes of all tables together
BODY_SECONDS, IDLE_SECONDS = 60.0, 10.0  # for all of a body, and between two parts of it
_LOG = logging.getLogger(__name__)


def is_loopback(address: str) -> bool:
    """Whether an address or a name is this machine's own."""
    try:
        return ip_address(address.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return address.lower() == LOOPBACK


def is_api(path: str) -> bool:
    """Whether the API answers a path; the rest is the dashboard's."""
    return path in ("/sentencing-disparity", OPEN_PATH) or path.startswith("/api/")


class _Refused(Exception):
    def __init__(self, status: int, message: str):
        self.status, self.message = status, message


class Guard:
    """Middleware. With a token every request has to bring it, as ``Authorization: Bearer`` or as the password of Basic, which a browser asks for; only
    ``/health`` is open. Without one only a request to this machine by its own name is answered: a page elsewhere whose name is made to point here is not. Nor is
    what a page of another origin sends.

    What is asked of the API goes to ``api``, the rest to the dashboard. Bodies for the API are read here, whole: too large, too slow or too many at once is
    refused before anything is done with them. Work for an asker who has gone ends.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        api: ASGIApp,
        token: str | None,
        body_seconds: float = BODY_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
    ):
        self._app, self._api = app, api
        self._token = None if token is None else token.encode()
        self._body_seconds, self._idle_seconds = body_seconds, idle_seconds
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._admit(scope["path"], headers)
            if scope["type"] == "http" and is_api(scope["path"]):
                await self._with_body(scope, headers, receive, send)
            else:
                await self._app(scope, receive, send)
        except _Refused as error:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            extra = {"WWW-Authenticate": 'Basic realm="Recidiv", charset="UTF-8"'} if error.status == 401 else {}
            # The rest of the body is not read: the connection ends with the answer.
            await refusal(error.status, error.message, headers=extra | {"Connection": "close"})(scope, receive, send)

    def _admit(self, path: str, headers: Headers) -> None:
        host, origin = headers.get("host", "").lower(), headers.get("origin")
        if origin is not None and origin.lower().partition("://")[2] != host:
            raise _Refused(403, "requests from pages elsewhere are not answered")
        if path == OPEN_PATH:
            return
        if self._token is not None:
            if not hmac.compare_digest(_given(headers), self._token):
                raise _Refused(401, "the token is missing, or another one")
        elif not is_loopback(host if host.endswith("]") else host.rpartition(":")[0] or host):
            raise _Refused(403, "without a token only requests to localhost are answered")

    async def _with_body(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        is_table = scope["path"] in TABLES
        limit = MOST_BYTES if is_table else FEW_BYTES
        length = headers.get("content-length", "").lstrip("0")
        if length.isdecimal() and (len(length) > 18 or int(length) > limit):
            raise _Refused(413, f"the body may have at most {limit:,} bytes")
        held = 0
        try:
            parts: list[bytes] = []
            clock = asyncio.get_running_loop().time
            latest = clock() + self._body_seconds
            async with asyncio.timeout(self._idle_seconds) as limit_of_time:
                more = True
                while more:
                    limit_of_time.reschedule(min(clock() + self._idle_seconds, latest))
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return
                    part, more = message.get("body", b""), message.get("more_body", False)
                    parts.append(part)
                    held += len(part)
                    self._held += len(part)
                    if held > limit:
                        raise _Refused(413, f"the body may have at most {limit:,} bytes")
                    if held > FEW_BYTES and self._held > MOST_HELD:
                        raise _Refused(503, "too much is being worked on: try again later")
            body = b"".join(parts)
            parts.clear()
            if is_table:
                await self._while_asked(scope, body, receive, send)
            else:
                await self._answered(scope, _replay(body, receive), send)
        except TimeoutError:
            raise _Refused(408, "the body came too slowly") from None
        finally:
            self._held -= held

    async def _while_asked(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        """Work goes on as long as whoever asked is there."""
        gone = asyncio.Event()

        async def never_again() -> Message:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def watched() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            gone.set()

        work = asyncio.ensure_future(self._answered(scope, _replay(body, never_again), send))
        watch = asyncio.ensure_future(watched())
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, watch):
                task.cancel()
            results = await asyncio.gather(work, watch, return_exceptions=True)
        if isinstance(results[0], _Refused):
            raise results[0]

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
