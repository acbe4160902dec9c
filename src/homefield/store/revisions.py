"""Numbers that only grow, one a scope: with several workers, what one has changed the others see by a raised number.

A worker that keeps something in memory (the champion's network, the keys) remembers the revision it read it at and
compares before it answers.
"""

from __future__ import annotations

from sqlalchemy import select, text

from homefield.store.database import Transaction
from homefield.store.tables import revisions
from homefield.store.upsert import insert_or

__all__ = ["EVENTS", "KEYS", "REGISTRY", "bump", "current", "revision"]

REGISTRY, KEYS, EVENTS = "registry", "keys", "events"
_LOCK = 4_705_211_867


def bump(transaction: Transaction, scope: str) -> int:
    """Raise the revision of `scope` and give it. Nobody else raises any until this transaction ends, hence last in it.

    So numbers become visible in their order: who has seen 7 will never find a 6 that was not there before.
    """
    # One lock for all scopes: two transactions that raise two scopes in opposite order would wait for each other.
    if transaction.dialect.name == "postgresql":
        transaction.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    raised = (
        insert_or(transaction, revisions)
        .values(scope=scope, revision=1)
        .on_conflict_do_update(index_elements=[revisions.c.scope], set_={"revision": revisions.c.revision + 1})
        .returning(revisions.c.revision)
    )
    return int(transaction.execute(raised).scalar_one())


def revision(transaction: Transaction, scope: str) -> int:
    """The revision of one scope; 0 when nothing was ever written in it."""
    found = transaction.execute(select(revisions.c.revision).where(revisions.c.scope == scope)).scalar()
    return 0 if found is None else int(found)


def current(transaction: Transaction) -> dict[str, int]:
    """The revision of every scope that has one."""
    return {scope: int(number) for scope, number in transaction.execute(select(revisions))}
