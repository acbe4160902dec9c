"""Everything a workspace has learned, as one folder or one file, and back: the database and the artifacts.

The database is read as of one moment, while others go on writing; then the files. What a row names was there before
its row, and never changes, so that the two fit. Every file has its hash in `manifest.json`, which is sealed by its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from homefield import __version__
from homefield.errors import CallError, Tampered
from homefield.events import Event, Listener, silent
from homefield.files import disk_errors, new_folder, sha256_of, write_file
from homefield.store import DATABASE, artifacts_of, audit, canonical, connect, open_store
from homefield.store.dump import dump, is_empty, load
from homefield.store.schema import HEAD, upgrade
from homefield.workspace import Workspace

__all__ = ["FORMAT", "Backup", "backup", "read_backup", "restore"]

FORMAT = 1
_MANIFEST = "manifest.json"
_TABLES, _ARTIFACTS, _WORKSPACE = "tables", "artifacts", "workspace"
_FROM_ARTIFACTS = ("models", "releases", "uploads", "jobs")
_FROM_WORKSPACE = ("datasets", "runs", "backbones")
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Backup:
    """What was written or read. seal: SHA-256 of the manifest; noted elsewhere, it proves that nothing was changed."""

    path: Path
    made_at: str
    rows: Mapping[str, int]
    files: int
    bytes: int
    seal: str


def backup(workspace: Workspace, path: Path, *, listen: Listener = silent) -> Backup:
    """Write a backup to `path`: one file when it ends in `.tar`, else a folder. The workspace may be in use.

    Raises:
        CallError: `files.exists`. MachineError: a full disk, a database that is away.
    """
    if path.suffix != ".tar":
        with new_folder(path) as folder:
            made = _write(workspace, folder, listen)
        path.chmod(0o700)  # it holds customers' words
        return _told(made, path)
    if path.exists():
        raise CallError("files.exists", path=path)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", suffix=".partial", dir=path.parent) as near:
            folder = Path(near) / "backup"
            folder.mkdir()
            made = _write(workspace, folder, listen)
            packed = Path(near) / "packed"
            packed.touch(mode=0o600, exist_ok=False)  # it holds customers' words
            with packed.open("wb") as stream, tarfile.open(fileobj=stream, mode="w") as archive:
                archive.add(folder, arcname="")
            with packed.open("rb") as written:
                os.fsync(written.fileno())
            packed.rename(path)
    return _told(made, path)


def restore(workspace: Workspace, path: Path, *, seal: str | None = None, listen: Listener = silent) -> Backup:
    """Fill an empty workspace from a backup. seal: what the backup's seal must be, when it was noted.

    Everything is compared with its hash before anything is written. Settings are not restored: they say which database
    this workspace has.

    Raises:
        CallError: `backup.none`, `backup.newer`, `backup.not_empty`.
        Tampered: `backup.changed`, naming the file.
    """
    with _unpacked(path, workspace) as folder:
        manifest = _checked(folder, path, seal, listen)
        targets = {_ARTIFACTS: artifacts_of(workspace).root, _WORKSPACE: workspace.root}
        for name, root in targets.items():
            for part in (*_FROM_ARTIFACTS, *_FROM_WORKSPACE):
                if (folder / name / part).is_dir() and (root / part).is_dir() and any((root / part).iterdir()):
                    raise CallError("backup.not_empty", place=root / part)
        with connect(workspace.settings.database or f"sqlite:///{DATABASE}", workspace.root) as store:
            if not is_empty(store):
                raise CallError("backup.not_empty", place=store.place)
            listen(Event("stage", "backup.stage_restore"))
            for name, root in targets.items():
                _bring(folder / name, root)
            load(store, manifest["schema"], folder / _TABLES)
            upgrade(store)
            with store.read() as transaction:
                chain = audit.verify(transaction)
        if chain.broken_at is not None:
            listen(Event("note", "backup.chain_broken", values={"entry": chain.broken_at}))
    return _told(manifest, path)


def read_backup(path: Path) -> Backup:
    """What the backup in one file says of itself; its files are not compared.

    Raises:
        CallError: `backup.none`.
    """
    try:
        with tarfile.open(path, mode="r:") as archive:
            stream = archive.extractfile(_MANIFEST)
            if stream is None:
                raise CallError("backup.none", path=path)
            return _told(json.load(stream), path)
    except (tarfile.TarError, OSError, ValueError, KeyError) as error:
        raise CallError("backup.none", path=path) from error


def _write(workspace: Workspace, folder: Path, listen: Listener) -> dict[str, Any]:
    (folder / _TABLES).mkdir()
    listen(Event("stage", "backup.stage_tables"))
    with open_store(workspace) as store:
        schema, rows = dump(store, folder / _TABLES)
    listen(Event("stage", "backup.stage_files"))
    artifacts = artifacts_of(workspace).root
    for root, name, parts in (
        (artifacts, _ARTIFACTS, _FROM_ARTIFACTS),
        (workspace.root, _WORKSPACE, _FROM_WORKSPACE),
    ):
        for part in parts:
            _copy(root / part, folder / name / part)
    files = {
        file.relative_to(folder).as_posix(): {"bytes": file.stat().st_size, "sha256": sha256_of(file)}
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "homefield": __version__,
        "schema": schema,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": rows,
        "files": files,
    }
    manifest["seal"] = _seal(manifest)
    write_file(folder / _MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))
    return manifest


def _copy(source: Path, target: Path) -> None:
    """Copy the plain files under `source`; what disappears meanwhile was not meant to last."""
    if not source.is_dir():
        return
    for here, folders, names in os.walk(source):
        folders[:] = sorted(name for name in folders if not name.endswith(".partial"))
        for name in names:
            file = Path(here) / name
            if file.is_symlink() or not file.is_file() or name.endswith(".partial"):
                continue
            copied = target / file.relative_to(source)
            copied.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(file, copied)
            except FileNotFoundError:
                copied.unlink(missing_ok=True)


def _checked(folder: Path, path: Path, seal: str | None, listen: Listener) -> dict[str, Any]:
    """The manifest, when every file is what it says and none is there besides."""
    try:
        manifest: dict[str, Any] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        found, files = int(manifest["format"]), dict(manifest["files"])
        schema = str(manifest["schema"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CallError("backup.none", path=path) from error
    if found > FORMAT or schema > HEAD:
        raise CallError("backup.newer", path=path, version=str(manifest.get("homefield"))[:40])
    if manifest.get("seal") != _seal(manifest) or (seal is not None and seal != manifest["seal"]):
        raise Tampered("backup.changed", file=_MANIFEST)
    listen(Event("stage", "backup.stage_check", total=len(files)))
    there = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_symlink() or file.is_file()}
    for odd in sorted(there ^ {*files, _MANIFEST}):
        raise Tampered("backup.changed", file=odd)
    for done, (name, facts) in enumerate(files.items(), start=1):
        file = folder / name
        if file.is_symlink() or sha256_of(file) != facts["sha256"]:
            raise Tampered("backup.changed", file=name)
        listen(Event("advance", "backup.stage_check", done=done, total=len(files)))
    return manifest


@contextmanager
def _unpacked(path: Path, workspace: Workspace) -> Iterator[Path]:
    """The folder of a backup, unpacked beside the workspace's files when it is one file."""
    if path.is_dir():
        yield path
        return
    with disk_errors(workspace.root):
        workspace.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".restore.", dir=workspace.root) as near:
            try:
                with tarfile.open(path, mode="r:") as archive:
                    for member in archive:
                        _take_out(archive, member, Path(near))
            except (tarfile.TarError, OSError, ValueError) as error:
                raise CallError("backup.none", path=path) from error
            yield Path(near)


def _take_out(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or "\\" in member.name:
        raise Tampered("backup.changed", file=member.name[:200])
    if member.isdir():
        return
    content = archive.extractfile(member) if member.isreg() else None
    if content is None:
        raise Tampered("backup.changed", file=member.name[:200])
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("xb") as out:
        shutil.copyfileobj(content, out, _BLOCK)


def _bring(source: Path, root: Path) -> None:
    """Copy the folders of a backup into place, each appearing whole."""
    if not source.is_dir():
        return
    for folder in sorted(source.iterdir()):
        with new_folder(root / folder.name) as partial:
            shutil.copytree(folder, partial, dirs_exist_ok=True)


def _seal(manifest: Mapping[str, Any]) -> str:
    sealed = {name: value for name, value in manifest.items() if name != "seal"}
    return hashlib.sha256(canonical(sealed).encode()).hexdigest()


def _told(manifest: Mapping[str, Any], path: Path) -> Backup:
    files = manifest["files"]
    size = sum(int(facts["bytes"]) for facts in files.values())
    return Backup(path, manifest["made_at"], manifest["rows"], len(files), size, manifest["seal"])
