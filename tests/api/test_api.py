"""The routes in one process: what is refused and how, who may ask, and the contract of the description."""

import asyncio
import base64
import io
import json
import time

import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute

from recidiv_core.api import Guard, Tokens, create_api
from recidiv_core.api.work import Workers
from recidiv_core.errors import InputError
from recidiv_core.sentencing import sentencing_records
from recidiv_core.server import tokens_for
from recidiv_core.workers import Pool
from tests.api.test_server import EXAMPLE, ROLES, audit_path, table
from tests.sentencing.test_sentencing import papers_table

TOKEN = "a token of enough letters"
API = create_api(sentencing_records(papers_table()))
CASE = json.loads(EXAMPLE)


async def _socket(websocket):
    await websocket.accept()


DASHBOARD = Starlette(routes=[Route("/", lambda _: PlainTextResponse("dashboard")), WebSocketRoute("/stream", _socket)])
OPEN = Guard(DASHBOARD, api=API)


def ask(app, method: str, path: str, **more) -> httpx.Response:
    async def once():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return await client.request(method, path, **more)

    return asyncio.run(once())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"charge_code": None}, "charge_code"),
        ({"race": 7}, "race"),
        ({"gender": ""}, "gender"),
        ({"gender": "x" * 201}, "gender"),
        ({"controlled_substance_quantity_level": 18}, "controlled_substance_quantity_level"),
        ({"controlled_substance_quantity_level": -1}, "controlled_substance_quantity_level"),
        ({"controlled_substance_quantity_level": "6"}, "controlled_substance_quantity_level"),
        ({"controlled_substance_quantity_level": True}, "controlled_substance_quantity_level"),
        ({"controlled_substance_quantity_level": 6.5}, "controlled_substance_quantity_level"),
        ({"controlled_substance_quantity_levl": 6}, "controlled_substance_quantity_levl"),
        ({"compare_to": {"age": "old"}}, "compare_to.age"),
        ({"compare_to": {"gender": "Male"}}, "compare_to"),
        ({"compare_to": {}}, "compare_to"),
    ],
)
def test_a_malformed_question_is_told_by_its_field(change, field):
    answer = ask(OPEN, "POST", "/sentencing-disparity", json=CASE | change)
    assert answer.status_code == 422 and answer.json()["success"] is False
    assert [problem["field"] for problem in answer.json()["problems"]] == [field]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"[" * 20_000,
        b"\xff\xfe",
        b'{"race": NaN}',
        b'{"\\ud800": 1}',
        EXAMPLE.encode() + b",",
        b'{"race": 1e999}',
    ],
)
def test_what_is_not_a_question_is_no_fault_of_the_program(body):
    answer = ask(OPEN, "POST", "/sentencing-disparity", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422 and answer.json()["success"] is False and answer.json()["problems"]


@pytest.mark.parametrize(
    "change", [{"charge_code": "Arson"}, {"race": "black"}, {"controlled_substance_quantity_level": 9}]
)
def test_no_match_is_404_with_a_reason(change):
    answer = ask(OPEN, "POST", "/sentencing-disparity", json=CASE | change)
    assert answer.status_code == 404 and answer.json()["success"] is False and "matches" in answer.json()["message"]


def test_whom_to_compare_with_can_be_asked_and_what_there_is_is_listed():
    answer = ask(OPEN, "POST", "/sentencing-disparity", json=CASE | {"compare_to": {"race": "White"}}).json()
    assert answer["comparison"]["group"] == "White" and answer["comparison"]["n"] == 1
    assert ask(OPEN, "GET", "/api/cases").json() == {
        "charge_code": ["Drug trafficking", "Fraud"],
        "race": ["Black", "White"],
        "gender": ["Female", "Male"],
        "controlled_substance_quantity_level": [6, 7],
    }


def test_the_level_may_be_left_out():
    answer = ask(OPEN, "POST", "/sentencing-disparity", json={k: v for k, v in CASE.items() if "level" not in k}).json()
    assert answer["deviations"][0]["sentence_deviations"][0]["n"] == 95  # level 7 and the one without a level


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/api/audit", 422, "roles"),
        ("/api/audit?roles=x", 422, "roles"),
        ("/api/audit?roles={}", 422, "roles.label"),
        (audit_path(tolerance=2), 422, "options.tolerance"),
        (audit_path(whatever=2), 422, "options.whatever"),
        (audit_path().replace("audit?", "thresholds?"), 422, "options.definition"),
        (audit_path().replace("audit?", "nothing?"), 404, None),
        (audit_path().replace("audit?", "audit/?"), 404, None),
        (audit_path() + "&optoins={}", 422, "optoins"),
        (audit_path() + "&" + audit_path().partition("?")[2], 422, "roles"),
        (audit_path().replace("%22y%22", "%22nothing%22"), 422, "roles.label 'nothing'"),
        (
            audit_path().replace("%7D&", "%2C%22positive_label%22%3A" + "9" * 400 + "%7D&", 1),
            422,
            "roles.positive_label",
        ),
    ],
)
def test_an_audit_asked_wrongly_is_told(path, status, field):
    answer = ask(OPEN, "POST", path, content=table(0)[0])
    assert answer.status_code == status and answer.json()["success"] is False
    assert field is None or field in {problem["field"] for problem in answer.json()["problems"]}


def test_thresholds_and_slices_of_a_table_sent():
    wanted = json.dumps({"definition": "equal_opportunity", "tolerance": 0.1})
    for task, options in (("thresholds", wanted), ("slices", '{"k": 3}')):
        params = {"roles": json.dumps(ROLES | {"features": ["s"]}), "options": options}
        answer = ask(OPEN, "POST", f"/api/{task}", params=params, content=table(4)[0], timeout=120)
        assert answer.status_code == 200 and answer.json()["room"] == task, answer.text[:300]


def test_what_takes_too_long_is_ended():
    slow = Guard(DASHBOARD, api=create_api(sentencing_records(papers_table()), workers=Workers(Pool(), seconds=0.01)))
    answer = ask(slow, "POST", audit_path(), content=table(0)[0])
    assert answer.status_code == 503 and "longer than 0.01 seconds" in answer.json()["message"]


def guarded() -> Guard:
    """With a token, and no memory of wrong ones."""
    return Guard(DASHBOARD, api=API, tokens=Tokens(single=TOKEN))


def _basic(token: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{token}".encode()).decode()


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("Bearer wrong", 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        (TOKEN, 401),
        ("Basic !!", 401),
        (_basic("wrong"), 401),
        ("Bearer \xe9", 401),
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (_basic(TOKEN), 200),
    ],
)
def test_with_a_token_everything_asks_for_it(header, status):
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    for method, path in (("GET", "/"), ("GET", "/api/version"), ("GET", "/api/docs"), ("GET", "/api/openapi.json")):
        answer = ask(guarded(), method, path, headers=headers)
        assert answer.status_code == status, path
    answer = ask(guarded(), "POST", "/sentencing-disparity", json=CASE, headers=headers)
    assert answer.status_code == status
    if status == 401:
        assert answer.json()["success"] is False and "Basic" in answer.headers["www-authenticate"]
    assert ask(guarded(), "GET", "/health").status_code == 200


def _websocket(app, headers) -> str:
    said = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        said.append(message["type"])

    scope = {"type": "websocket", "path": "/stream", "headers": headers, "query_string": b"", "subprotocols": []}
    asyncio.run(app(scope, receive, send))
    return said[0]


def test_the_dashboards_own_connection_is_guarded_too():
    assert _websocket(guarded(), []) == "websocket.close"
    assert _websocket(guarded(), [(b"authorization", f"Bearer {TOKEN}".encode())]) == "websocket.accept"
    assert _websocket(OPEN, [(b"host", b"elsewhere.example")]) == "websocket.close"
    assert _websocket(OPEN, [(b"host", b"127.0.0.1:8501")]) == "websocket.accept"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8501", 200),
        ("127.0.0.1:8501", 200),
        ("[::1]", 200),
        ("[::1]:8501", 200),
        ("127.3.2.1:80", 200),
        ("elsewhere.example", 403),
        ("localhost.elsewhere.example", 403),
        ("", 403),
    ],
)
def test_without_a_token_only_this_machine_by_its_own_name(host, status):
    for path in ("/", "/api/version"):
        assert ask(OPEN, "GET", path, headers={"Host": host}).status_code == status


@pytest.mark.parametrize("limits", [{"body_seconds": 0.05}, {"idle_seconds": 0.05}])
def test_a_body_that_comes_too_slowly_ends(limits):
    guard = Guard(DASHBOARD, api=API, **limits)
    said = []

    async def receive():
        await asyncio.sleep(0.01 if "body_seconds" in limits else 1)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message):
        said.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/audit",
        "headers": [(b"host", b"localhost")],
        "query_string": b"",
    }
    asyncio.run(guard(scope, receive, send))
    assert said[0]["status"] == 408 and guard._held == 0


def test_work_ends_when_whoever_asked_has_gone():
    """The work of a request is cancelled when the connection ends; that its process is killed then is tested with
    the workers.
    """
    workers = Workers(Pool())
    guard = Guard(DASHBOARD, api=create_api(sentencing_records(papers_table()), workers=workers))
    path, _, query = audit_path().partition("?")
    body = table(0, 200_000)[0]
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive():
        if waiting:
            return waiting.pop()
        await asyncio.sleep(0.1)
        return {"type": "http.disconnect"}

    async def send(message):
        raise AssertionError("nobody is there")

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "query_string": query.encode(),
        "http_version": "1.1",
        "scheme": "http",
        "server": ("localhost", 80),
        "client": ("localhost", 1),
    }
    start = time.perf_counter()
    asyncio.run(guard(scope, receive, send))
    assert time.perf_counter() - start < 10 and guard._held == 0 and workers._waiting == 0


def test_too_much_at_once_is_refused(monkeypatch):
    monkeypatch.setattr("recidiv_core.api.guard.MOST_HELD", 100_000)
    assert ask(OPEN, "POST", audit_path(), content=b"x" * 200_000).status_code == 503
    assert ask(OPEN, "POST", "/sentencing-disparity", json=CASE).status_code == 200
    monkeypatch.setattr("recidiv_core.api.work.MOST_WAITING", 0)
    assert ask(OPEN, "POST", audit_path(), content=table(0)[0]).status_code == 503


@pytest.mark.parametrize(
    ("length", "status"), [("0" * 5_000 + "2", 422), ("9" * 5_000, 413), ("100000001", 413), ("1000000000", 413)]
)
def test_a_length_is_believed_before_the_body_comes(length, status):
    headers = {"Content-Length": length}
    assert ask(OPEN, "POST", audit_path(), content=b"ab", headers=headers).status_code == status


def _folded(n_rows: int) -> bytes:
    """A Parquet file of a few thousand bytes: one text of 10,000 letters, and ``n_rows`` rows that point at it."""
    value = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n_rows, dtype=np.int32)), pa.array(["x" * 10_000]))
    buffer = io.BytesIO()
    columns = {"g": value, "y": np.arange(n_rows) % 2, "s": np.linspace(0, 1, n_rows)}
    pyarrow.parquet.write_table(pa.table(columns), buffer, store_schema=False, compression="zstd")
    return buffer.getvalue()


def test_what_unfolds_beyond_memory_is_refused_before_it_does():
    body = _folded(900_000)
    assert len(body) < 20_000_000
    answer = ask(OPEN, "POST", audit_path(), content=body, timeout=60)
    assert answer.status_code == 422 and "GB unpacked" in answer.json()["message"]


def test_many_attributes_of_many_groups_are_no_fault_of_the_program():
    random = np.random.default_rng(0)
    frame = pd.DataFrame({f"a{i}": random.integers(0, 40, 300).astype(str) for i in range(14)})
    frame = frame.assign(y=random.integers(0, 2, 300), s=random.random(300))
    roles = {"label": "y", "score": "s", "sensitive": [f"a{i}" for i in range(14)]}
    answer = ask(
        OPEN,
        "POST",
        "/api/audit",
        params={"roles": json.dumps(roles)},
        content=frame.to_csv(index=False).encode(),
        timeout=120,
    )
    assert answer.status_code == 200 and answer.json()["room"] == "groups"


def test_a_page_elsewhere_is_not_answered():
    for origin, status in (
        ("http://elsewhere.example", 403),
        ("null", 403),
        ("http://[::1", 403),
        ("", 403),
        ("http://localhost", 200),
    ):
        headers = {"Origin": origin}
        assert ask(OPEN, "POST", "/sentencing-disparity", json=CASE, headers=headers).status_code == status
        assert ask(OPEN, "GET", "/", headers=headers).status_code == status
    assert _websocket(OPEN, [(b"host", b"localhost"), (b"origin", b"http://elsewhere.example")]) == "websocket.close"
    assert ask(OPEN, "HEAD", "/health").status_code == 200


@pytest.mark.parametrize(
    ("address", "token", "told"),
    [
        ("0.0.0.0", None, "none"),
        ("192.168.1.2", None, "none"),
        ("example.org", None, "none"),
        ("127.0.0.1", "short", "16 printable"),
        ("0.0.0.0", "é" * 20, "16 printable"),
        ("::", None, "none"),
        ("0.0.0.0", " " * 3 + "x" * 20, "no space"),
    ],
)
def test_a_token_that_will_not_do_is_told(monkeypatch, address, token, told):
    monkeypatch.delenv("RECIDIV_TOKEN", raising=False)
    if token:
        monkeypatch.setenv("RECIDIV_TOKEN", token)
    with pytest.raises(InputError, match=told):
        tokens_for(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost"])
def test_on_the_loopback_address_none_is_needed(monkeypatch, address):
    monkeypatch.delenv("RECIDIV_TOKEN", raising=False)
    assert not tokens_for(address).are_needed


@schemathesis.serializer("application/vnd.apache.parquet")
def _as_it_is(context, value):
    return value


schema = schemathesis.openapi.from_asgi("/api/openapi.json", OPEN, headers={"Host": "localhost"})
# A schema cannot say what a usable table is: random bytes are refused with 422 though they are "binary".
_TABLE_CHECKS = [check for check in CHECKS.get_all() if check.__name__ != "positive_data_acceptance"]


@schema.parametrize()
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_the_description_holds(case):
    """Random questions, right and wrong, against the description: no 500, and no answer that it does not know."""
    case.call_and_validate(checks=_TABLE_CHECKS, headers={"Host": "localhost"})
