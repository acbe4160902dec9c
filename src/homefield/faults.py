"""What is wrong in a TOML file that somebody wrote or in the body of a request, key by key, in the reader's language.
No value that stands there is told, since some are secrets."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from homefield.errors import CallError
from homefield.messages import Language, catalogue, default_language, text

__all__ = ["Fault", "Faulty", "FaultyFile", "closest", "faults_in", "faults_of", "read_table"]

_SHOWN, _KEY = 5, 200  # faults in one sentence; characters of a key

# Pydantic's types of errors. Those that a model raises itself are named as their sentences.
_REASONS: Mapping[str, str] = {
    "extra_forbidden": "unknown",
    "greater_than": "more_than",
    "greater_than_equal": "at_least",
    "json_invalid": "no_json",
    "less_than": "below",
    "less_than_equal": "at_most",
    "literal_error": "one_of",
    "string_pattern_mismatch": "pattern",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "string_type": "text",
    "too_long": "too_many",
    "too_short": "too_few",
    "value_error": "said",
    **dict.fromkeys(("list_type", "tuple_type"), "list"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true_or_false"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "whole"),
    **dict.fromkeys(("float_type", "float_parsing"), "number"),
    **dict.fromkeys(("dict_type", "model_type"), "table"),
}


@dataclass(frozen=True)
class Fault:
    """What is wrong with a key, or with the whole file where `key` is empty: `reason` names a sentence."""

    key: str
    reason: str
    values: Mapping[str, object] = field(default_factory=dict)

    def sentence(self, language: Language) -> str:
        """Key and fault in words."""
        said = text(self.reason, language, **self.values)
        return text("faults.at", language, key=self.key, said=said) if self.key else said


class Faulty(CallError):
    """What cannot be used as it was given, with all of its faults; the sentence `<code>.what` has `{faults}`."""

    def __init__(self, code: str, faults: Sequence[Fault], **values: object) -> None:
        self.faults = tuple(faults)
        super().__init__(code, faults="", **values)

    def sentences(self, language: Language) -> list[str]:
        """Each fault in words."""
        return [fault.sentence(language) for fault in self.faults]

    def what(self, language: Language | None = None) -> str:
        """What it is, with its faults."""
        language = language or default_language()
        faults = text("faults.between", language).join(self._shown(language))
        return text(f"{self.code}.what", language, **{**self.values, "faults": faults})

    def _shown(self, language: Language) -> list[str]:
        every = self.sentences(language)
        return every if len(every) <= _SHOWN else [*every[:_SHOWN], "…"]


class FaultyFile(Faulty):
    """A file that cannot be used; the sentence `<code>.what` has `{file}` too, and names every fault."""

    def __init__(self, code: str, file: Path | str, faults: Sequence[Fault]) -> None:
        super().__init__(code, faults, file=file)
        self.file = file

    def _shown(self, language: Language) -> list[str]:
        return self.sentences(language)


def read_table(code: str, file: Path, *, called: Path | str | None = None) -> dict[str, object]:
    """What a TOML file holds. called: how the file is named in an error.

    Raises:
        FaultyFile: `code`; it is not TOML, not UTF-8, or cannot be read.
        FileNotFoundError: there is none.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise
    except tomllib.TOMLDecodeError as error:
        raise FaultyFile(code, called or file, [_no_toml(error)]) from error
    except UnicodeDecodeError as error:
        raise FaultyFile(code, called or file, [Fault("", "faults.no_utf8")]) from error
    except OSError as error:
        raise FaultyFile(code, called or file, [Fault("", "faults.unreadable", {"why": error.strerror})]) from error


def faults_in(error: ValidationError, kinds: Mapping[str, type[BaseModel]], *, own: str = "faults") -> list[Fault]:
    """Every fault that was found. kinds, own: as `faults_of`."""
    return faults_of(error.errors(include_url=False, include_input=False), kinds, own=own)


def faults_of(
    errors: Sequence[Mapping[str, Any]], kinds: Mapping[str, type[BaseModel]], *, own: str = "faults"
) -> list[Fault]:
    """What pydantic complains of, as faults.

    kinds: name of a table, "" for the whole -> which keys it takes. own: where the sentences of errors stand that the
    models raise themselves.
    """
    general = catalogue("en", "faults")
    raised = general | catalogue("en", own.partition(".")[0])
    found = []
    for each in errors:
        place, known = [str(part) for part in each["loc"]], each.get("ctx", {})
        sentence = f"faults.{_REASONS.get(each['type'], each['type'])}"
        if sentence not in general:
            sentence = f"{own}.{each['type']}"
        if sentence not in raised:
            sentence = "faults.other"
        values: dict[str, object] = {name: value for name, value in known.items() if isinstance(value, str)}
        values["expected"] = str(known.get("expected", "")).replace(" or ", ", ")
        values["bound"] = next((f"{value:g}" for value in known.values() if isinstance(value, int | float)), "")
        values.setdefault("why", str(known.get("error", "")))
        if sentence == "faults.unknown":
            sentence, more = _unknown(place, kinds)
            values |= more
        found.append(Fault(".".join(place)[:_KEY], sentence, values))
    return found


def _unknown(place: Sequence[str], kinds: Mapping[str, type[BaseModel]]) -> tuple[str, dict[str, object]]:
    """The sentence of a key that is not expected, with those that are where `kinds` has them."""
    kind = kinds.get(place[0] if len(place) > 1 else "")
    if kind is None:
        return "faults.unheard_of", {}
    if meant := closest(place[-1], list(kind.model_fields)):
        return "faults.slip", {"meant": meant}
    return "faults.unknown", {"known": ", ".join(kind.model_fields)}


def closest(given: str, known: Sequence[str]) -> str | None:
    """The member of `known` that `given` is most likely a slip for."""
    folded = {name.lower().replace("-", "_"): name for name in known}
    found = difflib.get_close_matches(given.lower().replace("-", "_"), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def _no_toml(error: tomllib.TOMLDecodeError) -> Fault:
    """That a file is not TOML, and where."""
    written = str(error)
    if (at := re.search(r" \(at line (\d+), column (\d+)\)$", written)) is None:
        return Fault("", "faults.cut_off", {"why": written.removesuffix(" (at end of document)")})
    return Fault("", "faults.no_toml", {"line": at[1], "column": at[2], "why": written[: at.start()]})
