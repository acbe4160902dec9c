"""`/v1/support`: messages of customers, conversations, what humans do in them, corrections."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from homefield.apps.support.assistants import Correction
from homefield.apps.support.channels.contract import conversation_as_json, message_as_json, said_as_json
from homefield.apps.support.conversation import STATES, Desk, Incoming
from homefield.apps.support.taught import lesson_as_json, lessons_of, unteach
from homefield.bundle.names import check_name
from homefield.errors import CallError
from homefield.faults import Fault, Faulty
from homefield.server.access import identity_of, needs
from homefield.server.bodies import parsed
from homefield.server.openapi import described, header, refused
from homefield.server.routes.asking import language_of, once_of, running_of
from homefield.server.support_bodies import CorrectAnswerBody, HumanBody, MessageBody
from homefield.store import conversations, is_id
from homefield.store.conversations import ConversationRow
from homefield.store.learned import Learned

__all__ = ["add_routes"]

_MOST = 200
_LAST = 2**31 - 1


def add_routes(routes: APIRouter) -> None:
    """Add them to the application's."""
    one = "/v1/support/{name}/conversations/{conversation}"
    tags: list[str | Enum] = ["support"]
    routes.get("/v1/support", tags=tags)(names)
    once = header("Idempotency-Key", "as `delivery`", most=200)
    ended = refused(409, 500)
    routes.post("/v1/support/{name}/messages", tags=tags, responses=ended, openapi_extra=described(MessageBody, once))(
        take
    )
    routes.post(
        "/v1/support/{name}/corrections",
        tags=tags,
        status_code=201,
        responses=ended,
        openapi_extra=described(CorrectAnswerBody),
    )(correct)
    routes.get("/v1/support/{name}/corrections", tags=tags, responses=ended)(lessons)
    routes.delete("/v1/support/{name}/corrections/{number}", tags=tags, responses=ended)(unlearn)
    routes.get("/v1/support/{name}/conversations", tags=tags, responses=ended)(every)
    routes.get(one, tags=tags, responses=ended)(show)
    routes.get(f"{one}/messages", tags=tags, responses=ended)(words)
    routes.post(f"{one}/messages", tags=tags, status_code=201, responses=ended, openapi_extra=described(HumanBody))(
        write
    )
    routes.post(f"{one}/return", tags=tags, responses=ended)(give_back)
    routes.post(f"{one}/close", tags=tags, responses=ended)(close)


@needs("read")
async def names(request: Request) -> Response:
    """The customer services that have a release in use."""
    running = running_of(request)
    return JSONResponse({"support": sorted(await running.counter.do(running.desks.assistants.names))})


@needs("predict")
async def take(request: Request, name: str) -> Response:
    """A customer's message, and the reply to it; `reply` is null while a human has the conversation.

    The same `delivery` (or `Idempotency-Key`) again is the same message, with the same reply.
    """
    body = await parsed(request, MessageBody)
    delivery = body.delivery or once_of(request)
    incoming = Incoming(
        body.text,
        conversation=body.conversation,
        delivery=delivery,
        customer=body.customer,
        variables=body.variables,
        language=body.language,
        audience=body.audience,
    )
    running = running_of(request)
    said = await running.counter.do_for(name, lambda: running.desks.desk(name).take(incoming))
    return JSONResponse(said_as_json(said, language_of(request)))


@needs("feedback")
async def correct(request: Request, name: str) -> Response:
    """What should be replied to a question; it is so from the next message on, in every worker. Its `number` takes it
    back."""
    body = await parsed(request, CorrectAnswerBody)
    if (body.answer is None) == (body.text is None):
        raise CallError("support.answer_or_text", count=0 if body.answer is None else 2)
    correction = Correction(
        body.question,
        body.by or identity_of(request).name,
        answer=body.answer,
        text=body.text,
        why=body.why,
        language=body.language,
        message=body.message,
    )
    assistants = running_of(request).desks.assistants
    learned = await running_of(request).counter.do_for(name, lambda: assistants.correct(check_name(name), correction))
    return JSONResponse(lesson_as_json(learned), 201)


@needs("feedback")
async def lessons(request: Request, name: str, before: int | None = None, limit: int = 50) -> Response:
    """What was taught, the newest first, with who, when and why; what was withdrawn is among it. `before`: those with a
    lower number."""
    running = running_of(request)

    def look() -> Sequence[Learned]:
        running.desks.assistants.find(check_name(name))
        return lessons_of(running.store, name, before=before, most=max(1, min(limit, _MOST)))

    found = await running.counter.do_for(name, look)
    return JSONResponse({"corrections": [lesson_as_json(each) for each in found]})


@needs("feedback")
async def unlearn(request: Request, name: str, number: int) -> Response:
    """Withdraw a correction: it holds no more from the next message on, in every worker, and stays on record."""
    running, by = running_of(request), identity_of(request).name

    def withdraw() -> Learned:
        running.desks.assistants.find(check_name(name))
        return unteach(running.store, name, number, by=by)

    return JSONResponse(lesson_as_json(await running.counter.do_for(name, withdraw)))


@needs("records")
async def every(
    request: Request, name: str, state: str | None = None, before: str | None = None, limit: int = 50
) -> Response:
    """Conversations, the newest first. `state`: only these, comma-separated; `before`: those older than this id."""
    states = [] if not state else [one.strip() for one in state.split(",")]
    if any(one not in STATES for one in states):
        raise Faulty("server.bad_body", [Fault("state", "faults.one_of", {"expected": ", ".join(STATES)})])
    if before is not None and not is_id(before):
        raise Faulty("server.bad_body", [Fault("before", "faults.no_id")])
    running = running_of(request)

    def look() -> list[ConversationRow]:
        running.desks.assistants.find(check_name(name))
        with running.store.read() as transaction:
            most = max(1, min(limit, _MOST))
            return conversations.listed(transaction, name, states=states, before=before, most=most)

    found, language = await running.counter.do_for(name, look), language_of(request)
    return JSONResponse({"conversations": [conversation_as_json(row, language) for row in found]})


@needs("records")
async def show(request: Request, name: str, conversation: str) -> Response:
    """A conversation with its first 500 messages, why each reply was given, and the summary for a human."""
    row, said = await running_of(request).counter.do_for(name, lambda: _desk(request, name).read(conversation))
    language = language_of(request)
    told = conversation_as_json(row, language)
    return JSONResponse({**told, "messages": [message_as_json(each, language) for each in said]})


@needs("predict")
async def words(request: Request, name: str, conversation: str, after: int = 0) -> Response:
    """What was said behind the message numbered `after`, words alone: for a channel that waits for a human's reply."""
    row, said = await running_of(request).counter.do_for(
        name, lambda: _desk(request, name).read(conversation, after=max(0, min(after, _LAST)))
    )
    told = [{"number": each.number, "speaker": each.speaker, "text": each.text} for each in said]
    return JSONResponse({"conversation": row.id, "state": row.state, "messages": told})


@needs("records")
async def write(request: Request, name: str, conversation: str) -> Response:
    """Reply as a human, who has the conversation from now on."""
    body = await parsed(request, HumanBody)
    by = body.by or identity_of(request).name
    said = await running_of(request).counter.do_for(
        name, lambda: _desk(request, name).write_as_human(conversation, body.text, by=by, delivery=body.delivery)
    )
    return JSONResponse(message_as_json(said, language_of(request)), 201)


@needs("records")
async def give_back(request: Request, name: str, conversation: str) -> Response:
    """Give a conversation back to the bot."""
    row = await running_of(request).counter.do_for(name, lambda: _desk(request, name).release(conversation))
    return JSONResponse(conversation_as_json(row, language_of(request)))


@needs("records")
async def close(request: Request, name: str, conversation: str) -> Response:
    """End a conversation."""
    row = await running_of(request).counter.do_for(name, lambda: _desk(request, name).close(conversation))
    return JSONResponse(conversation_as_json(row, language_of(request)))


def _desk(request: Request, name: str) -> Desk:
    return running_of(request).desks.desk(name)
