"""What has grown old: counted and deleted by its age, a bounded number of rows at a time, so that nobody waits long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, delete, func, select, true

from homefield.store.database import Transaction
from homefield.store.jobs import ENDED
from homefield.store.tables import conversations, events, feedback, jobs, predictions, uploads

__all__ = ["AGED", "Age", "age", "delete_rows", "ids_before"]


@dataclass(frozen=True)
class _Kind:
    """Rows that grow old. since: what their age counts from. whole: those that may go at all."""

    table: Table
    key: Column[Any]
    since: Column[datetime]
    whole: ColumnElement[bool]


AGED: Mapping[str, _Kind] = {
    "predictions": _Kind(predictions, predictions.c.id, predictions.c.at, true()),
    "feedback": _Kind(feedback, feedback.c.id, feedback.c.at, true()),
    "conversations": _Kind(conversations, conversations.c.id, conversations.c.touched_at, true()),
    "events": _Kind(events, events.c.sequence, events.c.at, true()),
    "jobs": _Kind(jobs, jobs.c.id, jobs.c.ended_at, jobs.c.state.in_(ENDED)),
    "uploads": _Kind(uploads, uploads.c.id, uploads.c.made_at, true()),
}
"""By name: corrections go with their answers, whatever their own age, and messages with their conversation."""


@dataclass(frozen=True)
class Age:
    """How much of a kind is kept, since when, and how much of it is older than asked."""

    rows: int
    oldest: datetime | None
    older: int


def age(transaction: Transaction, name: str, before: datetime | None) -> Age:
    """How old what is kept of a kind is. before: None when nothing is too old."""
    kind = AGED[name]
    rows, oldest = transaction.execute(select(func.count(), func.min(kind.since)).where(kind.whole)).one()
    if before is None:
        return Age(rows, oldest, 0)
    older = select(func.count()).where(kind.whole, kind.since < before)
    return Age(rows, oldest, int(transaction.execute(older).scalar_one()))


def ids_before(transaction: Transaction, name: str, before: datetime, most: int) -> list[str | int]:
    """The oldest of a kind from before that moment."""
    kind = AGED[name]
    chosen = select(kind.key).where(kind.whole, kind.since < before).order_by(kind.since).limit(most)
    return list(transaction.execute(chosen).scalars())


def delete_rows(transaction: Transaction, name: str, ids: list[str | int], before: datetime) -> int:
    """Delete these, unless they are no longer what `ids_before` found; how many."""
    kind = AGED[name]
    gone = delete(kind.table).where(kind.key.in_(ids), kind.whole, kind.since < before)
    return transaction.execute(gone).rowcount
