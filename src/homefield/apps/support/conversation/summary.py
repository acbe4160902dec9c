"""What a human reads when a conversation is handed over: short, and without personal data that can be recognised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from homefield.data.mask import mask_text
from homefield.messages import Language, text
from homefield.store.conversations import MessageRow

__all__ = ["note", "summary"]

_TURNS, _TRIED, _LONGEST = 6, 5, 500


def summary(
    before: Sequence[MessageRow], asked: str, reason: str, variables: Mapping[str, str], answer: str | None
) -> dict[str, Any]:
    """The last turns, what was asked, which answers were tried, and the variables, all masked.

    before: the messages until then, oldest first. answer: the one that the bot was about to give.
    """
    tried = [
        str(row.facts["answer"]) for row in before if row.speaker == "bot" and row.facts and row.facts.get("answer")
    ]
    tried += [answer] if answer else []
    return {
        "reason": reason,
        "asked": _masked(asked),
        "turns": [{"speaker": row.speaker, "text": _masked(row.text)} for row in before[-_TURNS:]],
        "tried": list(dict.fromkeys(tried))[-_TRIED:],
        "variables": {name: _masked(value) for name, value in variables.items()},
    }


def note(told: Mapping[str, Any], language: Language) -> str:
    """A summary as text."""
    lines = [text("support.note.title", language, reason=text(str(told["reason"]), language))]
    lines.append(text("support.note.asked", language, asked=told["asked"]))
    if told["tried"]:
        lines.append(text("support.note.tried", language, tried=", ".join(told["tried"])))
    if told["variables"]:
        pairs = "; ".join(f"{name} = {value}" for name, value in told["variables"].items())
        lines.append(text("support.note.variables", language, variables=pairs))
    if told["turns"]:
        lines.append(text("support.note.turns", language))
        lines += [f"- {text('support.speaker.' + one['speaker'], language)}: {one['text']}" for one in told["turns"]]
    return "\n".join(lines)


def _masked(written: str) -> str:
    return mask_text(written)[0][:_LONGEST]
