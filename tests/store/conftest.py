"""Each test here runs against SQLite and against PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from homefield.store import Store, connect
from homefield.store.schema import upgrade

from ..postgresql import PostgreSQL


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def migrated(postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database with all tables, to copy: quicker than making them for each test."""
    uri = postgresql.database()
    with connect(uri, tmp_path_factory.mktemp("nothing")) as store:
        upgrade(store)
    return uri.rpartition("/")[2]


@pytest.fixture
def uri(backend: str, request: pytest.FixtureRequest) -> str:
    """The URI of a database of the test's own, with all tables on PostgreSQL and missing on SQLite."""
    if backend == "sqlite":
        return "sqlite:///kept.db"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.database(like=request.getfixturevalue("migrated"))


@pytest.fixture
def store(uri: str, tmp_path: Path) -> Iterator[Store]:
    """An open store of the test's own."""
    with connect(uri, tmp_path, patience=2.0) as opened:
        upgrade(opened)
        yield opened
