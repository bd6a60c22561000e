"""The commands that serve dashboard and HTTP routes, and make the tokens for them."""

from __future__ import annotations

import argparse
import os
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from recidiv_core.commands.sentencing import columns_arguments, records_of
from recidiv_core.errors import InputError
from recidiv_core.sentencing import SAMPLE, SEED
from recidiv_core.trail import open_trail


def arguments(commands: Any, table: argparse.ArgumentParser) -> None:
    """What ``serve`` and ``tokens`` take."""
    own = commands.add_parser(
        "serve",
        help="the dashboard, and the HTTP API beside it",
        description="Off the loopback address it starts only with a token in RECIDIV_TOKEN, or with --tokens. "
        "Exit status: 0; 2 for bad input.",
    )
    own.add_argument(
        "--records",
        metavar="TABLE",
        default=SAMPLE,
        help="sentences that POST /sentencing-disparity answers from: CSV, Parquet or XLSX, or simulated:N "
        f"(default {SAMPLE})",
    )
    columns_arguments(own)
    own.add_argument("--address", default="127.0.0.1")
    own.add_argument("--port", type=int, default=8501)
    own.add_argument(
        "--public-url", metavar="URL", help="where people reach it, https://host/audit: host, origin and prefix follow"
    )
    own.add_argument(
        "--proxy",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="a reverse proxy whose X-Forwarded-For counts; may be repeated",
    )
    own.add_argument("--tokens", type=Path, metavar="FILE", help="named tokens, as the command tokens makes them")
    own.add_argument("--max-sessions", type=int, default=50, metavar="N", help="of the dashboard at once (default 50)")
    own.add_argument(
        "--memory", type=float, metavar="GB", help="nothing more is taken in beyond it (default: three quarters)"
    )
    own.add_argument(
        "--audit-log", type=Path, metavar="FILE", help="append who came, loaded and exported what; no values"
    )
    own.set_defaults(run=serve, seed=SEED)
    named = commands.add_parser(
        "tokens",
        help="make or withdraw a named token for serve --tokens",
        description="The file holds names and hashes; a token is printed once. Exit status: 0; 2 for bad input.",
    )
    named.add_argument("file", metavar="FILE", type=Path)
    named.add_argument("name", metavar="NAME", help="whose token it is")
    named.add_argument("--withdraw", action="store_true", help="take it out; a server that runs sees it at once")

    named.set_defaults(run=tokens)


def serve(options: argparse.Namespace) -> int:
    """Serve until stopped."""
    from recidiv_core import server  # the other commands need no web server
    from recidiv_core.api import PublicUrl

    if options.max_sessions < 1:
        raise InputError.one("--max-sessions", "1 or more", f"{options.max_sessions}")
    if options.memory is not None and not 0.5 <= options.memory < 1e6:
        raise InputError.one("--memory", "0.5 GB or more", f"{options.memory:g}")
    settings = server.Settings(
        address=options.address,
        port=options.port,
        tokens=server.tokens_for(options.address, options.tokens),
        public=None if options.public_url is None else PublicUrl.of(options.public_url),
        proxies=tuple(_address(text) for text in options.proxy),
        max_sessions=options.max_sessions,
        memory=_most_memory() if options.memory is None else int(options.memory * 1e9),
    )
    if options.audit_log:
        open_trail(options.audit_log)
    server.serve(records_of(options), settings)
    return 0


def tokens(options: argparse.Namespace) -> int:
    """Make a token, or withdraw one."""
    from recidiv_core.api import add_token, withdraw_token

    if options.withdraw:
        withdraw_token(options.file, options.name)
        print(f"withdrawn: {options.name}")
    else:
        print(add_token(options.file, options.name))
    return 0


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise InputError.one("--proxy", "an address such as 10.0.0.2", "another") from None


def _most_memory() -> int | None:
    """Three quarters of this machine's memory; None where it does not say."""
    try:
        return int(0.75 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return None
