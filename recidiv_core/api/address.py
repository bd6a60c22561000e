"""By which address a request came, from which page, and from whom."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from recidiv_core.errors import InputError

LOOPBACK = "localhost"
_PORTS = {"http": "80", "https": "443"}


@lru_cache(1_000)
def is_loopback(address: str) -> bool:
    """Whether an address or a name is this machine's own."""
    try:
        return ip_address(address.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return address.lower() == LOOPBACK


def is_own_name(host: str) -> bool:
    """Whether a Host header names this machine by itself, with a port or without."""
    name, _, port = (host, "", "80") if host.endswith("]") or ":" not in host else host.rpartition(":")
    return port.isdecimal() and is_loopback(name)


@dataclass(frozen=True)
class PublicUrl:
    """Where a deployment is reached: ``scheme``, ``host`` with its port where that is not the scheme's own, and
    ``prefix`` ("/audit" or "").
    """

    scheme: str
    host: str
    prefix: str

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}"

    @classmethod
    def of(cls, text: str) -> PublicUrl:
        """Read "https://host/audit".

        Raises
        ------
        InputError
            When it is no such address.
        """
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        name = parts.hostname or ""
        is_address = parts.scheme in _PORTS and name and "@" not in parts.netloc and not (parts.query or parts.fragment)
        if not is_address or not name.isascii() or not parts.path.isascii() or "%" in parts.path or "//" in parts.path:
            raise InputError.one("--public-url", "an address such as https://host or https://host/audit", "another")
        host = f"[{name}]" if ":" in name else name
        if port is not None and str(port) != _PORTS[parts.scheme]:
            host += f":{port}"
        return cls(parts.scheme, host, parts.path.rstrip("/"))


def without_own_port(host: str, scheme: str) -> str:
    """A host without the port that its scheme has anyway."""
    return host.removesuffix(f":{_PORTS[scheme]}")


def client_of(scope: Scope, headers: Headers, proxies: Collection[str]) -> str:
    """Whom a request comes from: the peer, or whom a proxy of ours says that it speaks for (the last of its list,
    which it wrote itself).
    """
    peer = scope["client"][0] if scope.get("client") else ""
    if peer in proxies:
        said = headers.getlist("x-forwarded-for")
        last = said[-1].rpartition(",")[2].strip() if said else ""
        try:
            return str(ip_address(last))
        except ValueError:
            return peer
    return peer
