"""Processes killed with SIGKILL: no job stays `running` for ever, none is lost, none done twice. On both databases."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from homefield.operate.jobs import Worker, cancel, find, resume, submit
from homefield.operate.jobs.identity import this_process
from homefield.store import Store, jobs, open_store
from homefield.workspace import Workspace

from .conftest import StartWorker, events_of, folder_of, kill, notes, process_of, wait_for

LONG = {"seconds": 600.0, "steps": 6000}


def running(store: Store, job_id: str) -> object:
    return wait_for(store, job_id, lambda job: job.state == "running" and job.progress, "running")


def test_a_job_outlives_its_worker(place: Workspace, opened: Store, worker: StartWorker) -> None:
    job = submit(opened, "wait", {"seconds": 4.0, "steps": 4}, by="li.na")
    first = worker()
    wait_for(opened, job.id, lambda job: job.state == "running", "running")
    first.kill()
    first.wait()
    done = wait_for(opened, job.id, lambda job: job.state == "done", "done")
    assert (done.result, done.attempts, done.worker) == ({"waited": 4.0}, 1, None)
    assert events_of(folder_of(place, job)) == ["began", "worked", "done"]


def test_a_killed_job_is_run_again_and_its_attempt_counted(
    place: Workspace, opened: Store, worker: StartWorker
) -> None:
    job = submit(opened, "wait", {"seconds": 3.0, "steps": 3}, by="li.na")
    worker()
    found = wait_for(opened, job.id, lambda job: job.state == "running", "running")
    kill(process_of(found))
    done = wait_for(opened, job.id, lambda job: job.state == "done", "done")
    assert done.attempts == 2
    assert events_of(folder_of(place, job)) in (["began", "began", "worked", "done"], ["began", "worked", "done"])
    assert events_of(folder_of(place, job)).count("worked") == 1


def test_a_job_killed_again_and_again_fails_and_says_so(opened: Store, place: Workspace, worker: StartWorker) -> None:
    job = submit(opened, "wait", LONG, by="li.na")
    worker()
    for attempt in (1, 2, 3):
        found = wait_for(opened, job.id, lambda job, n=attempt: job.state == "running" and job.attempts == n, "again")
        kill(process_of(found))
    failed = wait_for(opened, job.id, lambda job: job.state == "failed", "failed")
    assert failed.error is not None
    assert failed.error["code"] == "jobs.lost"
    assert "3" in failed.error["zh"]["what"]
    queued = resume(opened, job.id)
    assert (queued.state, queued.attempts, queued.most_attempts) == ("queued", 3, 6)
    cancel(opened, job.id, by="li.na")


def test_worker_and_job_killed_together_are_found_by_the_next_worker(
    opened: Store, place: Workspace, worker: StartWorker
) -> None:
    job = submit(opened, "wait", {"seconds": 2.0, "steps": 2}, by="li.na")
    first = worker()
    found = wait_for(opened, job.id, lambda job: job.state == "running", "running")
    first.kill()
    kill(process_of(found))
    first.wait()
    assert find(opened, job.id).state == "running"
    worker()
    assert wait_for(opened, job.id, lambda job: job.state == "done", "done").attempts == 2


def test_a_running_job_is_cancelled_gently(place: Workspace, opened: Store, worker: StartWorker) -> None:
    job = submit(opened, "wait", LONG, by="li.na")
    worker()
    running(opened, job.id)
    assert cancel(opened, job.id, by="wang.wei").cancelled_by == "wang.wei"
    stopped = wait_for(opened, job.id, lambda job: job.state == "cancelled", "cancelled")
    assert stopped.ended_at is not None
    assert events_of(folder_of(place, job))[-1] == "stopped"


def test_a_job_that_does_not_listen_is_ended_by_force(place: Workspace, opened: Store, worker: StartWorker) -> None:
    job = submit(opened, "wait", LONG, by="li.na")
    first = worker()
    found = wait_for(opened, job.id, lambda job: job.state == "running", "running")
    first.kill()
    first.wait()
    process_of(found).send(signal.SIGSTOP)  # it hears no signal now but SIGKILL
    cancel(opened, job.id, by="li.na")
    hurried = Worker(opened, place, grace=0.3)
    for _ in range(100):
        hurried.step()
        if find(opened, job.id).state == "cancelled":
            break
        time.sleep(0.1)
    assert find(opened, job.id).state == "cancelled"
    assert not process_of(found).is_alive


def test_a_job_stopped_from_outside_goes_on_later(place: Workspace, opened: Store, worker: StartWorker) -> None:
    job = submit(opened, "wait", {"seconds": 3.0, "steps": 30}, by="li.na")
    worker()
    found = wait_for(opened, job.id, lambda job: job.state == "running" and job.progress, "running")
    process_of(found).send(signal.SIGTERM)  # as at a shutdown
    done = wait_for(opened, job.id, lambda job: job.state == "done", "done")
    assert done.attempts == 2


def test_a_process_whose_claim_is_gone_ends_and_keeps_nothing(
    place: Workspace, opened: Store, worker: StartWorker
) -> None:
    job = submit(opened, "wait", LONG, by="li.na")
    first = worker()
    found = wait_for(opened, job.id, lambda job: job.state == "running", "running")
    first.kill()
    first.wait()
    with opened.write() as transaction:  # another machine took it for dead
        jobs.requeue(transaction, found)
        taken = jobs.claim(transaction, "elsewhere/1/2 77 1")
    assert taken is not None
    until = time.monotonic() + 30
    while process_of(found).is_alive and time.monotonic() < until:
        time.sleep(0.1)
    assert not process_of(found).is_alive
    assert find(opened, job.id).attempts == 2
    assert "no longer" in (folder_of(place, job) / "log.txt").read_text(encoding="utf-8")


def test_a_silent_job_of_another_machine_is_lost_only_after_it_was_watched(opened: Store, place: Workspace) -> None:
    job = submit(opened, "wait", LONG, by="li.na")
    with opened.write() as transaction:
        claimed = jobs.claim(transaction, "elsewhere/1/2 77 1")
    assert claimed is not None
    watcher = Worker(opened, place, lease=0.5, again_after=3600)
    watcher.step()
    assert find(opened, job.id).state == "running"
    with opened.write() as transaction:
        jobs.beat(transaction, claimed)
    time.sleep(0.6)
    watcher.step()
    assert find(opened, job.id).state == "running"  # it has beaten meanwhile
    time.sleep(0.6)
    watcher.step()
    assert find(opened, job.id).state == "queued"


def test_of_many_workers_each_job_is_one_s(opened: Store) -> None:
    ordered = {submit(opened, "wait", {}, by="li.na").id for _ in range(20)}
    gate = threading.Barrier(4)

    def take() -> list[str]:
        taken = []
        gate.wait()
        while True:
            with opened.write() as transaction:
                claimed = jobs.claim(transaction, str(this_process()))
            if claimed is None:
                return taken
            taken.append(claimed.id)

    with ThreadPoolExecutor(4) as pool:
        taken = [one for each in pool.map(lambda _: take(), range(4)) for one in each]
    assert sorted(taken) == sorted(ordered)


def test_several_workers_of_a_machine_do_not_run_more_at_once_than_it_may(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    (tmp_path / "homefield.toml").write_text("jobs_light = 1\n", encoding="utf-8")
    with open_store(place) as store, ThreadPoolExecutor(3) as pool:
        ordered = [submit(store, "wait", {"seconds": 0.5, "steps": 1}, by="li.na") for _ in range(4)]
        list(pool.map(lambda _: Worker(store, place).run_out(threading.Event(), every=0.05), range(3)))
        assert {find(store, job.id).state for job in ordered} == {"done"}
    spans = sorted([note["at"] for note in notes(folder_of(place, job))[:2]] for job in ordered)  # began, worked
    assert all(worked <= began for (_, worked), (began, _) in pairwise(spans))


def test_a_result_on_disk_is_not_worked_for_again(place: Workspace, opened: Store, worker: StartWorker) -> None:
    job = submit(opened, "wait", LONG, by="li.na")
    folder = folder_of(place, job)
    folder.mkdir(parents=True)
    (folder / "result.json").write_text('{"waited": 600.0}', encoding="utf-8")  # killed before it could say so
    worker()
    done = wait_for(opened, job.id, lambda job: job.state == "done", "done")
    assert done.result == {"waited": 600.0}
    assert "worked" not in [note["event"] for note in notes(folder)]


def test_a_database_that_went_away_is_waited_for(
    opened: Store, place: Workspace, worker: StartWorker, request: pytest.FixtureRequest, backend: str
) -> None:
    if backend != "postgresql":
        pytest.skip("SQLite is a file: it does not go away")
    server = request.getfixturevalue("postgresql")
    job = submit(opened, "wait", {"seconds": 6.0, "steps": 60}, by="li.na")
    worker()
    wait_for(opened, job.id, lambda job: job.state == "running" and job.progress, "running")
    server.stop()
    try:
        time.sleep(3)
    finally:
        server.start()
    done = wait_for(opened, job.id, lambda job: job.state == "done", "done")
    assert done.attempts == 1
