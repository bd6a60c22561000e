"""The dashboard and the HTTP routes in one process."""

from __future__ import annotations

import os
import sys
from ipaddress import ip_address
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from recidiv_core.api import LOOPBACK, Guard, create_api
from recidiv_core.errors import InputError
from recidiv_core.sentencing import SentencingRecords

TOKEN = "RECIDIV_TOKEN"
_SHORTEST = 16
_APP = Path(__file__).resolve().parents[1] / "app.py"


def token_for(address: str) -> str | None:
    """The token that requests have to bring, from the environment.

    Raises
    ------
    InputError
        Where there has to be one and is none, or it is too short or cannot stand in a header.
    """
    token = os.environ.get(TOKEN) or None
    if token is None and not _is_loopback(address):
        raise InputError.one(TOKEN, "a token, as the address can be reached from elsewhere", "none")
    if token is not None and not (len(token) >= _SHORTEST and token.isascii() and token.isprintable()):
        raise InputError.one(TOKEN, f"at least {_SHORTEST} printable ASCII characters", "something else")
    return token


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address in LOOPBACK


def application(records: SentencingRecords, *, token: str | None) -> st.App:
    """The dashboard with the routes, behind the guard. ``records`` are what ``/sentencing-disparity`` answers from; no session sees them."""
    return st.App(_APP, middleware=[Middleware(Guard, api=create_api(records), token=token)])


def serve(records: SentencingRecords, *, address: str, port: int, token: str | None) -> None:
    """Serve until stopped."""
    app = application(records, token=token)
    sys.argv[:] = [str(_APP)]  # Streamlit looks for .streamlit/config.toml beside what was started
    app.run(config={"server.address": address, "server.port": port})
