"""Every sentence a person reads, in Chinese and English.

One folder per language, one TOML file per area of the program (`en/data.toml`, `zh/data.toml`). A key is
`area.name.part`; its first segment names the file. Templates are ours alone: values filled in are never templates.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal, cast

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

__all__ = ["LANGUAGES", "Language", "catalogue", "default_language", "text"]


def default_language(environ: Mapping[str, str] | None = None) -> Language:
    """The language of this process: `HOMEFIELD_LANG`, else the locale's, else English."""
    environ = os.environ if environ is None else environ
    for name in ("HOMEFIELD_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = environ.get(name, "").lower()
        if value.startswith("zh"):
            return "zh"
        if value.startswith("en"):
            return "en"
    return "en"


@cache
def catalogue(language: Language, area: str) -> dict[str, str]:
    """All sentences of one area in one language, keyed by their full dotted key."""
    source = resources.files(__name__).joinpath(language, f"{area}.toml")
    return dict(_flatten(tomllib.loads(source.read_text(encoding="utf-8")), area))


def text(key: str, language: Language, /, **values: object) -> str:
    """The sentence `key` in `language` with `values` filled in.

    Raises:
        KeyError: the key or a value is missing, a defect of the program.
    """
    template = catalogue(language, key.partition(".")[0])[key]
    return template.format_map(values)


def _flatten(table: Mapping[str, object], prefix: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in table.items():
        key = f"{prefix}.{name}"
        if isinstance(value, dict):
            pairs.extend(_flatten(cast("dict[str, object]", value), key))
        else:
            pairs.append((key, str(value)))
    return pairs
