"""Files that clients send: received in pieces under an id, judged when whole, and only then anything else's.

While it is received a file lies at `uploads/ID/part`; once judged, at `uploads/ID/content.SUFFIX`, with the suffix that
its content gave it. No part of a path comes from the client.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from homefield.data.archive import ArchiveLimits
from homefield.data.sniff import sniff
from homefield.errors import CallError, Refused
from homefield.files import disk_errors, sha256_of
from homefield.store import Artifacts, Store, is_id, now, uploads
from homefield.store.uploads import Upload

__all__ = ["UploadLimits", "append", "begin", "discard", "find", "finish", "sweep", "upload_path"]

_LONGEST_NAME = 255


@dataclass(frozen=True)
class UploadLimits:
    """What is taken in: bytes of a file, and what an archive among them may come to."""

    bytes: int = 2 << 30
    archive: ArchiveLimits = field(default_factory=ArchiveLimits)


def begin(
    store: Store, name: str, *, by: str, limits: UploadLimits, media_type: str | None = None, size: int | None = None
) -> Upload:
    """Make room for a file. name: what it is called by whoever sends it. size: how many bytes are announced.

    Raises:
        CallError: `upload.too_large`, `upload.bad_name`.
    """
    _check_size(size or 0, limits)
    shown = name.replace("\\", "/").rpartition("/")[2]
    if not shown.isprintable() or not 0 < len(shown) <= _LONGEST_NAME:
        raise CallError("upload.bad_name")
    with store.write() as transaction:
        return uploads.add(transaction, shown, by=by, media_type=media_type, size=size)


def find(store: Store, upload_id: str) -> Upload:
    """How far a file is.

    Raises:
        CallError: `upload.not_found`.
    """
    with store.read() as transaction:
        return _found(uploads.upload(transaction, upload_id), upload_id)


def append(
    store: Store,
    artifacts: Artifacts,
    upload_id: str,
    offset: int,
    pieces: Iterable[bytes],
    *,
    limits: UploadLimits,
) -> int:
    """Write `pieces` behind the first `offset` bytes; how many the file has now. Sent again after a fault, it is safe.

    Raises:
        CallError: `upload.not_found`, `upload.not_receiving`, `upload.offset` (says where to go on),
            `upload.too_large`.
        MachineError: as `homefield.files.disk_errors`.
    """
    folder = _folder(artifacts, upload_id)
    _receiving(store, upload_id)
    with _alone(folder):
        row = _receiving(store, upload_id)
        if row.received != offset:
            raise CallError("upload.offset", given=offset, received=row.received)
        most = limits.bytes if row.size is None else min(row.size, limits.bytes)
        with disk_errors(folder):
            more = _write(folder / "part", offset, pieces, most)
        with store.write() as transaction:
            if not uploads.received(transaction, upload_id, before=offset, more=more):
                raise CallError("upload.not_receiving", id=upload_id)
    return offset + more


def finish(store: Store, artifacts: Artifacts, upload_id: str, *, limits: UploadLimits) -> Upload:
    """Judge a file that is whole. What does not pass is deleted.

    Raises:
        CallError: `upload.not_found`, `upload.not_receiving`, `upload.incomplete`; why it was refused: as
            `homefield.data.sniff.sniff`.
    """
    folder = _folder(artifacts, upload_id)
    _receiving(store, upload_id)
    with _alone(folder):
        row = _receiving(store, upload_id)
        if row.size is not None and row.received != row.size:
            raise CallError("upload.incomplete", received=row.received, size=row.size)
        part = folder / "part"
        for unsettled in folder.glob("content.*"):  # a crash came between the judgement and its record
            unsettled.rename(part)
        with disk_errors(folder), part.open("ab") as stream:
            stream.truncate(row.received)  # what a broken request left behind
        try:
            found = sniff(part, row.name, limits.archive)
        except CallError:
            with store.write() as transaction:
                uploads.settle(transaction, upload_id, "refused", sha256=None)
            part.unlink()
            raise
        digest = sha256_of(part)
        part.rename(folder / f"content{found.suffix}")
        with store.write() as transaction:
            uploads.settle(transaction, upload_id, "checked", sha256=digest)
            return _found(uploads.upload(transaction, upload_id), upload_id)


def upload_path(store: Store, artifacts: Artifacts, upload_id: str) -> Path:
    """Where the content of a file lies that was judged good.

    Raises:
        CallError: `upload.not_found`, `upload.not_checked`.
        Refused: `upload.changed`, when it is not what was judged.
    """
    folder = _folder(artifacts, upload_id)
    row = find(store, upload_id)
    files = [file for file in folder.glob("content.*") if file.is_file()]
    if row.state != "checked" or len(files) != 1:
        raise CallError("upload.not_checked", id=upload_id)
    if sha256_of(files[0]) != row.sha256:
        raise Refused("upload.changed", id=upload_id)
    return files[0]


def discard(store: Store, artifacts: Artifacts, upload_id: str) -> None:
    """Delete a file and what is known of it.

    Raises:
        CallError: `upload.not_found`.
    """
    folder = _folder(artifacts, upload_id)
    find(store, upload_id)
    # The row last: killed before, it is known that something is left to delete, and deleting again does it.
    shutil.rmtree(folder, ignore_errors=True)
    with store.write() as transaction:
        uploads.delete_one(transaction, upload_id)


def sweep(store: Store, artifacts: Artifacts, *, older: timedelta) -> int:
    """Delete files that were never finished, or were refused, once they are older than that; how many."""
    with store.read() as transaction:
        old = [
            row for state in ("receiving", "refused") for row in uploads.older_than(transaction, now() - older, state)
        ]
    for row in old:
        discard(store, artifacts, row.id)
    return len(old)


def _folder(artifacts: Artifacts, upload_id: str) -> Path:
    if not is_id(upload_id):
        raise CallError("upload.not_found", id=upload_id[:40])
    return artifacts.uploads / upload_id


def _found(row: Upload | None, upload_id: str) -> Upload:
    if row is None:
        raise CallError("upload.not_found", id=upload_id)
    return row


def _receiving(store: Store, upload_id: str) -> Upload:
    row = find(store, upload_id)
    if row.state != "receiving":
        raise CallError("upload.not_receiving", id=upload_id)
    return row


def _check_size(size: int, limits: UploadLimits) -> None:
    if size > limits.bytes:
        raise CallError("upload.too_large", limit=limits.bytes)


def _write(part: Path, offset: int, pieces: Iterable[bytes], most: int) -> int:
    """Write behind `offset`, dropping what lies beyond it; durable when it returns."""
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    more = 0
    with os.fdopen(descriptor, "wb") as stream:
        stream.truncate(offset)
        stream.seek(offset)
        for piece in pieces:
            more += len(piece)
            if offset + more > most:
                raise CallError("upload.too_large", limit=most)
            stream.write(piece)
        stream.flush()
        os.fsync(stream.fileno())
    return more


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One request at a time works on a file; the operating system ends the turn of one that dies."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with (folder / "turn").open("wb") as stream:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
