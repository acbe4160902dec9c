"""What a company decides about one application's conversations: `support/NAME.toml` in the workspace.

Everything in it is checked when it is read, and every fault is named: a key that there is not, a pattern that is none,
a URL whose host could be filled in by a customer, a host that is not listed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from homefield.apps.support.slots import PATTERNS
from homefield.errors import CallError
from homefield.faults import FaultyFile, faults_in, read_table
from homefield.workspace import Workspace

__all__ = [
    "BAD_OPTIONS",
    "LONGEST_VALUE",
    "MOST_VARIABLES",
    "NAME",
    "PLACE",
    "ChatwootOptions",
    "HandoffOptions",
    "Question",
    "Source",
    "SupportOptions",
    "check_variables",
    "load_options",
    "options_file",
    "secret_of",
]

NAME = r"[a-z][a-z0-9_]{0,39}"
"""What a placeholder, and so a variable, is called."""
LONGEST_VALUE, MOST_VARIABLES = 1_000, 50
PLACE = re.compile(r"\{([^{}]*)\}")
_FROM_ENVIRONMENT = "env:"
BAD_OPTIONS = "support.bad_options"
"""The code of the error of a file that cannot be used."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HandoffOptions(_Strict):
    """When a human takes over, beside the customer's wish and the bot's own doubt."""

    failures: int = Field(default=2, ge=1, le=100, description="replies in a row that answer nothing")
    confidence: float = Field(default=0.0, ge=0, le=1, description="an answer less sure than this goes to a human")
    answers: list[str] = Field(default=[], description="ids of answers that a human gives")
    words: list[str] = Field(default=["投诉", "complaint"], description="words that go to a human")


class Question(_Strict):
    """How the customer is asked for a value, and what one looks like."""

    pattern: str | None = Field(default=None, max_length=500)
    zh: str | None = None
    en: str | None = None

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as error:
                raise PydanticCustomError("no_pattern", "{why}", {"why": str(error)}) from error
        return pattern


class Source(_Strict):
    """Where a value is looked up: variables of the conversation stand in the URL as `{order_id}`, quoted."""

    url: str
    pointer: str = Field(description="JSON pointer (RFC 6901) to the value in the reply")
    seconds: float = Field(default=3.0, gt=0, le=30)
    headers: dict[str, str] = Field(default={}, description="`env:NAME` takes a value from the environment")

    @field_validator("url")
    @classmethod
    def _whole(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise PydanticCustomError("no_url", "no URL")
        if "{" in parts.netloc:
            raise PydanticCustomError("host_filled_in", "a variable in the host")
        for name in PLACE.findall(url):
            if not re.fullmatch(NAME, name):
                raise PydanticCustomError("no_variable", "{name}", {"name": name})
        return url

    @field_validator("pointer")
    @classmethod
    def _points(cls, pointer: str) -> str:
        if pointer and not pointer.startswith("/"):
            raise PydanticCustomError("no_pointer", "no JSON pointer")
        return pointer

    @property
    def wanted(self) -> tuple[str, ...]:
        """The variables in its URL."""
        return tuple(dict.fromkeys(PLACE.findall(self.url)))


class ChatwootOptions(_Strict):
    """One Chatwoot account that this application is an agent bot of."""

    url: str
    account: int = Field(ge=1)
    token: str = Field(description="the bot's access token; `env:NAME` takes it from the environment")
    secret: str | None = Field(None, description="what Chatwoot signs its webhooks with, from 4.13 on")
    webhook_token: str | None = Field(
        default=None, description="without signatures: the `token` in the webhook's address"
    )

    @model_validator(mode="after")
    def _guarded(self) -> ChatwootOptions:
        if not self.secret and not self.webhook_token:
            raise PydanticCustomError("unguarded", "neither secret nor webhook_token")
        return self


class SupportOptions(_Strict):
    """Everything that can be set of an application's conversations."""

    idle_minutes: float = Field(default=60.0, gt=0, description="a conversation quiet for so long is closed")
    return_minutes: float = Field(default=30.0, gt=0, description="a human silent for so long: the bot replies again")
    history: int = Field(default=10, ge=0, le=100, description="messages behind that are looked at")
    hosts: list[str] = Field(default=[], description="hosts that look-ups may ask")
    handoff: HandoffOptions = HandoffOptions()
    ask: dict[str, Question] = Field(default={})
    sources: dict[str, Source] = Field(default={})
    chatwoot: ChatwootOptions | None = None

    def question(self, name: str) -> Question | None:
        """How a customer is asked for a value; None where only the company can know it, since nobody says how."""
        given, usual = self.ask.get(name), PATTERNS.get(name)
        if given is None:
            return None if usual is None else Question(pattern=usual)
        return given if given.pattern or usual is None else given.model_copy(update={"pattern": usual})

    @model_validator(mode="after")
    def _listed(self) -> SupportOptions:
        for name in (*self.ask, *self.sources):
            if not re.fullmatch(NAME, name):
                raise PydanticCustomError("no_placeholder", "{name}", {"name": name})
        for name, source in self.sources.items():
            host = urlsplit(source.url).hostname
            if host not in self.hosts:
                raise PydanticCustomError("not_listed", "{host}", {"name": name, "host": host or "-"})
        return self


_KINDS: Mapping[str, type[BaseModel]] = {
    "": SupportOptions,
    "handoff": HandoffOptions,
    "ask": Question,
    "sources": Source,
    "chatwoot": ChatwootOptions,
}


def check_variables(variables: Mapping[str, str]) -> Mapping[str, str]:
    """`variables` of a conversation, as any channel may give them.

    Raises:
        CallError: `support.bad_variables`.
    """
    bad = [name for name in variables if not re.fullmatch(NAME, name)]
    long = [name for name, value in variables.items() if len(value) > LONGEST_VALUE]
    if bad or long or len(variables) > MOST_VARIABLES:
        raise CallError("support.bad_variables", names=", ".join([*bad, *long] or ["-"])[:200], most=MOST_VARIABLES)
    return variables


def options_file(workspace: Workspace, name: str) -> Path:
    """Where the options of an application stand; `name` is one that `homefield.bundle.names.check_name` lets pass."""
    return workspace.root / "support" / f"{name}.toml"


def load_options(file: Path) -> SupportOptions:
    """Read the options of an application; those by default when there is no file.

    Raises:
        FaultyFile: `support.bad_options`, with every fault.
    """
    try:
        values = read_table(BAD_OPTIONS, file, called=file.name)
    except FileNotFoundError:
        return SupportOptions()
    try:
        return SupportOptions.model_validate(values)
    except ValidationError as error:
        raise FaultyFile(BAD_OPTIONS, file.name, faults_in(error, _KINDS, own="support.option")) from error


def secret_of(written: str, environ: Mapping[str, str] | None = None) -> str:
    """A secret as written, or from the environment where `env:NAME` is written.

    Raises:
        CallError: `support.no_secret`: the environment has no such variable.
    """
    if not written.startswith(_FROM_ENVIRONMENT):
        return written
    name = written.removeprefix(_FROM_ENVIRONMENT)
    found = (os.environ if environ is None else environ).get(name)
    if not found:
        raise CallError("support.no_secret", name=name)
    return found
