"""Values looked up over HTTP, as the options declare them: a customer's words stand in the URL quoted, nowhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from homefield.apps.support.conversation.options import PLACE, Source, secret_of
from homefield.errors import RemoteError
from homefield.net import Allowed, Limits, fetch_now

__all__ = ["look_up", "pointed", "url_of"]

_MOST = 1 << 20
_LONGEST = 2_000


def look_up(source: Source, variables: Mapping[str, str], allowed: Allowed) -> str | None:
    """The value that `source` has for these variables; None when it knows none (404, or nothing at the pointer).

    Raises:
        RemoteError: `support.look_up_failed` for another status or what is no JSON; as `homefield.net.fetch`.
        NotAllowed, CallError: as `homefield.net.fetch`.
    """
    headers = {"accept": "application/json", **{name: secret_of(value) for name, value in source.headers.items()}}
    # A redirect could lead to a host that is not listed.
    limits = Limits(bytes=_MOST, seconds=source.seconds, redirects=0)
    if (url := url_of(source, variables)) is None:
        return None
    reply = fetch_now(url, headers=headers, limits=limits, allowed=allowed)
    if reply.status in (404, 410):
        return None
    if reply.status != 200:
        raise RemoteError("support.look_up_failed", host=_host(source), why=f"HTTP {reply.status}")
    try:
        found = pointed(json.loads(reply.body), source.pointer)
    except (ValueError, RecursionError) as error:
        raise RemoteError("support.look_up_failed", host=_host(source), why="JSON") from error
    return _written(found)


def url_of(source: Source, variables: Mapping[str, str]) -> str | None:
    """The URL with its variables filled in, each quoted whole; None for a value that would be a step in the path."""
    if any(not variables[name].strip(". ") for name in source.wanted):
        return None
    return PLACE.sub(lambda match: quote(variables[match[1]], safe=""), source.url)


def pointed(document: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) leads to; None when it leads nowhere."""
    here = document
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(here, dict):
            here = here.get(name)
        elif isinstance(here, list) and name.isascii() and name.isdigit() and int(name[:9]) < len(here):
            here = here[int(name[:9])]
        else:
            return None
    return here


def _written(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    return str(value).strip()[:_LONGEST] or None


def _host(source: Source) -> str:
    return source.url.split("/")[2]
