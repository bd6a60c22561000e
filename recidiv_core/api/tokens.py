"""Tokens: one from the environment, and named ones whose hashes a file holds, so that each can be withdrawn."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import os
import re
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from recidiv_core.errors import InputError
from recidiv_core.files import write_whole

SHORTEST = 16
FREE, MOST_WRONG = 3, 20  # wrong ones from a client that are answered at once, and at all, within _FORGET
_FORGET = 600.0  # seconds
_SLOWEST = 5.0
_KEPT_CLIENTS = 10_000
_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,60}")
_LINE = re.compile(rf"({_NAME.pattern})\s+([0-9a-f]{{64}})")
_SINGLE = "token"  # the name of the one from the environment
_LOG = logging.getLogger(__name__)


@dataclass
class _Wrong:
    count: int
    latest: float
    given: str  # the hash of the last one


class TooManyWrong(Exception):
    """A client that has tried too many wrong tokens."""


class Tokens:
    """Whose token a request brings. ``path`` is read again when it changes: a line taken out is a token withdrawn."""

    def __init__(self, *, single: str | None = None, path: Path | None = None):
        self._path, self._read, self._named = path, (0, 0), {}
        self._single = None if single is None else _hashed(single.encode())
        self._wrong: OrderedDict[str, _Wrong] = OrderedDict()
        self._refresh()

    @property
    def are_needed(self) -> bool:
        """Whether requests have to bring one."""
        return self._single is not None or self._path is not None

    def known(self) -> dict[str, str]:
        """Name of each token that is valid now, and its hash."""
        self._refresh()
        return self._named | ({} if self._single is None else {_SINGLE: self._single})

    def owner(self, given: bytes) -> str | None:
        """The name of the token ``given``; None where there is none such."""
        own, found = _hashed(given), None
        for name, kept in self.known().items():  # all of them: the time taken says nothing
            if hmac.compare_digest(own, kept):
                found = name
        return found

    async def told_wrong(self, client: str, given: bytes) -> None:
        """Count a wrong token, log it without the token, and slow the client down.

        The same one again, as a page left open sends it, counts once.

        A right one is never kept waiting for the wrong ones of others at the same address.

        Raises
        ------
        TooManyWrong
            When there were more than anybody mistypes.
        """
        wrong = self._wrong.get(client)
        if wrong is None or time.monotonic() - wrong.latest > _FORGET:
            wrong = self._wrong[client] = _Wrong(0, 0.0, "")
        if (own := _hashed(given)) != wrong.given:
            wrong.count, wrong.latest, wrong.given = wrong.count + 1, time.monotonic(), own
            if wrong.count <= MOST_WRONG:  # more would tell nothing, and fill the log
                _LOG.warning("a wrong token from %s, the %d. in a row", client, wrong.count)
        self._wrong.move_to_end(client)
        while len(self._wrong) > _KEPT_CLIENTS:
            self._wrong.popitem(last=False)
        if wrong.count > FREE:
            await asyncio.sleep(min(0.25 * 2 ** min(wrong.count - FREE, 9), _SLOWEST))
        if wrong.count > MOST_WRONG:
            raise TooManyWrong

    def told_right(self, client: str) -> None:
        """A right one makes up for those before it."""
        self._wrong.pop(client, None)

    def _refresh(self) -> None:
        if self._path is None:
            return
        try:
            state = self._path.stat()
            if (state.st_mtime_ns, state.st_size) != self._read:
                self._named = read_tokens(self._path)
                self._read = (state.st_mtime_ns, state.st_size)
        except (OSError, InputError):
            if self._read == (0, 0):
                raise
            self._named, self._read = {}, (-1, 0)  # a file that cannot be read lets nobody in
            _LOG.error("the file of tokens cannot be read: nobody is let in by it")


def read_tokens(path: Path) -> dict[str, str]:
    """Name of each token in a file, and its hash.

    Raises
    ------
    InputError
        When it cannot be read, or a line is no name with a hash.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError.one("--tokens", "a file that can be read", "none") from None
    lines = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    found = [_LINE.fullmatch(line) for line in lines]
    if not all(found):
        raise InputError.one("--tokens", "lines of a name and the SHA-256 of its token", "another line")
    return {match[1]: match[2] for match in found if match is not None}


def add_token(path: Path, name: str) -> str:
    """Make a token for ``name``, keep its hash in the file, and give the token: it stands nowhere else.

    Raises
    ------
    InputError
        For a name that cannot be, or that has one.
    """
    known = read_tokens(path) if path.exists() else {}
    if not _NAME.fullmatch(name) or name in (*known, _SINGLE, "-"):
        raise InputError.one("NAME", "letters, digits, . _ @ - and no name that has a token", "another")
    token = secrets.token_urlsafe(32)
    _write(path, known | {name: _hashed(token.encode())})
    return token


def withdraw_token(path: Path, name: str) -> None:
    """Take the token of ``name`` out of the file.

    Raises
    ------
    InputError
        When it has none.
    """
    known = read_tokens(path)
    if name not in known:
        raise InputError.one("NAME", f"one of {', '.join(known) or 'none'}", "another")
    _write(path, {other: kept for other, kept in known.items() if other != name})


def _write(path: Path, named: dict[str, str]) -> None:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))  # a new one is nobody else's to read
        write_whole(path, "".join(f"{name} {kept}\n" for name, kept in named.items()).encode())
    except OSError as error:
        raise InputError.one("--tokens", "a file that can be written", error.strerror or "none") from None


def _hashed(token: bytes) -> str:
    return hashlib.sha256(token).hexdigest()
