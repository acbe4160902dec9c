"""What a customer asks and what is replied: the words between understanding, conversation, channels and pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, Protocol

__all__ = ["TALK", "Answerer", "Asked", "Choice", "Decision", "Near", "Reply", "Turn"]

Decision = Literal["answer", "clarify", "handoff", "abstain"]

TALK = "support.why.talk"
"""The reason of a reply to a greeting, thanks or the like: nothing was asked, and the bot did not fail."""


@dataclass(frozen=True)
class Turn:
    """One message of a conversation that is behind. speaker: who said it."""

    speaker: Literal["customer", "bot", "human"]
    text: str


@dataclass(frozen=True)
class Asked:
    """A customer's message with what is known when it comes.

    history: the turns before it, oldest first. variables: of the conversation, what placeholders may be filled from.
    language: the customer's where the channel tells it. audience: which answers may be given, "" for those for all.
    """

    text: str
    history: tuple[Turn, ...] = ()
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    language: str = ""
    audience: str = ""


@dataclass(frozen=True)
class Near:
    """A historical question that led to an answer. similarity: cosine, at most 1."""

    question: str
    answer: str
    similarity: float


@dataclass(frozen=True)
class Choice:
    """An answer that could be meant: its id, what it is about in the customer's words, the calibrated chance."""

    answer: str
    title: str
    confidence: float


@dataclass(frozen=True)
class Reply:
    """What is said, and why.

    decision: `answer` says the template filled; `clarify` asks which of two or three `choices` is meant, or for the
    placeholder `missing`; `handoff` asks for a human; `abstain` says that it is not known. answer: the id given, or
    asked a value for. confidence: calibrated chance that the answer is right. reason: a message key. release: `name@3`.
    """

    decision: Decision
    text: str
    answer: str | None
    confidence: float
    reason: str
    release: str
    choices: tuple[Choice, ...] = ()
    runners_up: tuple[Choice, ...] = ()
    nearest: tuple[Near, ...] = ()
    missing: str = ""


class Answerer(Protocol):
    """Understands one message at a time; holds no conversation and is safe to call from several threads."""

    @property
    def release(self) -> str:
        """`name@3`."""

    def reply(self, asked: Asked) -> Reply:
        """What to say to `asked`."""
