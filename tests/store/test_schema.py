"""Bringing a database up to date, beside others that do the same, and refusing one that is ahead."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from homefield.errors import CallError, MachineError
from homefield.messages import Language
from homefield.store import DATABASE, Store, artifacts_of, connect, open_store, revisions
from homefield.store.schema import HEAD, VERSION_TABLE, upgrade, version_of
from homefield.store.tables import metadata
from homefield.workspace import Workspace

from ..postgresql import PostgreSQL

MIGRATIONS = Path(revisions.__file__).parent / "migrations"


def test_the_migrations_make_exactly_the_tables(store: Store) -> None:
    with store.read() as transaction:
        context = MigrationContext.configure(transaction, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_head_is_the_last_migration() -> None:
    script = ScriptDirectory(str(MIGRATIONS))
    assert script.get_heads() == [HEAD]
    numbers = [each.revision for each in script.walk_revisions()][::-1]
    assert numbers == [f"{number:04d}" for number in range(1, len(numbers) + 1)]


def test_several_processes_open_an_empty_database_at_once(
    backend: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    uri = "sqlite:///new.db"
    if backend == "postgresql":
        uri = request.getfixturevalue("postgresql").database()

    def opened(_: int) -> str | None:
        with connect(uri, tmp_path) as store:
            upgrade(store)
            with store.read() as transaction:
                return version_of(transaction)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(opened, range(4))) == [HEAD] * 4


def test_a_newer_database_is_refused(store: Store, language: Language) -> None:
    with store.write() as transaction:
        transaction.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(CallError) as caught:
        upgrade(store)
    assert caught.value.code == "store.newer"
    assert "9999" in caught.value.what(language)
    assert HEAD in caught.value.what(language)


def test_a_workspace_has_its_file_which_only_its_user_reads(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "space")
    with open_store(workspace) as store:
        assert store.place == str(workspace.root / DATABASE)
    assert stat.S_IMODE((workspace.root / DATABASE).stat().st_mode) == 0o600


def test_a_workspace_names_another_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEFIELD_DATABASE", "sqlite:///state/our.db")
    with open_store(Workspace(tmp_path)) as store:
        assert store.place == str(tmp_path / "state" / "our.db")


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "mysql://root:geheim@host/db",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://host",
        "no uri",
        "sqlite://a/b",
    ],
)
def test_what_names_no_database_is_refused_without_telling_the_password(tmp_path: Path, uri: str) -> None:
    with pytest.raises(CallError, match="expected sqlite:///FILE or postgresql://") as caught:
        connect(uri, tmp_path)
    assert caught.value.code == "store.bad_uri"
    assert "geheim" not in str(caught.value)


def test_a_database_in_another_encoding_is_refused(postgresql: PostgreSQL, tmp_path: Path) -> None:
    with connect(postgresql.database(encoding="SQL_ASCII"), tmp_path) as store:
        with pytest.raises(MachineError, match="SQL_ASCII; it must be in UTF8") as caught:
            upgrade(store)
        assert caught.value.code == "store.encoding"


class TestArtifacts:
    @pytest.mark.parametrize("given", ["{}/shared", "file://{}/shared", "file://localhost{}/shared"])
    def test_a_folder_or_a_uri(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
        monkeypatch.setenv("HOMEFIELD_ARTIFACTS", given.format(tmp_path))
        kept = artifacts_of(Workspace(tmp_path / "space"))
        assert kept.models == tmp_path / "shared" / "models"
        assert kept.path(kept.uri(kept.models / "shop" / "7")) == kept.models / "shop" / "7"

    def test_the_workspace_when_nothing_is_said(self, tmp_path: Path) -> None:
        assert artifacts_of(Workspace(tmp_path)).root == tmp_path

    @pytest.mark.parametrize("given", ["s3://bucket/x", "file://other-host/x"])
    def test_what_is_no_place_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
        monkeypatch.setenv("HOMEFIELD_ARTIFACTS", given)
        with pytest.raises(CallError, match="a folder or a file:// URI"):
            artifacts_of(Workspace(tmp_path))

    @pytest.mark.parametrize("uri", ["", "/etc/passwd", "../x", "models/../../x", "a\\b", "a\0b", "."])
    def test_a_place_outside_is_refused(self, tmp_path: Path, uri: str) -> None:
        with pytest.raises(ValueError, match="not a place"):
            artifacts_of(Workspace(tmp_path)).path(uri)
