"""The command that serves dashboard and HTTP routes."""

from __future__ import annotations

import argparse
from typing import Any

from recidiv_core.commands.sentencing import columns_arguments, records_of
from recidiv_core.sentencing import SAMPLE, SEED


def serve_arguments(commands: Any) -> None:
    """What ``serve`` takes."""
    own = commands.add_parser(
        "serve", help="the dashboard, and the HTTP API beside it",
        description="Off the loopback address it starts only with a token in RECIDIV_TOKEN. Exit status: 0; 2 for bad input.",
    )  # fmt: skip
    own.add_argument(
        "--records", metavar="TABLE", default=SAMPLE,
        help=f"sentences that POST /sentencing-disparity answers from: CSV, Parquet or XLSX, or simulated:N (default {SAMPLE})",
    )  # fmt: skip
    columns_arguments(own)
    own.add_argument("--address", default="127.0.0.1")
    own.add_argument("--port", type=int, default=8501)
    own.set_defaults(seed=SEED)


def serve(options: argparse.Namespace) -> int:
    """Serve until stopped."""
    from recidiv_core import server  # the other commands need no web server

    token = server.token_for(options.address)
    server.serve(records_of(options), address=options.address, port=options.port, token=token)
    return 0
