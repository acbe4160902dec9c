"""Which version is in use: `champion` and `challenger`, of models and of applications' releases.

Only moves are kept, never a place: where an alias stands is its last move, so the history cannot disagree with the
present. Each move knows the move that a rollback returns to. Promote 1, 2, 3, roll back twice, and 1 is in use.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Select, func, insert, select

from homefield.store import revisions
from homefield.store.columns import now
from homefield.store.database import Transaction
from homefield.store.tables import alias_moves

__all__ = [
    "ALIASES",
    "CHALLENGER",
    "CHAMPION",
    "Kind",
    "Move",
    "before",
    "clear",
    "history",
    "move",
    "roll_back",
    "standing",
]

Kind = Literal["model", "application"]
CHAMPION, CHALLENGER = "champion", "challenger"
ALIASES = (CHAMPION, CHALLENGER)


@dataclass(frozen=True)
class Move:
    """An alias was set on `version` (None: taken away). back_to: the move that a rollback returns to."""

    move: int
    kind: Kind
    name: str
    alias: str
    version: int | None
    back_to: int | None
    at: datetime
    by: str
    why: str | None


def move(
    transaction: Transaction, kind: Kind, name: str, alias: str, version: int, *, by: str, why: str | None = None
) -> Move:
    """Set an alias on a version; a rollback returns to where it stands now."""
    revisions.bump(transaction, revisions.REGISTRY)  # before the look: whoever moves it too waits here
    last = _last(transaction, kind, name, alias)
    return _keep(transaction, kind, name, alias, version, None if last is None else last.move, by, why)


def roll_back(
    transaction: Transaction, kind: Kind, name: str, alias: str, *, by: str, why: str | None = None
) -> Move | None:
    """Set an alias on the version it stood on before; None when it stood on none."""
    revisions.bump(transaction, revisions.REGISTRY)
    before = _before(transaction, kind, name, alias)
    if before is None:
        return None
    return _keep(transaction, kind, name, alias, before.version, before.back_to, by, why)


def before(transaction: Transaction, kind: Kind, name: str, alias: str) -> int | None:
    """The version that a rollback would return to; None when there is none."""
    found = _before(transaction, kind, name, alias)
    return None if found is None else found.version


def clear(transaction: Transaction, kind: Kind, name: str, alias: str, *, by: str, why: str | None = None) -> None:
    """Take an alias away, if it stands anywhere."""
    revisions.bump(transaction, revisions.REGISTRY)
    last = _last(transaction, kind, name, alias)
    if last is not None and last.version is not None:
        _keep(transaction, kind, name, alias, None, last.move, by, why)


def standing(transaction: Transaction, kind: Kind, name: str | None = None) -> dict[tuple[str, str], int]:
    """(name, alias) -> version, of one name or of all."""
    latest = select(func.max(alias_moves.c.move)).where(alias_moves.c.kind == kind)
    if name is not None:
        latest = latest.where(alias_moves.c.name == name)
    latest = latest.group_by(alias_moves.c.name, alias_moves.c.alias)
    chosen = select(alias_moves).where(alias_moves.c.move.in_(latest), alias_moves.c.version.is_not(None))
    return {(row.name, row.alias): row.version for row in transaction.execute(chosen)}


def history(transaction: Transaction, kind: Kind, name: str, alias: str) -> list[Move]:
    """Every move of an alias, the last first."""
    chosen = _of(kind, name, alias).order_by(alias_moves.c.move.desc())
    return [Move(**row._mapping) for row in transaction.execute(chosen)]


def _keep(
    transaction: Transaction,
    kind: Kind,
    name: str,
    alias: str,
    version: int | None,
    back_to: int | None,
    by: str,
    why: str | None,
) -> Move:
    values = {
        "kind": kind,
        "name": name,
        "alias": alias,
        "version": version,
        "back_to": back_to,
        "at": now(),
        "by": by,
        "why": why,
    }
    row = transaction.execute(insert(alias_moves).values(values).returning(alias_moves)).one()
    return Move(**row._mapping)


def _of(kind: Kind, name: str, alias: str) -> Select[Any]:
    return select(alias_moves).where(
        alias_moves.c.kind == kind, alias_moves.c.name == name, alias_moves.c.alias == alias
    )


def _last(transaction: Transaction, kind: Kind, name: str, alias: str) -> Move | None:
    moves = history(transaction, kind, name, alias)
    return moves[0] if moves else None


def _before(transaction: Transaction, kind: Kind, name: str, alias: str) -> Move | None:
    last = _last(transaction, kind, name, alias)
    found = None if last is None or last.back_to is None else _one(transaction, last.back_to)
    return None if found is None or found.version is None else found


def _one(transaction: Transaction, move: int) -> Move | None:
    row = transaction.execute(select(alias_moves).where(alias_moves.c.move == move)).first()
    return None if row is None else Move(**row._mapping)
