"""What routes that ask a model have in common: find it, queue the texts, give up when the caller is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from homefield.errors import CallError
from homefield.faults import Fault, Faulty
from homefield.messages import Language
from homefield.serve.batcher import about_tokens
from homefield.serve.waiting import Lane
from homefield.server.access import identity_of
from homefield.server.opened import Ask, Opened, Predicted, Vector
from homefield.server.running import Running

__all__ = ["BULK", "Gone", "ask", "check_count", "language_of", "once_of", "request_id_of", "running_of"]

_LONGEST_KEY = 200
BULK = 64  # a call of more texts goes into the bulk lane unless it says otherwise


class Gone(Exception):
    """The caller has hung up; nobody reads a reply."""


def running_of(request: Request) -> Running:
    """The state of this worker."""
    running: Running = request.app.state.running
    return running


def language_of(request: Request) -> Language:
    """The language of the reply."""
    language: Language = request.scope["state"]["language"]
    return language


def request_id_of(request: Request) -> str:
    """The id of the request."""
    return str(request.scope["state"]["request_id"])


def once_of(request: Request) -> str | None:
    """The `Idempotency-Key`: what was sent with it again is the same.

    Raises:
        CallError: `server.bad_body`, it is too long.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and len(key) > _LONGEST_KEY:
        raise Faulty("server.bad_body", [Fault("Idempotency-Key", "faults.too_long", {"bound": _LONGEST_KEY})])
    return key


def check_count(running: Running, texts: Sequence[str]) -> None:
    """See that a call has texts, and not too many.

    Raises:
        CallError: `server.too_many_texts`, `server.no_texts`.
    """
    if not texts:
        raise CallError("server.no_texts")
    if len(texts) > running.settings.serve_texts:
        raise CallError("server.too_many_texts", got=len(texts), most=running.settings.serve_texts)


async def ask(
    request: Request,
    opened: Opened,
    texts: Sequence[str],
    want: Predicted | Vector,
    *,
    lane: Lane | None = None,
    timeout: float | None = None,
    note: Any = None,
) -> list[Any]:
    """What the model says of each text, waited for until the deadline or until the caller hangs up.

    Raises:
        CallError, MachineError: as `Batcher.ask`. Gone: nobody waits any more.
    """
    running = running_of(request)
    asking = asyncio.ensure_future(
        running.batcher.ask(
            opened.family,
            [Ask(opened, text, want) for text in texts],
            [about_tokens(text) for text in texts],
            lane=lane or ("bulk" if len(texts) > BULK else "interactive"),
            seconds=min(timeout or running.settings.serve_deadline, running.settings.serve_deadline),
            client=identity_of(request).client,
            note=note,
        )
    )
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((asking, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            raise Gone
        return asking.result()
    finally:
        asking.cancel()
        leaving.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
