"""The interface described: OpenAPI 3.1, with the bodies that handlers parse themselves, every route's scope, and every
status it may reply with. What the door refuses is told of each route; what a handler refuses, beside that, its route
says with `refused`. `benchmarks/fuzz_routes.py` compares all of it with what a server replies.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from homefield import __version__
from homefield.server import bodies, support_bodies
from homefield.server.access import PUBLIC, scope_of
from homefield.server.door import PROBES
from homefield.server.problems import problem_schema

__all__ = ["LOCATED", "described", "header", "interface", "media", "refused"]

Responses = dict[int | str, dict[str, Any]]

_REFERENCE = "#/components/schemas/{model}"
_DOOR = (401, 403, 413, 421, 429, 503, 507)
"""Who it is, what it may, how much, by which name, how often; the store is away, or its disk is full."""
_HEADERS = {
    401: {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}},
    405: {"Allow": {"required": True, "schema": {"type": "string"}}},
    429: {"Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1}}},
    503: {"Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1}}},
}
LOCATED: Responses = {201: {"headers": {"Location": {"required": True, "schema": {"type": "string"}}}}}
"""A reply that says where what was made is found."""


def described(body: type[BaseModel], *more: dict[str, Any]) -> dict[str, Any]:
    """What a route that parses `body` itself says of it. more: its parameters (`header`)."""
    schema = {"$ref": _REFERENCE.format(model=body.__name__)}
    told: dict[str, Any] = {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
    return {**told, "parameters": list(more)} if more else told


def header(name: str, description: str, *, most: int) -> dict[str, Any]:
    """A header that a handler reads itself. most: characters."""
    schema = {"type": "string", "maxLength": most}
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def media(*types: str, status: int = 200) -> Responses:
    """A reply that is not JSON, or not always."""
    return {status: {"description": HTTPStatus(status).phrase, "content": {each: {"schema": {}} for each in types}}}


def refused(*statuses: int) -> Responses:
    """Replies of a route that tell of an error, beside those that every route may give."""
    content = {"application/problem+json": {"schema": {"$ref": _REFERENCE.format(model="Problem")}}}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": content,
            **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
        }
        for status in statuses
    }


def interface(app: FastAPI) -> dict[str, Any]:
    """The whole interface; made once."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    made = get_openapi(title="Homefield", version=__version__, openapi_version="3.1.0", routes=app.routes)
    named = {**vars(bodies), **vars(support_bodies)}.values()
    kinds = [kind for kind in named if isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not BaseModel]
    _, schemas = models_json_schema([(kind, "validation") for kind in kinds], ref_template=_REFERENCE)
    components = made.setdefault("components", {})
    components.setdefault("schemas", {}).update(schemas.get("$defs", {}), Problem=problem_schema())
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "homefield_session"},
    }
    for route in app.routes:
        if not isinstance(route, APIRoute):
            continue
        for method in route.methods or ():
            told = made["paths"][route.path_format][method.lower()]
            _tell_refusals(told, route)
            if (scope := scope_of(route)) != PUBLIC:
                told["security"] = [{"key": []}, {"session": []}]
                told["x-scope"] = scope
    app.openapi_schema = made
    return made


def _tell_refusals(told: dict[str, Any], route: APIRoute) -> None:
    """Add to a route what the door refuses, and what cannot be read or found; in the place of FastAPI's own 422."""
    responses = told["responses"]
    body: Mapping[str, Any] = told.get("requestBody", {}).get("content", {})
    wrong = responses.pop("422", None) is not None or "application/json" in body
    statuses = {*(() if route.path in PROBES else _DOOR)}
    statuses |= {404} if "{" in route.path else set()
    statuses |= {422} if wrong else set()
    statuses |= {415} if "application/json" in body else set()
    for status, refusal in refused(*sorted(statuses)).items():
        responses.setdefault(str(status), refusal)
