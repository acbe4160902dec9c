"""Files sent to this server: whole in one form, or in parts that may go on after a break. Then they are named by id."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from homefield.errors import CallError
from homefield.files import disk_errors
from homefield.operate import uploads
from homefield.operate.jobs.work import upload_limits
from homefield.operate.uploads import UploadLimits
from homefield.plain import plain
from homefield.server.access import identity_of, needs
from homefield.server.bodies import UploadBody, parsed
from homefield.server.openapi import LOCATED, described, refused
from homefield.server.routes.asking import running_of
from homefield.store.uploads import Upload

__all__ = ["add_routes"]

_SLICE = 4 << 20  # bytes written at a time: what a broken connection loses, and what a slow caller costs in memory
_FORM = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "required": ["file"],
            "properties": {"file": {"type": "string", "format": "binary"}},
        }
    }
}
_BYTES = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}}


def add_routes(routes: APIRouter) -> None:
    """Add them to the application's."""
    body = described(UploadBody)
    body["requestBody"]["content"] |= _FORM
    routes.post("/v1/uploads", tags=["uploads"], status_code=201, responses=LOCATED, openapi_extra=body)(begin)
    sent, late = "/v1/uploads/{upload_id}", refused(409)
    routes.get(sent, tags=["uploads"])(one)
    routes.put(f"{sent}/content", tags=["uploads"], responses=late, openapi_extra=_BYTES)(append)
    routes.post(f"{sent}/finish", tags=["uploads"], responses=late)(finish)
    routes.delete(sent, tags=["uploads"], status_code=204)(discard)


@needs("records")
async def begin(request: Request) -> Response:
    """Send a file: whole, as the part `file` of a form, or announced here and then sent in parts."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "multipart/form-data":
        return _told(await _whole(request), 201)
    body = await parsed(request, UploadBody)
    limits = _limits(request)
    by = identity_of(request).name
    store = running_of(request).store
    begun = await asyncio.to_thread(
        uploads.begin, store, body.name, by=by, limits=limits, media_type=body.media_type, size=body.size
    )
    return _told(begun, 201)


@needs("records")
async def one(request: Request, upload_id: str) -> Response:
    """How far a file is: after a break, `received` says where to go on."""
    return _told(await asyncio.to_thread(uploads.find, running_of(request).store, upload_id))


@needs("records")
async def append(request: Request, upload_id: str, offset: int = 0) -> Response:
    """Send a part, whose first byte is number `offset` of the file. What came before a break is kept."""
    running = running_of(request)
    async for piece in _slices(request):
        offset = await asyncio.to_thread(
            uploads.append, running.store, running.artifacts, upload_id, offset, [piece], limits=_limits(request)
        )
    return JSONResponse({"id": upload_id, "received": offset})


@needs("records")
async def finish(request: Request, upload_id: str) -> Response:
    """Say that all of it was sent: it is looked at, and from then on may be named in jobs and promotions."""
    running = running_of(request)
    return _told(
        await asyncio.to_thread(uploads.finish, running.store, running.artifacts, upload_id, limits=_limits(request))
    )


@needs("records")
async def discard(request: Request, upload_id: str) -> Response:
    """Delete a file."""
    running = running_of(request)
    await asyncio.to_thread(uploads.discard, running.store, running.artifacts, upload_id)
    return Response(status_code=204)


async def _whole(request: Request) -> Upload:
    """Take the file of a form; what does not pass leaves nothing behind."""
    running, limits = running_of(request), _limits(request)
    with disk_errors(Path(tempfile.gettempdir())):
        async with request.form(max_files=1, max_fields=20) as form:
            sent = form.get("file")
            if not isinstance(sent, UploadFile):
                raise CallError("server.no_file")
            begun = await asyncio.to_thread(
                uploads.begin,
                running.store,
                sent.filename or "",
                by=identity_of(request).name,
                limits=limits,
                media_type=None if sent.content_type is None else sent.content_type[:200],
                size=sent.size,
            )
            kept = False
            try:
                offset = 0
                while piece := await sent.read(_SLICE):
                    offset = await asyncio.to_thread(
                        uploads.append, running.store, running.artifacts, begun.id, offset, [piece], limits=limits
                    )
                found = await asyncio.to_thread(
                    uploads.finish, running.store, running.artifacts, begun.id, limits=limits
                )
                kept = True
                return found
            finally:
                if not kept:
                    with suppress(CallError):  # deleted by somebody else meanwhile
                        await asyncio.to_thread(uploads.discard, running.store, running.artifacts, begun.id)


async def _slices(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces of some size, never empty except when all of it is: each is kept before the next is read."""
    gathered, some = bytearray(), False
    async for chunk in request.stream():
        gathered += chunk
        if len(gathered) >= _SLICE:
            yield bytes(gathered)
            gathered.clear()
            some = True
    if gathered or not some:
        yield bytes(gathered)


def _limits(request: Request) -> UploadLimits:
    return upload_limits(running_of(request).workspace)


def _told(row: Upload, status: int = 200) -> Response:
    told: dict[str, Any] = {name: plain(value) for name, value in vars(row).items()}
    return JSONResponse(told, status, {"Location": f"/v1/uploads/{row.id}"} if status == 201 else None)
