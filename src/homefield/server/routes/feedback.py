"""`POST /v1/feedback`: what would have been the right answer."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from homefield.errors import CallError, Refused
from homefield.server.access import identity_of, needs
from homefield.server.bodies import CorrectionBody, parsed
from homefield.server.identity import Identity
from homefield.server.openapi import described, header, media, refused
from homefield.server.routes.asking import once_of, running_of
from homefield.store import Store
from homefield.store import feedback as stored
from homefield.store import predictions as stored_predictions
from homefield.store.feedback import Feedback

__all__ = ["add_routes"]


def add_routes(routes: APIRouter) -> None:
    """Add it to the application's."""
    routes.post(
        "/v1/feedback",
        tags=["feedback"],
        status_code=201,
        responses=media("application/json") | refused(404, 409),
        openapi_extra=described(CorrectionBody, header("Idempotency-Key", "as `once`", most=200)),
    )(correct)


@needs("feedback")
async def correct(request: Request) -> Response:
    """Correct a prediction. With `once` (or an `Idempotency-Key`), the same correction sent again is kept once."""
    body = await parsed(request, CorrectionBody)
    once = body.once or once_of(request)
    kept, fresh = await asyncio.to_thread(_keep, running_of(request).store, body, once, identity_of(request))
    told = {"id": kept.id, "prediction": kept.prediction_id, "answer": kept.answer, "by": kept.by, "why": kept.why}
    return JSONResponse({**told, "at": kept.at.isoformat()}, 201 if fresh else 200)


def _keep(store: Store, body: CorrectionBody, once: str | None, identity: Identity) -> tuple[Feedback, bool]:
    # Two callers may say the same `once`: it means the same only from the same one.
    named = None if once is None else f"{identity.key_id or 'local'}:{once}"
    with store.write() as transaction:
        if stored_predictions.one(transaction, body.prediction) is None:
            raise CallError("server.no_such_prediction", id=body.prediction)
        kept, fresh = stored.add(
            transaction,
            body.prediction,
            body.answer,
            by=body.by or identity.name,
            why=body.why,
            key_id=identity.key_id,
            once=named,
        )
    if not fresh and (kept.prediction_id, kept.answer) != (body.prediction, body.answer):
        raise Refused("server.said_otherwise", once=once)
    return kept, fresh
