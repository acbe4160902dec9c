"""What every reply says to a browser, and which pages of which hosts may call.

Nothing is ever loaded from another host, nothing is framed, and a page of another site cannot make this machine's
browser change anything: its `Origin` is not ours, or the browser says `Sec-Fetch-Site: cross-site`. A name that another
site points at this machine (DNS rebinding) is not a host of ours.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from homefield.errors import CallError, NotAllowed

__all__ = ["SAFE_METHODS", "SECURE", "Hosts", "is_loopback"]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SECURE: tuple[tuple[bytes, bytes], ...] = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
        b"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=()"),
    (b"cache-control", b"no-store"),
)
_LOCAL = ("localhost", "127.0.0.1", "::1")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Hosts:
    """The names a request may call this server by.

    Args:
        bound: the address it listens on.
        names: further names.
        origins: web pages (`https://host`) that may call beside our own.
    """

    def __init__(self, bound: str, names: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        self.names = {*_LOCAL, *(name.lower() for name in names)}
        if bound not in ("", "0.0.0.0", "::"):
            self.names.add(bound.lower())
        self.origins = {origin.rstrip("/").lower() for origin in origins}

    def check_host(self, host: str) -> None:
        """See that a request was meant for us.

        Raises:
            CallError: `server.wrong_host`.
        """
        if _name(host) not in self.names:
            raise CallError("server.wrong_host", host=host[:100])

    def check_origin(self, method: str, headers: Mapping[str, str]) -> None:
        """See that a request that changes something does not come from another site's page.

        Raises:
            NotAllowed: `server.cross_site`.
        """
        if method in SAFE_METHODS:
            return
        origin, host = headers.get("origin"), headers.get("host", "").lower()
        if origin is not None:
            if origin.lower() in self.origins:
                return
            if origin.lower() not in (f"http://{host}", f"https://{host}"):
                raise NotAllowed("server.cross_site", origin=origin[:100])
        site = headers.get("sec-fetch-site", "none")
        if site not in ("same-origin", "none"):
            raise NotAllowed("server.cross_site", origin=site[:100])


def _name(host: str) -> str:
    """`host` without its port, in small letters."""
    name = host.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0] if name.count(":") <= 1 else name
