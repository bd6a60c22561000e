"""Sessions of the running server: how many, what is said to those beyond, and what the trail keeps."""

import json
import urllib.error
import urllib.parse
import urllib.request
from contextlib import ExitStack

import pytest

from benchmarks.siege import Session
from recidiv_core.api import add_token
from recidiv_core.sessions import Sessions
from tests.conftest import random_table


class At:
    """A running server, as the sessions of the siege know it."""

    def __init__(self, address: str):
        self.address, self.port = address, int(address.rpartition(":")[2])


def table(n: int) -> bytes:
    return random_table(n, n).rename(columns={"y": "label", "group": "race"}).to_parquet(index=False)


def test_each_session_has_its_own_table_and_those_beyond_the_limit_are_told(started, tmp_path):
    trail = tmp_path / "trail.jsonl"
    address, log = started(tmp_path, "--records", "simulated:200", "--max-sessions", "2", "--audit-log", str(trail))
    first, second = Session(At(address)), Session(At(address))
    for own, n in ((first, 300), (second, 400)):
        assert f"{n} people" in own.upload(table(n))
    assert "300 people" in first.run() and "400 people" not in first.run()
    with pytest.raises(Exception, match="503"):
        Session(At(address))
    asked = urllib.request.Request(address, headers={"Accept": "text/html"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(asked)
    told = caught.value.read().decode()
    assert caught.value.code == 503 and "This server holds 2 sessions at once" in told
    assert caught.value.headers["Retry-After"] == "30"
    lines = [json.loads(line) for line in trail.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["came", "came", "loaded", "loaded"]
    assert {line["who"] for line in lines} == {"-"} and lines[2]["file"] == "large.parquet"
    assert len(lines[2]["sha256"]) == 64 and lines[2]["sha256"] != lines[3]["sha256"]
    for own in (first, second):
        own.wire.close()
    assert "Traceback" not in log.read_text()


def test_an_upload_beyond_memory_is_refused_in_words_and_nobody_else_is_disturbed(started, tmp_path):
    address, _ = started(tmp_path, "--records", "simulated:200", "--memory", "0.5")
    own = Session(At(address))
    assert "1,445 people" in own.run()
    assert "memory is used up by other sessions" in own.upload(b"PAR1" + bytes(200_000_000))
    assert "1,445 people" in own.run()
    own.wire.close()


def test_many_files_at_once_are_counted_before_they_are_here(monkeypatch):
    monkeypatch.setattr("recidiv_core.sessions._files", dict)
    sessions = Sessions(most=2)
    with ExitStack() as all_of_them:
        told = [all_of_them.enter_context(sessions.arriving("one", 400_000_000)) for _ in range(4)]
        assert told[:2] == [None, None] and all("1,000 MB in all" in why for why in told[2:])
        assert all_of_them.enter_context(sessions.arriving("another", 400_000_000)) is None
        assert "1,000 MB" in all_of_them.enter_context(sessions.arriving("one", None))  # as large as it can be
    with sessions.arriving("one", 400_000_000) as why:
        assert why is None and len(sessions._arriving) == 1


def test_a_token_has_a_name_on_the_trail(started, tmp_path):
    token = add_token(tmp_path / "tokens", "anna")
    trail = tmp_path / "trail.jsonl"
    address, _ = started(
        tmp_path, "--records", "simulated:200", "--tokens", str(tmp_path / "tokens"), "--audit-log", str(trail)
    )
    body = random_table(1).to_csv(index=False).encode()
    roles = urllib.parse.urlencode({"roles": json.dumps({"label": "y", "score": "score", "sensitive": ["group"]})})
    asked = urllib.request.Request(f"{address}/api/audit?{roles}", body, {"Authorization": f"Bearer {token}"})
    assert urllib.request.urlopen(asked).status == 200
    assert (
        '"event": "api", "who": "anna", "route": "/api/audit"' in trail.read_text() and token not in trail.read_text()
    )
