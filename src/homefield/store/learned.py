"""What people taught an application while it was in use: a question, and the answer that is right for it.

A row is used by every worker from its revision on, and is read again when the next dataset is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select

from homefield.store import revisions
from homefield.store.columns import now
from homefield.store.database import Transaction
from homefield.store.ids import new_id
from homefield.store.tables import learned

__all__ = ["SCOPE", "Learned", "learn", "learned_of"]

SCOPE = "learned"
"""The scope whose revision says that there is something new."""


@dataclass(frozen=True)
class Learned:
    """One question. answer: the id of the right one. text: of an answer that was new then; None for one there was.
    message: what it is about, where a message was corrected."""

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
    made = Learned(new_id(), application, question, answer, text, language, message, by, why, now())
    transaction.execute(insert(learned).values(vars(made)))
    revisions.bump(transaction, SCOPE)
    return made


def learned_of(transaction: Transaction, application: str) -> list[Learned]:
    """Everything an application was taught, oldest first."""
    chosen = select(learned).where(learned.c.application == application).order_by(learned.c.id)
    return [Learned(**row._mapping) for row in transaction.execute(chosen)]
