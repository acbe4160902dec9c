"""What is held of one customer, and who asked to be forgotten.

Every table with a column `customer` is held by customer; what hangs on its rows goes with them. Of who was forgotten a
keyed hash stays, by which their rows are known again in records to come and their names are not.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets as chance
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import ColumnElement, Table, delete, func, insert, select

from homefield.store.columns import now
from homefield.store.database import Transaction
from homefield.store.tables import feedback, forgotten, metadata, predictions, secrets
from homefield.store.upsert import insert_or

__all__ = ["STORED", "Forgotten", "Holding", "forget", "forgotten_customers"]

_KEY = "forgotten"


class Holding(Protocol):
    """Something that is held by customer, in the database or beside it. name: what counts call it.

    What `delete` removes outside the database must be gone after a second call, too: the transaction may fail.
    """

    @property
    def name(self) -> str:
        """One word."""
        ...

    def count(self, transaction: Transaction, customer: str) -> int:
        """How much of it there is of this customer."""
        ...

    def delete(self, transaction: Transaction, customer: str) -> int:
        """Delete it; how much that was."""
        ...


@dataclass(frozen=True)
class Rows:
    """The rows of a table that are a customer's."""

    table: Table
    whose: Callable[[str], ColumnElement[bool]]

    @property
    def name(self) -> str:
        """The table's."""
        return self.table.name

    def count(self, transaction: Transaction, customer: str) -> int:
        """How many rows."""
        chosen = select(func.count()).select_from(self.table).where(self.whose(customer))
        return int(transaction.execute(chosen).scalar_one())

    def delete(self, transaction: Transaction, customer: str) -> int:
        """Delete them; how many those were."""
        return transaction.execute(delete(self.table).where(self.whose(customer))).rowcount


def _corrections_of(customer: str) -> ColumnElement[bool]:
    answered = select(predictions.c.id).where(predictions.c.customer == customer)
    return feedback.c.prediction_id.in_(answered)


def _with_customer(table: Table) -> Rows:
    return Rows(table, lambda customer: table.c.customer == customer)


STORED: Sequence[Holding] = (
    Rows(feedback, _corrections_of),  # before the answers that they hang on, so that they are counted
    *(_with_customer(table) for table in metadata.sorted_tables if "customer" in table.c),
)
"""What this database holds by customer."""


class Forgotten:
    """Those who asked to be forgotten: `customer in forgotten`."""

    def __init__(self, key: bytes, hashes: frozenset[str]) -> None:
        self._key = key
        self._hashes = hashes

    def __contains__(self, customer: object) -> bool:
        return isinstance(customer, str) and _hash(self._key, customer) in self._hashes

    def __len__(self) -> int:
        return len(self._hashes)


def forgotten_customers(transaction: Transaction) -> Forgotten:
    """Everybody who asked to be forgotten."""
    hashes = frozenset(transaction.execute(select(forgotten.c.hash)).scalars())
    return Forgotten(_key(transaction) if hashes else b"", hashes)


def forget(transaction: Transaction, customer: str) -> tuple[str, bool]:
    """Put a customer among the forgotten; the hash that stands for them, and whether they are new there."""
    made = insert_or(transaction, secrets).values(name=_KEY, value=chance.token_hex(32))
    transaction.execute(made.on_conflict_do_nothing(index_elements=[secrets.c.name]))
    known = _hash(_key(transaction), customer)
    if transaction.execute(select(forgotten.c.hash).where(forgotten.c.hash == known)).first() is not None:
        return known, False
    transaction.execute(insert(forgotten).values(hash=known, at=now()))
    return known, True


def _key(transaction: Transaction) -> bytes:
    return bytes.fromhex(transaction.execute(select(secrets.c.value).where(secrets.c.name == _KEY)).scalar_one())


def _hash(key: bytes, customer: str) -> str:
    """Records have ids with spaces around them, as files do."""
    return hmac.new(key, customer.strip().encode("utf-8", "replace"), hashlib.sha256).hexdigest()
