"""The dashboard and the HTTP routes in one process."""

from __future__ import annotations

import os
import socket
import webbrowser
from pathlib import Path
from threading import Timer

import streamlit as st
import uvicorn
from starlette.middleware import Middleware
from streamlit.web import bootstrap

from recidiv_core.api import Guard, LimitedProtocol, Workers, create_api, is_loopback
from recidiv_core.errors import InputError
from recidiv_core.sentencing import SentencingRecords
from recidiv_core.workers import Pool, start

TOKEN = "RECIDIV_TOKEN"
_SHORTEST = 16
_SECONDS_TO_STOP = 5
# What workers need, in the order in which they are likely to: each is loaded when nobody waits.
_LOADED = [
    f"recidiv_core.{name}"
    for name in ("data.reading", "api.tasks", "models.probe", "slices.kernels", "thresholds.kernels", "slices.optimal")
]
_APP = Path(__file__).resolve().parents[1] / "app.py"


def token_for(address: str) -> str | None:
    """The token that requests have to bring, from the environment.

    Raises
    ------
    InputError
        Where there has to be one and is none, or it is too short or cannot stand in a header.
    """
    token = os.environ.get(TOKEN)
    if token is None and not is_loopback(address):
        raise InputError.one(TOKEN, "a token, as the address can be reached from elsewhere", "none")
    if token is not None and not (
        len(token) >= _SHORTEST and token.isascii() and token.isprintable() and token == token.strip()
    ):
        raise InputError.one(
            TOKEN, f"at least {_SHORTEST} printable ASCII characters, no space at either end", "something else"
        )
    return token


def application(records: SentencingRecords, *, token: str | None) -> st.App:
    """The dashboard with the routes, behind the guard. ``records`` are what ``/sentencing-disparity`` answers from; no session sees them."""
    pool = Pool(load=_LOADED)
    start(pool)  # uploads are read there, models opened, and the API's audits made
    api = create_api(records, workers=Workers(pool))
    return st.App(_APP, middleware=[Middleware(Guard, api=api, token=token)])


def serve(records: SentencingRecords, *, address: str, port: int, token: str | None) -> None:
    """Serve until stopped.

    Raises
    ------
    InputError
        When the address or the port cannot be had.
    """
    if not 0 < port < 65_536:
        raise InputError.one("--port", "1 to 65535", f"{port}")
    address = address.removeprefix("[").removesuffix("]")
    app = application(records, token=token)
    # As App.run does, but the server is our own: that one takes headers of any size, and stops only when all work is done.
    bootstrap.load_config_options({"server.address": address, "server.port": port})
    config = uvicorn.Config(
        app, host=address, port=port, http=LimitedProtocol, ws="websockets-sansio", ws_ping_interval=30, ws_ping_timeout=30,
        access_log=False, log_level="warning", timeout_graceful_shutdown=_SECONDS_TO_STOP,
    )  # fmt: skip
    try:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listening = socket.create_server((address, port), family=family, backlog=config.backlog)
    except OSError as error:
        raise InputError.one("--address, --port", "a free one", error.strerror or "an error") from None
    url = f"http://{f'[{address}]' if ':' in address else address}:{port}"
    print(f"Dashboard: {url}\nHTTP API:  {url}/api/docs", flush=True)
    if not st.get_option("server.headless"):  # where there is a screen
        Timer(1.0, webbrowser.open, [url]).start()
    uvicorn.Server(config).run(sockets=[listening])
