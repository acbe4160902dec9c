"""Homefield over HTTP: one application, made by a factory, served by one process or several.

    >>> from homefield.server import create_app
    >>> app = create_app(find_workspace())  # for any ASGI server; `homefield serve` runs it with uvicorn

What a request goes through, outermost first: `observe` (request id, log, metrics), `door` (host, origin, size, who it
is, how often), the route with its scope (`access`), the handler.
"""

from homefield.server.app import create_app

__all__ = ["create_app"]
