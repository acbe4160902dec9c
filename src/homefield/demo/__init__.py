"""Sample records: what customers ask Linden & Co (林登家居), an online furniture shop that does not exist.

`shop-en.csv` (UTF-8) and `shop-zh.csv` (GB18030) have the columns question, intent, channel, date and the faults of
real files: the same question twice, an empty row, a row in another encoding, HTML, a phone number, two labels for one
question, wrong labels. `ask.json` holds questions to ask a trained model, with the intent to expect; null means that
no intent of the shop fits.

`support-dialogues.jsonl` holds 300 conversations of the same shop's customer service over fourteen months, in Chinese,
in English and in both at once: small talk, follow-ups, corrections, personal data (invented), unresolved ones, and
agents who contradict each other or tell the rule of before. `support-answers.csv` holds the answers the shop has
approved, and `support-ask.json` ten messages with the decision to expect of a service built on both.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, TypedDict, cast

__all__ = [
    "FOLDER",
    "Message",
    "Question",
    "Said",
    "questions",
    "records",
    "support_answers",
    "support_dialogues",
    "support_messages",
]

FOLDER = Path(__file__).parent


class Question(TypedDict):
    """A question to ask, and the intent to expect (None: none fits)."""

    text: str
    intent: str | None


class Said(TypedDict):
    """A turn before a message."""

    speaker: Literal["customer", "bot"]
    text: str


class Message(TypedDict):
    """A customer's message with what is known when it comes, and what to expect.

    answer: the id of the answer expected, or asked a value for; None where no single one is.
    """

    text: str
    language: Literal["zh", "en"]
    history: list[Said]
    variables: dict[str, str]
    audience: str
    decision: Literal["answer", "clarify", "handoff", "abstain"]
    answer: str | None


def records(language: Literal["zh", "en"]) -> Path:
    """The file of sample records in `language`."""
    return FOLDER / f"shop-{language}.csv"


def questions(language: Literal["zh", "en"]) -> list[Question]:
    """What to ask a model trained on the sample records in `language`."""
    asked = json.loads((FOLDER / "ask.json").read_text(encoding="utf-8"))
    return cast("list[Question]", asked[language])


def support_dialogues() -> Path:
    """The file of conversations, one a line."""
    return FOLDER / "support-dialogues.jsonl"


def support_answers() -> Path:
    """The file of approved answers, in both languages."""
    return FOLDER / "support-answers.csv"


def support_messages() -> list[Message]:
    """What to ask a service built on the conversations and the approved answers."""
    return cast("list[Message]", json.loads((FOLDER / "support-ask.json").read_text(encoding="utf-8")))
