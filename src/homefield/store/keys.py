"""API keys: shown once, kept as a hash, found by their open beginning.

`hf_` says what it is, eight letters name the row, 32 are secret, six are a checksum: a mistyped key is refused without
asking the database, and a scanner for leaked secrets knows one when it sees it. The secret has 160 bits, so a plain
SHA-256 keeps it: nobody can try so many, and checking costs a microsecond.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import insert, or_, select, update

from homefield.store import revisions
from homefield.store.columns import now
from homefield.store.database import Transaction
from homefield.store.ids import new_id
from homefield.store.tables import keys

__all__ = ["Key", "all_keys", "any_key", "create", "find", "is_key", "key", "revoke", "rotate", "used"]

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_FORM = re.compile(rf"hf_[{_LETTERS}]{{8}}_[{_LETTERS}]{{38}}")
_USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Key:
    """A key without its secret. prefix: what may be shown, `hf_` and eight letters. user: None for a program's key."""

    id: str
    name: str
    prefix: str
    hash: str
    user: str | None
    scopes: tuple[str, ...]
    made_at: datetime
    made_by: str
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None
    replaces: str | None

    def state(self, moment: datetime | None = None) -> Literal["valid", "expired", "revoked"]:
        """Whether it may be used at a moment (now)."""
        moment = moment or now()
        if self.revoked_at is not None and self.revoked_at <= moment:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= moment else "valid"


def is_key(secret: str) -> bool:
    """Whether `secret` is written as a key is, checksum included."""
    return _FORM.fullmatch(secret) is not None and secret[-6:] == _checksum(secret[:-6])


def create(
    transaction: Transaction,
    name: str,
    scopes: Sequence[str],
    *,
    by: str,
    user: str | None = None,
    expires_at: datetime | None = None,
    replaces: str | None = None,
) -> tuple[Key, str]:
    """Make a key; second its secret, which is kept nowhere.

    Raises:
        sqlalchemy.exc.IntegrityError: there is no such user.
    """
    prefix = f"hf_{_letters(8)}"
    body = f"{prefix}_{_letters(32)}"
    secret = body + _checksum(body)
    made = Key(new_id(), name, prefix, _hash(secret), user, tuple(scopes), now(), by, expires_at, None, None, replaces)
    transaction.execute(insert(keys).values(vars(made)))
    revisions.bump(transaction, revisions.KEYS)
    return made, secret


def find(transaction: Transaction, secret: str) -> Key | None:
    """The key with this secret, valid or not: ask its `state`. None when there is none."""
    if not is_key(secret):
        return None
    row = transaction.execute(select(keys).where(keys.c.prefix == secret[:11])).first()
    if row is None or not hmac.compare_digest(row.hash, _hash(secret)):
        return None
    return _key(row)


def key(transaction: Transaction, named: str) -> Key | None:
    """The key with this id or prefix."""
    row = transaction.execute(select(keys).where(or_(keys.c.id == named, keys.c.prefix == named))).first()
    return None if row is None else _key(row)


def all_keys(transaction: Transaction, *, user: str | None = None) -> list[Key]:
    """Every key, or a user's, oldest first."""
    chosen = select(keys).order_by(keys.c.id)
    return [_key(row) for row in transaction.execute(chosen if user is None else chosen.where(keys.c.user == user))]


def any_key(transaction: Transaction) -> bool:
    """Whether there is a key that may be used."""
    return any(one.state() == "valid" for one in all_keys(transaction))


def used(transaction: Transaction, key_id: str) -> None:
    """Remember that a key was used, to the minute."""
    moment = now()
    stale = or_(keys.c.used_at.is_(None), keys.c.used_at < moment - _USED_EVERY)
    transaction.execute(update(keys).where(keys.c.id == key_id, stale).values(used_at=moment))


def revoke(transaction: Transaction, key_id: str, *, at: datetime | None = None) -> bool:
    """End a key, now or later; False when it had been ended already."""
    moment = at or now()
    open_still = or_(keys.c.revoked_at.is_(None), keys.c.revoked_at > moment)
    ended = transaction.execute(update(keys).where(keys.c.id == key_id, open_still).values(revoked_at=moment)).rowcount
    revisions.bump(transaction, revisions.KEYS)
    return ended == 1


def rotate(transaction: Transaction, old: Key, *, by: str, overlap: timedelta) -> tuple[Key, str]:
    """A new key in the place of `old`, which ends after `overlap`: time to bring the new one to where it is used.

    It lives as long as the old one was made for.
    """
    span = None if old.expires_at is None else old.expires_at - old.made_at
    expires = None if span is None else now() + span
    made = create(transaction, old.name, old.scopes, by=by, user=old.user, expires_at=expires, replaces=old.id)
    revoke(transaction, old.id, at=now() + overlap)
    return made


def _key(row: object) -> Key:
    values = dict(row._mapping)  # type: ignore[attr-defined]
    return Key(**{**values, "scopes": tuple(values["scopes"])})


def _letters(count: int) -> str:
    return "".join(_LETTERS[byte & 31] for byte in secrets.token_bytes(count))


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode("ascii"))
    return "".join(_LETTERS[number >> shift & 31] for shift in range(25, -1, -5))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("ascii")).hexdigest()
