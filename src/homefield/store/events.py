"""What happened, in one numbered stream: whoever was away says the last number and hears the rest.

Numbers become visible in their order (`homefield.store.revisions`), so that none is ever missed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select

from homefield.store import revisions
from homefield.store.columns import now
from homefield.store.database import Transaction
from homefield.store.tables import events

__all__ = ["StoredEvent", "append", "first_sequence", "last_sequence", "since"]


@dataclass(frozen=True)
class StoredEvent:
    """One thing that happened. topic: `job`, `registry`, ...; data: plain values."""

    sequence: int
    topic: str
    data: Mapping[str, Any]
    at: datetime


def append(transaction: Transaction, topic: str, data: Mapping[str, Any]) -> StoredEvent:
    """Add an event; last in its transaction, since others that add one wait for its end."""
    made = StoredEvent(revisions.bump(transaction, revisions.EVENTS), topic, data, now())
    transaction.execute(insert(events).values(vars(made)))
    return made


def since(
    transaction: Transaction, sequence: int, *, topics: Sequence[str] | None = None, most: int = 500
) -> list[StoredEvent]:
    """The events after `sequence`, oldest first."""
    chosen = select(events).where(events.c.sequence > sequence).order_by(events.c.sequence).limit(most)
    if topics is not None:
        chosen = chosen.where(events.c.topic.in_(topics))
    return [StoredEvent(**row._mapping) for row in transaction.execute(chosen)]


def last_sequence(transaction: Transaction) -> int:
    """The number of the newest event; 0 before the first."""
    return revisions.revision(transaction, revisions.EVENTS)


def first_sequence(transaction: Transaction) -> int | None:
    """The number of the oldest event that is still kept: who asks from further back has missed some."""
    found: int | None = transaction.execute(select(func.min(events.c.sequence))).scalar()
    return found
