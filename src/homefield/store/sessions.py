"""Sessions of the console: a cookie is random, only its hash is kept, and a session ends with its key."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update

from homefield.store.columns import now
from homefield.store.database import Transaction
from homefield.store.tables import sessions

__all__ = ["Session", "begin", "delete_expired", "end", "end_all", "find", "seen"]


@dataclass(frozen=True)
class Session:
    """One signed-in browser. Whether its key is still valid is asked of the key."""

    hash: str
    key_id: str
    made_at: datetime
    seen_at: datetime
    expires_at: datetime


def begin(transaction: Transaction, key_id: str, *, lasts: timedelta) -> tuple[Session, str]:
    """A new session; second its cookie, which is kept nowhere."""
    cookie, moment = secrets.token_urlsafe(32), now()
    made = Session(_hash(cookie), key_id, moment, moment, moment + lasts)
    transaction.execute(insert(sessions).values(vars(made)))
    return made, cookie


def find(transaction: Transaction, cookie: str) -> Session | None:
    """The session of a cookie, unless it has expired."""
    chosen = select(sessions).where(sessions.c.hash == _hash(cookie), sessions.c.expires_at > now())
    row = transaction.execute(chosen).first()
    return None if row is None else Session(**row._mapping)


def seen(transaction: Transaction, session: Session, *, lasts: timedelta) -> None:
    """Let a session last from now on."""
    moment = now()
    later = update(sessions).where(sessions.c.hash == session.hash)
    transaction.execute(later.values(seen_at=moment, expires_at=moment + lasts))


def end(transaction: Transaction, session: Session) -> None:
    """Sign out."""
    transaction.execute(delete(sessions).where(sessions.c.hash == session.hash))


def end_all(transaction: Transaction, key_id: str) -> int:
    """Sign out every browser of a key; how many those were."""
    return transaction.execute(delete(sessions).where(sessions.c.key_id == key_id)).rowcount


def delete_expired(transaction: Transaction) -> int:
    """Forget the sessions that have expired; how many those were."""
    return transaction.execute(delete(sessions).where(sessions.c.expires_at <= now())).rowcount


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()
