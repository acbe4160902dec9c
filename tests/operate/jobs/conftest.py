"""Workspaces on both databases, and real workers and job processes in them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from homefield.operate.jobs import find, job_folder
from homefield.operate.jobs.identity import ProcessId
from homefield.store import Store, artifacts_of, open_store
from homefield.store.jobs import Job
from homefield.workspace import Workspace

PATIENCE = 150.0  # a busy machine is no fault of the program


@pytest.fixture
def place(uri: str, tmp_path: Path) -> Workspace:
    """A workspace whose settings name the database."""
    root = tmp_path / "workspace"
    root.mkdir()
    (root / "homefield.toml").write_text(f'database = "{uri}"\n', encoding="utf-8")
    return Workspace(root)


@pytest.fixture
def opened(place: Workspace) -> Iterator[Store]:
    with open_store(place) as store:
        yield store


StartWorker = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def worker(place: Workspace) -> Iterator[StartWorker]:
    """Start workers as processes; all are gone at the end, and the jobs they began too."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "homefield", "jobs", "run", "--workspace", str(place.root)]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
    for file in (place.root / "jobs").glob("*/attempts.jsonl"):
        for note in notes(file.parent):
            if (process_id := ProcessId.parse(note.get("process"))) is not None:
                process_id.send(signal.SIGKILL)


def notes(folder: Path) -> list[dict[str, Any]]:
    """The account of a job's attempts."""
    file = folder / "attempts.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.is_file() else []


def wait_for(store: Store, job_id: str, condition: Callable[[Job], object], what: str = "") -> Job:
    """The job, once it is as wanted."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = find(store, job_id)
        if condition(found):
            return found
        time.sleep(0.1)
    raise AssertionError(f"not {what}: {find(store, job_id)}")


def process_of(job: Job) -> ProcessId:
    """The process that runs the job."""
    found = ProcessId.parse(job.worker)
    assert found is not None
    return found


def events_of(folder: Path) -> list[str]:
    return [str(note["event"]) for note in notes(folder)]


def folder_of(place: Workspace, job: Job) -> Path:
    return job_folder(artifacts_of(place), job.id)


def kill(process: ProcessId) -> None:
    assert process.is_here
    os.kill(process.number, signal.SIGKILL)
