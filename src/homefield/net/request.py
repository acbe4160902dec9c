"""One request and its reply, whole, within limits of size, time and redirects.

The address is put into the URL in place of the name, and the name into the `Host` header and the TLS handshake, so that
what was judged is what is connected to, and the certificate is still checked against the name.
"""

from __future__ import annotations

import os
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from ipaddress import ip_address

import anyio
import anyio.to_thread
import certifi
import httpx

from homefield.errors import CallError, NotAllowed, RemoteError
from homefield.net.addresses import Address, Allowed, Resolver, resolve, why_refused

__all__ = ["Limits", "Reply", "fetch", "fetch_now"]

_SWITCH_TO_GET = (301, 302, 303)
_REDIRECTS = (*_SWITCH_TO_GET, 307, 308)
_KEPT_ELSEWHERE = ("accept", "accept-language", "user-agent")
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True)
class Limits:
    """What a reply may cost: bytes of its body, on the wire and decompressed; seconds for everything; redirects."""

    bytes: int = 16 << 20
    seconds: float = 30.0
    redirects: int = 5


@dataclass(frozen=True)
class Reply:
    """What came back; `url` is where it came from in the end, `headers` have lower-case names."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class _Request:
    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    body: bytes | None


async def fetch(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    limits: Limits | None = None,
    allowed: Allowed | None = None,
    resolver: Resolver = resolve,
) -> Reply:
    """Send one request and read its reply, whatever its status.

    Raises:
        CallError: `net.bad_url`, `net.bad_request`.
        NotAllowed: `net.refused_address`, `net.refused_redirect`.
        RemoteError: `net.unknown_host`, `net.unreachable`, `net.certificate`, `net.too_slow`, `net.too_large`,
            `net.too_many_redirects`, `net.bad_reply`.
    """
    limits, allowed = limits or Limits(), allowed or Allowed()
    given = {name.lower(): value for name, value in (headers or {}).items()}
    request = _Request(method.upper(), _checked_url(url), given, body)
    try:
        with anyio.fail_after(limits.seconds):
            for _ in range(limits.redirects + 1):
                reply = await _once(request, limits, allowed, resolver)
                if reply.status not in _REDIRECTS or "location" not in reply.headers:
                    return reply
                request = _redirected(request, reply)
    except TimeoutError as error:
        raise RemoteError("net.too_slow", host=request.url.host, seconds=limits.seconds) from error
    raise RemoteError("net.too_many_redirects", url=_shown(url), count=limits.redirects)


def fetch_now(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    limits: Limits | None = None,
    allowed: Allowed | None = None,
    resolver: Resolver = resolve,
) -> Reply:
    """`fetch` for code that runs in no event loop; blocks.

    Raises:
        as `fetch`.
    """
    call = partial(
        fetch, url, method=method, headers=headers, body=body, limits=limits, allowed=allowed, resolver=resolver
    )
    return anyio.run(call)


def _checked_url(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise CallError("net.bad_url", url=_shown(url)) from error
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.userinfo:
        raise CallError("net.bad_url", url=_shown(url))
    return parsed.copy_with(fragment=None)


def _shown(url: str) -> str:
    """A URL fit for a message or a log: no credentials, no query, which often holds a token."""
    return url.partition("?")[0].partition("#")[0].rpartition("@")[2][:200]


def _redirected(request: _Request, reply: Reply) -> _Request:
    """The request that a redirect asks for.

    Raises:
        NotAllowed: `net.refused_redirect`: from https to http, or with a body to somewhere else.
    """
    here = request.url
    try:
        there = _checked_url(str(here.join(reply.headers["location"])))
    except httpx.InvalidURL as error:
        raise CallError("net.bad_url", url=_shown(reply.headers["location"])) from error
    same = (here.scheme, here.host, _port(here)) == (there.scheme, there.host, _port(there))
    becomes_get = request.method not in ("GET", "HEAD") and reply.status in _SWITCH_TO_GET
    body = None if becomes_get else request.body
    if (here.scheme == "https" and there.scheme == "http") or (body is not None and not same):
        raise NotAllowed("net.refused_redirect", url=_shown(str(here)), to=_shown(str(there)))
    kept = request.headers if same else {k: v for k, v in request.headers.items() if k in _KEPT_ELSEWHERE}
    if becomes_get:
        kept = {name: value for name, value in kept.items() if not name.startswith("content-")}
    return _Request("GET" if becomes_get else request.method, there, kept, body)


async def _once(request: _Request, limits: Limits, allowed: Allowed, resolver: Resolver) -> Reply:
    """One hop: look up, judge, connect to the first address that answers."""
    host = request.url.host
    addresses = await _judged(host, _port(request.url), allowed, resolver)
    for place, address in enumerate(addresses):
        try:
            return await _ask(request, address, limits)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if _certificate_fault(error):
                raise RemoteError("net.certificate", host=host, detail=str(error)) from error
            if place + 1 == len(addresses):
                raise RemoteError("net.unreachable", host=host, detail=str(error) or "-") from error
    raise RemoteError("net.unknown_host", host=host)


async def _judged(host: str, port: int, allowed: Allowed, resolver: Resolver) -> list[Address]:
    """The addresses of `host`, looked up once; if one of them may not be reached, none is."""
    try:
        found = await anyio.to_thread.run_sync(resolver, host, port, abandon_on_cancel=True)
    except (OSError, UnicodeError) as error:
        raise RemoteError("net.unknown_host", host=host) from error
    addresses = [ip_address(each) for each in found]
    for address in addresses:
        why = why_refused(address)
        if why is not None and not allowed.opens(host, address, why):
            raise NotAllowed("net.refused_address", host=host, address=address, why=why)
    return addresses


async def _ask(request: _Request, address: Address, limits: Limits) -> Reply:
    written = f"[{address}]" if address.version == 6 else str(address)
    pinned = request.url.copy_with(host=written)
    headers = {"accept-encoding": "gzip", "user-agent": "homefield", **request.headers}
    headers["host"] = request.url.netloc.decode("ascii")
    try:
        async with (
            httpx.AsyncClient(
                verify=_certificates(os.environ.get("SSL_CERT_FILE")),
                trust_env=False,
                follow_redirects=False,
                timeout=limits.seconds,
            ) as client,
            client.stream(
                request.method,
                pinned,
                headers=headers,
                content=request.body,
                extensions={"sni_hostname": request.url.host},
            ) as response,
        ):
            body = await _body(response, request, limits)
            told = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status_code, str(request.url), told, body)
    except (httpx.ConnectError, httpx.ConnectTimeout):
        raise
    except httpx.TimeoutException as error:
        raise TimeoutError from error
    except httpx.LocalProtocolError as error:
        raise CallError("net.bad_request", url=_shown(str(request.url)), detail=str(error)) from error
    except (httpx.TransportError, zlib.error) as error:
        raise RemoteError("net.bad_reply", host=request.url.host, detail=str(error) or "-") from error


async def _body(response: httpx.Response, request: _Request, limits: Limits) -> bytes:
    """The body, decompressed as far as the limit and no further.

    Raises:
        RemoteError: `net.too_large`, `net.bad_reply` for a coding that was not asked for.
    """
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "", "gzip", "x-gzip"):
        raise RemoteError("net.bad_reply", host=request.url.host, detail=f"content-encoding: {coding}")
    unpack = _Unpack() if coding not in ("identity", "") else None
    body, wire = bytearray(), 0
    async for piece in response.aiter_raw():
        wire += len(piece)
        body += piece if unpack is None else unpack.some(piece, limits.bytes + 1 - len(body))
        if max(len(body), wire) > limits.bytes:
            raise RemoteError("net.too_large", host=request.url.host, limit=limits.bytes)
    if unpack is not None and not unpack.finished and request.method != "HEAD":
        raise RemoteError("net.bad_reply", host=request.url.host, detail=f"{coding}: ends early")
    return bytes(body)


class _Unpack:
    """Decompresses what comes, never more than is asked for; several gzip members may follow each other."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(_GZIP)
        self.finished = True

    def some(self, piece: bytes, most: int) -> bytes:
        """Up to `most` bytes of what `piece` holds; a caller that gets `most` has had enough and stops."""
        made = bytearray()
        while piece and len(made) < most:
            if self._zlib.eof:
                self._zlib = zlib.decompressobj(_GZIP)
            made += self._zlib.decompress(piece, most - len(made))
            piece = self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail
        self.finished = self._zlib.eof
        return bytes(made)


def _port(url: httpx.URL) -> int:
    return url.port or {"http": 80, "https": 443}[url.scheme]


@cache
def _certificates(named: str | None) -> ssl.SSLContext:
    """The authorities of the system, or of the file that `SSL_CERT_FILE` `named`, and those that come with certifi."""
    del named  # OpenSSL reads the variable itself
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _certificate_fault(error: BaseException) -> bool:
    """Whether a certificate was the reason; httpx wraps it some levels deep."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, ssl.SSLError):
            return True
        inner = inner.__cause__ or inner.__context__
    return False
