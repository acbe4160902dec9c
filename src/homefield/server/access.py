"""Which scope each route needs: none is served without saying so.

A handler is marked with `needs("predict")` or with `public`; `check_routes` refuses an application that has another.
The scope is compared before the body is read.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

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
    """A route that looks at the caller's scopes before anything else.

    A handler that wants nothing but the request and pieces of its path is called as it is. FastAPI's way to it, made
    for handlers that want more, would take as long as all the rest of a short request.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        if _wants_the_path_alone(self):
            self.app: ASGIApp = self._answer

    def get_route_handler(self) -> Callable[[Request], Any]:
        """The handler behind its guard."""
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            self._check(request)
            answer: Response = await handler(request)
            return answer

        return guarded

    async def _answer(self, scope: Connection, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        self._check(request)
        answer: Response = await self.endpoint(request, **request.path_params)
        await answer(scope, receive, send)

    def _check(self, request: Request) -> None:
        scope = scope_of(self)
        if scope != PUBLIC and (scope is None or scope not in identity_of(request).scopes):
            raise NotAllowed("server.no_scope", scope=scope or "-")


def _wants_the_path_alone(route: APIRoute) -> bool:
    wanted = dict(inspect.signature(route.endpoint, eval_str=True).parameters)
    return wanted.pop("request", None) is not None and all(
        name in route.param_convertors and one.annotation is str for name, one in wanted.items()
    )


def check_routes(routes: list[BaseRoute]) -> None:
    """See that every route is guarded and says which scope it needs.

    Raises:
        ValueError: one is not, a defect of the program.
    """
    for route in routes:
        if not isinstance(route, GuardedRoute) or scope_of(route) is None:
            raise ValueError(f"a route that says no scope: {getattr(route, 'path', route)}")
