"""What other programs already speak: Rasa's REST channel and parse interface, OpenAI's chat completions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from enum import Enum

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from homefield.apps.support.channels.completions import Completions
from homefield.apps.support.channels.rasa import CHANNEL, RasaRest, parsed_by_rasa
from homefield.apps.support.conversation import Incoming, Said
from homefield.apps.support.conversation.think import language_from
from homefield.apps.support.replies import Asked
from homefield.server.access import needs
from homefield.server.bodies import parsed
from homefield.server.openapi import described, header, media, refused
from homefield.server.routes.asking import once_of, running_of
from homefield.server.routes.models import SERVICE
from homefield.server.running import Running
from homefield.server.support_bodies import CompletionsBody, ParseBody, RasaBody
from homefield.store.columns import writable

__all__ = ["add_routes"]

_PARSED = 100_000


def add_routes(routes: APIRouter) -> None:
    """Add them to the application's."""
    tags: list[str | Enum] = ["channels"]
    once = header("Idempotency-Key", "your own id: sent again, it is the same message", most=200)
    stream = media("application/json", "text/event-stream")
    missing = refused(404, 409, 500)
    routes.post("/webhooks/rest/webhook", tags=tags, responses=missing, openapi_extra=described(RasaBody))(rasa)
    routes.post("/model/parse", tags=tags, responses=missing, openapi_extra=described(ParseBody))(parse)
    routes.post(
        "/v1/chat/completions",
        tags=tags,
        responses=missing | stream,
        openapi_extra=described(CompletionsBody, once),
    )(complete)


@needs("predict")
async def rasa(request: Request, name: str | None = None) -> Response:
    """Rasa's REST channel. `name` says which customer service, where there are several."""
    adapter, payload = RasaRest(), (await parsed(request, RasaBody)).model_dump()
    incoming = adapter.read(payload)
    if adapter.begins(payload):
        await _begin_anew(running_of(request), name, incoming.peer)
        return JSONResponse([])
    return JSONResponse(adapter.write(await _take(request, name, incoming)))


@needs("predict")
async def parse(request: Request, name: str | None = None) -> Response:
    """Rasa's parse interface: what would be answered, in no conversation."""
    body = await parsed(request, ParseBody)
    running, text = running_of(request), writable(body.text[:_PARSED])
    asked, only = Asked(text, language=language_from("", text)), await _only(running, name)
    reply = await running.counter.do_for(only, lambda: running.desks.assistants.find(only).reply(asked))
    return JSONResponse(parsed_by_rasa(text, reply, body.message_id))


@needs("predict")
async def complete(request: Request) -> Response:
    """OpenAI's chat completions; `model` names the customer service. With `stream`, as server-sent events."""
    body = await parsed(request, CompletionsBody)
    delivery = once_of(request)
    usage = body.stream_options is not None and body.stream_options.include_usage
    adapter = Completions(body.model, delivery, usage=usage)
    said = await _take(request, body.model.removeprefix(SERVICE), adapter.read(body.model_dump()))
    if not body.stream:
        return JSONResponse(adapter.write(said))

    async def events() -> AsyncIterator[str]:
        for event in adapter.stream(said):
            yield event
            await asyncio.sleep(0)

    return StreamingResponse(events(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _take(request: Request, name: str | None, incoming: Incoming) -> Said:
    running = running_of(request)
    only = await _only(running, name)
    return await running.counter.do_for(only, lambda: running.desks.desk(only).take(incoming))


async def _begin_anew(running: Running, name: str | None, peer: str | None) -> None:
    only = await _only(running, name)
    if peer is not None:
        await running.counter.do_for(only, lambda: running.desks.desk(only).begin_anew(CHANNEL, peer))


async def _only(running: Running, name: str | None) -> str:
    return await running.counter.do(lambda: running.desks.only(name))
