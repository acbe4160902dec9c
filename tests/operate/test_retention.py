"""What is older than the settings keep it goes, in batches, and is on the record."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from homefield.cli import main
from homefield.operate.retention import look, sweep_old
from homefield.store import (
    Store,
    artifacts_of,
    audit,
    conversations,
    events,
    feedback,
    jobs,
    new_id,
    now,
    predictions,
    tables,
    uploads,
)
from homefield.workspace import Workspace

DAYS = 10


@pytest.fixture
def place(uri: str, tmp_path: Path) -> Workspace:
    root = tmp_path / "workspace"
    root.mkdir()
    kinds = ("predictions", "feedback", "conversations", "events", "jobs", "uploads")
    limits = "".join(f"keep_{name}_days = {DAYS}\n" for name in kinds)
    (root / "homefield.toml").write_text(f'database = "{uri}"\n{limits}', encoding="utf-8")
    return Workspace(root)


def fill(store: Store, place: Workspace, count: int, days: int) -> None:
    """`count` of everything, `days` old."""
    moment = now() - timedelta(days=days)
    with store.write() as transaction:
        for _ in range(count):
            row = predictions.PredictionRow(new_id(), "shop", 1, "0" * 64, "r", {}, moment)
            predictions.record(transaction, [row])
            given, _new = feedback.add(transaction, row.id, "card", by="li")
            job = jobs.add(transaction, "wait", {}, by="li")
            upload = uploads.add(transaction, "a.csv", by="li")
            talk = conversations.begin(transaction, "shop", "page", None)
            event = events.append(transaction, "job", {})
            for table, key, value, change in (
                (tables.feedback, tables.feedback.c.id, given.id, {"at": moment}),
                (tables.jobs, tables.jobs.c.id, job.id, {"state": "done", "ended_at": moment}),
                (tables.uploads, tables.uploads.c.id, upload.id, {"made_at": moment}),
                (tables.conversations, tables.conversations.c.id, talk.id, {"touched_at": moment}),
                (tables.events, tables.events.c.sequence, event.sequence, {"at": moment}),
            ):
                transaction.execute(update(table).where(key == value).values(**change))
            for folder in (artifacts_of(place).root / "jobs" / job.id, artifacts_of(place).uploads / upload.id):
                folder.mkdir(parents=True)
                (folder / "file").write_text("words", encoding="utf-8")


def left(store: Store, place: Workspace) -> dict[str, int]:
    return {one.name: one.found.rows for one in look(place, store)}


def test_what_is_too_old_goes_in_batches_with_its_files(store: Store, place: Workspace) -> None:
    fill(store, place, 7, DAYS + 1)
    fill(store, place, 2, DAYS - 1)
    assert {one.found.older for one in look(place, store)} == {7}
    counts = sweep_old(place, store, by="li", batch=3)
    gone = dict.fromkeys(("predictions", "conversations", "events", "jobs", "uploads"), 7)
    assert counts == {**gone, "feedback": 0}  # corrections went along
    assert set(left(store, place).values()) == {2}
    for folder in ("jobs", "uploads"):
        assert len(list((place.root / folder).iterdir())) == 2
    with store.read() as transaction:
        (entry,) = audit.entries(transaction)
    assert (entry.what, entry.details["jobs"]) == ("records.expire", {"deleted": 7, "days": DAYS})
    sweep_old(place, store, by="li")
    with store.read() as transaction:
        assert len(audit.entries(transaction)) == 1  # nothing was deleted, nothing to record


def test_a_job_that_waits_or_runs_stays(store: Store, place: Workspace) -> None:
    with store.write() as transaction:
        jobs.add(transaction, "wait", {}, by="li", run_at=now() - timedelta(days=3 * DAYS))
    assert sweep_old(place, store, by="li")["jobs"] == 0
    with store.read() as transaction:
        assert len(jobs.jobs_in(transaction)) == 1


def test_without_limits_everything_stays(store: Store, place: Workspace) -> None:
    fill(store, place, 1, 5_000)
    assert sweep_old(Workspace(place.root / "no-settings"), store, by="li") == {}
    assert set(left(store, place).values()) == {1}


def test_the_command_shows_and_deletes(store: Store, place: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    del store
    from homefield.store import open_store

    with open_store(place) as opened:
        fill(opened, place, 2, DAYS + 1)
    at = ["--workspace", str(place.root), "--json"]
    assert main(["retention", "show", *at]) == 0
    assert {one["older"] for one in json.loads(capsys.readouterr().out)["kept"]} == {2}
    assert main(["retention", "run", *at]) == 0
    assert json.loads(capsys.readouterr().out)["deleted"]["uploads"] == 2
