"""Versions put into use and taken back: through the gate, with its numbers in the reply, whatever it says."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from homefield.bundle.registry import Registry
from homefield.errors import CallError, MachineError, NotAllowed, Refused
from homefield.operate.jobs.work import is_name
from homefield.operate.uploads import upload_path
from homefield.server.access import identity_of, needs
from homefield.server.bodies import PromoteBody, RollbackBody, parsed
from homefield.server.openapi import described, refused
from homefield.server.routes.asking import language_of, running_of
from homefield.server.running import Running
from homefield.store import is_id
from homefield.store.versions import model_versions_of

if TYPE_CHECKING:
    from homefield.operate.promote import Promotion

__all__ = ["add_routes"]


def add_routes(routes: APIRouter) -> None:
    """Add them to the application's."""
    against = refused(409)
    one = "/v1/models/{name}"
    routes.post(f"{one}/promote", tags=["models"], responses=against, openapi_extra=described(PromoteBody))(promote)
    routes.post(f"{one}/rollback", tags=["models"], responses=against, openapi_extra=described(RollbackBody))(roll_back)


@needs("promote")
async def promote(request: Request, name: str) -> Response:
    """Judge a version on records with the right answers, and put it into use if the gate holds.

    Refused, the problem has the member `gate` with every check and its numbers. `force` needs the scope `admin`, too.
    """
    body = await parsed(request, PromoteBody)
    running, identity = running_of(request), identity_of(request)
    if body.force and "admin" not in identity.scopes:
        raise NotAllowed("server.no_scope", scope="admin")
    if running.judging.locked():
        raise MachineError("server.judging", seconds=10)
    async with running.judging:
        found = await asyncio.to_thread(_promote, running, name, body, identity.name)
    if found.moved is None:
        checks = [check.sentence(language_of(request)) for check in found.gate.checks if not check.passed]
        title, said = found.subject.title, " ".join(checks)
        raise Refused("server.gate_refused", model=title, said=said, members={"gate": found.gate.as_json()})
    return JSONResponse(found.as_json())


@needs("promote")
async def roll_back(request: Request, name: str) -> Response:
    """Put the version back that was in use before the present one."""
    body = await parsed(request, RollbackBody)
    return JSONResponse(
        await asyncio.to_thread(_roll_back, running_of(request), name, body.why, identity_of(request).name)
    )


def _promote(running: Running, name: str, body: PromoteBody, by: str) -> Promotion:
    from homefield.operate.registry import promote_model  # what judges is much to import, and is seldom needed

    registry = Registry(running.store, running.artifacts)
    _check_known(registry, name, body.version)
    return promote_model(
        registry,
        f"{name}@{body.version}",
        _rows(running, body.rows),
        by=by,
        columns=body.columns,
        force=body.force,
        why=body.why,
        threads=running.threads,
    )


def _roll_back(running: Running, name: str, why: str | None, by: str) -> dict[str, Any]:
    from homefield.operate.registry import roll_back_model

    registry = Registry(running.store, running.artifacts)
    _check_known(registry, name)
    moved = roll_back_model(registry, name, by=by, why=why)
    return {"name": moved.name, "version": moved.version, "alias": moved.alias, "by": moved.by, "why": moved.why}


def _check_known(registry: Registry, name: str, version: int | None = None) -> None:
    """See that there is such a model: as everywhere over HTTP, one that is not there is not found.

    Raises:
        CallError: `server.no_such_model`, `server.no_such_version`.
    """
    with registry.store.read() as transaction:
        known = {row.version for row in model_versions_of(transaction) if row.name == name}
    if not known:
        raise CallError("server.no_such_model", name=name[:100])
    if version is not None and version not in known:
        raise CallError("server.no_such_version", name=name, got=version)


def _rows(running: Running, named: str) -> Path:
    """The records to judge on: an upload by its id, or the test split of a dataset by its name."""
    if is_id(named):
        return upload_path(running.store, running.artifacts, named)
    folder = running.workspace.datasets / named
    if not is_name(named) or not folder.is_dir():
        raise CallError("server.no_such_records", got=named[:100])
    return folder
