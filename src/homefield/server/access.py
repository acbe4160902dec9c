"""Which scope each route needs: none is served without saying so.

A handler is marked with `needs("predict")` or with `public`; `check_routes` refuses an application that has another.
The scope is compared before the body is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from homefield.errors import CallError, NotAllowed
from homefield.server.identity import Identity
from homefield.store.scopes import Scope

__all__ = ["PUBLIC", "GuardedRoute", "check_routes", "identity_of", "needs", "public", "scope_of"]

PUBLIC = "public"
_MARK = "__homefield_scope__"
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def needs(scope: Scope) -> Callable[[Endpoint], Endpoint]:
    """Decorate a handler: only callers with `scope` get to it."""

    def mark(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _MARK, scope)
        return endpoint

    return mark


def public(endpoint: Endpoint) -> Endpoint:
    """Decorate a handler: everybody gets to it."""
    setattr(endpoint, _MARK, PUBLIC)
    return endpoint


def scope_of(route: BaseRoute) -> str | None:
    """The scope a route needs, `public`, or None where nothing is said."""
    return getattr(getattr(route, "endpoint", None), _MARK, None)


def identity_of(request: Request) -> Identity:
    """Who is calling.

    Raises:
        CallError: `server.no_key`.
    """
    found: Identity | None = request.scope["state"].get("identity")
    if found is None:
        raise CallError("server.no_key")
    return found


class GuardedRoute(APIRoute):
    """A route that looks at the caller's scopes before anything else."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """The handler behind its guard."""
        handler, scope = super().get_route_handler(), scope_of(self)

        async def guarded(request: Request) -> Response:
            if scope != PUBLIC and (scope is None or scope not in identity_of(request).scopes):
                raise NotAllowed("server.no_scope", scope=scope or "-")
            answer: Response = await handler(request)
            return answer

        return guarded


def check_routes(routes: list[BaseRoute]) -> None:
    """See that every route is guarded and says which scope it needs.

    Raises:
        ValueError: one is not, a defect of the program.
    """
    for route in routes:
        if not isinstance(route, GuardedRoute) or scope_of(route) is None:
            raise ValueError(f"a route that says no scope: {getattr(route, 'path', route)}")
