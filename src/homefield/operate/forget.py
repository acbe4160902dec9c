"""Forget a customer: all that is held of them goes, and their rows are left out of datasets to come.

What is not reached stands in the guide, and the command says it: datasets and models made before, and backups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from homefield.errors import CallError
from homefield.store import DATABASE, Store, audit, open_store
from homefield.store.customers import STORED, Forgotten, Holding, forget, forgotten_customers
from homefield.workspace import Workspace

__all__ = ["Gone", "forget_customer", "forgotten_in", "held_of"]


@dataclass(frozen=True)
class Gone:
    """What was, or would be, deleted: how much by what it is. known: they were among the forgotten before."""

    counts: Mapping[str, int]
    known: bool

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self.counts.values())


def held_of(store: Store, customer: str, *, holdings: Sequence[Holding] = STORED) -> Gone:
    """What is held of a customer; nothing is changed.

    Raises:
        CallError: `forget.nobody`.
    """
    _check(customer)
    with store.read() as transaction:
        counts = {each.name: each.count(transaction, customer) for each in holdings}
        return Gone(counts, customer in forgotten_customers(transaction))


def forget_customer(store: Store, customer: str, *, by: str, holdings: Sequence[Holding] = STORED) -> Gone:
    """Delete everything that is held of a customer, wholly or not at all, and remember to leave their rows out.

    holdings: what is held by customer; a floor above adds its own to `STORED`.
    Called again, it deletes what came since.

    Raises:
        CallError: `forget.nobody`. MachineError: as `Store.write`; nothing was deleted then.
    """
    _check(customer)
    with store.write() as transaction:
        mark, new = forget(transaction, customer)
        gone = Gone({each.name: each.delete(transaction, customer) for each in holdings}, not new)
        if new or gone.total:
            audit.append(transaction, by, "customer.forget", mark, dict(gone.counts))
    store.scrub()
    return gone


def forgotten_in(workspace: Workspace) -> Forgotten:
    """Everybody whom this workspace has forgotten; it is not made for that when it is not there.

    Raises:
        CallError, MachineError: as `open_store`: without the database nobody knows whose rows to leave out.
    """
    if workspace.settings.database is None and not Path(workspace.root / DATABASE).is_file():
        return Forgotten(b"", frozenset())
    with open_store(workspace) as store, store.read() as transaction:
        return forgotten_customers(transaction)


def _check(customer: str) -> None:
    if not customer.strip():
        raise CallError("forget.nobody")
