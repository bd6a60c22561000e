"""How many connections there may be, in all and from one client."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Collection
from ipaddress import ip_address
from typing import Protocol

MOST_CONNECTIONS = 1_000
MOST_OF_A_CLIENT = 200  # an office behind one address fits; a browser opens six and a websocket
_FAIR_SECONDS = 2.0  # that anybody has for a first word
_OTHER_DESCRIPTORS = 400  # files, workers and what libraries hold


class Connection(Protocol):
    """What the doors know of a connection: the client, when it came, how much it has sent, and how to end it."""

    peer: str | None
    since: float
    received: int

    def abort(self) -> None: ...


class Doors:
    """Counts connections.

    Where there are too many, the one that has sent least for its time, of those whose request is not whole, goes.

    ``proxies`` are addresses that speak for many; neither they nor this machine itself count as one client, for a
    reverse proxy is one of the two.
    """

    def __init__(
        self, *, proxies: Collection[str] = (), most: int = MOST_CONNECTIONS, of_a_client: int = MOST_OF_A_CLIENT
    ):
        self._proxies, self._of_a_client = frozenset(proxies), of_a_client
        self._most = min(most, _descriptors(most + _OTHER_DESCRIPTORS) - _OTHER_DESCRIPTORS)
        self._all: set[Connection] = set()
        self._waiting: set[Connection] = set()
        self._clients: Counter[str] = Counter()

    def enters(self, connection: Connection) -> bool:
        """Let a connection in, or say that it cannot be."""
        if self._counts(connection.peer) and self._clients[connection.peer] >= self._of_a_client:
            return False
        if len(self._all) >= self._most:
            now = time.monotonic()
            slow = [other for other in self._waiting if now - other.since > _FAIR_SECONDS] or self._waiting
            if not slow:
                return False
            slowest = min(slow, key=lambda other: other.received / (now - other.since + 1))
            slowest.abort()
            self.leaves(slowest)
        self._all.add(connection)
        self._waiting.add(connection)
        if connection.peer is not None:
            self._clients[connection.peer] += 1
        return True

    def waits(self, connection: Connection, *, is_waiting: bool) -> None:
        """Say whether the connection's request is still to come."""
        if is_waiting and connection in self._all:
            self._waiting.add(connection)
        else:
            self._waiting.discard(connection)

    def leaves(self, connection: Connection) -> None:
        """A connection ended; said twice it counts once."""
        self._waiting.discard(connection)
        if connection in self._all:
            self._all.remove(connection)
            if connection.peer is not None:
                self._clients[connection.peer] -= 1
                if not self._clients[connection.peer]:
                    del self._clients[connection.peer]

    def _counts(self, peer: str | None) -> bool:
        return peer is not None and peer not in self._proxies and not ip_address(peer).is_loopback


def _descriptors(wanted: int) -> int:
    """How many descriptors this process may have, raised to ``wanted`` where the system allows it."""
    if sys.platform == "win32":
        return wanted
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > soft:
        soft = max(soft, wanted if hard == resource.RLIM_INFINITY else min(wanted, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft
