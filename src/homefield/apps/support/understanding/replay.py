"""What another release would have said: a log asked again of two of them, every changed answer shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from homefield.apps.support.columns import Account, check_roles, find_columns, neither, rows_of
from homefield.apps.support.conversation.options import SupportOptions
from homefield.apps.support.conversation.think import Thinker, language_from
from homefield.apps.support.dialogues import PARTS, Dialogue, read_dialogues
from homefield.apps.support.exchanges import exchanges
from homefield.apps.support.replies import Asked, Reply, Turn
from homefield.apps.support.slots import slotted
from homefield.apps.support.understanding.answering import ReleaseAnswerer
from homefield.errors import RecordsError
from homefield.net import Allowed

__all__ = ["Change", "Logged", "Replayed", "read_log", "replay"]

Effect = Literal["gain", "loss", "other"]


@dataclass(frozen=True)
class Logged:
    """A message of the log. right: the id or the text of the answer that was right, "" where none fits, None where
    nobody says."""

    asked: Asked
    right: str | None
    row: int


@dataclass(frozen=True)
class Change:
    """A message that both releases reply to differently. effect: of the candidate, where the right answer is known."""

    row: int
    text: str
    before: Reply
    after: Reply
    right: str | None
    effect: Effect


@dataclass(frozen=True)
class Replayed:
    """What came of a log. known: messages whose right answer is known."""

    champion: str
    candidate: str
    messages: int
    known: int
    changes: tuple[Change, ...]

    def count(self, effect: Effect) -> int:
        """Changes with this effect."""
        return sum(change.effect == effect for change in self.changes)


def read_log(path: Path, columns: Mapping[str, str] | None = None) -> tuple[list[Logged], Account]:
    """Messages from dialogues (with what was said before, and what the agent answered) or from rows of questions, with
    the right answer where there is one. An empty cell for the answer says that none fits.

    Raises:
        CallError: `support.no_such_role`.
        RecordsError: as `read_dialogues` and `find_columns`; `support.no_question_part`, `support.no_rows`.
    """
    check_roles(columns, ("question", "answer", "language", "audience", *PARTS))
    account = Account(path)
    try:
        source, parts = find_columns(path, ["question"], ["answer", "language", "audience"], columns)
    except RecordsError as error:
        if error.code != "support.no_part":
            raise
        try:
            read = read_dialogues(path, columns)
        except RecordsError as no_dialogues:
            raise neither(path, ["question"], columns, no_dialogues) from no_dialogues
        return [each for dialogue in read.dialogues for each in _of_dialogue(dialogue)], read.account
    found = []
    for row in rows_of(source, parts, account, texts=("question",)):
        if row["question"]:
            asked = Asked(row["question"], language=row["language"], audience=row["audience"])
            found.append(Logged(asked, row["answer"] if "answer" in parts else None, row.number))
        else:
            account.reject(row.number, "support.reason.empty")
    if not found:
        raise RecordsError("support.no_rows", file=path)
    return found, account


def replay(
    champion: ReleaseAnswerer,
    candidate: ReleaseAnswerer,
    log: Sequence[Logged],
    options: SupportOptions | None = None,
) -> Replayed:
    """Ask every message of a log of both, decided as the desk with these options would.

    Nothing is looked up: what a source has now is not what it had then. Such a value counts as one that is asked for.
    """
    changes, known = list[Change](), 0
    unaided = (options or SupportOptions()).model_copy(update={"sources": {}})
    desks = [Thinker(each, unaided, Allowed()) for each in (champion, candidate)]
    for message in log:
        asked = replace(message.asked, language=language_from(message.asked.language, message.asked.text))
        before, after = (desk.decide(asked.text, asked) for desk in desks)
        known += message.right is not None
        if (before.decision, before.answer, before.text) != (after.decision, after.answer, after.text):
            right = message.right
            effect: Effect = "other"
            if right is not None:
                effect = _effect(_is_right(champion, before, right), _is_right(candidate, after, right))
            changes.append(Change(message.row, message.asked.text, before, after, right, effect))
    return Replayed(champion.release, candidate.release, len(log), known, tuple(changes))


def _of_dialogue(dialogue: Dialogue) -> list[Logged]:
    found = []
    for exchange in exchanges(dialogue):
        turns = dialogue.turns[: exchange.at]
        before = tuple(Turn("customer" if turn.role == "customer" else "human", turn.text) for turn in turns)
        right = slotted(exchange.answer) if exchange.answer else None
        found.append(Logged(Asked(exchange.question, before), right, dialogue.row))
    return found


def _is_right(answerer: ReleaseAnswerer, reply: Reply, right: str) -> bool:
    answers = reply.answer is not None and (reply.decision == "answer" or bool(reply.missing))
    if not right:
        return not answers
    if not answers or reply.answer is None:
        return False
    return right in (reply.answer, answerer.lessons.contents.answers[reply.answer].text)


def _effect(before: bool, after: bool) -> Effect:
    if before == after:
        return "other"
    return "gain" if after else "loss"
