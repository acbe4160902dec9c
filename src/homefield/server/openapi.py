"""The interface described: OpenAPI 3.1, with the bodies that handlers parse themselves, and every route's scope."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from homefield import __version__
from homefield.server import bodies, support_bodies
from homefield.server.access import PUBLIC, scope_of
from homefield.server.problems import problem_schema

__all__ = ["described", "interface"]

_REFERENCE = "#/components/schemas/{model}"


def described(body: type[BaseModel]) -> dict[str, Any]:
    """What a route that parses `body` itself says of it."""
    schema = {"$ref": _REFERENCE.format(model=body.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


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
    refusal = {
        "description": "Refused",
        "content": {"application/problem+json": {"schema": {"$ref": _REFERENCE.format(model="Problem")}}},
    }
    for route in app.routes:
        path = made["paths"].get(getattr(route, "path", ""), {})
        for method in getattr(route, "methods", ()) or ():
            if (told := path.get(method.lower())) is None:
                continue
            told["responses"].pop("422", None)
            told["responses"]["default"] = refusal
            scope = scope_of(route)
            if scope != PUBLIC:
                told["security"] = [{"key": []}, {"session": []}]
                told["x-scope"] = scope
    app.openapi_schema = made
    return made
