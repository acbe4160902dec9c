"""Entries appear whole, whoever is first; nobody removes what another is writing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from homefield.backbones.shelf import clear, entries, evict, hold, new_entry
from homefield.files import write_file


def put(path: Path, size: int, *, used: float | None = None) -> Path:
    with new_entry(path) as partial:
        (partial / "data.bin").write_bytes(b"x" * size)
        write_file(partial / "manifest.json", "{}")
    if used is not None:
        os.utime(path / "manifest.json", (used, used))
    return path


def test_the_second_writer_of_the_same_entry_is_content_with_the_first(tmp_path: Path) -> None:
    path = tmp_path / "activations" / "same"
    with new_entry(path) as partial:
        write_file(partial / "manifest.json", '{"by": 2}')
        put(path, 5)
    assert [entry.path for entry in entries(tmp_path)] == [path]
    assert (path / "data.bin").is_file()
    put(path, 5)
    assert [file.name for file in path.parent.iterdir()] == ["same"]


def test_an_entry_that_is_being_written_is_neither_listed_nor_removed(tmp_path: Path) -> None:
    with new_entry(tmp_path / "activations" / "new") as partial:
        write_file(partial / "manifest.json", "{}")
        assert entries(tmp_path) == []
        assert evict(tmp_path, budget=0) == []
        assert clear(tmp_path) == ([], [])
        assert partial.is_dir()
    assert len(entries(tmp_path)) == 1


def test_what_a_dead_writer_left_is_swept_after_a_day(tmp_path: Path) -> None:
    old, fresh = tmp_path / "activations" / ".a.1.partial", tmp_path / "activations" / ".b.2.partial"
    for folder in (old, fresh):
        folder.mkdir(parents=True)
    os.utime(old, (1.0, 1.0))
    clear(tmp_path)
    assert not old.exists()
    assert fresh.exists()


def test_the_oldest_used_leave_first_and_encodings_stay(tmp_path: Path) -> None:
    put(tmp_path / "encodings" / "text", 900, used=1)
    for number, used in enumerate([30, 10, 20]):
        put(tmp_path / "activations" / f"entry{number}", 1_000, used=used)
    removed = evict(tmp_path, budget=2_500)
    assert [entry.path.name for entry in removed] == ["entry1"]
    assert [entry.path.name for entry in entries(tmp_path)] == ["entry0", "entry2", "text"]
    assert [entry.bytes for entry in entries(tmp_path)] == [1_002, 1_002, 902]


def test_holding_counts_as_use(tmp_path: Path) -> None:
    put(tmp_path / "activations" / "old", 10, used=1)
    put(tmp_path / "activations" / "newer", 10, used=2)
    hold(tmp_path / "activations" / "old").close()
    assert [entry.path.name for entry in entries(tmp_path)] == ["old", "newer"]


@pytest.mark.skipif(os.name != "posix", reason="locks of this kind are POSIX's")
def test_what_is_held_stays_until_it_is_let_go(tmp_path: Path) -> None:
    path = put(tmp_path / "activations" / "held", 10)
    first, second = hold(path), hold(path)
    assert evict(tmp_path, budget=0) == []
    first.close()
    assert evict(tmp_path, budget=0) == []
    second.close()
    assert [entry.path for entry in evict(tmp_path, budget=0)] == [path]


def test_an_empty_cache_is_no_error(tmp_path: Path) -> None:
    assert entries(tmp_path / "none") == []
    assert clear(tmp_path / "none") == ([], [])
