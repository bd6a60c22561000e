"""The one trail of what was done: who came, loaded and exported what. Names of files and digests, never a value."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

from recidiv_core.errors import InputError

WHO = "x-recidiv-who"  # the header by which the guard tells the dashboard whose token it is
_descriptor: int | None = None
_LOG = logging.getLogger(__name__)


def open_trail(path: Path) -> None:
    """Append to ``path`` from now on; what stands there is never changed.

    Raises
    ------
    InputError
        When it cannot be appended to.
    """
    global _descriptor
    try:
        _descriptor = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
    except OSError as error:
        raise InputError.one("--audit-log", "a file that can be appended to", error.strerror or "none") from None


def note(event: str, *, who: str, **about: str | int | None) -> None:
    """Write one line of JSON, where a trail is kept: when, what, who, and what about."""
    if _descriptor is None:
        return
    line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, "who": who, **about}
    try:
        os.write(_descriptor, json.dumps(line).encode() + b"\n")  # one write: lines of several threads do not mix
    except OSError as error:  # a full disk must not take the program down; that a line is missing stands in the log
        _LOG.error("the trail cannot be written: %s", error.strerror)
