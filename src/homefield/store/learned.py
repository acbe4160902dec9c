"""What people taught an application while it was in use: a question, and the answer that is right for it.

A row is used by every worker from its revision on, and is read again when the next dataset is made. One that is
withdrawn is used no more, and stays on record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, update

from homefield.store import revisions
from homefield.store.columns import now
from homefield.store.database import Transaction
from homefield.store.ids import new_id
from homefield.store.tables import learned

__all__ = ["SCOPE", "Learned", "learn", "learned_of", "taught", "withdraw", "withdrawn_of"]

SCOPE = "learned"
"""The scope whose revision says that there is something new."""


@dataclass(frozen=True)
class Learned:
    """One question. answer: the id of the right one. text: of an answer that was new then; None for one there was.
    message: what it is about, where a message was corrected. number: its place among those of its application, from 1.
    """

    id: str
    application: str
    question: str
    answer: str
    text: str | None
    language: str
    message: str | None
    by: str
    why: str | None
    at: datetime
    number: int = 0
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None


def learn(
    transaction: Transaction,
    application: str,
    question: str,
    answer: str,
    *,
    text: str | None = None,
    language: str = "",
    message: str | None = None,
    by: str,
    why: str | None = None,
) -> Learned:
    """Keep one; raises the revision, so call it last in a transaction."""
    revisions.bump(transaction, SCOPE)  # first, so that nobody else takes the same number
    highest = select(func.max(learned.c.number)).where(learned.c.application == application)
    number = 1 + (transaction.execute(highest).scalar() or 0)
    made = Learned(new_id(), application, question, answer, text, language, message, by, why, now(), number)
    transaction.execute(insert(learned).values(vars(made)))
    return made


def learned_of(transaction: Transaction, application: str) -> list[Learned]:
    """Everything an application was taught and that holds, oldest first."""
    holds = (learned.c.application == application, learned.c.withdrawn_at.is_(None))
    chosen = select(learned).where(*holds).order_by(learned.c.number)
    return [Learned(**row._mapping) for row in transaction.execute(chosen)]


def withdrawn_of(transaction: Transaction, application: str) -> list[Learned]:
    """What it was taught and that was withdrawn, oldest first."""
    gone = (learned.c.application == application, learned.c.withdrawn_at.is_not(None))
    chosen = select(learned).where(*gone).order_by(learned.c.number)
    return [Learned(**row._mapping) for row in transaction.execute(chosen)]


def taught(transaction: Transaction, application: str, *, before: int | None = None, most: int) -> list[Learned]:
    """What it was ever taught, withdrawn or not, the newest first. before: only those with a lower number."""
    chosen = select(learned).where(learned.c.application == application).order_by(learned.c.number.desc()).limit(most)
    if before is not None:
        chosen = chosen.where(learned.c.number < before)
    return [Learned(**row._mapping) for row in transaction.execute(chosen)]


def withdraw(transaction: Transaction, application: str, number: int, *, by: str) -> Learned | None:
    """Let one hold no more; one that was withdrawn before stays as it was, None where there is none of this number.

    Raises the revision, so call it last in a transaction.
    """
    one = (learned.c.application == application, learned.c.number == number)
    gone = update(learned).where(*one, learned.c.withdrawn_at.is_(None)).values(withdrawn_at=now(), withdrawn_by=by)
    changed = transaction.execute(gone).rowcount
    row = transaction.execute(select(learned).where(*one)).one_or_none()
    if row is None:
        return None
    found = Learned(**row._mapping)
    if changed:
        if found.text is not None:  # other questions that lead to the same answer still need its text
            alike = (learned.c.application == application, learned.c.answer == found.answer, learned.c.text.is_(None))
            transaction.execute(update(learned).where(*alike).values(text=found.text))
        revisions.bump(transaction, SCOPE)
    return found
