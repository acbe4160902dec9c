"""What is asked of every request before its route: the right host, no other site's page, not too large, not too often,
and who it is. A probe of health passes by: it comes without a key, and by whatever name the balancer uses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from homefield.errors import CallError, HomefieldError, MachineError, NotAllowed
from homefield.server.headers import Hosts
from homefield.server.identity import Guests, Identity, anyone_here, cookie_of
from homefield.server.limits import Rate
from homefield.server.problems import problem
from homefield.server.pulse import Pulse
from homefield.settings import Settings

__all__ = ["PROBES", "Door"]

PROBES = frozenset({"/livez", "/readyz", "/v2/health/live", "/v2/health/ready"})
ASKING = ("/predict", "/infer", "/v1/embeddings")
UPLOADS = "/v1/uploads"
_MB = 1_000_000
_PROXY = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


class Door:
    """Lets requests in, or tells them why not.

    Args:
        app: what is behind it.
        full: why nothing more can be asked of a model now; None when it can.
        local: whether only this machine can call, so that nobody needs a key as long as there is none.
        workers: how many doors share a client's rate.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        guests: Guests,
        pulse: Pulse,
        hosts: Hosts,
        full: Callable[[], MachineError | None],
        local: bool,
        workers: int,
    ) -> None:
        self._app, self._guests, self._pulse, self._hosts, self._local = app, guests, pulse, hosts, local
        self._full = full
        self._rate = Rate(max(1.0, settings.serve_rate / workers))
        self._body, self._upload = int(settings.serve_body_mb * _MB), (settings.upload_mb << 20) + _MB

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        state = scope["state"]
        headers: Mapping[str, str] = state["headers"]
        most = self._upload if scope["path"].startswith(UPLOADS) else self._body
        try:
            self._hosts.check_host(headers.get("host", ""))
            self._hosts.check_origin(scope["method"], headers)
            if (told := headers.get("content-length", "0")).isdigit() and int(told[:20]) > most:
                raise CallError("server.too_large", most=f"{most / _MB:g}")
            # Before anything is read or looked up: what is refused must cost next to nothing when much is.
            if scope["path"].endswith(ASKING) and scope["method"] == "POST" and (full := self._full()) is not None:
                raise full
            identity = state["identity"] = await self._who(scope, headers)
            if identity is not None and identity.client is not None:
                self._rate.take(identity.client)
        except HomefieldError as error:
            state["code"] = error.code
            refusal = problem(error, language=state["language"], request_id=state["request_id"])
            await refusal(scope, receive, send)
            return
        await self._app(scope, _bounded(receive, most), send)

    async def _who(self, scope: Scope, headers: Mapping[str, str]) -> Identity | None:
        await self._pulse.feel()
        scheme, _, secret = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            secret = headers.get("x-api-key", "")
        cookie = None if secret else cookie_of(headers.get("cookie", ""))
        if not secret and cookie is None:
            return await self._without(headers)
        found = self._guests.remembered(secret) if secret else None
        if found is not None:
            return found
        self._rate.take(f"door {(scope.get('client') or ('-',))[0]}")
        if secret:
            return await asyncio.to_thread(self._guests.by_key, secret.strip())
        assert cookie is not None
        return await asyncio.to_thread(self._guests.by_cookie, cookie)

    async def _without(self, headers: Mapping[str, str]) -> Identity | None:
        if not self._local or not await self._guests.keyless():
            return None
        # A proxy in front would make all the world this machine's user.
        if any(name in headers for name in _PROXY):
            raise NotAllowed("server.proxied")
        return anyone_here()


def _bounded(receive: Receive, most: int) -> Receive:
    """`receive`, until the body is larger than said."""
    seen = 0

    async def receiving() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise CallError("server.too_large", most=f"{most / _MB:g}")
        return message

    return receiving
