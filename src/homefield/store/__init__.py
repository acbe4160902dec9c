"""What the program remembers: registry, predictions, feedback, jobs, keys, audit; in SQLite, or PostgreSQL by URI.

    >>> from homefield.store import aliases, open_store
    >>> with open_store(workspace) as store, store.write() as transaction:
    ...     aliases.move(transaction, MODEL, "shop", "champion", 7, by="li.na")

Each module beside this one keeps one kind of row: plain frozen dataclasses come out, and every function takes the
transaction it takes part in, so that what belongs together is kept together or not at all.
"""

from homefield.store.artifacts import Artifacts, artifacts_of
from homefield.store.columns import canonical, now
from homefield.store.database import Store, Transaction, connect
from homefield.store.ids import is_id, made_at, new_id
from homefield.store.open import DATABASE, open_store

__all__ = [
    "DATABASE",
    "Artifacts",
    "Store",
    "Transaction",
    "artifacts_of",
    "canonical",
    "connect",
    "is_id",
    "made_at",
    "new_id",
    "now",
    "open_store",
]
