"""Long operations, ordered and followed from elsewhere: records by the id of their upload, all else by name."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from homefield.faults import Fault, Faulty
from homefield.operate import jobs
from homefield.server.access import identity_of, needs
from homefield.server.bodies import JobBody, parsed
from homefield.server.identity import Identity
from homefield.server.openapi import LOCATED, described, refused
from homefield.server.routes.asking import running_of
from homefield.server.running import Running
from homefield.store import Store
from homefield.store import jobs as rows
from homefield.store.jobs import Job, State

__all__ = ["add_routes"]

_MOST = 500


def add_routes(routes: APIRouter) -> None:
    """Add them to the application's."""
    routes.post("/v1/jobs", tags=["jobs"], status_code=201, responses=LOCATED, openapi_extra=described(JobBody))(order)
    routes.get("/v1/jobs", tags=["jobs"])(newest)
    routes.get("/v1/jobs/{job_id}", tags=["jobs"])(one)
    routes.post("/v1/jobs/{job_id}/cancel", tags=["jobs"], responses=refused(409))(cancel)
    routes.post("/v1/jobs/{job_id}/resume", tags=["jobs"], responses=refused(409))(resume)


@needs("run")
async def order(request: Request) -> Response:
    """Order a job. `once` said twice gives the first job again. Events of the topic `job` say how it goes on."""
    body = await parsed(request, JobBody)
    made = await asyncio.to_thread(_order, running_of(request).store, body, identity_of(request))
    return JSONResponse(_told(made, running_of(request)), 201, {"Location": f"/v1/jobs/{made.id}"})


@needs("read")
async def newest(request: Request, state: State | None = None, kind: str | None = None, most: int = 100) -> Response:
    """The newest jobs, in one state or of one kind."""
    if kind is not None:
        jobs.kind_of(kind)
    if not 1 <= most <= _MOST:
        raise Faulty("server.bad_body", [Fault("most", "faults.from_to", {"least": 1, "most": _MOST})])
    running = running_of(request)
    found = await asyncio.to_thread(_newest, running.store, state, kind, most)
    return JSONResponse({"jobs": [_told(job, running) for job in found]})


@needs("read")
async def one(request: Request, job_id: str) -> Response:
    """One job."""
    running = running_of(request)
    return JSONResponse(_told(await asyncio.to_thread(jobs.find, running.store, job_id), running))


@needs("run")
async def cancel(request: Request, job_id: str) -> Response:
    """Ask a job to stop: one that waits does at once, one that runs soon."""
    running = running_of(request)
    asked = await asyncio.to_thread(jobs.cancel, running.store, job_id, by=identity_of(request).name)
    return JSONResponse(_told(asked, running))


@needs("run")
async def resume(request: Request, job_id: str) -> Response:
    """Queue a job again that failed or was cancelled; it goes on where it stopped, where its kind can."""
    running = running_of(request)
    return JSONResponse(_told(await asyncio.to_thread(jobs.resume, running.store, job_id), running))


def _order(store: Store, body: JobBody, identity: Identity) -> Job:
    kind = jobs.kind_of(body.kind)
    kind.check(body.arguments)
    kind.check_names(body.arguments)
    once = None if body.once is None else f"{identity.key_id or 'local'}:{body.once}"
    return jobs.submit(store, body.kind, body.arguments, by=identity.name, schedule=body.schedule, once=once)


def _newest(store: Store, state: State | None, kind: str | None, most: int) -> list[Job]:
    with store.read() as transaction:
        return rows.jobs_in(transaction, None if state is None else [state], kind=kind, most=most)


def _told(job: Job, running: Running) -> dict[str, Any]:
    """A job without where it runs and where anything lies, which are this machine's matters."""
    told = {name: value for name, value in jobs.as_json(job).items() if name != "worker"}
    shown: dict[str, Any] = jobs.from_afar(told, running.workspace)
    return shown
