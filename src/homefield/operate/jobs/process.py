"""The process that runs one job: claims it, lives as long as it, and says how it ended.

`python -m homefield.operate.jobs.process --workspace DIR --kinds A,B --slots N` takes the next job that is due, if
there is one and fewer than N of these kinds run on this machine. Nobody needs to watch it: it goes on when the worker
or the server that started it is gone. A thread beside the work says that it lives, and hears whether it should stop.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Literal

from homefield.errors import HomefieldError, Interrupted, MachineError
from homefield.files import disk_errors, write_file
from homefield.operate.jobs.identity import ProcessId, this_process
from homefield.operate.jobs.kinds import kind_of
from homefield.operate.jobs.pulse import Pulse
from homefield.operate.jobs.queue import error_json, give_back, job_folder, running, settle, tell
from homefield.operate.jobs.work import Work
from homefield.plain import plain
from homefield.store import Store, Transaction, artifacts_of, jobs, open_store
from homefield.store.jobs import Job
from homefield.workspace import Workspace

__all__ = ["main", "run_next"]

_SAY_SECONDS = 200.0  # how long a database that went away is waited for at the end
_RESULT = "result.json"


def main(arguments: Sequence[str]) -> int:
    """Run the next job of these kinds; exit code 0, whether there was one or not, unless it failed."""
    parser = argparse.ArgumentParser(prog="homefield.operate.jobs.process")
    parser.add_argument("--workspace", required=True)
    parser.add_argument("--kinds", required=True)
    parser.add_argument("--slots", type=int, required=True)
    given = parser.parse_args(arguments)
    workspace = Workspace(Path(given.workspace))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background process ignores it
    signal.signal(signal.SIGTERM, _interrupt)
    with open_store(workspace) as store:
        return run_next(store, workspace, given.kinds.split(","), slots=given.slots)


def run_next(store: Store, workspace: Workspace, kinds: Sequence[str], *, slots: int) -> int:
    """Claim and run one job in this process, if fewer than `slots` of its kinds run on this machine.

    The worker that started it has looked, too, but several may have at once. On PostgreSQL two of their processes that
    look in the same millisecond still both find room.
    """
    with store.write() as transaction:
        if _running_here(transaction, kinds) >= slots:
            return 0
        claimed = jobs.claim(transaction, str(this_process()), kinds=kinds)
        if claimed is None:
            return 0
        tell(transaction, claimed)
    folder = job_folder(artifacts_of(workspace), claimed.id)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    _log_to(folder / "log.txt")
    os.chdir(folder)  # a relative path leads nowhere
    _note(folder, attempt=claimed.attempts, event="began", process=str(this_process()))
    pulse = Pulse(store, claimed)
    pulse.start()
    ended = _attempt(claimed, Work(workspace, store, folder, pulse.listen))
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)  # there is nothing left to stop
    pulse.stop()
    kept = _keep(store, claimed, ended, cancelled=pulse.asked_to_stop)
    _note(folder, attempt=claimed.attempts, event=ended.state if kept else "given away")
    return 0 if ended.state == "done" and kept else 1


def _running_here(transaction: Transaction, kinds: Sequence[str]) -> int:
    found = [ProcessId.parse(job.worker) for job in running(transaction) if job.kind in kinds]
    return sum(process is not None and process.is_here and process.is_alive for process in found)


@dataclass(frozen=True)
class _Ended:
    """How an attempt ended."""

    state: Literal["done", "failed", "stopped"]
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None


class _Attempt:
    """Runs a block; afterwards `ended` says how it went, whatever happened."""

    def __init__(self) -> None:
        self.ended = _Ended("done")

    def __enter__(self) -> _Attempt:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        if isinstance(error, (KeyboardInterrupt, Interrupted)):
            self.ended = _Ended("stopped")
        elif isinstance(error, HomefieldError):
            sys.stdout.write(f"{error.what()}\n{error.next_step()}\n")
            self.ended = _Ended("failed", error=error_json(error))
        elif error is not None:
            traceback.print_exception(error)
            summary = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            self.ended = _Ended("failed", error=error_json(MachineError("jobs.unexpected", summary=summary)))
        return True


def _attempt(claimed: Job, work: Work) -> _Ended:
    """Do what the job says. What it gave is put on disk first: killed after that, it is not done a second time."""
    kept = work.folder / _RESULT
    if kept.is_file():
        return _Ended("done", json.loads(kept.read_text(encoding="utf-8")))
    with _Attempt() as attempt:
        kind = kind_of(claimed.kind)
        result = plain(kind.run(kind.check(claimed.arguments), work))
        write_file(kept, json.dumps(result, ensure_ascii=False))
        _note(work.folder, attempt=claimed.attempts, event="worked")
        return _Ended("done", result)
    return attempt.ended


def _keep(store: Store, claimed: Job, ended: _Ended, *, cancelled: bool) -> bool:
    """Write down how the attempt ended, waiting for a database that went away; False when it is no longer ours."""
    patience = time.monotonic() + _SAY_SECONDS
    while True:
        try:
            with store.write() as transaction:
                if ended.state != "stopped":
                    return settle(transaction, claimed, ended.state, result=ended.result, error=ended.error)
                if cancelled:
                    return settle(transaction, claimed, "cancelled")
                return give_back(transaction, claimed)  # the machine is going down, say: it goes on later
        except MachineError:
            if time.monotonic() > patience:
                raise
            time.sleep(1.0)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """SIGTERM stops as Ctrl-C does."""
    del number, frame
    raise KeyboardInterrupt


def _log_to(file: Path) -> None:
    """From now on whatever this process prints, libraries and native code included, goes to the job's log."""
    with disk_errors(file), file.open("ab") as stream:
        for target in (sys.stdout, sys.stderr):
            target.flush()
            os.dup2(stream.fileno(), target.fileno())
    for target in (sys.stdout, sys.stderr):
        if isinstance(target, io.TextIOWrapper):
            target.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)


def _note(folder: Path, **values: object) -> None:
    """Add a line to the account of the job's attempts."""
    line = json.dumps({"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **values}) + "\n"
    with (folder / "attempts.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(line)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
