"""`homefield demo support`: a customer service from 300 past dialogues, and ten messages that say how it decides."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homefield.cli.amounts import percent, seconds
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.demo import Message
from homefield.workspace import Workspace

if TYPE_CHECKING:
    from homefield.apps.support.replies import Answerer, Reply

__all__ = ["show_support"]

NAME = "shop"
SETTINGS: dict[str, str] = {}
"""Keys of the recipe; the defaults find 80 % of the 55 held-out questions' answers first."""
_WIDE = 60  # characters of a message or an answer in the table


def show_support(folder: Path, face: Face) -> Outcome:
    """Build the service in a workspace of its own in `folder`, and show ten replies."""
    from homefield import demo as sample
    from homefield.apps.support.understanding.build import build
    from homefield.apps.support.understanding.opened import open_answerer
    from homefield.bundle.registry import open_registry

    begun, place = time.perf_counter(), Workspace(folder / "support")
    built = build(
        NAME,
        workspace=place,
        dialogues=sample.support_dialogues(),
        answers=sample.support_answers(),
        settings=SETTINGS,
        listen=face.listen,
    )
    with open_registry(place) as registry:
        answerer = open_answerer(registry, NAME, threads=place.settings.threads)
    messages = sample.support_messages()
    replies = [_asked(answerer, message) for message in messages]
    took, say, manifest = time.perf_counter() - begun, face.say, built.release.manifest
    held = manifest["calibration"]
    return Outcome(
        document={
            "seconds": took,
            "folder": place.root,
            "release": answerer.release,
            "questions": manifest["questions"],
            "answers": manifest["answers"],
            "calibration": held,
            "asked": [_as_json(*each) for each in zip(messages, replies, strict=True)],
        },
        title=say("demo.support.title", took=seconds(took, face.language)),
        facts=[
            (say("support.questions"), f"{manifest['questions']:,}"),
            (say("support.answers"), f"{manifest['answers']:,}"),
            (say("support.right_first"), f"{percent(held['recall_1'])} ({say('support.held_out', rows=held['rows'])})"),
        ],
        tables=[_replies(messages, replies, face)],
        notes=[say("demo.support.where", folder=place.root)],
        next_steps=[
            f'homefield --workspace {place.root} support ask {NAME} "{messages[0]["text"]}"',
            f"homefield --workspace {place.root} serve",
            *say("demo.support.next_steps").strip().split("\n"),
        ],
    )


def _asked(answerer: Answerer, message: Message) -> Reply:
    from homefield.apps.support.replies import Asked, Turn

    history = tuple(Turn(each["speaker"], each["text"]) for each in message["history"])
    return answerer.reply(
        Asked(message["text"], history, message["variables"], message["language"], message["audience"])
    )


def _replies(messages: list[Message], replies: list[Reply], face: Face) -> Table:
    say = face.say
    rows = []
    for message, reply in zip(messages, replies, strict=True):
        near = reply.nearest[0].question if reply.nearest else ""
        rows.append(
            [
                "✓" if _is_right(message, reply) else "✗",
                _short(message["text"]),
                say(f"support.decided.{reply.decision}"),
                percent(reply.confidence) if reply.decision in ("answer", "clarify") else "",
                _short(reply.text.split("\n")[0]),
                _short(near, 30),
            ]
        )
    headings = ["question", "decision", "confidence", "answer"]
    shown = [" ", *(say(f"demo.{word}") for word in headings), say("demo.support.nearest")]
    return Table(shown, rows, title=say("demo.support.asked"), right=[3])


def _is_right(message: Message, reply: Reply) -> bool:
    expected = message["answer"]
    return reply.decision == message["decision"] and (expected is None or reply.answer == expected)


def _short(text: str, most: int = _WIDE) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _as_json(message: Message, reply: Reply) -> dict[str, Any]:
    expected = {"decision": message["decision"], "answer": message["answer"]}
    said = {key: getattr(reply, key) for key in ("decision", "answer", "confidence", "reason", "release")}
    return {
        "text": message["text"],
        "expected": expected,
        "reply": reply.text,
        **said,
        "nearest": [vars(each) for each in reply.nearest],
    }
