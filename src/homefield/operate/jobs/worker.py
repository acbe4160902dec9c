"""The worker: starts a process for each job that is due, and buries those whose process has died.

It holds nothing that matters: killed at any moment, the jobs go on, and the next worker finds everything in the store.
Several workers, on one machine or many, do no harm to each other.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from homefield.errors import MachineError
from homefield.operate.jobs.identity import ProcessId
from homefield.operate.jobs.kinds import kinds
from homefield.operate.jobs.pulse import LEASE_SECONDS
from homefield.operate.jobs.queue import error_json, give_back, running, settle
from homefield.store import Store, jobs, now
from homefield.store.jobs import Job
from homefield.workspace import Workspace

__all__ = ["Worker"]

Complain = Callable[[MachineError], None]


def _complain(error: MachineError) -> None:
    sys.stderr.write(f"{error.what()}\n")


@dataclass
class Worker:
    """One worker. Times in seconds.

    grace: how long a job that was asked to stop may take before it is ended by force.
    again_after: how long a job whose process died waits for its next attempt.
    """

    store: Store
    workspace: Workspace
    grace: float = 60.0
    again_after: float = 5.0
    lease: float = LEASE_SECONDS
    _children: list[tuple[Sequence[str], subprocess.Popen[bytes]]] = field(default_factory=list)
    _asked: dict[tuple[str, int], float] = field(default_factory=dict)
    _heard: dict[tuple[str, int], tuple[datetime | None, float]] = field(default_factory=dict)

    def run(self, stop: threading.Event, *, every: float = 1.0, complain: Complain = _complain) -> None:
        """Work until `stop` is set. Jobs that run then go on; a database that goes away is waited for.

        complain: told of each look that failed.
        """
        while not stop.is_set():
            try:
                self.step()
            except MachineError as error:
                complain(error)
            stop.wait(every)

    def run_out(self, stop: threading.Event, *, every: float = 0.2) -> None:
        """Work until nothing is due and nothing of this machine's runs, or `stop` is set."""
        while (self.step() or self._children) and not stop.is_set():
            stop.wait(every)

    def step(self) -> bool:
        """Look once at everything; whether something runs on this machine or was begun."""
        self._children = [(lane, child) for lane, child in self._children if child.poll() is None]
        with self.store.read() as transaction:
            every = running(transaction)
        dead = [job for job in every if self._is_dead(job)]
        for job in dead:
            self._bury(job)
        living = [job for job in every if job not in dead]
        for job in living:
            self._hurry(job)
        self._forget_all_but(living)
        here = [job for job in living if (process := ProcessId.parse(job.worker)) and process.is_here]
        settings = self.workspace.settings
        begun = False
        for heavy, slots in ((True, settings.jobs_heavy), (False, settings.jobs_light)):
            begun |= self._begin([kind.name for kind in kinds().values() if kind.heavy == heavy], slots, here)
        return begun or bool(here)

    def _begin(self, lane: Sequence[str], slots: int, here: Sequence[Job]) -> bool:
        """Start a process for this lane if something is due and there is room."""
        claimed = {process.number for job in here if (process := ProcessId.parse(job.worker))}
        starting = sum(own == lane and child.pid not in claimed for own, child in self._children)
        if starting + sum(job.kind in lane for job in here) >= slots:
            return False
        with self.store.read() as transaction:
            if not jobs.is_due(transaction, lane):
                return False
        command = [sys.executable, "-m", "homefield.operate.jobs.process"]
        command += ["--workspace", str(self.workspace.root), "--kinds", ",".join(lane), "--slots", str(slots)]
        # A session of its own: Ctrl-C in the worker's terminal is meant for the worker.
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True, close_fds=True
        )
        self._children.append((lane, child))
        return True

    def _is_dead(self, job: Job) -> bool:
        """Whether nobody runs the job any more.

        Of a process of this machine the system knows. Of another machine's only the silence tells, measured by this
        machine's clock from when it was first seen, so that neither a wrong clock nor a database that was away counts.
        """
        process = ProcessId.parse(job.worker)
        if process is not None and process.is_here:
            return not process.is_alive
        key = (job.id, job.attempts)
        beat, since = self._heard.get(key, (None, 0.0))
        if key not in self._heard or beat != job.heartbeat_at:
            self._heard[key] = (job.heartbeat_at, time.monotonic())
            return False
        return time.monotonic() - since > self.lease

    def _bury(self, job: Job) -> None:
        """A job whose process died is run again, or has failed; one that was asked to stop has stopped."""
        with self.store.write() as transaction:
            if job.cancelled_by is not None:
                settle(transaction, job, "cancelled")
            elif job.attempts < job.most_attempts:
                give_back(transaction, job, run_at=now() + timedelta(seconds=self.again_after))
            else:
                error = error_json(MachineError("jobs.lost", attempts=job.attempts))
                settle(transaction, job, "failed", error=error)

    def _hurry(self, job: Job) -> None:
        """A job of this machine that was asked to stop and does not is ended: SIGTERM, then SIGKILL."""
        process = ProcessId.parse(job.worker)
        if job.cancelled_by is None or process is None or not process.is_here:
            return
        waited = time.monotonic() - self._asked.setdefault((job.id, job.attempts), time.monotonic())
        if waited > self.grace * 1.2:
            process.send(signal.SIGKILL)
        elif waited > self.grace:
            process.send(signal.SIGTERM)

    def _forget_all_but(self, living: Sequence[Job]) -> None:
        keys = {(job.id, job.attempts) for job in living}
        for seen in (self._asked, self._heard):
            _keep_only(seen, keys)


def _keep_only(
    seen: dict[tuple[str, int], float] | dict[tuple[str, int], tuple[datetime | None, float]],
    keys: set[tuple[str, int]],
) -> None:
    for key in [key for key in seen if key not in keys]:
        del seen[key]
