"""`POST /webhooks/chatwoot/{name}`: Chatwoot's agent bot. What is said goes back over Chatwoot's own interface."""

from __future__ import annotations

import json
import time
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from homefield.apps.support.channels.chatwoot import CHANNEL, Call, Chatwoot
from homefield.apps.support.conversation import Said
from homefield.bundle.names import check_name
from homefield.errors import CallError, HomefieldError, MachineError, RemoteError
from homefield.faults import Fault, Faulty
from homefield.net import Allowed, Limits, fetch
from homefield.server.access import public
from homefield.server.limits import check_depth
from homefield.server.openapi import header, refused
from homefield.server.problems import status_of
from homefield.server.routes.asking import language_of, running_of
from homefield.server.running import Running
from homefield.store import conversations

__all__ = ["add_routes"]

# Chatwoot waits for five seconds, and after a status of 500 or 429 alone it delivers again, twice, three seconds later;
# then it gives the conversation to a human. https://github.com/chatwoot/chatwoot/pull/13521
_LIMITS = Limits(bytes=1 << 20, seconds=3.0, redirects=0)


def add_routes(routes: APIRouter) -> None:
    """Add it to the application's."""
    signed = [
        header("X-Chatwoot-Timestamp", "seconds since 1970, as signed", most=11),
        header("X-Chatwoot-Signature", "`sha256=` and the HMAC of timestamp and body", most=100),
    ]
    event = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
    routes.post(
        "/webhooks/chatwoot/{name}",
        tags=["channels"],
        responses=refused(409, 500),
        openapi_extra={"requestBody": event, "parameters": signed},
    )(webhook)


@public
async def webhook(request: Request, name: str, token: str = "") -> Response:
    """An event of Chatwoot. Whoever calls proves by a signature, or by the token in the address, to be Chatwoot."""
    running = running_of(request)
    options = (await running.counter.do(lambda: running.desks.options(check_name(name)))).chatwoot
    if options is None:
        raise CallError("support.no_chatwoot", name=name)
    chatwoot, body = Chatwoot(options), await request.body()
    chatwoot.check(request.headers, body, token, now=time.time())
    try:
        await _take(running, name, chatwoot, _payload(body))
    except HomefieldError as error:
        if status_of(error) < 500:
            raise
        raise MachineError("support.chatwoot_again", why=error.what(language_of(request))) from error
    return JSONResponse({"taken": True})


async def _take(running: Running, name: str, chatwoot: Chatwoot, payload: dict[str, Any]) -> None:
    if (incoming := chatwoot.read(payload)) is not None:
        said = await running.counter.do_for(name, lambda: running.desks.desk(name).take(incoming))
        await _send(running, name, chatwoot, said)
    elif (word := chatwoot.human_word(payload)) is not None:
        await running.counter.do_for(
            name, lambda: _note_word(running, name, word.peer, word.text, word.by, word.delivery)
        )
    elif (peer := chatwoot.ended(payload)) is not None:
        await running.counter.do_for(name, lambda: _close(running, name, peer))


async def _send(running: Running, name: str, chatwoot: Chatwoot, said: Said) -> None:
    """Post what was said, once however often it is delivered; then open the conversation where a human is wanted.

    Raises:
        RemoteError: `support.chatwoot_refused`, or as `homefield.net.fetch`: Chatwoot delivers it again.
    """
    reply, call = said.reply, chatwoot.write(said)
    if reply is not None and call is not None and await running.counter.do(lambda: _claim(running, reply.id)):
        try:
            await _post(running, chatwoot, call)
        except HomefieldError:
            await running.counter.do(lambda: _unclaim(running, reply.id))
            raise
    opening = chatwoot.opening(said)
    for each in opening:
        await _post(running, chatwoot, each)
    if opening:
        await running.counter.do_for(name, lambda: running.desks.desk(name).handoff_told(said.row.id))


async def _post(running: Running, chatwoot: Chatwoot, call: Call) -> None:
    url, headers = chatwoot.address(call)
    body = json.dumps(call.body, ensure_ascii=False).encode("utf-8", "replace")
    allowed = Allowed.parse(running.settings.net_allow)
    reply = await fetch(url, method="POST", headers=headers, body=body, limits=_LIMITS, allowed=allowed)
    if not 200 <= reply.status < 300:
        raise RemoteError("support.chatwoot_refused", status=reply.status)


def _payload(body: bytes) -> dict[str, Any]:
    check_depth(body)
    try:
        found = json.loads(body)
    except ValueError as error:
        raise Faulty("server.bad_body", [Fault("", "faults.no_json", {"why": error})]) from error
    if not isinstance(found, dict):
        raise Faulty("server.bad_body", [Fault("", "faults.table")])
    return found


def _claim(running: Running, message: str) -> bool:
    with running.store.write() as transaction:
        return conversations.claim_sending(transaction, message)


def _unclaim(running: Running, message: str) -> None:
    with running.store.write() as transaction:
        conversations.unclaim_sending(transaction, message)


def _note_word(running: Running, name: str, peer: str, text: str, by: str, delivery: str) -> None:
    desk = running.desks.desk(name)
    if (known := desk.known(CHANNEL, peer)) is not None:
        desk.write_as_human(known, text, by=by, delivery=delivery)


def _close(running: Running, name: str, peer: str) -> None:
    desk = running.desks.desk(name)
    if (known := desk.known(CHANNEL, peer)) is not None:
        desk.close(known)
