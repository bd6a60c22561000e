"""Who may ask, how much, and for how long. It stands before everything, the dashboard too."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import math
import time
from collections import Counter
from collections.abc import Collection
from contextlib import AbstractContextManager
from html import escape
from typing import Protocol

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recidiv_core import trail
from recidiv_core.api.address import PublicUrl, client_of, is_own_name, without_own_port
from recidiv_core.api.answers import FAULT, refusal
from recidiv_core.api.doors import MOST_OF_A_CLIENT
from recidiv_core.api.policy import DESCRIPTION, HEADERS, NOTHING
from recidiv_core.api.tokens import Tokens, TooManyWrong
from recidiv_core.workers import place_of

OPEN_PATH = "/health"
DOCS = "/api/docs"
TABLES = ("/api/audit", "/api/thresholds", "/api/slices")
MOST_BYTES, FEW_BYTES = 100_000_000, 64_000  # of a table, and of anything else
MOST_HELD = 400_000_000  # bytes of all tables together
# For a body: so many seconds, a second more for each so many bytes that came, and so many between two parts of it.
BODY_SECONDS, BODY_PACE, IDLE_SECONDS = 15.0, 20_000, 10.0
FIRST_WORD_SECONDS = 15.0  # until a websocket says something
LOOK_SECONDS = 5.0  # between two looks at whether its token still holds
MOST_AGAIN = 3  # websockets that come back to one session: it lost some of them, and the server may not know yet
MOST_DRAINED = 510_000_000  # bytes of a refused file that are let run out
# Streamlit's own routes that nobody here needs, and that no option turns off.
_CLOSED = ("/_stcore/agent", "/_stcore/metrics", "/_stcore/script-health-check")
_STREAM, _HOST_CONFIG, _UPLOAD = "/_stcore/stream", "/_stcore/host-config", "/_stcore/upload_file/"
# No page elsewhere may frame the dashboard and send it messages: one sent a file to a server of its own.
_HOST_ANSWER = {
    "allowedOrigins": [],
    "useExternalAuthToken": False,
    "enableCustomParentMessages": False,
    "enforceDownloadInNewTab": False,
    "metricsUrl": "",
    "blockErrorDialogs": False,
    "resourceCrossOriginMode": None,
}
_LOG = logging.getLogger(__name__)


def is_api(path: str) -> bool:
    """Whether the API answers a path; the rest is the dashboard's."""
    return path in ("/sentencing-disparity", OPEN_PATH) or path.startswith("/api/")


class Sessions(Protocol):
    """The dashboard's sessions, as far as the guard has to know."""

    def refuses(self, existing: str | None) -> str | None:
        """Why a new session cannot be, in words; None where it can, or where ``existing`` is one that goes on."""

    def arriving(self, session: str, size: int | None) -> AbstractContextManager[str | None]:
        """While a file of ``size`` bytes comes: why it cannot be taken; None where it can."""


class _Refused(Exception):
    def __init__(self, status: int, message: str):
        self.status, self.message = status, message


class Guard:
    """Middleware.

    Where tokens are needed every request has to bring one, as ``Authorization: Bearer`` or as the password of Basic,
    which a browser asks for; only ``/health`` is open. Where none are, only a request to this machine by its own name
    is answered, or to the public one: a page elsewhere whose name is made to point here is not. Nor is what a page of
    another origin sends.

    What is asked of the API goes to ``api``, the rest to the dashboard. Bodies for the API are read here, whole: too
    large, too slow or too many at once is refused before anything is done with them. Work for an asker who has gone
    ends.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        api: ASGIApp,
        tokens: Tokens | None = None,
        public: PublicUrl | None = None,
        proxies: Collection[str] = (),
        sessions: Sessions | None = None,
        policy: str = NOTHING,
        body_seconds: float = BODY_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
    ):
        self._app, self._api, self._sessions = app, api, sessions
        self._tokens = tokens or Tokens()
        self._public, self._proxies = public, frozenset(proxies)
        self._prefix = public.prefix if public else ""
        self._policy = policy
        self._body_seconds, self._idle_seconds = body_seconds, idle_seconds
        self._held = 0
        self._again: Counter[str | None] = Counter()  # websockets, by the session that they came back to
        self._asking: Counter[str] = Counter()  # what a client behind a proxy asks at once

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path = self._inner(scope["path"])
        client = client_of(scope, headers, self._proxies)
        if scope["type"] == "http":
            send = self._with_policy(path, send)
        try:
            who = await self._admitted(path, headers, client)
            await self._counted(client, scope, self._answer(path, _named(scope, who), headers, who, receive, send))
        except _Refused as error:
            if scope["type"] == "websocket":
                await _not_opened(scope, error.status, send)
                return
            extra = {"WWW-Authenticate": 'Basic realm="Recidiv", charset="UTF-8"'} if error.status == 401 else {}
            # The rest of the body is not read: the connection ends with the answer.
            await refusal(error.status, error.message, headers=extra | {"Connection": "close"})(scope, receive, send)

    def _inner(self, path: str) -> str:
        """A path without the prefix of the public address."""
        return path.removeprefix(self._prefix) if path.startswith(f"{self._prefix}/") else path

    async def _answer(self, path: str, scope: Scope, headers: Headers, who: str, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._session(scope, headers, who, receive, send)
        elif path.startswith(_CLOSED):
            raise _Refused(404, "there is nothing here")
        elif path == _HOST_CONFIG:
            await JSONResponse(_HOST_ANSWER, headers={"Cache-Control": "no-cache"})(scope, receive, send)
        elif is_api(path):
            if path in TABLES:
                trail.note("api", who=who, route=path)
            inner = {"path": path, "raw_path": path.encode(), "root_path": self._prefix}
            await self._with_body(scope | inner, headers, receive, send)
        else:
            full = self._is_page(scope, headers) and self._sessions is not None and self._sessions.refuses(None)
            if full:
                await _full(full)(scope, receive, send)
            elif self._sessions is not None and scope["method"] == "PUT" and path.startswith(_UPLOAD):
                await self._upload(path, scope, headers, receive, send)
            else:
                await self._app(scope, receive, send)

    async def _admitted(self, path: str, headers: Headers, client: str) -> str:
        """Whose token a request brings ("-": none is needed), if it may be answered at all."""
        host, origin = headers.get("host", "").lower(), headers.get("origin")
        is_public = self._public is not None and without_own_port(host, self._public.scheme) == self._public.host
        scheme = self._public.scheme if is_public else "http"
        if origin is not None:
            said, _, from_host = origin.lower().partition("://")
            if said != scheme or without_own_port(from_host, scheme) != without_own_port(host, scheme):
                raise _Refused(403, "requests from pages elsewhere are not answered")
        if path == OPEN_PATH:
            return "-"
        if not is_public and not is_own_name(host) and (self._public is not None or not self._tokens.are_needed):
            raise _Refused(403, "without a token only requests to localhost are answered, or to the public address")
        if not self._tokens.are_needed:
            return "-"
        try:
            given = _given(headers)
            owner = self._tokens.owner(given)
            if owner is None and given:
                await self._tokens.told_wrong(client, given)
        except TooManyWrong:
            raise _Refused(429, "too many wrong tokens") from None
        if owner is None:
            raise _Refused(401, "the token is missing, or another one")
        self._tokens.told_right(client)
        return owner

    async def _counted(self, client: str, scope: Scope, answer) -> None:
        """Await ``answer``, unless the client asks too much at once.

        A peer of our own is counted by its connections.
        """
        is_proxied = bool(scope.get("client")) and scope["client"][0] != client
        if is_proxied and self._asking[client] >= MOST_OF_A_CLIENT:
            answer.close()
            raise _Refused(429, "too many requests at once from one client")
        self._asking[client] += is_proxied
        try:
            await answer
        finally:
            self._asking[client] -= is_proxied
            if not self._asking[client]:
                del self._asking[client]

    async def _session(self, scope: Scope, headers: Headers, who: str, receive: Receive, send: Send) -> None:
        """A websocket of the dashboard, for a new session or for one that it comes back to."""
        protocols = [part.strip() for part in headers.get("sec-websocket-protocol", "").split(",")]
        existing = protocols[2] if len(protocols) > 2 and protocols[2] else None
        if self._sessions is not None and (why := self._sessions.refuses(existing)):
            raise _Refused(503, why)
        if existing is None:
            trail.note("came", who=who)
        elif self._again[existing] >= MOST_AGAIN:
            raise _Refused(429, "too many connections to one session")
        self._again[existing] += 1
        try:
            await self._app(scope, self._heard(who, receive, send), send)
        finally:
            self._again[existing] -= 1
            if not self._again[existing]:
                del self._again[existing]

    def _heard(self, who: str, receive: Receive, send: Send) -> Receive:
        """``receive`` of a websocket: it ends one that says nothing at first, and soon after its token was
        withdrawn, any.
        """
        kept = self._tokens.known().get(who)  # the token, not its name: that can be given to another
        silent_until = time.monotonic() + FIRST_WORD_SECONDS

        async def heard() -> Message:
            nonlocal silent_until
            while time.monotonic() < silent_until and self._tokens.known().get(who) == kept:
                try:
                    async with asyncio.timeout(min(LOOK_SECONDS, silent_until - time.monotonic())):
                        message = await receive()
                except TimeoutError:
                    continue
                if self._tokens.known().get(who) != kept:
                    break
                if message["type"] == "websocket.receive":
                    silent_until = math.inf
                return message
            await send({"type": "websocket.close", "code": 1008})
            return {"type": "websocket.disconnect", "code": 1008}

        return heard

    async def _upload(self, path: str, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        """A file for a session. One for which there is no room is let run out, for a browser listens only then."""
        said = headers.get("content-length", "")
        length = int(said) if said.isdecimal() and len(said) < 16 else None
        with self._sessions.arriving(path.removeprefix(_UPLOAD).partition("/")[0], length) as why:
            if why is None:
                await self._app(scope, receive, send)
                return
        left = MOST_DRAINED
        while left > 0 and (message := await receive()).get("more_body"):
            left -= len(message.get("body", b""))
        raise _Refused(507, why)

    def _is_page(self, scope: Scope, headers: Headers) -> bool:
        return scope["method"] in ("GET", "HEAD") and "text/html" in headers.get("accept", "")

    def _with_policy(self, path: str, send: Send) -> Send:
        """``send`` with what a browser may do with the answer, and cookies for the public address alone where that
        is encrypted.
        """
        policy = DESCRIPTION if path.startswith(DOCS) else NOTHING if is_api(path) else self._policy
        is_encrypted = self._public is not None and self._public.scheme == "https"

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = MutableHeaders(scope=message)
                told.append("Content-Security-Policy", policy)
                if is_encrypted:
                    message["headers"] = [
                        (
                            name,
                            value + b"; Secure" if name == b"set-cookie" and b"secure" not in value.lower() else value,
                        )
                        for name, value in message["headers"]
                    ]
            await send(message)

        return sent

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
                    # What came fast is no credit for what comes slowly after it.
                    latest = min(latest + len(part) / BODY_PACE, clock() + self._body_seconds)
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
        """The answer; a fault of the program is told and logged by its place alone: what it says could hold a cell
        value.
        """
        has_begun = False

        async def seen(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._api(scope, receive, seen)
        except Exception as error:
            _LOG.error("%s", place_of(error))
            if not has_begun:
                raise _Refused(500, FAULT) from None


async def _not_opened(scope: Scope, status: int, send: Send) -> None:
    """Refuse a websocket before it is one: where the server can, with an answer like any other."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(name.lower().encode(), value.encode()) for name, value in [*HEADERS, ("Connection", "close")]]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b"", "more_body": False})


def _full(why: str) -> Response:
    """A page for a person who cannot be let in now."""
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Recidiv: no room now</title>'
        f"<h1>No room now</h1><p>{escape(why)}</p><p>Nothing of yours is lost: this page can be loaded "
        "again.</p></html>"
    )
    return Response(text, 503, {"Retry-After": "30", "Connection": "close"}, "text/html")


def _replay(body: bytes, receive: Receive) -> Receive:
    """``receive`` with the body read already."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def _named(scope: Scope, who: str) -> Scope:
    """What the dashboard is told: whose token it was, and never the token."""
    kept = [(name, value) for name, value in scope["headers"] if name not in (b"authorization", trail.WHO.encode())]
    return scope | {"headers": [*kept, (trail.WHO.encode(), who.encode("latin-1", errors="replace"))]}


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
