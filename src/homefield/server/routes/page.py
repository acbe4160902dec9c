"""`/`: a page to talk to a customer service and look inside, plain files with nothing from another host."""

from __future__ import annotations

from functools import cache
from importlib import resources

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from homefield.apps.support.page import FILES, render
from homefield.errors import CallError
from homefield.messages import Language
from homefield.server.access import public
from homefield.server.openapi import media
from homefield.server.routes.asking import language_of

__all__ = ["add_routes"]


def add_routes(routes: APIRouter) -> None:
    """Add them to the application's."""
    routes.get("/", tags=["page"], response_class=HTMLResponse)(page)
    kinds = sorted({kind.partition(";")[0] for kind in FILES.values()})
    routes.get("/page/{file}", tags=["page"], response_class=Response, responses=media(*kinds))(part)


@public
async def page(request: Request) -> Response:
    """The page, in the reader's language. It holds no data; what it shows it asks for with the reader's key."""
    language = language_of(request)
    return Response(_page(language), media_type="text/html", headers={"Content-Language": language})


@public
async def part(request: Request, file: str) -> Response:
    """A style sheet or script of the page."""
    if file not in FILES:
        raise CallError("server.not_found", path=request.url.path[:200])
    return Response(_file(file), headers={"content-type": FILES[file]})


@cache
def _page(language: Language) -> str:
    return render(language)


@cache
def _file(name: str) -> bytes:
    return resources.files("homefield.apps.support.page").joinpath(name).read_bytes()
