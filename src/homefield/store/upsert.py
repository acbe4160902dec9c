"""`INSERT ... ON CONFLICT`, which both databases know and SQLAlchemy has under two names."""

from __future__ import annotations

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from homefield.store.database import Transaction

__all__ = ["insert_or"]


def insert_or(transaction: Transaction, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insertion that may say `on_conflict_do_nothing` or `on_conflict_do_update`."""
    return postgresql.insert(table) if transaction.dialect.name == "postgresql" else sqlite.insert(table)
