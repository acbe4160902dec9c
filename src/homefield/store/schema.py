"""Bring a database up to date, or refuse one that is ahead of this program.

What stands in the database is compared with a number first; Alembic is imported only when there is something to do.
Several processes may open an old database at the same moment: one upgrades, the others wait and find it done.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, text

from homefield.errors import CallError
from homefield.store.database import Store, Transaction

__all__ = ["HEAD", "VERSION_TABLE", "migrate_to", "upgrade", "version_of"]

HEAD = "0005"
VERSION_TABLE = "homefield_schema"
_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 4_705_211_866  # any number that nobody else takes an advisory lock on


def upgrade(store: Store) -> None:
    """Make or change the tables until they are this program's.

    Raises:
        CallError: `store.newer`: a newer program has been here.
        MachineError: as `Store.write`.
    """
    with store.read() as transaction:
        found = version_of(transaction)
    if found == HEAD:
        return
    with store.write() as transaction:
        if not store.is_sqlite:
            transaction.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        found = version_of(transaction)
        if found is not None and found > HEAD:
            raise CallError("store.newer", place=store.place, found=found, known=HEAD)
        if found != HEAD:
            _migrate(transaction, "head")


def migrate_to(transaction: Transaction, version: str) -> None:
    """Make the tables as they were in `version`, in a database that has none, for rows from that time."""
    _migrate(transaction, version)


def version_of(transaction: Transaction) -> str | None:
    """The version of the tables, None where there are none."""
    if not inspect(transaction).has_table(VERSION_TABLE):
        return None
    found: str | None = transaction.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return found


def _migrate(transaction: Transaction, version: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": transaction})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, version)
