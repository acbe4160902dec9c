"""What a kind of job is: its name, what it takes, and how words and paths become that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from homefield.errors import CallError, NotAllowed
from homefield.faults import Faulty, faults_in
from homefield.operate.jobs.work import Arguments, Run, is_name
from homefield.store import is_id

__all__ = ["Kind", "Setting"]

Setting = str | int | float | bool | list[str] | dict[str, float] | None


@dataclass(frozen=True)
class Kind:
    """One kind. heavy: it takes the whole machine for long, so that few of them run at once."""

    name: str
    arguments: type[Arguments]
    run: Run
    heavy: bool = False

    def check(self, arguments: Mapping[str, Any]) -> Arguments:
        """The arguments, each of the right type.

        Raises:
            CallError: `jobs.bad_arguments`, with every fault.
        """
        try:
            return self.arguments.model_validate(dict(arguments))
        except ValidationError as error:
            faults = faults_in(error, {"": self.arguments})
            raise Faulty("jobs.bad_arguments", faults, kind=self.name) from error

    def from_words(self, words: Mapping[str, str]) -> dict[str, Any]:
        """`KEY=VALUE` as arguments: `a,b` for several, `role=column,...` for pairs; what is no argument is a setting.

        Raises:
            CallError: `jobs.bad_arguments`.
        """
        fields = self.arguments.model_fields
        rest = next((name for name in ("keys", "options") if name in fields), None)
        made: dict[str, Any] = {}
        for key, word in words.items():
            if key in fields or rest is None:
                made[key] = _argument(word, str(fields[key].annotation) if key in fields else "str")
            else:
                # A recipe reads words itself.
                made.setdefault(rest, {})[key] = word if rest == "keys" else _setting(word)
        return made

    def check_names(self, arguments: Mapping[str, Any]) -> None:
        """See that nothing in the arguments is a path: for those who do not sit at the machine.

        Raises:
            NotAllowed: `jobs.paths`.
        """
        for field, value in arguments.items():
            if field in self.arguments.FILES:
                good = all(is_id(each) for each in _several(value))
            elif field in self.arguments.PLACES:
                good = all(is_name(each) for each in _several(value))
            else:
                good = not any(_like_a_path(each) for each in _words(value))
            if not good:
                raise NotAllowed("jobs.paths", field=field)

    def check_files(self, arguments: Mapping[str, Any]) -> None:
        """See that the files are there that a job would read at once; a pattern means at least one.

        Raises:
            CallError: `jobs.no_such_file`.
        """
        for field in self.arguments.FILES:
            for each in _several(arguments.get(field)):
                if not is_id(each) and not _there(Path(each)):
                    raise CallError("jobs.no_such_file", field=field, path=each)

    def from_here(self, arguments: Mapping[str, Any], here: Path) -> dict[str, Any]:
        """The arguments with every path made absolute: a job runs in a folder of its own."""
        made = dict(arguments)
        for field, value in arguments.items():
            if value is None or field not in (*self.arguments.FILES, *self.arguments.PLACES):
                continue
            known = is_id if field in self.arguments.FILES else is_name
            places = [each if known(each) else str(here / Path(each).expanduser()) for each in _several(value)]
            made[field] = places if isinstance(value, list) else places[0]
        return made


def _there(path: Path) -> bool:
    """Whether a file, or one that the pattern in its name means, is there."""
    return path.exists() or any(path.parent.glob(path.name))


def _argument(word: str, annotation: str) -> Any:
    """A word as its field wants it."""
    if annotation.startswith("list"):
        return [part.strip() for part in word.split(",") if part.strip()]
    if annotation.startswith("dict"):
        return {name.strip(): value for name, _, value in (part.partition("=") for part in word.split(","))}
    return word if "str" in annotation or "Literal" in annotation else _setting(word)


def _setting(word: str) -> Setting:
    """A word as the number, the several words or the pairs with numbers that it is."""
    try:
        if "=" in word:
            pairs = (part.partition("=") for part in word.split(","))
            return {name.strip(): float(share) for name, _, share in pairs}
        if "," in word:
            return [part.strip() for part in word.split(",") if part.strip()]
        number = float(word)
    except ValueError:
        return word
    return int(number) if number.is_integer() and "." not in word else number


def _several(value: Any) -> list[str]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _words(value: Any) -> list[str]:
    """Every text in plain values."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [word for each in value.values() for word in _words(each)]
    return [word for each in value for word in _words(each)] if isinstance(value, list) else []


def _like_a_path(word: str) -> bool:
    return word.startswith(("/", "~", ".", "\\")) or ".." in word.split("/") or "\\" in word or word[1:2] == ":"
