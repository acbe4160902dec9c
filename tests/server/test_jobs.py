"""The worker for jobs beside a server: there unless switched off, replaced when it dies, gone with the server."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import psutil
import pytest

from homefield.workspace import Workspace

from .conftest import Served, start, stopped

PATIENCE = 60.0


def job_workers(served: Served) -> list[psutil.Process]:
    children = psutil.Process(served.process.pid).children()
    return [child for child in children if "homefield.server.jobs" in child.cmdline()]


def order(served: Served) -> str:
    said = served.client.post("/v1/jobs", json={"kind": "wait", "arguments": {"seconds": 0.0, "steps": 1}})
    return str(said.json()["id"])


def await_done(served: Served, job: str) -> None:
    until = time.monotonic() + PATIENCE
    while (found := served.client.get(f"/v1/jobs/{job}").json())["state"] != "done":
        assert time.monotonic() < until, found
        time.sleep(0.1)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_job_ordered_over_http_is_run_though_its_worker_is_killed(tmp_path: Path, workers: str) -> None:
    served = start(Workspace(tmp_path), "--workers", workers, HOMEFIELD_SERVE_JOBS="true")
    try:
        await_done(served, order(served))
        (worker,) = job_workers(served)
        worker.kill()
        await_done(served, order(served))
        (other,) = job_workers(served)
        assert other.pid != worker.pid
        assert served.stop() == 0
        assert not other.is_running()
    finally:
        stopped(served)


def test_it_leaves_when_the_server_is_killed(tmp_path: Path) -> None:
    served = start(Workspace(tmp_path), HOMEFIELD_SERVE_JOBS="true")
    try:
        (worker,) = job_workers(served)
        served.process.send_signal(signal.SIGKILL)
        worker.wait(PATIENCE)
    finally:
        stopped(served)


def test_it_is_switched_off_by_a_setting(tmp_path: Path) -> None:
    served = start(Workspace(tmp_path), HOMEFIELD_SERVE_JOBS="false")
    try:
        assert job_workers(served) == []
    finally:
        stopped(served)
