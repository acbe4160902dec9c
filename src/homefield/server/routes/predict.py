"""`POST /v1/models/{name}/predict`: what a model says of one text or many."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from homefield.errors import CallError
from homefield.serve import Matcher
from homefield.server.access import identity_of, needs
from homefield.server.bodies import PredictBody, PredictReply, parsed
from homefield.server.openapi import described, refused
from homefield.server.opened import Opened, Predicted, Vector
from homefield.server.questions import Question
from homefield.server.routes.asking import ask, check_count, language_of, request_id_of, running_of

__all__ = ["add_routes"]


def add_routes(routes: APIRouter) -> None:
    """Add it to the application's."""
    routes.post(
        "/v1/models/{name}/predict",
        tags=["models"],
        response_model=PredictReply,
        responses=refused(409, 504),
        openapi_extra=described(PredictBody),
    )(predict)


@needs("predict")
async def predict(request: Request, name: str) -> Response:
    """Ask a model. NAME means its champion, NAME@7 a version, NAME@challenger the one on trial.

    Every answer is kept under its `id` before this replies, so that it can be corrected.
    """
    body = await parsed(request, PredictBody)
    running = running_of(request)
    texts = body.asked
    check_count(running, texts)
    opened = await running.shelf.find(name)
    _check_kind(opened, pairs=body.others is not None)
    question = Question(
        opened, texts, identity_of(request), request_id_of(request), others=body.others, customer=body.customer
    )
    want = Predicted(body.evidence, body.top) if body.others is None else Vector()
    await ask(
        request, opened, [*texts, *(body.others or [])], want, lane=body.lane, timeout=body.timeout, note=question
    )
    return Response(question.reply(language_of(request)), media_type="application/json")


def _check_kind(opened: Opened, *, pairs: bool) -> None:
    if isinstance(opened.model, Matcher):
        if not pairs:
            opened.model.check_stored()
    elif pairs:
        raise CallError("server.no_pairs", model=opened.title)
