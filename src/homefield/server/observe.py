"""The outermost layer: each request gets an id, a language, safe headers, a line in the log, a place in the metrics."""

from __future__ import annotations

import logging
import re
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from homefield.messages import Language
from homefield.server.headers import SECURE
from homefield.server.language import chosen_language
from homefield.server.metrics import Metrics
from homefield.server.tracing import Span
from homefield.store import new_id

__all__ = ["Observe"]

_log = logging.getLogger("homefield.server")
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_QUIET = frozenset({"/livez", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"})


class Observe:
    """Sees every request come and go."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, span: Span, language: Language) -> None:
        self._app, self._metrics, self._span, self._language = app, metrics, span, language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if _ID.fullmatch(given) else new_id()
        accepted = headers.get(b"accept-language", b"").decode("latin-1")
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        state["headers"] = {key.decode("latin-1"): value.decode("latin-1") for key, value in headers.items()}
        state["language"] = chosen_language(scope["query_string"], accepted, self._language)
        begun, status = time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = {key for key, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(pair for pair in SECURE if pair[0] not in own),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        try:
            with self._span(f"{scope['method']} {scope['path']}", state["headers"]):
                await self._app(scope, receive, sending)
        finally:
            self._note(scope, status, time.perf_counter() - begun)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "-")
        method = scope["method"] if scope["method"] in _METHODS else "-"
        self._metrics.requests.labels(route, method, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        state: dict[str, Any] = scope["state"]
        if scope["path"] in _QUIET and status < 400:
            return
        facts = {
            "request_id": state["request_id"],
            "method": method,
            "route": route,
            "status": status,
            "ms": round(1000 * seconds, 2),
        }
        if (identity := state.get("identity")) is not None and identity.key_id is not None:
            facts["key"] = identity.key_id
        if (code := state.get("code")) is not None:
            facts["code"] = code
            self._metrics.refusals.labels(code).inc()
        _log.info("request", extra={"facts": facts})


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
