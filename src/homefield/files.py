"""Files and folders that are either wholly there or not there: write beside, fsync, rename.

A crash at any moment leaves the old content or the new, never half of either; what it leaves beside is swept
later. A full or read-only disk becomes a `MachineError` that says what to do.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from homefield.errors import CallError, HomefieldError, MachineError

__all__ = ["disk_errors", "new_folder", "sha256_of", "sweep", "write_file"]

_CODES = {
    errno.ENOSPC: "files.disk_full",
    errno.EDQUOT: "files.disk_full",
    errno.EFBIG: "files.disk_full",  # the user's limit of a file's size
    errno.EROFS: "files.read_only",
    errno.EACCES: "files.not_permitted",
    errno.EPERM: "files.not_permitted",
}

_ABANDONED_SECONDS = 24 * 3600.0


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusal to write under `path` into an error with a next step.

    Raises:
        MachineError: `files.disk_full`, `files.read_only` or `files.not_permitted`.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, HomefieldError) or error.errno not in _CODES:
            raise
        raise MachineError(_CODES[error.errno], path=path) from error


def write_file(path: Path, content: bytes | str) -> None:
    """Write `content` (text as UTF-8) to `path` atomically and durably, making parent folders."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
        partial = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            partial.chmod(0o644)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        _sync_folder(path.parent)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Build a folder that appears at `path` only when the block ends without an error.

    Yields an empty folder beside `path` to write into.

    Raises:
        CallError: `files.exists` when there is already something at `path` (an empty folder is fine).
        MachineError: as `disk_errors`.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise CallError("files.exists", path=path)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent))
        try:
            yield partial
            for file in partial.rglob("*"):
                if file.is_file():
                    _sync_file(file)
            partial.chmod(0o755)
            if path.is_dir():
                path.rmdir()
            partial.rename(path)
            _sync_folder(path.parent)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove what writers that were killed left half done in `folder`: what nobody has touched for a day."""
    for partial in folder.glob(".*.partial"):
        try:
            abandoned = time.time() - partial.stat().st_mtime > _ABANDONED_SECONDS
        except FileNotFoundError:  # it was finished, or somebody else sweeps
            continue
        if abandoned and partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        elif abandoned:
            partial.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync_file(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _sync_folder(path: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
