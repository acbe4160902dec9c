"""What an option's value may be. Each kind says what was expected and what came, in the reader's language."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from homefield.errors import CallError

__all__ = ["ColumnOf", "Day", "KeyValue", "Name", "OneOf", "Place", "Share", "Whole", "guess", "pairs"]


def guess(given: str, known: Sequence[str]) -> str:
    """The known word closest to `given`, else all of them, ready to stand in a sentence."""
    close = difflib.get_close_matches(given, known, n=1, cutoff=0.6)
    return close[0] if close else ", ".join(known)


def _name(param: click.Parameter | None) -> str:
    if param is None:
        return "?"
    return param.opts[0] if isinstance(param, click.Option) else param.make_metavar(click.Context(click.Command("")))


class Place(click.ParamType[Path]):
    """A file or folder; whether it must exist is for the command to say."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """`~` becomes the home folder."""
        if str(value) == "":
            raise CallError("cli.empty_value", option=_name(param))
        return Path(value).expanduser()


class Name(click.ParamType[str]):
    """A word or sentence that is not empty."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse the empty word."""
        if not str(value).strip():
            raise CallError("cli.empty_value", option=_name(param))
        return str(value)


class OneOf(click.ParamType[str]):
    """One of a few words."""

    name = "choice"

    def __init__(self, *choices: str) -> None:
        self.choices = choices

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Show the words themselves in the help."""
        return "|".join(self.choices)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse any other word."""
        if value not in self.choices:
            raise CallError(
                "cli.not_one_of",
                option=_name(param),
                given=value,
                choices=", ".join(self.choices),
                guess=guess(str(value), self.choices),
            )
        return str(value)


class Whole(click.ParamType[int]):
    """A whole number, not negative."""

    name = "whole number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Refuse what is not a whole number from 0 up."""
        try:
            number = int(value)
        except ValueError:
            number = -1
        if number < 0:
            raise CallError("cli.not_whole", option=_name(param), given=value)
        return number


class Share(click.ParamType[float]):
    """A share between 0 and 1, also written `2%`."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Refuse what is not strictly between 0 and 1."""
        written = str(value).strip()
        try:
            number = float(written[:-1]) / 100 if written.endswith(("%", "％")) else float(written)
        except ValueError:
            number = math.nan
        if not 0 < number < 1:
            raise CallError("cli.not_share", option=_name(param), given=value)
        return number


class Day(click.ParamType[datetime]):
    """A date or a moment, ISO 8601; without a zone it is this machine's."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """`2026-03-01` is the beginning of that day."""
        try:
            return datetime.fromisoformat(str(value)).astimezone()
        except (ValueError, OverflowError) as error:
            raise CallError("cli.not_a_day", option=_name(param), given=value) from error


class KeyValue(click.ParamType[tuple[str, str]]):
    """`KEY=VALUE`."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split at the first `=`."""
        if isinstance(value, tuple):
            return value
        key, equals, rest = str(value).partition("=")
        if not equals or not key.strip():
            raise CallError("cli.not_key_value", option=_name(param), given=value)
        return key.strip(), rest


class ColumnOf(KeyValue):
    """`ROLE=COLUMN`: which column of the file has which role."""

    name = "role=column"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split at the first `=`; neither side may be empty."""
        role, column = super().convert(value, param, ctx)
        if not column:
            raise CallError("cli.not_key_value", option=_name(param), given=value)
        return role, column


def pairs(given: Sequence[tuple[str, str]], option: str, **named: str | None) -> Mapping[str, str]:
    """`ROLE=COLUMN` pairs and named roles as one mapping.

    Raises:
        CallError: `cli.given_twice` when the same key has two different values.
    """
    together: dict[str, str] = {}
    for key, value in (*((k, v) for k, v in named.items() if v is not None), *given):
        if together.get(key, value) != value:
            raise CallError("cli.given_twice", option=option, key=key, first=together[key], second=value)
        together[key] = value
    return together
