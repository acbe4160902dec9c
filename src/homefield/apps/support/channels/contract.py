"""What every channel does: read a customer's message out of its format, and write what was said into it.

An adapter holds no conversation and calls nobody; who has the word is the desk's matter alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from homefield.apps.support.conversation import Incoming, Said
from homefield.messages import Language, text
from homefield.store.conversations import ConversationRow, MessageRow

__all__ = ["Adapter", "conversation_as_json", "message_as_json", "said_as_json", "scalars"]


class Adapter(Protocol):
    """One format."""

    def read(self, payload: Mapping[str, Any]) -> Incoming | None:
        """The customer's message in a request; None where it holds none that the bot is concerned with.

        Raises:
            CallError: `support.no_message`.
        """

    def write(self, said: Said) -> Any:
        """What was said, as the other side expects it; nothing is said in it where a human has the conversation."""


def said_as_json(said: Said, language: Language) -> dict[str, Any]:
    """What came of a message, in our own format."""
    return {
        "conversation": said.row.id,
        "message": said.message.id,
        "asked": said.message.asked,
        "state": said.row.state,
        "language": said.row.language,
        "again": said.again,
        "reply": None if said.reply is None else message_as_json(said.reply, language),
    }


def message_as_json(row: MessageRow, language: Language) -> dict[str, Any]:
    """A message, and of a reply why it was said."""
    told: dict[str, Any] = {
        "id": row.id,
        "number": row.number,
        "speaker": row.speaker,
        "text": row.text,
        "at": row.at.isoformat(),
    }
    if row.author is not None:
        told["author"] = row.author
    if row.speaker == "customer":
        told["asked"] = row.asked
    if row.speaker == "bot" and row.facts:
        told |= {**row.facts, "why": text(str(row.facts["reason"]), language)}
    return told


def conversation_as_json(row: ConversationRow, language: Language) -> dict[str, Any]:
    """A conversation without its messages."""
    handoff = None if row.handoff is None else {**row.handoff, "why": text(str(row.handoff["reason"]), language)}
    return {
        "id": row.id,
        "channel": row.channel,
        "peer": row.peer,
        "customer": row.customer,
        "state": row.state,
        "failures": row.failures,
        "language": row.language,
        "variables": row.variables,
        "handoff": handoff,
        "turns": row.turns,
        "made_at": row.made_at.isoformat(),
        "touched_at": row.touched_at.isoformat(),
    }


def scalars(given: Any, *, most: int = 50) -> dict[str, str]:
    """What of an object of another format can be variables: words and numbers by short names."""
    if not isinstance(given, Mapping):
        return {}
    plain = {
        str(name): value
        for name, value in given.items()
        if isinstance(value, (str, int, float)) and not isinstance(value, bool)
    }
    short = {name: str(value)[:1_000] for name, value in plain.items() if len(name) <= 40}
    return dict(list(short.items())[:most])
