"""Kinds of jobs that come again and again: backups, and the deletion of what is too old."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from homefield.operate.jobs.work import Arguments, Work, is_name

__all__ = ["Backup", "Retention", "run_backup", "run_retention"]

_PREFIX = "backup-"


class Backup(Arguments):
    """As `homefield backup`, to a file of the job's own in `folder`. keep: how many of them stay there, 0 for all.

    folder: a name under `backups` in the workspace, or a path; `backups` itself by default. A name leads nowhere else:
    who orders from another machine writes and removes nothing beside backups.
    """

    PLACES = ("folder",)

    folder: str | None = None
    keep: int = Field(0, ge=0)


class Retention(Arguments):
    """As `homefield retention run`."""


def run_backup(given: Backup, work: Work) -> Mapping[str, Any]:
    """Write the backup of this job, unless an earlier attempt did, and remove the oldest beyond those to keep."""
    from homefield.operate.backup import backup, read_backup

    backups = work.workspace.root / "backups"
    folder = (
        backups if given.folder is None else backups / given.folder if is_name(given.folder) else Path(given.folder)
    )
    out = folder / f"{_PREFIX}{work.folder.name}.tar"  # the job's id: they sort by time
    there = work.owned(out) and out.is_file()
    made = read_backup(out) if there else backup(work.workspace, out, listen=work.listen)
    old = sorted(folder.glob(f"{_PREFIX}*.tar"))[: -given.keep] if given.keep else []
    for file in old:
        file.unlink(missing_ok=True)
    return {"backup": str(out), "seal": made.seal, "bytes": made.bytes, "removed": [file.name for file in old]}


def run_retention(given: Retention, work: Work) -> Mapping[str, Any]:
    """Delete what is older than the settings keep it."""
    from homefield.operate.retention import sweep_old

    del given
    return {"deleted": sweep_old(work.workspace, work.store, by=f"job {work.folder.name}", listen=work.listen)}
