"""`POST /v1/embeddings`, as OpenAI's: the vectors of a model that compares texts."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from homefield.errors import CallError
from homefield.serve import Matcher
from homefield.server.access import needs
from homefield.server.bodies import EmbeddingsBody, parsed
from homefield.server.openapi import described, refused
from homefield.server.opened import Vector
from homefield.server.routes.asking import ask, check_count, running_of

__all__ = ["add_routes"]


def add_routes(routes: APIRouter) -> None:
    """Add it to the application's."""
    routes.post(
        "/v1/embeddings", tags=["models"], responses=refused(404, 409, 504), openapi_extra=described(EmbeddingsBody)
    )(embeddings)


@needs("predict")
async def embeddings(request: Request) -> Response:
    """Texts to vectors of length 1, by a model of the task `match`."""
    body = await parsed(request, EmbeddingsBody)
    texts = [body.input] if isinstance(body.input, str) else body.input
    check_count(running_of(request), texts)
    opened = await running_of(request).shelf.find(body.model)
    if not isinstance(opened.model, Matcher):
        raise CallError("server.no_vectors", model=opened.title)
    width = opened.model.manifest.width
    if body.dimensions not in (None, width):
        raise CallError("server.bad_width", model=opened.title, got=body.dimensions, width=width)
    found = await ask(request, opened, texts, Vector())
    data = [
        {"object": "embedding", "index": place, "embedding": _written(vector, body.encoding_format)}
        for place, (vector, _) in enumerate(found)
    ]
    tokens = sum(len(ids) for ids in opened.network.reader.read(texts).ids)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return JSONResponse({"object": "list", "data": data, "model": opened.title, "usage": usage})


def _written(vector: Any, encoding: str) -> Any:
    if encoding == "base64":
        return base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode("ascii")
    return vector.tolist()
