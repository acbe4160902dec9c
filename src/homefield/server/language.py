"""The language of one reply: what the address asks for, else what the browser prefers, else the workspace's."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from homefield.messages import LANGUAGES, Language

__all__ = ["chosen_language"]

_RANGE = re.compile(r"\s*([A-Za-z*]{1,8})(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?$")


def chosen_language(query: bytes, accepted: str, default: Language) -> Language:
    """`lang=zh` in the query, else the best of an `Accept-Language` header, else `default`."""
    if b"lang=" in query:
        asked = parse_qs(query.decode("latin-1")).get("lang", [""])[0].lower()
        for language in LANGUAGES:
            if asked.startswith(language):
                return language
    best, found = 0.0, default
    for part in accepted.split(",")[:20]:
        if (match := _RANGE.match(part)) is None:
            continue
        weight = 1.0 if match[2] is None else float(match[2])
        for language in LANGUAGES:
            if match[1].lower() == language and weight > best:
                best, found = weight, language
    return found
