"""Errors over HTTP: problem details (RFC 9457) with the stable code of the error, in the reader's language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from homefield.errors import CallError, HomefieldError, MachineError, NotAllowed, Refused, RemoteError
from homefield.faults import Faulty
from homefield.messages import Language

__all__ = ["problem", "problem_schema", "status_of"]

_FAULTS = 20  # told one by one

_BY_CODE = {
    "serve.over_quota": 429,
    "serve.overloaded": 503,
    "serve.too_late": 504,
    "serve.closing": 503,
    "server.no_key": 401,
    "server.bad_key": 401,
    "server.not_found": 404,
    "server.no_method": 405,
    "server.too_often": 429,
    "server.too_large": 413,
    "server.wrong_host": 421,
    "server.wrong_type": 415,
    "server.no_version": 409,
    "server.no_such_model": 404,
    "server.no_such_version": 404,
    "server.no_such_prediction": 404,
    "server.said_otherwise": 409,
    "server.no_such_records": 404,
    "server.unexpected": 500,
    "support.no_such_name": 404,
    "support.no_such_release": 404,
    "support.no_such_answer": 404,
    "support.no_such_correction": 404,
    "support.no_such_conversation": 404,
    "support.bad_options": 500,
    "support.no_secret": 500,
    "support.in_use": 409,
    "support.chatwoot_again": 500,
    "upload.not_found": 404,
    "upload.not_receiving": 409,
    "upload.offset": 409,
    "upload.incomplete": 409,
    "upload.not_checked": 409,
    "upload.too_large": 413,
    "jobs.not_found": 404,
    "jobs.ended": 409,
    "jobs.not_resumable": 409,
    "gate.is_champion": 409,
    "files.disk_full": 507,
    "store.disk_full": 507,
}
_BY_KIND: tuple[tuple[type[HomefieldError], int], ...] = (
    (CallError, 422),
    (NotAllowed, 403),
    (Refused, 409),
    (RemoteError, 502),
    (MachineError, 503),
)


def status_of(error: HomefieldError) -> int:
    """The HTTP status of an error."""
    if (known := _BY_CODE.get(error.code)) is not None:
        return known
    return next((status for kind, status in _BY_KIND if isinstance(error, kind)), 500)


def problem(
    error: HomefieldError, *, language: Language, request_id: str, headers: Mapping[str, str] | None = None
) -> Response:
    """The reply that tells of `error`. 429 and 503 say when to come back, 401 says how to sign in.

    Of a faulty body each fault stands in the member `faults`; of the error's values `members` become members of their
    own.
    """
    status = status_of(error)
    told: dict[str, Any] = {
        "type": f"urn:homefield:error:{error.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.what(language),
        "instance": f"urn:homefield:request:{request_id}",
        "code": error.code,
        "next": error.next_step(language),
        "request_id": request_id,
    }
    more = dict(headers or {})
    if isinstance(error, Faulty):
        told["faults"] = error.sentences(language)[:_FAULTS]
    if isinstance(members := error.values.get("members"), dict):
        told |= members
    if status in (429, 503):
        more["Retry-After"] = str(error.values.get("seconds", 1) if isinstance(error.values.get("seconds"), int) else 1)
    if status == 401:
        more["WWW-Authenticate"] = 'Bearer realm="homefield"'
    body = json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")
    more["Content-Language"] = language
    return Response(body, status, more, "application/problem+json")


def problem_schema() -> dict[str, Any]:
    """What OpenAPI says of such a reply."""
    text = {"type": "string"}
    names = ("type", "title", "detail", "instance", "code", "next", "request_id")
    return {
        "title": "Problem",
        "type": "object",
        "properties": {
            **dict.fromkeys(names, text),
            "status": {"type": "integer"},
            "faults": {"type": "array", "items": text},
        },
        "required": [*names, "status"],
    }
