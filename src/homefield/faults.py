"""What is wrong in a TOML file that somebody wrote, key by key, in the reader's language: no value that stands there is
told, since some are secrets."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ValidationError

from homefield.errors import CallError
from homefield.messages import Language, catalogue, default_language, text

__all__ = ["Fault", "FaultyFile", "closest", "faults_in", "read_table"]

# Pydantic's types of errors. Those that a model raises itself are named as their sentences.
_REASONS: Mapping[str, str] = {
    "extra_forbidden": "unknown",
    "greater_than": "more_than",
    "greater_than_equal": "at_least",
    "less_than_equal": "at_most",
    "literal_error": "one_of",
    "string_too_long": "too_long",
    "string_type": "text",
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


class FaultyFile(CallError):
    """A file that cannot be used, with all of its faults; the sentence `<code>.what` has `{file}` and `{faults}`."""

    def __init__(self, code: str, file: Path | str, faults: Sequence[Fault]) -> None:
        self.file, self.faults = file, tuple(faults)
        super().__init__(code, file=file, faults="")

    def what(self, language: Language | None = None) -> str:
        """The file's name and every fault."""
        language = language or default_language()
        faults = text("faults.between", language).join(fault.sentence(language) for fault in self.faults)
        return text(f"{self.code}.what", language, file=self.file, faults=faults)


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
    """Every fault that was found.

    kinds: name of a table, "" for the whole -> which keys it takes. own: where the sentences of errors stand that the
    models raise themselves.
    """
    general = catalogue("en", "faults")
    raised = general | catalogue("en", own.partition(".")[0])
    found = []
    for each in error.errors(include_url=False, include_input=False):
        place, known = [str(part) for part in each["loc"]], each.get("ctx", {})
        sentence = f"faults.{_REASONS.get(each['type'], each['type'])}"
        if sentence not in general:
            sentence = f"{own}.{each['type']}"
        if sentence not in raised:
            sentence = "faults.other"
        values: dict[str, object] = {name: value for name, value in known.items() if isinstance(value, str)}
        values["expected"] = str(known.get("expected", "")).replace(" or ", ", ")
        values["bound"] = next((f"{value:g}" for value in known.values() if isinstance(value, int | float)), "")
        kind = kinds.get(place[0], kinds[""]) if len(place) > 1 else kinds[""]
        values["known"] = ", ".join(kind.model_fields)
        if sentence == "faults.unknown" and (meant := closest(place[-1], list(kind.model_fields))):
            sentence, values["meant"] = "faults.slip", meant
        found.append(Fault(".".join(place), sentence, values))
    return found


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
