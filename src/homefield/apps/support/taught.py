"""What an application was taught, to look at and to take back: the corrections as people gave them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from homefield.data.language import language_of
from homefield.errors import CallError
from homefield.messages import LANGUAGES
from homefield.store import Store
from homefield.store.learned import Learned, taught, withdraw

__all__ = ["language_of_lesson", "lesson_as_json", "lessons_of", "unteach"]

_HIGHEST = 2**31 - 1


def lessons_of(store: Store, name: str, *, before: int | None = None, most: int) -> Sequence[Learned]:
    """What the application `name` was ever taught, the newest first; those withdrawn are among them.

    before: only those with a lower number.
    """
    with store.read() as transaction:
        return taught(transaction, name, before=None if before is None else min(before, _HIGHEST), most=most)


def unteach(store: Store, name: str, number: int, *, by: str) -> Learned:
    """Withdraw what was taught: from the next message on it holds no more, in every worker. Again it changes nothing.

    What was taught for the same question before holds again.

    Raises:
        CallError: `support.no_such_correction`.
    """
    found = None
    if 0 < number <= _HIGHEST:
        with store.write() as transaction:
            found = withdraw(transaction, name, number, by=by)
    if found is None:
        raise CallError("support.no_such_correction", name=name, number=number)
    return found


def language_of_lesson(lesson: Learned) -> str:
    """As it was said, else its question's, since an answer may be an address alone."""
    if lesson.language:
        return lesson.language
    asked = language_of(lesson.question)
    return asked if asked in LANGUAGES else language_of(lesson.text or "")


def lesson_as_json(lesson: Learned) -> dict[str, Any]:
    """A correction, plain."""
    gone = lesson.withdrawn_at
    return {
        "number": lesson.number,
        "at": lesson.at.isoformat(),
        "by": lesson.by,
        "language": language_of_lesson(lesson),
        "question": lesson.question,
        "answer": lesson.answer,
        "text": lesson.text,
        "why": lesson.why or "",
        "message": lesson.message,
        "withdrawn": None if gone is None else {"at": gone.isoformat(), "by": lesson.withdrawn_by},
    }
