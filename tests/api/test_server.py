"""The running server: S's own example, many at once, too much at once, and what it keeps to itself."""

import concurrent.futures
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse

import numpy as np
import pandas as pd
import pytest

from recidiv_core import Roles, audit_groups, load_dataset
from recidiv_core.plain import plain
from tests.conftest import ROOT

# S, "From the Command Line"; its trailing comma, which is not JSON, taken away.
EXAMPLE = '{"charge_code":"Drug trafficking","race":"Black","gender":"Male","controlled_substance_quantity_level":6}'
ROLES = {"label": "y", "score": "s", "sensitive": ["g"]}


def sent(address: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def asked(address: str, body: str) -> tuple[int, dict]:
    status, found = sent(address, "/sentencing-disparity", body.encode(), {"Content-Type": "application/json"})
    return status, json.loads(found)


def table(seed: int, n: int = 400) -> tuple[bytes, pd.DataFrame]:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"g": random.choice(["a", "b"], n), "s": random.random(n).round(6), "y": random.integers(0, 2, n)}
    )
    return frame.to_csv(index=False).encode(), frame


def audit_path(**options) -> str:
    return "/api/audit?" + urllib.parse.urlencode({"roles": json.dumps(ROLES), "options": json.dumps(options)})


def test_the_papers_number_through_the_papers_own_command(served):
    address, _ = served
    if shutil.which("curl"):
        command = [
            "curl",
            "-s",
            "-X",
            "POST",
            "-H",
            "Content-Type: application/json",
            "-d",
            EXAMPLE,
            f"{address}/sentencing-disparity",
        ]
        found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    else:
        found = asked(address, EXAMPLE)[1]
    own = found["deviations"][0]["sentence_deviations"][0]
    assert own["commitmentTerm"] == 39.72043010752688 and own["n"] == 93
    assert own["interval"]["low"] < own["commitmentTerm"] < own["interval"]["high"]
    assert {"sentence_type": "Prison Only", "commitmentUnit": "Months"}.items() <= own.items()
    assert found["deviations"][0]["charge_code"] == "Drug trafficking" and found["success"] is True
    echo = {name: found[name] for name in ("charge_code", "race", "gender", "controlled_substance_quantity_level")}
    assert echo == json.loads(EXAMPLE)
    assert found["comparison"]["n"] == 2 and found["comparison"]["difference"] is None  # the decoys; too few
    assert found["records"] == "sentences.csv"


def test_the_papers_own_body_with_its_comma_is_told(served):
    status, found = asked(served[0], EXAMPLE[:-1] + ",}")
    assert (status, found["success"], found["problems"][0]["field"]) == (422, False, "body")


def test_two_hundred_at_once_and_nothing_is_lost_or_mixed_up(served):
    """Each of 180 questions and 20 tables gets its own answer."""
    address, _ = served
    cases = [json.loads(EXAMPLE) | {"controlled_substance_quantity_level": level} for level in (6, 7, 8)]

    def one(i: int) -> tuple[int, object]:
        if i % 10:
            status, found = asked(address, json.dumps(cases[i % 3]))
            return status, found.get("deviations", [{}])[0].get("sentence_deviations", [{}])[0].get("n")
        status, found = sent(address, audit_path(), table(i, 200 + i)[0], {"Content-Type": "text/csv"})
        return status, json.loads(found)["dataset"]["n"]

    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        found = list(pool.map(one, range(200)))
    expected = [
        (200, 200 + i) if i % 10 == 0 else {0: (200, 93), 1: (200, 1), 2: (404, None)}[i % 3] for i in range(200)
    ]
    assert found == expected


def test_a_table_sent_gives_the_librarys_own_result(served, tmp_path):
    body, frame = table(1)
    frame.to_parquet(tmp_path / "t.parquet")
    dataset = load_dataset(frame, roles=Roles("y", score="s", sensitive="g"), name="body")
    whole = plain(audit_groups(dataset, threshold=0.5, tolerance=0.05).to_dict())
    for sort, content in (
        ("text/csv", body),
        ("application/vnd.apache.parquet", (tmp_path / "t.parquet").read_bytes()),
    ):
        status, found = sent(served[0], audit_path(threshold=0.5, tolerance=0.05), content, {"Content-Type": sort})
        found = json.loads(found)
        assert status == 200 and found.pop("manifest")["results"][0]["roles"]["label"] == "y"
        assert {k: v for k, v in found.items() if k != "dataset"} == {k: v for k, v in whole.items() if k != "dataset"}


def test_a_body_of_a_gigabyte_is_refused_before_it_is_sent(served):
    host, port = served[0].removeprefix("http://").split(":")
    for head in ("Content-Length: 1000000000", "Transfer-Encoding: chunked"):
        with socket.create_connection((host, int(port)), timeout=20) as wire:
            path = "/sentencing-disparity" if "chunked" in head else audit_path()
            wire.sendall(
                f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n{head}\r\n\r\n".encode()
            )
            if "chunked" in head:  # 70,000 of 64,000 bytes that this route takes
                wire.sendall(b"11170\r\n" + b"x" * 70_000 + b"\r\n")
            start = time.perf_counter()
            found = b"".join(iter(lambda wire=wire: wire.recv(65_536), b""))  # until the connection ends
            assert found.startswith(b"HTTP/1.1 413") and b'"success": false' in found
            assert time.perf_counter() - start < 10


def test_a_slow_client_blocks_nobody(served):
    host, port = served[0].removeprefix("http://").split(":")
    slow = []
    for _ in range(30):
        wire = socket.create_connection((host, int(port)), timeout=20)
        wire.sendall(f"POST {audit_path()} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\ng,s".encode())
        slow.append(wire)
    start = time.perf_counter()
    assert asked(served[0], EXAMPLE)[0] == 200
    assert sent(served[0], audit_path(), table(2)[0], {"Content-Type": "text/csv"})[0] == 200
    assert time.perf_counter() - start < 15
    for wire in slow:
        wire.close()


def test_nothing_of_a_request_is_told_or_logged(served):
    """A mark in cells, names and fields: neither in an error nor in what the server prints; and the dashboard goes
    on.
    """
    address, log = served
    mark = "Zyxwvut"
    frame = table(3)[1]
    bodies = {
        "mixed": frame.assign(s=[mark, *frame["s"][1:]]),
        "label": frame.assign(y=mark),
        "three": frame.assign(y=[mark, "b", "c", "d"] * 100),
        "infinite": frame.assign(s=np.inf, z=mark),
    }
    for name, body in bodies.items():
        status, found = sent(address, audit_path(), body.to_csv(index=False).encode(), {"Content-Type": "text/csv"})
        assert status == 422 and mark.encode() not in found, (name, found)
    case = json.loads(EXAMPLE)
    assert mark not in str(asked(address, json.dumps(case | {"race": mark})))
    assert mark not in str(asked(address, json.dumps(case | {"controlled_substance_quantity_level": mark})))
    assert mark not in log.read_text()
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=20)
    connection.request("GET", "/")
    assert connection.getresponse().status == 200


def test_a_head_of_any_size_is_not_waited_for(served):
    """Twenty megabytes of a header line: the connection ends long before."""
    host, port = served[0].removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as wire:
        wire.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: ")
        with pytest.raises(OSError):
            for _ in range(2_000):
                wire.sendall(b"x" * 10_000)
    assert asked(served[0], EXAMPLE)[0] == 200


def test_it_stops_at_once_also_when_work_is_going_on(started, tmp_path):
    """A request under way does not hold the server up, and no process is left."""
    address, _ = started(tmp_path, "--records", "simulated:200")
    body = table(0, 60_000)[0]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(sent, address, audit_path(), body, {"Content-Type": "text/csv"}) for _ in range(2)]
        time.sleep(2)
        start = time.perf_counter()
        started.stop()
        assert time.perf_counter() - start < 12
        for one in waiting:
            one.exception(timeout=20)


def test_off_the_loopback_address_it_starts_only_with_a_token():
    environment = {name: value for name, value in os.environ.items() if name != "RECIDIV_TOKEN"}
    command = [sys.executable, "-m", "recidiv_core", "serve", "--address", "0.0.0.0"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and "RECIDIV_TOKEN: expected a token" in done.stderr
