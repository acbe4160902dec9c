"""A database by its URI: SQLite in a file, or PostgreSQL 15 and newer, with one behaviour.

SQLite keeps a write-ahead log, so that readers never wait; a writer takes its turn when it begins (`BEGIN IMMEDIATE`),
so that two never find at the end that both have read what the other changes. Every commit is on disk when it returns.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from homefield.errors import CallError, MachineError
from homefield.files import disk_errors
from homefield.store.faults import database_errors

__all__ = ["PATIENCE", "Store", "Transaction", "connect"]

PATIENCE = 10.0  # seconds that a lock, a connection or a free place in the pool is waited for
OLDEST_POSTGRESQL = 15
_POOL = 8
_WRITES = "homefield_writes"

Transaction = Connection
"""What the functions of the store take: it ends with the block of `Store.read` or `Store.write`."""


class Store:
    """An open database; safe to use from several threads, not over a fork.

    place: what messages call it, without a password.
    """

    def __init__(self, engine: Engine, place: str, *, patience: float = PATIENCE) -> None:
        self.engine = engine
        self.place = place
        self.patience = patience
        self._writing = engine.execution_options(**{_WRITES: True})
        self._turn = Lock()

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of this machine."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that only reads.

        Raises:
            MachineError: as `homefield.store.faults.database_errors`.
        """
        with database_errors(self.place, self.patience), self.engine.begin() as transaction:
            yield transaction

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction that is wholly kept when the block ends without an error, and not at all otherwise.

        Keep it short: on SQLite nobody else writes meanwhile. Raise revisions and append events and audit rows last.

        Raises:
            MachineError: as `homefield.store.faults.database_errors`; nothing was written then, except when the
                connection broke while PostgreSQL confirmed, where it may have been.
        """
        with database_errors(self.place, self.patience), self._in_turn(), self._writing.begin() as transaction:
            yield transaction

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """On SQLite one thread of this process writes at a time. The threads wait for each other here, since SQLite
        itself sleeps longer and longer before it looks again, up to a tenth of a second."""
        mine = self.is_sqlite and self._turn.acquire(timeout=self.patience)
        try:
            yield  # without a turn SQLite says that the database is locked, if it still is
        finally:
            if mine:
                self._turn.release()

    def scrub(self) -> None:
        """Leave nothing in SQLite's log of what was deleted; a reader that is in the middle of it leaves it for later.

        PostgreSQL overwrites deleted rows when it vacuums.
        """
        if self.is_sqlite:
            with database_errors(self.place, self.patience), closing(self.engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")  # outside of any transaction

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def connect(uri: str, root: Path, *, patience: float = PATIENCE) -> Store:
    """The database that `uri` names, as it is: `homefield.store.open_store` also brings it up to date.

    uri: `sqlite:///FILE` (from `root`, unless absolute: four slashes) or `postgresql://USER:PASSWORD@HOST/NAME`.

    Raises:
        CallError: `store.bad_uri`, `store.no_driver`.
        MachineError: the folder of the file cannot be made.
    """
    url = _parsed(uri)
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, root, patience)
    return _postgresql(url, patience)


def _parsed(uri: str) -> URL:
    try:
        url = make_url(uri)
        backend = url.get_backend_name()
    except (ArgumentError, ValueError) as error:
        raise CallError("store.bad_uri", got=uri.partition("@")[2] or uri) from error
    if backend == "sqlite" and url.database not in (None, "", ":memory:") and not url.host:
        return url.set(drivername="sqlite+pysqlite")
    if backend in ("postgresql", "postgres") and url.database:
        return url.set(drivername="postgresql+psycopg")
    raise CallError("store.bad_uri", got=url.render_as_string(hide_password=True))


def _sqlite(url: URL, root: Path, patience: float) -> Store:
    file = root / str(url.database)
    with disk_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():  # it will hold customers' words: for this user's eyes only
            os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
    engine = create_engine(
        url.set(database=str(file)), connect_args={"timeout": patience}, pool_size=_POOL, pool_timeout=patience
    )

    @event.listens_for(engine, "connect")
    def _(connection: sqlite3.Connection, __: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not where the driver thinks fit
        # secure_delete: what is deleted is overwritten, since it was asked for to be gone
        for pragma in ("foreign_keys = ON", "synchronous = FULL", "journal_mode = WAL", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return Store(engine, str(file), patience=patience)


def _postgresql(url: URL, patience: float) -> Store:
    place = url.render_as_string(hide_password=True).replace("+psycopg", "")
    try:
        engine = create_engine(
            url,
            connect_args={
                "connect_timeout": max(2, round(patience)),
                "client_encoding": "utf8",
                "application_name": "homefield",
            },
            pool_size=_POOL,
            max_overflow=_POOL,
            pool_timeout=patience,
            pool_pre_ping=True,  # a database that was started anew is met by a new connection, not by an error
        )
    except ModuleNotFoundError as error:
        raise CallError("store.no_driver", place=place) from error

    @event.listens_for(engine, "connect")
    def _(connection: Any, __: object) -> None:
        major = connection.info.server_version // 10_000
        if major < OLDEST_POSTGRESQL:
            raise MachineError("store.old_postgresql", place=place, got=major, oldest=OLDEST_POSTGRESQL)
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise MachineError("store.encoding", place=place, got=encoding)
        connection.autocommit = True
        connection.execute(f"SET lock_timeout = {round(patience * 1000)}")
        connection.execute("SET TIME ZONE 'UTC'")
        connection.autocommit = False

    return Store(engine, place, patience=patience)
