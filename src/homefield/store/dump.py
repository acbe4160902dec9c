"""All rows of a database as files of JSON lines, and back, from any of the two databases into any.

Rows are written as the tables of that moment have them, not as this program's do: what an older program wrote is read
into tables of its own version, which are then brought up to date.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import DateTime, MetaData, Table, func, insert, select, text

from homefield.store.database import Store, Transaction
from homefield.store.schema import VERSION_TABLE, migrate_to, upgrade, version_of

__all__ = ["dump", "is_empty", "load"]

_CHUNK = 500


def dump(store: Store, folder: Path) -> tuple[str, dict[str, int]]:
    """Write every table to `folder` as `TABLE.jsonl`, all as of one moment; the tables' version, and rows by table.

    Others may go on writing meanwhile.
    """
    with store.read() as transaction:
        if not store.is_sqlite:
            transaction.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        version = version_of(transaction)
        assert version is not None
        counts = {table.name: _write(transaction, table, folder) for table in _tables(transaction)}
    return version, counts


def is_empty(store: Store) -> bool:
    """Whether nothing was ever kept in this database."""
    with store.read() as transaction:
        return all(transaction.execute(select(table).limit(1)).first() is None for table in _tables(transaction))


def load(store: Store, version: str, folder: Path) -> dict[str, int]:
    """Read what `dump` wrote into a database without tables, wholly or not at all, and bring it up to date.

    Raises:
        ValueError: a line is no row. MachineError: as `Store.write`.
    """
    with store.write() as transaction:
        migrate_to(transaction, version)
        counts = {table.name: _read(transaction, table, folder) for table in _tables(transaction)}
    upgrade(store)
    return counts


def _tables(transaction: Transaction) -> Sequence[Table]:
    """The tables as they are, those first that others refer to."""
    found = MetaData()
    found.reflect(transaction)
    return [table for table in found.sorted_tables if table.name != VERSION_TABLE]


def _write(transaction: Transaction, table: Table, folder: Path) -> int:
    rows = 0
    chosen = select(table).order_by(*table.primary_key.columns)
    with (folder / f"{table.name}.jsonl").open("w", encoding="utf-8") as stream:
        for row in transaction.execution_options(yield_per=1_000).execute(chosen).mappings():
            stream.write(json.dumps({name: _plain(value) for name, value in row.items()}, ensure_ascii=True) + "\n")
            rows += 1
    return rows


def _plain(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    return (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)).isoformat()


def _read(transaction: Transaction, table: Table, folder: Path) -> int:
    moments = [column.name for column in table.columns if isinstance(column.type, DateTime)]
    naive = transaction.dialect.name == "sqlite"
    rows = 0
    with (folder / f"{table.name}.jsonl").open(encoding="utf-8") as stream:
        lines = _rows(stream, moments, naive=naive)
        while chunk := list(islice(lines, _CHUNK)):
            transaction.execute(insert(table), chunk)
            rows += len(chunk)
    if not naive:
        _count_on(transaction, table)
    return rows


def _rows(stream: Iterator[str], moments: Sequence[str], *, naive: bool) -> Iterator[Mapping[str, Any]]:
    for line in stream:
        row: dict[str, Any] = json.loads(line)
        for name in moments:
            if row[name] is not None:
                moment = datetime.fromisoformat(row[name])
                row[name] = moment.replace(tzinfo=None) if naive else moment
        yield row


def _count_on(transaction: Transaction, table: Table) -> None:
    """PostgreSQL numbers rows by a counter beside the table, which knows nothing of rows that bring their number."""
    for column in table.primary_key.columns:
        found = select(func.pg_get_serial_sequence(table.name, column.name))
        if (counter := transaction.execute(found).scalar()) is not None:
            highest = select(func.setval(counter, func.coalesce(func.max(column), 1), func.max(column).is_not(None)))
            transaction.execute(highest)
