"""The thread beside a job: says that it lives and how far it is, and hears whether it should stop.

A process that can no longer be sure that the job is its own ends itself: the claim is another's (this machine slept,
say), or the database could not be reached for so long that another machine may take it for dead.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from datetime import datetime
from typing import Any

from homefield.errors import MachineError
from homefield.events import Event, sentence
from homefield.messages import default_language
from homefield.operate.jobs.queue import tell
from homefield.plain import plain
from homefield.store import Store, jobs
from homefield.store.jobs import Job

__all__ = ["LEASE_SECONDS", "Pulse"]

LEASE_SECONDS = 300.0
"""How long a job of another machine may be silent before it is taken for dead."""

_LOOK_SECONDS = 1.0
_BEAT_SECONDS = 5.0
_TELL_SECONDS = 2.0
_FENCE_SECONDS = LEASE_SECONDS * 0.7
_NOT_OURS = 75  # exit code


class Pulse:
    """Beats for one claimed job until it is stopped."""

    def __init__(self, store: Store, claimed: Job) -> None:
        self.store = store
        self.claimed = claimed
        self.asked_to_stop = False
        self._progress: dict[str, Any] | None = None
        self._told: dict[str, Any] | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """No more beats; returns when the last one is over."""
        self._stopping.set()
        self._thread.join()

    def listen(self, event: Event) -> None:
        """Take note of how far the job is, and write sentences to its log."""
        if event.kind in ("stage", "advance"):
            self._progress = {"key": event.key, "done": event.done, "total": event.total, "values": plain(event.values)}
        if event.kind == "advance" or event.key.endswith(".step"):
            return
        sys.stdout.write(f"{datetime.now():%Y-%m-%d %H:%M:%S}  {sentence(event, default_language())}\n")
        sys.stdout.flush()

    def _run(self) -> None:
        beaten = time.monotonic()
        while not self._stopping.wait(_LOOK_SECONDS):
            try:
                now = self._look(time.monotonic() - beaten)
            except MachineError:
                # The database is away. Another machine could take over then, not this one: SQLite has only this one.
                if not self.store.is_sqlite and time.monotonic() - beaten > _FENCE_SECONDS:
                    _end_at_once("no database")
                continue
            beaten = time.monotonic() if now else beaten

    def _look(self, since_beat: float) -> bool:
        """Look at the row, and beat when it is time; whether it was."""
        fresh = self._progress
        changed = fresh is not None and fresh != self._told and since_beat >= _TELL_SECONDS
        beats = changed or since_beat >= _BEAT_SECONDS
        if beats:
            with self.store.write() as transaction:
                row = jobs.beat(transaction, self.claimed, progress=fresh)
                if row is not None and changed:
                    tell(transaction, row)
            self._told = fresh
        else:
            with self.store.read() as transaction:
                row = jobs.job(transaction, self.claimed.id)
        if self._stopping.is_set():
            return beats
        if row is None or row.state != "running" or row.attempts != self.claimed.attempts:
            _end_at_once("the job is no longer this process's")
        elif row.cancelled_by is not None and not self.asked_to_stop:
            self.asked_to_stop = True
            os.kill(os.getpid(), signal.SIGINT)
        return beats


def _end_at_once(why: str) -> None:
    sys.stdout.write(f"{datetime.now():%Y-%m-%d %H:%M:%S}  {why}\n")
    sys.stdout.flush()
    os._exit(_NOT_OURS)
