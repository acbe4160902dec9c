"""Homefield over HTTP: one application, made by a factory, served by one process or several.

    >>> from homefield.server import create_app
    >>> app = create_app(find_workspace())  # for any ASGI server; `homefield serve` runs it with uvicorn

What a request goes through, outermost first: `observe` (request id, log, metrics), `door` (host, origin, size, who it
is, how often), the route with its scope (`access`), the handler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homefield.server.app import create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> object:
    # A worker must hear that its supervisor is gone before it has imported the application, which takes seconds.
    if name != "create_app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from homefield.server.app import create_app

    return create_app
