"""Users and keys: made, changed and ended, each on the record. What a key may do is asked here, too.

A key made for a user does no more than the user's role allows; a key without a user stands for a program and does what
its scopes say.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from homefield.errors import CallError
from homefield.store import Store, Transaction, audit, keys, now, users
from homefield.store.keys import Key
from homefield.store.scopes import EVERYWHERE, ROLES, SCOPES, Role, effective
from homefield.store.users import User

__all__ = [
    "LONGEST_NAME",
    "add_user",
    "create_key",
    "may",
    "remove_user",
    "revoke_key",
    "rotate_key",
    "set_role",
    "take_role",
]

LONGEST_NAME = 100


def may(transaction: Transaction, key: Key, application: str | None = None) -> frozenset[str]:
    """The scopes that a key has in an application (None: for what belongs to none); none when it has ended."""
    if key.state() != "valid":
        return frozenset()
    if key.user is None:
        return frozenset(key.scopes)
    user = users.user(transaction, key.user)
    return frozenset() if user is None else effective(key.scopes, user.role_in(application))


def create_key(
    store: Store,
    name: str,
    scopes: Sequence[str],
    *,
    by: str,
    user: str | None = None,
    lasts: timedelta | None = None,
) -> tuple[Key, str]:
    """Make a key; second its secret, which nobody can show again. lasts: None for one without an end.

    Raises:
        CallError: `access.no_scope`, `access.unknown_scope`, `access.bad_name`, `access.no_user`.
    """
    _check_name(name)
    if not scopes:
        raise CallError("access.no_scope", known=", ".join(SCOPES))
    for scope in scopes:
        if scope not in SCOPES:
            raise CallError("access.unknown_scope", got=scope, known=", ".join(SCOPES))
    expires = None if lasts is None else now() + lasts
    chosen = [scope for scope in SCOPES if scope in scopes]
    with store.write() as transaction:
        if user is not None:
            _user(transaction, user)
        made, secret = keys.create(transaction, name, chosen, by=by, user=user, expires_at=expires)
        details = {"name": name, "scopes": chosen, "user": user, "expires_at": _written(expires)}
        audit.append(transaction, by, "key.create", made.prefix, details)
    return made, secret


def rotate_key(store: Store, named: str, *, by: str, overlap: timedelta) -> tuple[Key, str]:
    """A new key for an old one, which works on for `overlap`. named: its id or prefix.

    Raises:
        CallError: `access.no_key`, `access.key_ended`.
    """
    with store.write() as transaction:
        old = _key(transaction, named)
        if old.state() != "valid" or old.revoked_at is not None:
            raise CallError("access.key_ended", key=old.prefix)
        made, secret = keys.rotate(transaction, old, by=by, overlap=overlap)
        details = {"replaces": old.prefix, "overlap_seconds": int(overlap.total_seconds())}
        audit.append(transaction, by, "key.rotate", made.prefix, details)
    return made, secret


def revoke_key(store: Store, named: str, *, by: str) -> Key:
    """End a key at once. named: its id or prefix.

    Raises:
        CallError: `access.no_key`, `access.key_ended`.
    """
    with store.write() as transaction:
        key = _key(transaction, named)
        if not keys.revoke(transaction, key.id):
            raise CallError("access.key_ended", key=key.prefix)
        audit.append(transaction, by, "key.revoke", key.prefix, {"name": key.name})
        return _key(transaction, key.id)


def add_user(store: Store, name: str, role: str, *, application: str = EVERYWHERE, by: str) -> User:
    """Keep a new user with a role, everywhere or in one application.

    Raises:
        CallError: `access.bad_name`, `access.user_there`, `access.unknown_role`.
    """
    _check_name(name)
    chosen = _role(role)
    with store.write() as transaction:
        if users.user(transaction, name) is not None:
            raise CallError("access.user_there", name=name)
        users.add(transaction, name, by=by)
        users.set_role(transaction, name, application, chosen)
        audit.append(transaction, by, "user.add", name, {"role": role, "application": application})
        return _user(transaction, name)


def set_role(store: Store, name: str, role: str, *, application: str = EVERYWHERE, by: str) -> User:
    """Give a user another role, everywhere or in one application.

    Raises:
        CallError: `access.no_user`, `access.unknown_role`.
    """
    chosen = _role(role)
    with store.write() as transaction:
        before = _user(transaction, name).roles.get(application)
        users.set_role(transaction, name, application, chosen)
        details = {"role": role, "application": application, "from": before}
        audit.append(transaction, by, "user.role", name, details)
        return _user(transaction, name)


def take_role(store: Store, name: str, *, application: str, by: str) -> User:
    """Take away the role a user has in one application; the one everywhere then holds there.

    Raises:
        CallError: `access.no_user`.
    """
    with store.write() as transaction:
        before = _user(transaction, name).roles.get(application)
        if users.take_role(transaction, name, application):
            details = {"role": None, "application": application, "from": before}
            audit.append(transaction, by, "user.role", name, details)
        return _user(transaction, name)


def remove_user(store: Store, name: str, *, by: str) -> int:
    """Remove a user with all keys and sessions; how many keys those were.

    Raises:
        CallError: `access.no_user`.
    """
    with store.write() as transaction:
        _user(transaction, name)
        held = keys.all_keys(transaction, user=name)
        users.remove(transaction, name)
        audit.append(transaction, by, "user.remove", name, {"keys": [key.prefix for key in held]})
        return len(held)


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise CallError("access.bad_name", name=name[:LONGEST_NAME], longest=LONGEST_NAME)


def _role(role: str) -> Role:
    for known in ROLES:
        if role == known:
            return known
    raise CallError("access.unknown_role", got=role, known=", ".join(ROLES))


def _user(transaction: Transaction, name: str) -> User:
    found = users.user(transaction, name)
    if found is None:
        known = ", ".join(one.name for one in users.all_users(transaction)[:20]) or "-"
        raise CallError("access.no_user", name=name, known=known)
    return found


def _key(transaction: Transaction, named: str) -> Key:
    found = keys.key(transaction, named)
    if found is None:
        raise CallError("access.no_key", got=named)
    return found


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
