"""Who changed what, in a chain: each entry holds the hash of the one before.

An entry that is changed, deleted or moved breaks the chain from there on. Whoever may write the whole database can
write a whole new chain; against that, note the last hash somewhere else now and then (`Chain.head`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import insert, select

from homefield.store import revisions
from homefield.store.columns import canonical, now
from homefield.store.database import Transaction
from homefield.store.tables import audit

__all__ = ["START", "Chain", "Entry", "append", "entries", "has_hash", "verify"]

START = "0" * 64
_SCOPE = "audit"


@dataclass(frozen=True)
class Entry:
    """One change. what: `model.promote`, `key.create`, ...; subject: what it was done to; details: plain values."""

    sequence: int
    at: datetime
    who: str
    what: str
    subject: str
    details: Mapping[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True)
class Chain:
    """What a look along the chain found. head: the last hash. broken_at: the first entry that does not fit, else None.

    fault: `changed` (not what its hash says), `missing` (entries before it, or behind the last, are gone), `moved` (it
    does not follow the one before).
    """

    count: int
    head: str
    broken_at: int | None = None
    fault: Literal["changed", "missing", "moved"] | None = None


def append(transaction: Transaction, who: str, what: str, subject: str, details: Mapping[str, Any]) -> Entry:
    """Add an entry, in the transaction of what it tells of; others that add one wait for its end."""
    sequence = revisions.bump(transaction, _SCOPE)
    last = transaction.execute(select(audit.c.hash).order_by(audit.c.sequence.desc()).limit(1)).scalar()
    values: dict[str, Any] = {
        "sequence": sequence,
        "at": now(),
        "who": who,
        "what": what,
        "subject": subject,
        "details": details,
    }
    values["previous"] = last or START
    made = Entry(**values, hash=_hash(values))
    transaction.execute(insert(audit).values(vars(made)))
    return made


def entries(transaction: Transaction, *, most: int = 100, before: int | None = None) -> list[Entry]:
    """Entries, the newest first. before: those older than this one, to turn pages."""
    chosen = select(audit).order_by(audit.c.sequence.desc()).limit(most)
    if before is not None:
        chosen = chosen.where(audit.c.sequence < before)
    return [Entry(**row._mapping) for row in transaction.execute(chosen)]


def has_hash(transaction: Transaction, noted: str) -> bool:
    """Whether an entry with this hash is in the chain: one that was noted elsewhere and is not there was rewritten."""
    return transaction.execute(select(audit.c.sequence).where(audit.c.hash == noted)).first() is not None


def verify(transaction: Transaction) -> Chain:
    """Look along the whole chain for the first entry that does not fit."""
    count, head = 0, START
    for entry in _all(transaction):
        values = {name: value for name, value in vars(entry).items() if name != "hash"}
        if entry.sequence != count + 1:
            return Chain(count, head, entry.sequence, "missing")
        if entry.hash != _hash(values):
            return Chain(count, head, entry.sequence, "changed")
        if entry.previous != head:
            return Chain(count, head, entry.sequence, "moved")
        count, head = entry.sequence, entry.hash
    if count != revisions.revision(transaction, _SCOPE):
        return Chain(count, head, count + 1, "missing")
    return Chain(count, head)


def _all(transaction: Transaction) -> Iterator[Entry]:
    with transaction.execute(select(audit).order_by(audit.c.sequence).execution_options(yield_per=1_000)) as rows:
        for row in rows:
            yield Entry(**row._mapping)


def _hash(values: Mapping[str, Any]) -> str:
    plain = {**values, "at": values["at"].isoformat(timespec="microseconds")}
    return hashlib.sha256(canonical(plain).encode()).hexdigest()
