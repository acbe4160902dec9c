"""`GET /v1/models`: what there is, and what is in use."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from homefield.errors import CallError
from homefield.server.access import needs
from homefield.server.routes.asking import running_of
from homefield.server.shelf import Listing
from homefield.store.versions import ModelVersion

__all__ = ["add_routes"]


def add_routes(routes: APIRouter) -> None:
    """Add them to the application's."""
    routes.get("/v1/models", tags=["models"])(every)
    routes.get("/v1/models/{name}", tags=["models"])(one)


@needs("read")
async def every(request: Request) -> Response:
    """Every model with its versions; also in the form of OpenAI's list."""
    shelf = running_of(request).shelf
    await shelf.settled()
    return JSONResponse(
        {"object": "list", "data": [_told(name, shelf.listing) for name in sorted(shelf.listing.versions)]}
    )


@needs("read")
async def one(request: Request, name: str) -> Response:
    """One model with its versions."""
    shelf = running_of(request).shelf
    await shelf.settled()
    if name not in shelf.listing.versions:
        raise CallError("server.no_such_model", name=name[:100])
    return JSONResponse(_told(name, shelf.listing))


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


def _version(row: ModelVersion) -> dict[str, Any]:
    return {
        "version": row.version,
        "seal": row.seal,
        "made_at": row.made_at.isoformat(),
        "made_by": row.made_by,
        "facts": row.facts,
    }
