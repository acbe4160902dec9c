"""Reading and writing recipes of any kind: a TOML file and overrides become a checked set of flat keys, and back."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from homefield.errors import CallError
from homefield.faults import closest
from homefield.files import write_file
from homefield.messages import Language, text
from homefield.train.faults import RecipeFault, RecipeFaults

__all__ = ["explain_keys", "parse_overrides", "read_keys", "read_toml", "write_keys"]

Keys = TypeVar("Keys", bound=BaseModel)


def read_toml(path: Path) -> dict[str, object]:
    """A recipe file as it stands.

    Raises:
        CallError: `recipe.unreadable`, when there is no such file or it is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CallError("recipe.unreadable", path=path, reason=error) from error


def read_keys(kind: type[Keys], values: Mapping[str, object], *, area: str) -> tuple[Keys, list[RecipeFault]]:
    """`values` as a recipe of `kind`, whose keys are explained in the messages of `area`.

    Unknown keys and values of the wrong kind come back as faults, and the recipe is without those keys.
    """
    try:
        return kind.model_validate(values), []
    except ValidationError as error:
        keys = dict.fromkeys(str(e["loc"][0]) for e in error.errors())
        sound = {key: value for key, value in values.items() if key not in keys}
        return kind.model_validate(sound), [_fault(kind, key, values, area) for key in keys]


def parse_overrides(pairs: Sequence[str]) -> dict[str, object]:
    """`KEY=VALUE` strings as overrides; values stay strings and are read as their key's type.

    Raises:
        RecipeFaults: a string without `=`.
    """
    faults = [
        RecipeFault(pair, "recipe.fault.expected", {"expected": "recipe.expected.pair", "got": pair})
        for pair in pairs
        if "=" not in pair
    ]
    if faults:
        raise RecipeFaults(faults, source="--set")
    split = [pair.split("=", 1) for pair in pairs]
    return {key.strip(): value.strip() for key, value in split}


def write_keys(recipe: BaseModel, path: Path) -> None:
    """Write every key of `recipe` as TOML."""
    write_file(path, "".join(f"{key} = {_toml(value)}\n" for key, value in recipe.model_dump().items()))


def explain_keys(kind: type[BaseModel], area: str, language: Language) -> list[tuple[str, str, str, str]]:
    """Every key as (key, default, what it means, what is accepted), in the order of the recipe."""
    return [
        (
            key,
            _toml(field.default),
            text(f"{area}.key.{key}.doc", language),
            text(f"{area}.key.{key}.expected", language),
        )
        for key, field in kind.model_fields.items()
    ]


def _fault(kind: type[BaseModel], key: str, values: Mapping[str, object], area: str) -> RecipeFault:
    if key not in kind.model_fields:
        return RecipeFault(key, "recipe.fault.unknown", {}, closest(key, list(kind.model_fields)))
    got = values[key]
    meant = closest(got, _choices(kind.model_fields[key].annotation)) if isinstance(got, str) else None
    expected = {"expected": f"{area}.key.{key}.expected", "got": _toml(got)}
    return RecipeFault(key, "recipe.fault.expected", expected, meant)


def _choices(annotation: Any) -> list[str]:
    found = []
    for member in get_args(annotation):
        found.extend([member] if isinstance(member, str) else _choices(member))
    return found


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(member) for member in value) + "]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
    return repr(value)
