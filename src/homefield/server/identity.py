"""Who is calling: a key in the request, a session of the console, or, on a machine without keys, its own user.

Keys and sessions are looked up in the store and remembered until the store's revision of keys is raised, so that a
revoked key is refused by every worker at the next request.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime
from http.cookies import CookieError, SimpleCookie
from typing import Literal

from homefield.errors import CallError
from homefield.store import Store, Transaction, now
from homefield.store import keys as stored_keys
from homefield.store import sessions as stored_sessions
from homefield.store import users as stored_users
from homefield.store.keys import Key
from homefield.store.scopes import SCOPES, effective

__all__ = ["COOKIE", "Guests", "Identity", "anyone_here", "cookie_of"]

COOKIE = "homefield_session"
_REMEMBERED = 10_000


@dataclass(frozen=True)
class Identity:
    """A caller. name: what the audit log calls it. key_id: None for this machine's own user. client: whose quota."""

    name: str
    kind: Literal["local", "key", "session"]
    scopes: frozenset[str]
    key_id: str | None = None
    client: str | None = None
    expires_at: datetime | None = None


def anyone_here() -> Identity:
    """This machine's own user, who may do everything."""
    return Identity("local", "local", frozenset(SCOPES))


def cookie_of(header: str) -> str | None:
    """The console's cookie among those of a request."""
    if COOKIE not in header:
        return None
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return None
    return None if found is None else found.value


class Guests:
    """Callers by what they bring. Safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Identity] = {}
        self._revision = -1
        self._keyless: bool | None = None

    def renew(self, revision: int) -> None:
        """Forget what was read at another revision of the keys."""
        if revision != self._revision:
            self._known, self._keyless, self._revision = {}, None, revision

    def remembered(self, secret: str) -> Identity | None:
        """Who brings `secret`, if that is known without asking the store."""
        found = self._known.get(_digest(secret))
        return None if found is None or (found.expires_at is not None and found.expires_at <= now()) else found

    async def keyless(self) -> bool:
        """Whether no key was ever made: one that has ended still means that keys are wanted.

        Raises:
            MachineError: the store does not answer.
        """
        if self._keyless is None:
            revision = self._revision
            found = await asyncio.to_thread(self._look)
            if revision != self._revision:
                return found
            self._keyless = found
        return self._keyless

    def _look(self) -> bool:
        with self._store.read() as transaction:
            return not stored_keys.all_keys(transaction)

    def by_key(self, secret: str) -> Identity:
        """Who brings this key.

        Raises:
            CallError: `server.bad_key`. MachineError: the store does not answer.
        """
        with self._store.read() as transaction:
            key = stored_keys.find(transaction, secret)
            if key is None or key.state() != "valid":
                raise CallError("server.bad_key")
            found = Identity(key.name, "key", self._scopes(key, transaction), key.id, key.id, _ends(key))
        self._remember(secret, found)
        with self._store.write() as transaction:
            stored_keys.used(transaction, key.id)
        return found

    def by_cookie(self, cookie: str) -> Identity:
        """Whose session of the console this is.

        Raises:
            CallError: `server.bad_key`. MachineError: the store does not answer.
        """
        with self._store.read() as transaction:
            session = stored_sessions.find(transaction, cookie)
            key = None if session is None else stored_keys.key(transaction, session.key_id)
            if session is None or key is None or key.state() != "valid":
                raise CallError("server.bad_key")
            return Identity(key.name, "session", self._scopes(key, transaction), key.id, key.id, session.expires_at)

    @staticmethod
    def _scopes(key: Key, transaction: Transaction) -> frozenset[str]:
        if key.user is None:
            return frozenset(key.scopes)
        user = stored_users.user(transaction, key.user)
        return effective(key.scopes, None if user is None else user.role_in(None))

    def _remember(self, secret: str, found: Identity) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[_digest(secret)] = found


def _ends(key: Key) -> datetime | None:
    ends = [moment for moment in (key.expires_at, key.revoked_at) if moment is not None]
    return min(ends, default=None)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
