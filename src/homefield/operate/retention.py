"""How long what customers wrote and what was done with it is kept, and the deletion of what is older.

Batches are small and each is a transaction of its own: stopped anywhere, the next run goes on. Files go before the row
that names them, so that none is left without one.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from homefield.events import Event, Listener, silent
from homefield.store import Artifacts, Store, artifacts_of, audit, now
from homefield.store.aged import AGED, Age, age, delete_rows, ids_before
from homefield.workspace import Workspace

__all__ = ["Kept", "keep_days", "look", "sweep_old"]

_BATCH = 500


@dataclass(frozen=True)
class Kept:
    """One kind of what is kept. days: how long, 0 for ever."""

    name: str
    days: int
    found: Age


def keep_days(workspace: Workspace) -> dict[str, int]:
    """Days that each kind is kept, as the settings say."""
    return {name: int(getattr(workspace.settings, f"keep_{name}_days")) for name in AGED}


def look(workspace: Workspace, store: Store) -> list[Kept]:
    """What is kept, how old it is, and how much of it is too old."""
    moment = now()
    with store.read() as transaction:
        return [
            Kept(name, days, age(transaction, name, _before(moment, days)))
            for name, days in keep_days(workspace).items()
        ]


def sweep_old(
    workspace: Workspace, store: Store, *, by: str, batch: int = _BATCH, listen: Listener = silent
) -> dict[str, int]:
    """Delete what is older than the settings keep it; how much of each kind.

    Raises:
        MachineError: as `Store.write`; batches before stay deleted.
    """
    moment, artifacts = now(), artifacts_of(workspace)
    kept = keep_days(workspace)
    counts: dict[str, int] = {}
    for name, days in kept.items():
        before = _before(moment, days)
        if before is None:
            continue
        listen(Event("stage", f"retention.stage_{name}"))
        counts[name] = 0
        while deleted := _delete_batch(store, artifacts, name, before, batch):
            counts[name] += deleted
            listen(Event("advance", f"retention.stage_{name}", done=counts[name]))
    if any(counts.values()):
        _record(store, by, counts, kept)
    return counts


def _delete_batch(store: Store, artifacts: Artifacts, name: str, before: datetime, most: int) -> int:
    with store.read() as transaction:
        ids = ids_before(transaction, name, before, most)
    if not ids:
        return 0
    if (folder := _folder(artifacts, name)) is not None:
        for each in ids:
            shutil.rmtree(folder / str(each), ignore_errors=True)
    with store.write() as transaction:
        return delete_rows(transaction, name, ids, before)


def _folder(artifacts: Artifacts, name: str) -> Path | None:
    """Where the files of a kind lie, each row's in a folder with its id."""
    return artifacts.root / name if name in ("jobs", "uploads") else None


def _record(store: Store, by: str, counts: Mapping[str, int], kept: Mapping[str, int]) -> None:
    with store.write() as transaction:
        details = {name: {"deleted": counts[name], "days": kept[name]} for name in counts}
        audit.append(transaction, by, "records.expire", "workspace", details)
    store.scrub()


def _before(moment: datetime, days: int) -> datetime | None:
    return moment - timedelta(days=days) if days else None
