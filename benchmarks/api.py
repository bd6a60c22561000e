"""How soon ``POST /sentencing-disparity`` answers: 60,000 records, 20 clients at once, each asking again as soon as it
is answered.

python -m benchmarks.api
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np

CLIENTS, REQUESTS, RECORDS = 20, 400, 60_000
_RACES, _CHARGES = ("Black", "White", "Hispanic"), ("Drug trafficking", "Fraud", "Firearms", "Robbery")


def request(case: dict) -> bytes:
    """One question as it goes over the wire."""
    body = json.dumps(case).encode()
    head = (
        "POST /sentencing-disparity HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
        f"{len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, question: bytes) -> tuple[int, bytes]:
    """Status and body of an answer."""
    writer.write(question)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split()[0])
    return int(head.split()[1]), await reader.readexactly(length)


async def client(port: int, questions: list[bytes]) -> list[float]:
    """The seconds that each question took."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took = []
    for question in questions:
        start = time.perf_counter()
        status, _ = await asked(reader, writer, question)
        took.append(time.perf_counter() - start)
        assert status in (200, 404), status
    writer.close()
    return took


async def load(port: int) -> tuple[np.ndarray, float]:
    """Every client at once, every case in a random order."""
    every = [
        request({"charge_code": c, "race": r, "gender": g, "controlled_substance_quantity_level": n})
        for c, r, g, n in itertools.product(_CHARGES, _RACES, ("Male", "Female"), range(18))
    ]
    draw = random.Random(0)
    start = time.perf_counter()
    found = await asyncio.gather(*(client(port, draw.choices(every, k=REQUESTS)) for _ in range(CLIENTS)))
    return np.concatenate(found), time.perf_counter() - start


def main() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "recidiv_core", "serve", "--records", f"simulated:{RECORDS}", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1)
                break
            except OSError:
                time.sleep(0.5)
        for turn in ("first", "again"):
            took, whole = asyncio.run(load(port))
            p50, p95, p99 = 1000 * np.quantile(took, [0.5, 0.95, 0.99])
            print(
                f"{turn}: {RECORDS:,} records, {CLIENTS} clients, {len(took):,} requests, {len(took) / whole:,.0f} "
                f"a second: p50 {p50:.1f} ms, p95 {p95:.1f} ms (asked: under 20), p99 {p99:.1f} ms"
            )
    finally:
        server.terminate()
        server.wait(timeout=20)


if __name__ == "__main__":
    main()
