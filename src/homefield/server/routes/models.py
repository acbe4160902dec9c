"""`GET /v1/models`: what there is, and what is in use."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from homefield.errors import CallError
from homefield.server.access import needs
from homefield.server.routes.asking import running_of
from homefield.server.running import Running
from homefield.server.shelf import Listing
from homefield.store import aliases, versions
from homefield.store.versions import ModelVersion

__all__ = ["SERVICE", "add_routes"]

SERVICE = "support/"
"""Before the name of a customer service where models are listed and named, so that it is not a model's."""


def add_routes(routes: APIRouter) -> None:
    """Add them to the application's."""
    routes.get("/v1/models", tags=["models"])(every)
    routes.get("/v1/models/{name}", tags=["models"])(one)
    routes.get(f"/v1/models/{SERVICE}{{name}}", tags=["models"])(service)


@needs("read")
async def every(request: Request) -> Response:
    """Every model with its versions, and the customer services that chat completions take; also in the form of OpenAI's
    list."""
    running = running_of(request)
    shelf = running.shelf
    await shelf.settled()
    told = [_told(name, shelf.listing) for name in sorted(shelf.listing.versions)]
    return JSONResponse({"object": "list", "data": [*told, *await running.counter.do(lambda: _services(running))]})


@needs("read")
async def one(request: Request, name: str) -> Response:
    """One model with its versions."""
    shelf = running_of(request).shelf
    await shelf.settled()
    if name not in shelf.listing.versions:
        raise CallError("server.no_such_model", name=name[:100])
    return JSONResponse(_told(name, shelf.listing))


@needs("read")
async def service(request: Request, name: str) -> Response:
    """One customer service, as chat completions take it."""
    running = running_of(request)
    known = {told["id"]: told for told in await running.counter.do(lambda: _services(running))}
    if (told := known.get(f"{SERVICE}{name}")) is None:
        raise CallError("support.no_such_name", name=name[:100])
    return JSONResponse(told)


def _told(name: str, listing: Listing) -> dict[str, Any]:
    versions = listing.versions[name]
    first = min(versions.values(), key=lambda row: row.version)
    return {
        "id": name,
        "object": "model",
        "created": int(first.made_at.timestamp()),
        "owned_by": first.made_by,
        "aliases": {alias: number for (owner, alias), number in listing.aliases.items() if owner == name},
        "versions": [_version(row) for _, row in sorted(versions.items())],
    }


def _services(running: Running) -> list[dict[str, Any]]:
    """The customer services that can be talked to, each with its release in use."""
    with running.store.read() as transaction:
        stands = aliases.standing(transaction, "application")
        known = {name: versions.application(transaction, name) for name in running.desks.assistants.names()}
    return [
        {
            "id": f"{SERVICE}{name}",
            "object": "model",
            "created": int(made.made_at.timestamp()) if made is not None else 0,
            "owned_by": made.made_by if made is not None else "homefield",
            "aliases": {alias: number for (owner, alias), number in stands.items() if owner == name},
        }
        for name, made in sorted(known.items())
    ]


def _version(row: ModelVersion) -> dict[str, Any]:
    return {
        "version": row.version,
        "seal": row.seal,
        "made_at": row.made_at.isoformat(),
        "made_by": row.made_by,
        "facts": row.facts,
    }
