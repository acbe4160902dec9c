"""What is wrong in a file of options, key by key, in the reader's language: no value that stands there is told, since
some are secrets."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ValidationError

from homefield.errors import CallError
from homefield.messages import Language, catalogue, default_language, text

__all__ = ["BadOptions", "OptionFault", "faults_in", "no_toml"]

# Pydantic's types of errors; those that the options raise themselves are named as their sentences.
_REASONS: Mapping[str, str] = {
    "extra_forbidden": "unknown",
    "greater_than": "more_than",
    "greater_than_equal": "at_least",
    "less_than_equal": "at_most",
    "string_too_long": "too_long",
    "string_type": "text",
    "list_type": "list",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "whole"),
    **dict.fromkeys(("float_type", "float_parsing"), "number"),
    **dict.fromkeys(("dict_type", "model_type"), "table"),
}


@dataclass(frozen=True)
class OptionFault:
    """What is wrong with a key, or with the whole file where `key` is empty: `reason` names a sentence
    `support.option.<reason>`."""

    key: str
    reason: str
    values: Mapping[str, object] = field(default_factory=dict)

    def sentence(self, language: Language) -> str:
        """Key and fault in words."""
        said = text(f"support.option.{self.reason}", language, **self.values)
        return text("support.option.at", language, key=self.key, said=said) if self.key else said


class BadOptions(CallError):
    """A file of options that cannot be used, with all of its faults."""

    def __init__(self, file: str, faults: Sequence[OptionFault]) -> None:
        self.file, self.faults = file, tuple(faults)
        super().__init__("support.bad_options", file=file, faults="")

    def what(self, language: Language | None = None) -> str:
        """The file's name and every fault."""
        language = language or default_language()
        between = text("support.option.between", language)
        faults = between.join(fault.sentence(language) for fault in self.faults)
        return text(f"{self.code}.what", language, file=self.file, faults=faults)


def faults_in(error: ValidationError, kinds: Mapping[str, type[BaseModel]]) -> list[OptionFault]:
    """Every fault that was found. kinds: name of a table, "" for the whole -> which keys it takes."""
    found = []
    for each in error.errors(include_url=False, include_input=False):
        place, known = [str(part) for part in each["loc"]], each.get("ctx", {})
        reason = _REASONS.get(each["type"], each["type"])
        if f"support.option.{reason}" not in catalogue("en", "support"):
            reason = "other"
        values: dict[str, object] = {name: value for name, value in known.items() if isinstance(value, str)}
        values["bound"] = next((f"{value:g}" for value in known.values() if isinstance(value, int | float)), "")
        kind = kinds.get(place[0], kinds[""]) if len(place) > 1 else kinds[""]
        values["known"] = ", ".join(kind.model_fields)
        found.append(OptionFault(".".join(place), reason, values))
    return found


def no_toml(error: tomllib.TOMLDecodeError) -> OptionFault:
    """That a file is not TOML, and where."""
    written = str(error)
    if (at := re.search(r" \(at line (\d+), column (\d+)\)$", written)) is None:
        return OptionFault("", "cut_off", {"why": written.removesuffix(" (at end of document)")})
    return OptionFault("", "no_toml", {"line": at[1], "column": at[2], "why": written[: at.start()]})
