"""The dashboard and the HTTP routes in one process."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import warnings
import webbrowser
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Timer
from typing import Any

import streamlit as st
import uvicorn
from starlette.middleware import Middleware
from streamlit.web import bootstrap

from recidiv_core import memory
from recidiv_core.api import (
    HEADERS,
    Doors,
    Guard,
    LimitedProtocol,
    LimitedSocket,
    PublicUrl,
    Tokens,
    Workers,
    create_api,
    dashboard_policy,
    is_loopback,
)
from recidiv_core.errors import InputError
from recidiv_core.places import APP
from recidiv_core.sentencing import SentencingRecords
from recidiv_core.sessions import SECONDS_TO_COME_BACK, Sessions
from recidiv_core.ui.faults import calm
from recidiv_core.workers import Pool, place_of, start

TOKEN = "RECIDIV_TOKEN"
_SHORTEST = 16
_SECONDS_TO_STOP = 2
# What workers need, in the order in which they are likely to: each is loaded when nobody waits.
_LOADED = [
    f"recidiv_core.{name}"
    for name in ("data.reading", "api.tasks", "models.probe", "slices.kernels", "thresholds.kernels", "slices.optimal")
]
_INDEX = Path(st.__file__).parent / "static" / "index.html"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """How a server is reached, by whom, and what it may hold. ``memory`` in bytes; None: as much as there is."""

    address: str = "127.0.0.1"
    port: int = 8501
    tokens: Tokens = field(default_factory=Tokens)
    public: PublicUrl | None = None
    proxies: tuple[str, ...] = ()
    max_sessions: int = 50
    memory: int | None = None


def tokens_for(address: str, path: Path | None = None) -> Tokens:
    """The tokens that requests have to bring: that of the environment, and those of a file.

    Raises
    ------
    InputError
        Where there has to be one and is none, or it is too short or cannot stand in a header, or the file cannot be
        read.
    """
    token = os.environ.get(TOKEN)
    if token is None and path is None and not is_loopback(address):
        raise InputError.one(TOKEN, "a token, or --tokens, as the address can be reached from elsewhere", "none")
    if token is not None and not (
        len(token) >= _SHORTEST and token.isascii() and token.isprintable() and token == token.strip()
    ):
        raise InputError.one(
            TOKEN, f"at least {_SHORTEST} printable ASCII characters, no space at either end", "something else"
        )
    return Tokens(single=token, path=path)


def application(records: SentencingRecords, settings: Settings) -> st.App:
    """The dashboard with the routes, behind the guard.

    ``records`` are what ``/sentencing-disparity`` answers from; no session sees them.
    """
    pool = Pool(load=_LOADED)
    start(pool)  # uploads are read there, models opened, and the API's audits made
    memory.limit_to(settings.memory)
    sessions = Sessions(most=settings.max_sessions)
    guard = Middleware(
        Guard,
        api=create_api(records, workers=Workers(pool)),
        tokens=settings.tokens,
        public=settings.public,
        proxies=settings.proxies,
        sessions=sessions,
        policy=dashboard_policy(_INDEX),
    )
    return st.App(APP, middleware=[guard], lifespan=sessions.swept, on_script_error=calm)


def serve(records: SentencingRecords, settings: Settings) -> None:
    """Serve until stopped, and end this process.

    Raises
    ------
    InputError
        When the address or the port cannot be had.
    """
    if not 0 < settings.port < 65_536:
        raise InputError.one("--port", "1 to 65535", f"{settings.port}")
    address = settings.address.removeprefix("[").removesuffix("]")
    _tell_no_values()
    app = application(records, settings)
    # As App.run does, but the server is our own: that one takes headers of any size, and stops only when all work is
    # done.
    bootstrap.load_config_options(_options(address, settings))
    config = uvicorn.Config(
        app,
        host=address,
        port=settings.port,
        http=partial(LimitedProtocol, doors=Doors(proxies=settings.proxies)),
        ws=LimitedSocket,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        headers=HEADERS,
        server_header=False,
        proxy_headers=False,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=_SECONDS_TO_STOP,
    )
    listening = _listening(address, settings.port, config.backlog)
    url = f"http://{f'[{address}]' if ':' in address else address}:{settings.port}"
    shown = settings.public.origin + settings.public.prefix if settings.public else url
    print(f"Dashboard: {shown}\nHTTP API:  {shown}/api/docs", flush=True)
    if not st.get_option("server.headless"):  # where there is a screen
        Timer(1.0, webbrowser.open, [url]).start()
    _run(uvicorn.Server(config), listening)


def _options(address: str, settings: Settings) -> dict[str, Any]:
    """What Streamlit is told.

    It answers under the prefix of the public address, and keeps a lost session no longer than has to be.
    """
    own = {
        "server.address": address,
        "server.port": settings.port,
        "server.disconnectedSessionTTL": SECONDS_TO_COME_BACK,
    }
    return own | ({"server.baseUrlPath": settings.public.prefix.strip("/")} if settings.public else {})


def _listening(address: str, port: int, backlog: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return socket.create_server((address, port), family=family, backlog=backlog)
    except OSError as error:
        raise InputError.one("--address, --port", "a free one", error.strerror or "an error") from None


def _run(server: uvicorn.Server, listening: socket.socket) -> None:
    """Run until SIGTERM or SIGINT, and end then, whatever a page is still at: workers end with this process."""
    for number in (signal.SIGTERM, signal.SIGINT):  # the server raises them once more when it has stopped
        signal.signal(number, lambda *_: None)
    server.run(sockets=[listening])
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0 if server.started else 1)


def _tell_no_values() -> None:
    """From now on nothing that is logged or printed says what an error or a warning says: it could hold a cell value.

    Place and type are enough.
    """
    made = logging.getLogRecordFactory()

    def without_values(*arguments: Any, **more: Any) -> logging.LogRecord:
        record = made(*arguments, **more)
        if isinstance(record.args, tuple):
            record.args = tuple(place_of(a) if isinstance(a, BaseException) else a for a in record.args)
        if record.exc_info and record.exc_info[1] is not None:
            record.msg, record.args = f"{record.name}: {place_of(record.exc_info[1])}", ()
            record.exc_info = record.exc_text = None
        return record

    logging.setLogRecordFactory(without_values)
    warnings.simplefilter("ignore")
    threading.excepthook = lambda found: _LOG.error("a thread: %s", found.exc_value and place_of(found.exc_value))
    sys.unraisablehook = lambda found: _LOG.error("at an end: %s", found.exc_value and place_of(found.exc_value))
