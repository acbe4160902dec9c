"""`GET /v1/events`: what happens, as one stream of server-sent events; after a break it goes on where it was.

Each stream reads the store from its own place, woken when something new was committed by anyone; so none misses
anything, and nothing is kept in memory for those who are slow.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from homefield.errors import CallError, MachineError
from homefield.operate.jobs import from_afar
from homefield.server.access import needs
from homefield.server.openapi import header, media
from homefield.server.routes.asking import running_of
from homefield.server.running import Running
from homefield.store import Store, events

__all__ = ["add_routes"]

_STREAMS = 100  # of one worker
_BEAT = 15.0  # seconds; a proxy closes what is silent for longer
_PAGE = 500


def add_routes(routes: APIRouter) -> None:
    """Add it to the application's."""
    last = header("Last-Event-ID", "the last event seen; those since come first", most=18)
    routes.get(
        "/v1/events",
        tags=["events"],
        response_class=StreamingResponse,
        responses=media("text/event-stream"),
        openapi_extra={"parameters": [last]},
    )(stream)


@needs("read")
async def stream(request: Request, after: str | None = None, topics: str | None = None) -> Response:
    """Events as they happen; with `Last-Event-ID` (or `after`) those missed since come first.

    `topics`: only these, comma-separated. An event `missed` says that older ones are no longer kept: load anew.
    """
    running = running_of(request)
    if running.streams >= _STREAMS:
        raise MachineError("server.too_many_streams", most=_STREAMS, seconds=5)
    given = request.headers.get("last-event-id") or after
    if given is not None and not (given.isascii() and given.isdigit() and len(given) < 19):
        raise CallError("server.bad_event_id", got=given[:50])
    wanted = None if not topics else [one.strip() for one in topics.split(",")][:50]
    first, last = await asyncio.to_thread(_ends, running.store)
    place = last if given is None else int(given)
    missed = given is not None and first is not None and place < first - 1
    return StreamingResponse(
        _lines(running, place, wanted, missed=missed),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _lines(running: Running, place: int, topics: list[str] | None, *, missed: bool) -> AsyncIterator[bytes]:
    running.streams += 1
    running.metrics.streams.inc()
    try:
        yield b"retry: 2000\n\n"
        if missed:
            yield b"event: missed\ndata: {}\n\n"
        while not running.draining.is_set():
            heard = running.last_event
            found = await asyncio.to_thread(_since, running.store, place, topics)
            for event in found:
                place = event.sequence
                told = from_afar({**event.data, "at": event.at.isoformat()}, running.workspace)
                yield f"id: {place}\nevent: {event.topic}\ndata: {json.dumps(told, ensure_ascii=False)}\n\n".encode()
            if len(found) == _PAGE:
                continue
            if not await _news(running, heard):
                yield b": still here\n\n"
    finally:
        running.streams -= 1
        running.metrics.streams.dec()


async def _news(running: Running, heard: int) -> bool:
    """Wait until there is something behind `heard`, or the server drains; False when it stayed quiet for a while."""
    async with running.happened:
        try:
            await asyncio.wait_for(
                running.happened.wait_for(lambda: running.last_event != heard or running.draining.is_set()), _BEAT
            )
        except TimeoutError:
            return False
    return True


def _since(store: Store, place: int, topics: list[str] | None) -> list[events.StoredEvent]:
    with store.read() as transaction:
        return events.since(transaction, place, topics=topics, most=_PAGE)


def _ends(store: Store) -> tuple[int | None, int]:
    with store.read() as transaction:
        return events.first_sequence(transaction), events.last_sequence(transaction)
