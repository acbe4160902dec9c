"""People by name, and their role in each application."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select

from homefield.store import revisions
from homefield.store.columns import now
from homefield.store.database import Transaction
from homefield.store.scopes import EVERYWHERE, Role
from homefield.store.tables import roles, users
from homefield.store.upsert import insert_or

__all__ = ["User", "add", "all_users", "remove", "set_role", "take_role", "user"]


@dataclass(frozen=True)
class User:
    """A person. roles: by application, `*` for every one."""

    name: str
    made_at: datetime
    made_by: str
    roles: Mapping[str, Role]

    def role_in(self, application: str | None) -> Role | None:
        """The role in an application (None: what belongs to none): the one given there, else the one everywhere."""
        everywhere = self.roles.get(EVERYWHERE)
        return everywhere if application is None else self.roles.get(application, everywhere)


def add(transaction: Transaction, name: str, *, by: str) -> None:
    """Keep a new user, who may do nothing yet.

    Raises:
        sqlalchemy.exc.IntegrityError: there is one of this name.
    """
    transaction.execute(insert(users).values(name=name, made_at=now(), made_by=by))


def set_role(transaction: Transaction, name: str, application: str, role: Role) -> None:
    """Give a user a role in an application, instead of the one held there.

    Raises:
        sqlalchemy.exc.IntegrityError: there is no such user.
    """
    given = insert_or(transaction, roles).values(user=name, application=application, role=role)
    columns = [roles.c.user, roles.c.application]
    transaction.execute(given.on_conflict_do_update(index_elements=columns, set_={"role": role}))
    revisions.bump(transaction, revisions.KEYS)


def take_role(transaction: Transaction, name: str, application: str) -> bool:
    """Take a user's role in an application away; False when there was none."""
    taken = delete(roles).where(roles.c.user == name, roles.c.application == application)
    found = transaction.execute(taken).rowcount > 0
    revisions.bump(transaction, revisions.KEYS)
    return found


def remove(transaction: Transaction, name: str) -> bool:
    """Remove a user with roles and keys; False when there is none."""
    found = transaction.execute(delete(users).where(users.c.name == name)).rowcount > 0
    revisions.bump(transaction, revisions.KEYS)
    return found


def user(transaction: Transaction, name: str) -> User | None:
    """One user."""
    return next((one for one in all_users(transaction) if one.name == name), None)


def all_users(transaction: Transaction) -> list[User]:
    """Every user, by name."""
    held: dict[str, dict[str, Role]] = {}
    for row in transaction.execute(select(roles).order_by(roles.c.application)):
        held.setdefault(row.user, {})[row.application] = row.role
    found = [User(**row._mapping, roles=held.get(row.name, {})) for row in transaction.execute(select(users))]
    return sorted(found, key=lambda one: one.name)
