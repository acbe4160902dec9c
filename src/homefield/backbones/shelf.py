"""The cache folder on disk: entries that appear whole, are held while in use, and leave oldest-used first.

An entry is a folder with a manifest.json, made under another name and renamed, so that an interrupted writer leaves
nothing that looks like an entry. A reader holds a shared lock on the entry's `lock` file; eviction takes the
exclusive one and passes over what it cannot get.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from homefield import files
from homefield.files import disk_errors, new_folder

__all__ = ["Entry", "clear", "entries", "evict", "hold", "new_entry"]

KINDS = ("activations", "encodings", "corpora", "adapted")


@dataclass(frozen=True)
class Entry:
    """One cached thing. kind: one of `KINDS`. bytes: on disk. used: seconds since the epoch."""

    kind: str
    path: Path
    bytes: int
    used: float
    manifest: dict[str, Any]


@contextmanager
def new_entry(path: Path) -> Iterator[Path]:
    """As `files.new_folder`, but another writer finishing first is as good: by its name the content is the same."""
    staging = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    with new_folder(staging) as partial:
        yield partial
    try:
        staging.rename(path)
    except OSError:
        shutil.rmtree(staging)
        if not (path / "manifest.json").is_file():
            raise


def entries(cache: Path) -> list[Entry]:
    """What the cache folder holds, the most recently used first."""
    found: list[Entry] = []
    for kind in KINDS:
        for manifest in (cache / kind).glob("[!.]*/manifest.json"):
            # Another process may remove it while we look.
            with suppress(FileNotFoundError):
                folder = manifest.parent
                size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
                values = json.loads(manifest.read_text(encoding="utf-8"))
                found.append(Entry(kind, folder, size, manifest.stat().st_mtime, values))
    return sorted(found, key=lambda entry: -entry.used)


def hold(folder: Path) -> IO[bytes]:
    """Mark the entry as used now and in use until the stream that comes back is closed."""
    os.utime(folder / "manifest.json")
    stream = (folder / "lock").open("ab")
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_SH)
    return stream


def evict(cache: Path, *, budget: int) -> list[Entry]:
    """Remove activations, oldest-used first, until they take at most `budget` bytes; gives what was removed."""
    sweep(cache)
    kept = [entry for entry in entries(cache) if entry.kind == "activations"]
    total = sum(entry.bytes for entry in kept)
    removed: list[Entry] = []
    for entry in reversed(kept):
        if total <= budget:
            break
        if _remove(entry.path):
            total -= entry.bytes
            removed.append(entry)
    return removed


def clear(cache: Path) -> tuple[list[Entry], list[Entry]]:
    """Remove everything that is not in use; gives what was removed and what was kept because it is in use."""
    sweep(cache)
    removed: list[Entry] = []
    kept: list[Entry] = []
    for entry in entries(cache):
        (removed if _remove(entry.path) else kept).append(entry)
    return removed, kept


def sweep(cache: Path) -> None:
    """Remove what interrupted writers left."""
    for kind in KINDS:
        files.sweep(cache / kind)


def _remove(folder: Path) -> bool:
    """Whether the entry could be removed: False while somebody holds it."""
    with disk_errors(folder), (folder / "lock").open("ab") as stream:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        # The manifest goes first: a reader that comes now sees no entry rather than half of one.
        (folder / "manifest.json").unlink(missing_ok=True)
        try:
            shutil.rmtree(folder)
        except PermissionError:
            return False
    return True
