"""What stands before everything: addresses, tokens, connections, and how a body may be framed.

Without a server; with one: test_wire.
"""

import asyncio
import contextlib
import hashlib
import time

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect

from recidiv_core import trail
from recidiv_core.api import Doors, Guard, PublicUrl, Tokens, add_token, withdraw_token
from recidiv_core.api.wire import Chunks, Framing
from recidiv_core.errors import InputError


async def _told(request: Request) -> JSONResponse:
    return JSONResponse({"headers": dict(request.headers), "path": request.scope["path"]})


async def _socket(websocket):
    await websocket.accept()
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await websocket.receive_bytes()


ECHO = Starlette(routes=[Route("/{rest:path}", _told), WebSocketRoute("/{rest:path}", _socket)])


def guard(**more) -> Guard:
    return Guard(ECHO, api=ECHO, **more)


def ask(app, path="/", method="GET", client=("127.0.0.1", 1), **headers) -> httpx.Response:
    async def once():
        transport = httpx.ASGITransport(app, client=client)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as asker:
            return await asker.request(method, path, headers=headers)

    return asyncio.run(once())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://host.example", ("https", "host.example", "")),
        ("https://Host.example:443/", ("https", "host.example", "")),
        ("https://host.example/audit/", ("https", "host.example", "/audit")),
        ("http://10.0.0.7:8501/a/b", ("http", "10.0.0.7:8501", "/a/b")),
        ("https://[::1]:9/x", ("https", "[::1]:9", "/x")),
    ],
)
def test_a_public_address_says_host_origin_and_prefix(text, expected):
    url = PublicUrl.of(text)
    assert (url.scheme, url.host, url.prefix) == expected
    assert url.origin == f"{expected[0]}://{expected[1]}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host",
        "host.example/audit",
        "ftp://host",
        "https://",
        "https://u:p@host",
        "https://h/?q",
        "https://h/#f",
        "https://h:x",
        "https://h/%2e",
        "https://h//a",
        "https://[::1",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_public_address_is_told(text):
    with pytest.raises(InputError, match="an address such as"):
        PublicUrl.of(text)


PUBLIC = PublicUrl.of("https://host.example/audit")


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("host.example", None, 200),
        ("host.example:443", None, 200),
        ("host.example", "https://host.example", 200),
        ("host.example", "https://host.example:443", 200),
        ("host.example", "http://host.example", 403),  # the scheme counts
        ("host.example:80", "http://host.example", 403),
        ("host.example:8501", None, 403),
        ("elsewhere.example", None, 403),
        ("localhost:8501", None, 200),
        ("localhost:8501", "http://localhost:8501", 200),
        ("localhost:8501", "https://host.example", 403),
        ("localhost:8501", "https://localhost:8501", 403),
        ("localhost", "http://localhost:8501", 403),
    ],
)
def test_host_and_origin_of_a_public_address(host, origin, status):
    headers = {"Host": host} | ({"Origin": origin} if origin else {})
    assert ask(guard(public=PUBLIC), "/audit/api/x", **headers).status_code == status
    assert _heard(guard(public=PUBLIC), headers) == (status == 200)


def _heard(app, headers, *messages, wait=0.0, path="/_stcore/stream") -> bool:
    """Whether a websocket is let in, and not closed before it has said ``messages``."""
    said = []
    waiting = [{"type": "websocket.connect"}, *messages]

    async def receive():
        if not waiting:
            await asyncio.sleep(wait)
            return {"type": "websocket.disconnect", "code": 1000}
        return waiting.pop(0)

    async def send(message):
        said.append(message["type"])

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "websocket", "path": path, "headers": raw, "query_string": b"", "subprotocols": []}
    asyncio.run(app(scope, receive, send))
    return said == ["websocket.accept"]


def test_the_prefix_is_the_apis_too_and_the_dashboard_keeps_it():
    app = guard(public=PUBLIC)
    assert ask(app, "/audit/api/x", Host="host.example").json()["path"] == "/api/x"
    assert ask(app, "/audit/by-group", Host="host.example").json()["path"] == "/audit/by-group"
    assert ask(app, "/auditor/api/x", Host="host.example").json()["path"] == "/auditor/api/x"


def test_streamlits_own_doors_are_closed_and_no_page_is_its_host():
    for path in ("/_stcore/metrics", "/_stcore/agent/openapi.json", "/_stcore/agent", "/_stcore/script-health-check"):
        assert ask(guard(), path).status_code == 404
        assert ask(guard(public=PUBLIC), f"/audit{path}", Host="host.example").status_code == 404
    told = ask(guard(), "/_stcore/host-config").json()
    assert told["allowedOrigins"] == [] and told["enableCustomParentMessages"] is False
    assert ask(guard(), "/_stcore/health").status_code == 200


def test_every_answer_says_what_a_browser_may_do():
    app = guard(policy="script-src 'self'")
    policies = {path: ask(app, path).headers["content-security-policy"] for path in ("/", "/api/x", "/api/docs")}
    assert policies["/"] == "script-src 'self'" and policies["/api/x"] == "default-src 'none'"
    assert "'unsafe-inline'" in policies["/api/docs"]
    assert ask(app, "/", Host="elsewhere.example").headers["content-security-policy"] == "script-src 'self'"


def test_cookies_of_an_encrypted_address_are_for_it_alone():
    async def told(_request):
        answer = PlainTextResponse("x")
        answer.set_cookie("a", "b")
        return answer

    app = Starlette(routes=[Route("/", told)])
    plain, encrypted = Guard(app, api=app), Guard(app, api=app, public=PUBLIC)
    assert "secure" not in ask(plain).headers["set-cookie"].lower()
    assert ask(encrypted, Host="host.example").headers["set-cookie"].endswith("; Secure")


# Tokens


def test_named_tokens_are_made_known_by_name_and_withdrawn_while_it_runs(tmp_path):
    path = tmp_path / "tokens"
    anna, ben = add_token(path, "anna"), add_token(path, "ben")
    assert anna not in path.read_text() and hashlib.sha256(anna.encode()).hexdigest() in path.read_text()
    app = guard(tokens=Tokens(path=path))
    for token, name in ((anna, "anna"), (ben, "ben")):
        told = ask(app, Authorization=f"Bearer {token}").json()["headers"]
        assert told[trail.WHO] == name and "authorization" not in told  # a page never sees a token
    forged = ask(app, **{"Authorization": f"Bearer {anna}", trail.WHO: "ben"})
    assert forged.json()["headers"][trail.WHO] == "anna"
    withdraw_token(path, "anna")
    assert ask(app, Authorization=f"Bearer {anna}").status_code == 401
    assert ask(app, Authorization=f"Bearer {ben}").status_code == 200
    path.unlink()
    assert ask(app, Authorization=f"Bearer {ben}").status_code == 401  # nobody is let in by a file that is gone


def test_a_session_ends_when_its_token_is_withdrawn(tmp_path):
    path = tmp_path / "tokens"
    token = add_token(path, "anna")
    app, heard = guard(tokens=Tokens(path=path)), []
    waiting = ["connect", "receive", "receive"]

    async def receive():
        kind = waiting.pop(0)
        if len(waiting) == 0:
            withdraw_token(path, "anna")
        heard.append(kind)
        return {"type": f"websocket.{kind}", "bytes": b"x"}

    async def send(message):
        pass

    headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {token}".encode())]
    scope = {
        "type": "websocket",
        "path": "/_stcore/stream",
        "headers": headers,
        "query_string": b"",
        "subprotocols": [],
    }
    asyncio.run(app(scope, receive, send))
    assert heard == ["connect", "receive", "receive"]  # what came after it was not handed on: the session was over


def test_a_silent_session_ends_too_when_its_token_is_withdrawn_and_its_name_given_to_another(tmp_path, monkeypatch):
    monkeypatch.setattr("recidiv_core.api.guard.LOOK_SECONDS", 0.05)
    path = tmp_path / "tokens"
    token = add_token(path, "anna")
    app, said = guard(tokens=Tokens(path=path)), []
    waiting = [{"type": "websocket.connect"}, {"type": "websocket.receive", "bytes": b"x"}]

    async def receive():
        if waiting:
            return waiting.pop(0)
        withdraw_token(path, "anna")
        add_token(path, "anna")
        await asyncio.sleep(60)

    async def send(message):
        said.append(message["type"])

    headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {token}".encode())]
    scope = {
        "type": "websocket",
        "path": "/_stcore/stream",
        "headers": headers,
        "query_string": b"",
        "subprotocols": [],
    }
    asyncio.run(asyncio.wait_for(app(scope, receive, send), 10))
    assert said == ["websocket.accept", "websocket.close"]


@pytest.mark.parametrize("text", ["anna", "anna xyz", "anna " + "g" * 64, "an na " + "0" * 64, "\xff"])
def test_a_file_that_holds_no_tokens_is_told(tmp_path, text):
    path = tmp_path / "tokens"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match="--tokens"):
        Tokens(path=path)


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "x" * 61, "anna", "-", "token", "é"])
def test_a_name_that_cannot_be_or_is_taken_is_told(tmp_path, name):
    add_token(tmp_path / "tokens", "anna")
    with pytest.raises(InputError, match="NAME"):
        add_token(tmp_path / "tokens", name)


def test_wrong_tokens_are_counted_slowed_and_logged_without_them(monkeypatch, caplog):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr("recidiv_core.api.tokens.asyncio.sleep", sleep)
    tokens = Tokens(single="a token of enough letters")
    app = guard(tokens=tokens)
    found = [ask(app, Authorization=f"Bearer guess {i}").status_code for i in range(25)]
    assert found == [401] * 20 + [429] * 5
    assert slept[:4] == [0.5, 1.0, 2.0, 4.0] and max(slept) == 5.0 and len(slept) == 22
    assert "guess" not in caplog.text and caplog.text.count("a wrong token from 127.0.0.1") == 20
    assert ask(app, Authorization="Bearer guess 24").status_code == 429
    assert tokens._wrong["127.0.0.1"].count == 25  # the same one again, as from a page left open, is no other guess
    slept.clear()
    assert ask(app, Authorization="Bearer a token of enough letters").status_code == 200 and not slept
    assert ask(app).status_code == 401 and not tokens._wrong  # none at all is no guess


# Who asks, and how much


@pytest.mark.parametrize(
    ("peer", "said", "client"),
    [
        ("10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),  # what the client wrote itself does not count
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.2", "1.2.3.4", "10.0.0.2"),  # no proxy of ours
    ],
)
def test_whom_a_request_comes_from(peer, said, client, caplog):
    app = guard(tokens=Tokens(single="a token of enough letters"), proxies=["10.0.0.1"])
    ask(app, client=(peer, 1), **{"Authorization": "Bearer wrong", "X-Forwarded-For": said})
    assert f"a wrong token from {client}," in caplog.text


def test_a_client_behind_a_proxy_asks_so_much_at_once_and_no_more(monkeypatch):
    monkeypatch.setattr("recidiv_core.api.guard.MOST_OF_A_CLIENT", 3)

    async def slow(_request):
        await asyncio.sleep(0.2)
        return PlainTextResponse("x")

    app = Starlette(routes=[Route("/", slow)])
    guarded = Guard(app, api=app, proxies=["10.0.0.1"])

    async def all_at_once():
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(guarded, client=("10.0.0.1", 1)), base_url="http://localhost"
        ) as asker:
            headers = [{"X-Forwarded-For": "1.2.3.4"}] * 5 + [{"X-Forwarded-For": "1.2.3.5"}]
            return [a.status_code for a in await asyncio.gather(*(asker.get("/", headers=h) for h in headers))]

    assert sorted(asyncio.run(all_at_once())) == [200, 200, 200, 200, 429, 429]
    assert not guarded._asking


def test_a_websocket_that_says_nothing_is_closed(monkeypatch):
    monkeypatch.setattr("recidiv_core.api.guard.FIRST_WORD_SECONDS", 0.05)
    word = {"type": "websocket.receive", "bytes": b"x"}
    assert not _heard(guard(), {"Host": "localhost"}, wait=5)
    assert _heard(guard(), {"Host": "localhost"}, word, wait=0.2)


class Caller:
    def __init__(self, peer="127.0.0.1", received=0, age=10.0):
        self.peer, self.received, self.since = peer, received, time.monotonic() - age
        self.is_aborted = False

    def abort(self):
        self.is_aborted = True


def test_the_slowest_goes_when_there_are_too_many():
    doors = Doors(most=3)
    quick, slow, done = Caller(received=10_000), Caller(received=30), Caller(received=10)
    assert all(map(doors.enters, (quick, slow, done)))
    doors.waits(done, is_waiting=False)  # its request is whole: it is being answered
    assert doors.enters(Caller()) and slow.is_aborted and not quick.is_aborted and not done.is_aborted
    assert len(doors._all) == 3


def test_when_all_are_being_answered_nobody_else_comes_in():
    doors = Doors(most=2)
    for caller in (Caller(), Caller()):
        doors.enters(caller)
        doors.waits(caller, is_waiting=False)
    assert not doors.enters(Caller())


def test_a_client_has_so_many_connections_and_a_proxy_or_this_machine_more():
    doors = Doors(proxies=["10.0.0.1"], most=100, of_a_client=2)
    for peer, expected in (("1.2.3.4", 2), ("10.0.0.1", 5), ("127.0.0.1", 5), ("::1", 5), (None, 5)):
        callers = [Caller(peer) for _ in range(5)]
        assert sum(map(doors.enters, callers)) == expected
        for caller in callers * 2:  # said twice it counts once
            doors.leaves(caller)
    assert not doors._all and not doors._clients


# Framing

GOOD = [
    b"0\r\n\r\n",
    b"3\r\nabc\r\n0\r\n\r\n",
    b"A\r\n0123456789\r\n1\r\n\n\r\n0\r\n\r\n",
    b"00003\r\nabc\r\n0\r\n\r\n",
]
BAD = [
    b"3;a=b\r\nabc\r\n",
    b"3 \r\nabc\r\n",
    b"0;x\r\n\r\n",
    b"0\r\nX: y\r\n\r\n",
    b"3\nabc",
    b"-1\r\n",
    b"\r\n",
    b"0x3\r\n",
    b"z\r\n",
    b"1" * 40,
    b"3\r\nabc\r\n" * 9 + b"g\r\n",
]


@given(st.sampled_from(GOOD), st.lists(st.integers(1, 5)), st.binary(max_size=8))
def test_a_chunked_body_is_taken_to_its_end_in_any_pieces(body, cuts, rest):
    chunks, whole, place, taken = Chunks(), body + rest, 0, 0
    for cut in [*cuts, len(whole)]:
        piece = whole[place : place + cut]
        n = chunks.taken(piece)
        taken += n
        place += len(piece)
        if n < len(piece) or taken == len(body):
            break
    assert taken == len(body)


@pytest.mark.parametrize("body", BAD)
@pytest.mark.parametrize("step", [1, 1_000])
def test_extensions_trailers_and_odd_sizes_are_not_taken(body, step):
    chunks = Chunks()
    with pytest.raises(Framing):
        for place in range(0, len(body), step):
            chunks.taken(body[place : place + step])
