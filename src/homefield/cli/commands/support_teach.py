"""`homefield support teach`, `taught` and `unteach`: answers corrected, what was corrected, corrections withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homefield.cli.command import argument, command, option
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.cli.values import Name, Whole

__all__ = ["taught", "teach", "unteach"]

_WIDE = 60  # characters of a text in the table


@command("teach")
@argument("name", key="support_name", metavar="NAME")
@argument("question", key="support_question", metavar="QUESTION")
@option("--answer", key="teach_answer", type=Name(), metavar="ID")
@option("--text", key="teach_text", type=Name(), metavar="TEXT")
@option("--why", key="teach_why", type=Name(), metavar="TEXT")
def teach(face: Face, name: str, question: str, answer: str | None, text: str | None, why: str | None) -> Outcome:
    """Say what is replied to a question from now on; it holds with the next message."""
    from homefield.apps.support.assistants import Correction
    from homefield.apps.support.taught import lesson_as_json
    from homefield.apps.support.understanding.opened import open_answerer, teach_answer
    from homefield.bundle.registry import open_registry
    from homefield.workspace import local_user

    with open_registry(face.workspace) as registry:
        answerer = open_answerer(registry, name, threads=face.workspace.settings.threads)
        said = Correction(question, local_user(), answer, text, why or "")
        lesson = teach_answer(registry, answerer, said)
    return Outcome(
        document={"name": answerer.name, **lesson_as_json(lesson)},
        title=face.say("support.taught", answer=lesson.answer),
        next_steps=[f'homefield support ask {name} "…"', f"homefield support taught {name}"],
    )


@command("taught")
@argument("name", key="support_name", metavar="NAME")
@option("--limit", key="limit", type=Whole(), default=50, metavar="N")
def taught(face: Face, name: str, limit: int) -> Outcome:
    """What a customer service was taught, the newest first."""
    from homefield.apps.support.taught import lesson_as_json, lessons_of
    from homefield.apps.support.understanding.releases import find_release
    from homefield.bundle.registry import open_registry

    with open_registry(face.workspace) as registry:
        found = [
            lesson_as_json(each) for each in lessons_of(registry.store, find_release(registry, name).name, most=limit)
        ]
    say = face.say
    headings = [
        say(f"support.lesson.{word}") for word in ("number", "at", "by", "language", "question", "answer", "why")
    ]
    return Outcome(
        document={"name": name, "corrections": found},
        title=say("support.lessons", name=name, count=len(found)) if found else say("support.no_lessons", name=name),
        tables=[Table(headings, [_row(each, face) for each in found], right=[0])] if found else [],
        next_steps=[f"homefield support unteach {name} NUMBER"] if found else [],
    )


def _row(lesson: Mapping[str, Any], face: Face) -> list[str]:
    gone, answer = lesson["withdrawn"], str(lesson["answer"])
    if lesson["text"]:
        answer += f": {_short(lesson['text'])}"
    why = _short(lesson["why"])
    if gone is not None:
        why = " · ".join(
            [*([why] if why else []), face.say("support.withdrawn", by=gone["by"], at=_minute(gone["at"]))]
        )
    question = _short(lesson["question"])
    return [str(lesson["number"]), _minute(lesson["at"]), lesson["by"], lesson["language"], question, answer, why]


def _short(text: str) -> str:
    return text if len(text) <= _WIDE else f"{text[: _WIDE - 1]}…"


def _minute(moment: str) -> str:
    """`2026-03-01 12:30` in this machine's time."""
    from datetime import datetime

    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M")


@command("unteach")
@argument("name", key="support_name", metavar="NAME")
@argument("number", key="lesson_number", type=Whole(), metavar="NUMBER")
def unteach(face: Face, name: str, number: int) -> Outcome:
    """Withdraw a correction; it stays on record."""
    from homefield.apps.support.taught import lesson_as_json
    from homefield.apps.support.taught import unteach as withdraw
    from homefield.apps.support.understanding.releases import find_release
    from homefield.bundle.registry import open_registry
    from homefield.workspace import local_user

    with open_registry(face.workspace) as registry:
        lesson = withdraw(registry.store, find_release(registry, name).name, number, by=local_user())
    return Outcome(
        document=lesson_as_json(lesson),
        title=face.say("support.untaught", number=number, question=_short(lesson.question)),
        next_steps=[f'homefield support ask {name} "…"'],
    )
