"""Signing in to the console: a key once, then a cookie that no script can read and no other site can send."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from homefield.errors import CallError
from homefield.server.access import identity_of, public
from homefield.server.bodies import KeyBody, parsed
from homefield.server.identity import COOKIE, Identity, cookie_of
from homefield.server.openapi import described, refused
from homefield.server.routes.asking import running_of
from homefield.store import Store, sessions

__all__ = ["add_routes"]

_LASTS = timedelta(hours=12)


def add_routes(routes: APIRouter) -> None:
    """Add them to the application's."""
    routes.post("/v1/session", tags=["session"], status_code=201, openapi_extra=described(KeyBody))(sign_in)
    routes.get("/v1/session", tags=["session"])(who)
    routes.delete("/v1/session", tags=["session"], status_code=204, responses=refused(422))(sign_out)


@public
async def sign_in(request: Request) -> Response:
    """Exchange a key for a session."""
    body = await parsed(request, KeyBody)
    running = running_of(request)
    running.guesses.take(request.client.host if request.client else "-")
    identity = await asyncio.to_thread(running.guests.by_key, body.key.strip())
    assert identity.key_id is not None
    cookie = await asyncio.to_thread(_begin, running.store, identity.key_id)
    reply = JSONResponse(_told(identity), 201)
    secure = request.url.scheme == "https"
    lasts = int(_LASTS.total_seconds())
    reply.set_cookie(COOKIE, cookie, max_age=lasts, httponly=True, secure=secure, samesite="strict", path="/")
    return reply


@public
async def who(request: Request) -> Response:
    """Who is calling, and what they may do."""
    return JSONResponse(_told(identity_of(request)))


@public
async def sign_out(request: Request) -> Response:
    """End the session of this browser."""
    identity_of(request)
    cookie = cookie_of(request.headers.get("cookie", ""))
    if cookie is None:
        raise CallError("server.no_session")
    await asyncio.to_thread(_end, running_of(request).store, cookie)
    reply = Response(status_code=204)
    reply.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return reply


def _told(identity: Identity) -> dict[str, object]:
    return {"name": identity.name, "kind": identity.kind, "scopes": sorted(identity.scopes)}


def _begin(store: Store, key_id: str) -> str:
    with store.write() as transaction:
        sessions.delete_expired(transaction)
        return sessions.begin(transaction, key_id, lasts=_LASTS)[1]


def _end(store: Store, cookie: str) -> None:
    with store.write() as transaction:
        if (found := sessions.find(transaction, cookie)) is not None:
            sessions.end(transaction, found)
