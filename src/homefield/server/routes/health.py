"""Health and metrics: whether the process lives, whether calls may come (and why not), and numbers for Prometheus."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from homefield.server.access import needs, public
from homefield.server.openapi import media
from homefield.server.routes.asking import language_of, running_of

__all__ = ["UNREADY", "add_routes", "livez", "readyz"]

UNREADY = media("application/json", status=503)


def add_routes(routes: APIRouter) -> None:
    """Add them to the application's."""
    routes.get("/livez", tags=["health"])(livez)
    routes.get("/readyz", tags=["health"], responses=UNREADY)(readyz)
    routes.get("/metrics", tags=["health"], response_class=PlainTextResponse)(metrics)
    routes.get("/openapi.json", tags=["health"])(openapi)


@public
async def livez(request: Request) -> Response:
    """Whether the process runs."""
    del request
    return JSONResponse({"live": True})


@public
async def readyz(request: Request) -> Response:
    """Whether calls may come; 503 with the reasons when they should go elsewhere. Beside them what people should mend
    although calls may come: files of options that cannot be used."""
    running, language = running_of(request), language_of(request)
    reasons = await running.unready()
    # A store that is away is a reason already.
    warnings = [] if reasons else await asyncio.to_thread(running.desks.broken)
    told = {
        "ready": not reasons,
        "reasons": [error.as_json(language) for error in reasons],
        "warnings": [error.as_json(language) for error in warnings],
    }
    return JSONResponse(told, 503 if reasons else 200)


@needs("read")
async def metrics(request: Request) -> Response:
    """Numbers of all workers, in Prometheus' text format."""
    page = await asyncio.to_thread(running_of(request).metrics.page)
    return Response(page, headers={"content-type": CONTENT_TYPE_LATEST})


@needs("read")
async def openapi(request: Request) -> Response:
    """This interface, as OpenAPI 3.1."""
    return JSONResponse(request.app.openapi())
