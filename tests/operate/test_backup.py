"""A workspace as a backup and back, between both databases; what was changed is refused whole."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from homefield.cli import main
from homefield.errors import CallError, Tampered
from homefield.operate.backup import backup, restore
from homefield.store import Store, audit, open_store
from homefield.workspace import Workspace

from ..postgresql import PostgreSQL

MODEL = "models/shop/1/head.onnx"


@pytest.fixture
def place(uri: str, tmp_path: Path) -> Workspace:
    """A workspace with entries in its record and a model's file, on either database."""
    root = tmp_path / "workspace"
    (root / MODEL).parent.mkdir(parents=True)
    (root / MODEL).write_bytes(b"network")
    (root / "homefield.toml").write_text(f'database = "{uri}"\n', encoding="utf-8")
    (root / "datasets").mkdir()
    (root / "datasets" / ".half.partial").write_bytes(b"half")
    (root / "cache").mkdir()
    (root / "cache" / "made-anew").write_bytes(b"states")
    workspace = Workspace(root)
    with open_store(workspace) as store:
        for number in range(3):
            note(store, number)
    return workspace


def note(store: Store, number: int) -> None:
    with store.write() as transaction:
        audit.append(transaction, "李", "test.done", str(number), {"why": "试"})


def entries(workspace: Workspace) -> list[tuple[str, str]]:
    with open_store(workspace) as store, store.read() as transaction:
        return [(entry.subject, entry.hash) for entry in audit.entries(transaction, most=1_000)]


@pytest.mark.parametrize("name", ["backup", "backup.tar"])
def test_what_was_learned_is_there_again(name: str, place: Workspace, tmp_path: Path) -> None:
    made = backup(place, tmp_path / name)
    assert made.rows["audit"] == 3
    assert made.path.stat().st_mode & 0o077 == 0
    again = Workspace(tmp_path / "again")
    found = restore(again, made.path, seal=made.seal)
    assert found.rows == made.rows
    assert entries(again) == entries(place)
    assert (again.root / MODEL).read_bytes() == b"network"
    assert not (again.root / "cache").exists()
    assert not list((again.root / "datasets").rglob("*.partial"))
    with open_store(again) as store:
        note(store, 3)  # numbers go on after the restored ones
        with store.read() as transaction:
            assert audit.verify(transaction).fault is None


def test_from_one_database_to_the_other(place: Workspace, tmp_path: Path, postgresql: PostgreSQL) -> None:
    made = backup(place, tmp_path / "backup")
    other = tmp_path / "other"
    other.mkdir()
    database = postgresql.database()
    (other / "homefield.toml").write_text(f'database = "{database}"\n', encoding="utf-8")
    restore(Workspace(other), made.path)
    assert entries(Workspace(other)) == entries(place)


def test_it_is_of_one_moment_while_others_write(place: Workspace, tmp_path: Path) -> None:
    over = threading.Event()

    def write() -> None:
        with open_store(place) as store:
            number = 10
            while not over.is_set():
                note(store, number)
                number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        made = backup(place, tmp_path / "backup")
    finally:
        over.set()
        thread.join()
    restore(Workspace(tmp_path / "again"), made.path)
    with open_store(Workspace(tmp_path / "again")) as store, store.read() as transaction:
        chain = audit.verify(transaction)
    assert chain.fault is None
    assert chain.count == made.rows["audit"] >= 3


@pytest.mark.parametrize("harm", ["byte", "missing", "more", "link", "manifest"])
def test_a_backup_that_was_changed_is_refused_whole(harm: str, place: Workspace, tmp_path: Path) -> None:
    made = backup(place, tmp_path / "backup")
    file = made.path / "artifacts" / MODEL
    if harm == "byte":
        file.write_bytes(b"netwark")
    elif harm == "missing":
        file.unlink()
    elif harm == "more":
        (made.path / "artifacts" / "more").write_bytes(b"")
    elif harm == "link":
        file.unlink()
        file.symlink_to("/etc/hostname")
    else:
        manifest = json.loads((made.path / "manifest.json").read_text())
        manifest["made_at"] = "2020-01-01T00:00:00+00:00"
        (made.path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(Tampered, match="was changed or damaged"):
        restore(Workspace(tmp_path / "again"), made.path)
    assert not (tmp_path / "again" / "models").exists()


def test_another_seal_than_the_one_noted_is_refused(place: Workspace, tmp_path: Path) -> None:
    made = backup(place, tmp_path / "backup")
    with pytest.raises(Tampered):
        restore(Workspace(tmp_path / "again"), made.path, seal="0" * 64)


def test_nothing_is_overwritten(place: Workspace, tmp_path: Path) -> None:
    made = backup(place, tmp_path / "backup.tar")
    with pytest.raises(CallError, match="already"):
        backup(place, made.path)
    with pytest.raises(CallError, match="only into an empty workspace"):
        restore(place, made.path)


@pytest.mark.parametrize("version", [{"format": 99}, {"schema": "9999"}])
def test_a_newer_one_is_refused(version: dict[str, object], place: Workspace, tmp_path: Path) -> None:
    made = backup(place, tmp_path / "backup")
    file = made.path / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | version))
    with pytest.raises(CallError, match="newer Homefield"):
        restore(Workspace(tmp_path / "again"), made.path)


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_what_is_no_backup_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "some.tar").write_bytes(content)
    with pytest.raises(CallError, match="no backup that can be read"):
        restore(Workspace(tmp_path / "again"), tmp_path / "some.tar")


def test_by_command_line(place: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", str(tmp_path / "b.tar"), "--workspace", str(place.root), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    words = ["restore", str(tmp_path / "b.tar"), "--workspace", str(tmp_path / "again"), "--seal", made["seal"]]
    assert main([*words, "--lang", "zh"]) == 0
    assert "已从" in capsys.readouterr().out
    assert main(words) == 2
