"""The application: made whole by one function, with nothing shared between two of them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from homefield import __version__
from homefield.apps.support.assistants import Assistants
from homefield.errors import CallError, HomefieldError, MachineError
from homefield.faults import Fault, Faulty, faults_of
from homefield.server.access import GuardedRoute, check_routes
from homefield.server.door import Door
from homefield.server.headers import SECURE
from homefield.server.observe import Observe
from homefield.server.openapi import interface
from homefield.server.problems import problem
from homefield.server.routes import (
    channels,
    chatwoot,
    embeddings,
    events,
    feedback,
    health,
    inference,
    jobs,
    models,
    page,
    predict,
    registry,
    session,
    support,
    uploads,
)
from homefield.server.routes.asking import Gone
from homefield.server.running import Running
from homefield.server.tracing import no_spans, spans
from homefield.workspace import Workspace

__all__ = ["create_app"]

_log = logging.getLogger("homefield.server")
_ROUTES = (health, predict, models, registry, feedback, embeddings, uploads, jobs, events, session, inference)
_APPLICATIONS = (support, channels, chatwoot, page)
# FastAPI can send traces, metrics and logs by itself, as variables of the environment say: here only a setting says so.
_SILENT: TelemetryConfig = {"auto_configure": False, "tracing": False, "metrics": False, "logs": False}


def create_app(
    workspace: Workspace, *, host: str = "127.0.0.1", workers: int = 1, assistants: Assistants | None = None
) -> FastAPI:
    """Homefield's HTTP interface to a workspace, for any ASGI server.

    Args:
        workspace: whose models, store and settings.
        host: the address it will listen on; any but this machine's own needs a key.
        workers: processes that share this machine.
        assistants: the customer services there are to talk to; those of the workspace by default.

    Raises:
        NotAllowed: `server.needs_key`. MachineError: `server.no_telemetry`, or as `homefield.store.open_store`.
    """
    span = spans() if workspace.settings.telemetry else no_spans
    running = Running(workspace, host=host, workers=workers, assistants=assistants)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        await running.open()
        try:
            yield
        finally:
            await running.close()

    app = FastAPI(
        title="Homefield",
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry=_SILENT,
    )
    app.state.running = running
    app.router.route_class = GuardedRoute
    for each in (*_ROUTES, *_APPLICATIONS):
        each.add_routes(app.router)
    check_routes(app.routes)
    _tell_errors(app)
    app.openapi = lambda: interface(app)  # type: ignore[method-assign]
    app.add_middleware(
        Door,
        settings=workspace.settings,
        guests=running.guests,
        pulse=running.pulse,
        hosts=running.hosts,
        full=running.full,
        local=running.local,
        workers=workers,
    )
    app.add_middleware(Observe, metrics=running.metrics, span=span, language=workspace.settings.language)
    return app


def _tell_errors(app: FastAPI) -> None:
    """Every failure becomes a problem in the reader's language."""

    def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, HomefieldError)
        return _told(request, error)

    def misrouted(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            allowed = (error.headers or {}).get("Allow", "")
            return _told(
                request, CallError("server.no_method", method=request.method[:20], allowed=allowed), Allow=allowed
            )
        if error.status_code == 404:
            return _told(request, CallError("server.not_found", path=request.url.path[:200]))
        return _told(request, Faulty("server.bad_body", [Fault("", "faults.said", {"why": str(error.detail)})]))

    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return _told(request, Faulty("server.bad_body", faults_of(error.errors(), {})))

    def gone(request: Request, error: Exception) -> Response:
        del request, error
        return Response(status_code=499)  # nobody reads it; the log and the metrics do

    def unexpected(request: Request, error: Exception) -> Response:
        state = request.scope["state"]
        _log.error("unexpected", exc_info=error, extra={"facts": {"request_id": state.get("request_id")}})
        reply = _told(request, MachineError("server.unexpected", id=state.get("request_id", "-")))
        for name, value in (*SECURE, (b"x-request-id", state.get("request_id", "-").encode())):
            reply.headers[name.decode()] = value.decode()  # this one is sent outside of what adds them
        return reply

    app.add_exception_handler(HomefieldError, known)
    app.add_exception_handler(HTTPException, misrouted)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Gone, gone)
    app.add_exception_handler(ClientDisconnect, gone)
    app.add_exception_handler(Exception, unexpected)


def _told(request: Request, error: HomefieldError, **headers: str) -> Response:
    state = request.scope["state"]
    state["code"] = error.code
    return problem(error, language=state["language"], request_id=state["request_id"], headers=headers)
