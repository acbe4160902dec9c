"""A database that is locked, full, away or broken: a clear error, and the next call works once it is mended."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from homefield.errors import MachineError
from homefield.messages import Language
from homefield.store import Store, connect, new_id, now, predictions
from homefield.store.predictions import PredictionRow
from homefield.store.schema import upgrade

from ..postgresql import PostgreSQL, programs


def record(store: Store, text: str = "hello") -> None:
    row = PredictionRow(new_id(), "shop", 1, "a" * 64, "r", {"label": "x"}, now(), text=text)
    with store.write() as transaction:
        predictions.record(transaction, [row])


def code(store: Store, text: str = "hello") -> str:
    with pytest.raises(MachineError) as caught:
        record(store, text)
    assert store.place in str(caught.value)
    return caught.value.code


def count(store: Store) -> int:
    with store.read() as transaction:
        return int(transaction.execute(text("SELECT count(*) FROM predictions")).scalar_one())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kept.db"


@pytest.fixture
def sqlite_store(tmp_path: Path, file: Path) -> Iterator[Store]:
    with connect(f"sqlite:///{file.name}", tmp_path, patience=0.3) as store:
        upgrade(store)
        yield store


class TestSqlite:
    def test_locked_by_another_program(self, sqlite_store: Store, file: Path) -> None:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert code(sqlite_store) == "store.locked"
        assert count(sqlite_store) == 0  # who only reads does not wait
        other.execute("COMMIT")
        record(sqlite_store)
        assert count(sqlite_store) == 1
        other.close()

    def test_a_writer_waits_for_its_turn(self, sqlite_store: Store) -> None:
        held, go = threading.Event(), threading.Event()

        def hold() -> None:
            with sqlite_store.write():
                held.set()
                go.wait(5)

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait(5)
        threading.Timer(0.1, go.set).start()
        record(sqlite_store)
        thread.join()
        assert count(sqlite_store) == 1

    def test_a_full_disk(self, sqlite_store: Store) -> None:
        with sqlite_store.read() as transaction:
            pages = transaction.execute(text("PRAGMA page_count")).scalar_one()
        # The limit stands for the disk's end: SQLite says the same of both.
        for connection in [sqlite_store.engine.raw_connection()]:
            connection.cursor().execute(f"PRAGMA max_page_count = {pages + 4}")
            connection.close()
        assert code(sqlite_store, "x" * 100_000) == "store.disk_full"
        assert count(sqlite_store) == 0
        record(sqlite_store)
        assert count(sqlite_store) == 1

    def test_what_is_no_database(self, tmp_path: Path, file: Path, language: Language) -> None:
        file.write_bytes(b"not a database at all, but long enough to be looked at" * 30)
        with connect(f"sqlite:///{file.name}", tmp_path) as store, pytest.raises(MachineError) as caught:
            upgrade(store)
        assert caught.value.code == "store.damaged"
        assert str(file) in caught.value.what(language)

    def test_a_folder_in_its_place(self, tmp_path: Path, file: Path) -> None:
        file.mkdir()
        with connect(f"sqlite:///{file.name}", tmp_path) as store, pytest.raises(MachineError) as caught:
            upgrade(store)
        assert caught.value.code == "store.cannot_open"

    def test_what_was_acknowledged_survives_a_kill(self, tmp_path: Path) -> None:
        program = (
            "import sys; sys.path[:0] = sys.argv[1:3]\n"
            "from pathlib import Path\n"
            "from homefield.store import connect, new_id, now, predictions\n"
            "from homefield.store.schema import upgrade\n"
            "store = connect('sqlite:///kept.db', Path('.')); upgrade(store)\n"
            "for number in range(10_000):\n"
            "    with store.write() as t:\n"
            "        row = predictions.PredictionRow(new_id(), 'm', 1, 's', 'r', {}, now())\n"
            "        predictions.record(t, [row])\n"
            "    print(number, flush=True)\n"
        )
        child = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        acknowledged = 0
        for line in child.stdout:
            acknowledged = int(line) + 1
            if acknowledged == 20:
                child.kill()
        child.wait()
        child.stdout.close()
        with connect("sqlite:///kept.db", tmp_path) as store:
            assert count(store) in (acknowledged, acknowledged + 1)


class TestPostgresql:
    @pytest.fixture
    def server(self, request: pytest.FixtureRequest) -> Iterator[PostgreSQL]:
        """A server of this test's own, since it is stopped."""
        request.getfixturevalue("postgresql")  # skips where there is none
        found = programs()
        assert found is not None
        server = PostgreSQL(found)
        yield server
        server.remove()

    def test_it_goes_away_and_comes_back(self, server: PostgreSQL, tmp_path: Path) -> None:
        with connect(server.database(), tmp_path, patience=2.0) as store:
            upgrade(store)
            record(store)
            server.stop()
            assert code(store) == "store.unreachable"
            with pytest.raises(MachineError, match="no restart is needed"):
                count(store)
            server.start()
            record(store)
            assert count(store) == 2

    def test_it_goes_away_within_a_transaction(self, server: PostgreSQL, tmp_path: Path) -> None:
        with connect(server.database(), tmp_path, patience=2.0) as store:
            upgrade(store)
            with pytest.raises(MachineError) as caught, store.write() as transaction:
                _write_around(transaction, server.stop)
            assert caught.value.code == "store.unreachable"
            server.start()
            assert count(store) == 0

    def test_nobody_is_there(self, postgresql: PostgreSQL, tmp_path: Path) -> None:
        uri = postgresql.uri("x").replace(str(postgresql.port), "1")
        with connect(uri, tmp_path, patience=1.0) as store, pytest.raises(MachineError) as caught:
            upgrade(store)
        assert caught.value.code == "store.unreachable"

    @pytest.mark.parametrize("wrong", ["postgresql://homefield@{}/no_such", "postgresql://nobody_here:pw@{}/postgres"])
    def test_it_does_not_let_us_in(self, postgresql: PostgreSQL, tmp_path: Path, wrong: str) -> None:
        uri = wrong.format(f"127.0.0.1:{postgresql.port}")
        with connect(uri, tmp_path, patience=1.0) as store, pytest.raises(MachineError) as caught:
            upgrade(store)
        assert caught.value.code == "store.refused"
        assert "pw@" not in str(caught.value)

    def test_a_lock_is_waited_for_and_then_told(self, postgresql: PostgreSQL, tmp_path: Path) -> None:
        with connect(postgresql.database(), tmp_path, patience=0.3) as store:
            upgrade(store)
            with store.write() as transaction:
                transaction.execute(text("LOCK TABLE predictions"))
                assert code(store) == "store.locked"
            record(store)

    def test_every_connection_is_taken(self, postgresql: PostgreSQL, tmp_path: Path) -> None:
        with connect(postgresql.database(), tmp_path, patience=0.2) as store:
            upgrade(store)
            held = [store.engine.connect() for _ in range(16)]
            assert code(store) == "store.crowded"
            for connection in held:
                connection.close()
            record(store)


def _write_around(transaction, go_away) -> None:  # type: ignore[no-untyped-def]
    row = PredictionRow(new_id(), "shop", 1, "a" * 64, "r", {}, now())
    predictions.record(transaction, [row])
    go_away()
    predictions.record(transaction, [row])
