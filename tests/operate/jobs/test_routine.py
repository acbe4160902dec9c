"""Backups and retention as jobs: killed in the middle they are done once, and they come again."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import update

from homefield.operate.backup import read_backup, restore
from homefield.operate.jobs import find, submit
from homefield.store import Store, jobs, now, tables
from homefield.workspace import Workspace

from .conftest import PATIENCE, StartWorker, kill, process_of, wait_for


def test_a_backup_that_is_killed_is_made_once(
    place: Workspace, opened: Store, worker: StartWorker, tmp_path: Path
) -> None:
    model = place.root / "models" / "shop" / "1" / "head.onnx"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"\0" * (100 << 20))
    backups = tmp_path / "backups"
    job = submit(opened, "backup", {"folder": str(backups)}, by="li")
    worker()
    until = time.monotonic() + PATIENCE
    while not (partial := list(backups.glob(".*.partial"))) and time.monotonic() < until:
        time.sleep(0.01)
    assert partial, "not begun"
    kill(process_of(find(opened, job.id)))
    done = wait_for(opened, job.id, lambda job: job.state in ("done", "failed"), "done")
    assert (done.state, done.attempts) == ("done", 2), done.error
    (file,) = backups.iterdir()  # nothing half beside it
    assert read_backup(file).seal == done.result["seal"]
    again = restore(Workspace(tmp_path / "again"), file, seal=done.result["seal"])
    assert again.seal == done.result["seal"]


def test_only_the_newest_backups_are_kept(opened: Store, worker: StartWorker, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for name in ("backup-00000000000000000000000001.tar", "backup-00000000000000000000000002.tar", "mine.tar"):
        (folder / name).write_bytes(b"")
    job = submit(opened, "backup", {"folder": str(folder), "keep": 2}, by="li")
    worker()
    done = wait_for(opened, job.id, lambda job: job.state in ("done", "failed"), "done")
    assert done.state == "done", done.error
    assert done.result["removed"] == ["backup-00000000000000000000000001.tar"]
    assert sorted(file.name for file in folder.iterdir())[1:] == [Path(done.result["backup"]).name, "mine.tar"]


def test_retention_deletes_and_comes_again(place: Workspace, opened: Store, worker: StartWorker) -> None:
    settings = place.root / "homefield.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + "keep_jobs_days = 3\n", encoding="utf-8")
    old = submit(opened, "wait", {"seconds": 0.0}, by="li", run_at=now() + timedelta(days=1))
    with opened.write() as transaction:
        ended = {"state": "done", "ended_at": now() - timedelta(days=4)}
        transaction.execute(update(tables.jobs).where(tables.jobs.c.id == old.id).values(**ended))
    job = submit(opened, "retention", {}, by="li", schedule="daily", run_at=now())
    worker()
    done = wait_for(opened, job.id, lambda job: job.state in ("done", "failed"), "done")
    assert done.state == "done", done.error
    assert done.result["deleted"] == {"jobs": 1}
    with opened.read() as transaction:
        assert jobs.job(transaction, old.id) is None
        (following,) = jobs.jobs_in(transaction, ["queued"], kind="retention")
    assert (following.schedule, following.run_at > now()) == ("0 3 * * *", True)
