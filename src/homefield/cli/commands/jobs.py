"""`homefield jobs`: order long operations, look at them, stop them, and run them."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homefield.cli.command import Group, argument, command, option
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.cli.values import KeyValue, Name, OneOf, Whole, pairs
from homefield.workspace import local_user

if TYPE_CHECKING:
    from types import FrameType

    from homefield.store import Store
    from homefield.store.jobs import Job, State

__all__ = ["jobs"]

jobs = Group("jobs")

_LOOK_SECONDS = 0.5


@command("list")
@option("--state", key="job_state", type=OneOf("queued", "running", "done", "failed", "cancelled"))
def list_(face: Face, state: State | None) -> Outcome:
    """The newest jobs."""
    from homefield.operate.jobs import as_json
    from homefield.store import jobs as rows
    from homefield.store import open_store

    with open_store(face.workspace) as store, store.read() as transaction:
        found = rows.jobs_in(transaction, None if state is None else [state])
    say = face.say
    headings = [say(f"jobs.{word}") for word in ("id", "kind", "state", "progress", "ordered_at", "ordered_by")]
    return Outcome(
        document={"jobs": [as_json(job) for job in found]},
        title=say("jobs.title", count=len(found)) if found else say("jobs.none"),
        tables=[Table(headings, [_row(job, face) for job in found])] if found else [],
    )


@command("show")
@argument("job", key="job", metavar="JOB")
@option("--log", "lines", key="job_log", type=Whole(), default=10, metavar="N")
@option("--follow", key="job_follow", is_flag=True)
def show(face: Face, job: str, lines: int, follow: bool) -> Outcome:
    """One job, with the end of its log."""
    from homefield.operate.jobs import find, job_folder
    from homefield.store import artifacts_of, open_store

    with open_store(face.workspace) as store:
        found = find(store, job)
        log = job_folder(artifacts_of(face.workspace), found.id) / "log.txt"
        if follow:
            found = _follow(store, found, log)
            lines = 0
    return _described(found, face, face.say("jobs.one", id=found.id, state=_state(found, face)), log, lines)


@command("add")
@argument("kind", key="job_kind", metavar="KIND")
@option("--set", "settings", key="job_set", type=KeyValue(), multiple=True, metavar="KEY=VALUE")
@option("--schedule", key="job_schedule", type=Name(), metavar="WHEN")
def add(face: Face, kind: str, settings: tuple[tuple[str, str], ...], schedule: str | None) -> Outcome:
    """Queue a job."""
    from homefield.operate.jobs import kind_of, submit
    from homefield.store import open_store

    chosen = kind_of(kind)
    arguments = chosen.from_here(chosen.from_words(pairs(settings, "--set")), Path.cwd())
    if schedule is None:  # what is ordered for later may come until then
        chosen.check_files(arguments)
    with open_store(face.workspace) as store:
        made = submit(store, kind, arguments, by=local_user(), schedule=schedule)
    steps = ["homefield jobs run", f"homefield jobs show {made.id} --follow"]
    return replace(_described(made, face, face.say("jobs.ordered", id=made.id)), next_steps=steps)


@command("cancel")
@argument("job", key="job", metavar="JOB")
def cancel(face: Face, job: str) -> Outcome:
    """Ask a job to stop."""
    from homefield.operate.jobs import cancel as ask
    from homefield.operate.jobs import find
    from homefield.store import open_store

    with open_store(face.workspace) as store:
        asked = ask(store, find(store, job).id, by=local_user())
    return _described(asked, face, face.say("jobs.asked", id=asked.id))


@command("resume")
@argument("job", key="job", metavar="JOB")
def resume(face: Face, job: str) -> Outcome:
    """Queue a job again."""
    from homefield.operate.jobs import find
    from homefield.operate.jobs import resume as queue
    from homefield.store import open_store

    with open_store(face.workspace) as store:
        queued = queue(store, find(store, job).id)
    return _described(queued, face, face.say("jobs.again", id=queued.id))


@command("run")
@option("--until-idle", key="job_until_idle", is_flag=True)
def run(face: Face, until_idle: bool) -> Outcome:
    """Be a worker."""
    from homefield.operate.jobs import Worker
    from homefield.store import open_store

    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    before = {kind: signal.signal(kind, end) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        with open_store(face.workspace) as store:
            worker = Worker(store, face.workspace)
            if until_idle:
                worker.run_out(stop)
            else:
                worker.run(stop)
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
    return Outcome(document={"worker": "ended"}, title=face.say("jobs.worked"))


def _follow(store: Store, job: Job, log: Path) -> Job:
    """Pass on what the job writes, to stderr, until it has ended."""
    from homefield.operate.jobs import find
    from homefield.store.jobs import ENDED

    place = 0
    while True:
        found = find(store, job.id)
        if log.is_file():
            with log.open("rb") as stream:
                stream.seek(place)
                said = stream.read()
            place += len(said)
            sys.stderr.write(said.decode("utf-8", "replace"))
            sys.stderr.flush()
        if found.state in ENDED:
            return found
        time.sleep(_LOOK_SECONDS)


def _described(job: Job, face: Face, title: str, log: Path | None = None, lines: int = 0) -> Outcome:
    from homefield.operate.jobs import as_json

    say = face.say
    facts = [
        ("kind", job.kind),
        ("state", _state(job, face)),
        ("progress", _progress(job)),
        ("due", f"{job.run_at.astimezone():%Y-%m-%d %H:%M:%S}" if job.state == "queued" else ""),
        ("schedule", job.schedule or ""),
        ("attempt", str(job.attempts) if job.attempts else ""),
        ("worker", job.worker or ""),
        ("result", json.dumps(job.result, ensure_ascii=False) if job.result is not None else ""),
        ("error", _error(job.error, face)),
        ("log", str(log) if log is not None and log.is_file() else ""),
    ]
    tail = _tail(log, lines)
    return Outcome(
        document={**as_json(job), "log": log, "tail": tail},
        title=title,
        facts=[(say(f"jobs.{key}"), value) for key, value in facts if value],
        notes=tail,
        answer=int(job.state == "failed"),
    )


def _row(job: Job, face: Face) -> list[str]:
    ordered = f"{job.made_at.astimezone():%Y-%m-%d %H:%M}"
    return [job.id, job.kind, _state(job, face), _progress(job), ordered, job.made_by]


def _state(job: Job, face: Face) -> str:
    return face.say("jobs.stopping" if job.state == "running" and job.cancelled_by else f"jobs.{job.state}")


def _progress(job: Job) -> str:
    told = job.progress
    if told is None or told.get("done") is None:
        return ""
    return f"{told['done']:,} / {told['total']:,}" if told.get("total") else f"{told['done']:,}"


def _error(error: Mapping[str, Any] | None, face: Face) -> str:
    if error is None:
        return ""
    told = error.get(face.language, {})
    return f"{error['code']}: {told.get('what', '')} {told.get('next', '')}".rstrip()


def _tail(log: Path | None, lines: int) -> list[str]:
    if log is None or not log.is_file() or not lines:
        return []
    with log.open(encoding="utf-8", errors="replace") as stream:
        return [line.rstrip("\n") for line in deque(stream, maxlen=lines)]


for each in (list_, show, add, cancel, resume, run):
    jobs.add_command(each)
