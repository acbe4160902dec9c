"""Workers and jobs killed with SIGKILL at random moments: is a job done twice, or `running` for ever?

    python benchmarks/job_faults.py                                 200 kills, on SQLite
    python benchmarks/job_faults.py --postgresql                    on a PostgreSQL that it starts for itself
    python benchmarks/job_faults.py --database postgresql://...     on an empty PostgreSQL; may be repeated
    python benchmarks/job_faults.py --kills 20 --json faults.json

Jobs of half a second are ordered all the while. A kill takes the worker or the process of a running job; a worker is
started anew at once, a job goes on by itself. At the end all is left in peace, and every job must have ended: done
once, or lost after being killed three times. Exit code 1 on a fault.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from homefield.operate.jobs import job_folder, submit
from homefield.operate.jobs.identity import ProcessId
from homefield.store import Store, artifacts_of, jobs, open_store
from homefield.store.jobs import ENDED, Job
from homefield.workspace import Workspace

sys.path.append(str(Path(__file__).resolve().parents[1]))  # what the tests have, these need, too: `tests.postgresql`

WORK = {"seconds": 0.5, "steps": 5}
WAITING = 4  # jobs kept in the queue
PATIENCE = 300.0  # seconds without a kill until all must have ended


def main() -> int:
    """Kill on each database, print a line for each; 1 on a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    add_databases(parser)
    arguments = parser.parse_args()
    found = []
    for place in workspaces(arguments):
        with open_store(place) as store:
            found.append(tried(store, place, arguments.kills, random.Random(arguments.seed)))
    keys = list(found[0])
    print("  ".join(f"{key:>12}" for key in keys))
    for told in found:
        print("  ".join(f"{told[key]!s:>12}" for key in keys))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return int(any(told["twice"] or told["unended"] or told["without"] for told in found))


def add_databases(parser: argparse.ArgumentParser) -> None:
    """Let the caller say what to try."""
    parser.add_argument("--database", action="append", default=[], metavar="URI", help="instead of SQLite")
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite, a PostgreSQL of its own")


def workspaces(arguments: argparse.Namespace) -> Iterator[Workspace]:
    """An empty one on each database, gone when the next is asked for."""
    wanted = list(arguments.database)
    if not wanted and not arguments.postgresql:
        wanted = ["sqlite:///homefield.db"]
    for uri in wanted:
        yield from _workspace(uri)
    if arguments.postgresql:
        with own_postgresql() as uri:
            yield from _workspace(uri)


def _workspace(uri: str) -> Iterator[Workspace]:
    with tempfile.TemporaryDirectory() as folder:
        place = Workspace(Path(folder))
        (place.root / "homefield.toml").write_text(f'database = "{uri}"\n', encoding="utf-8")
        yield place


@contextmanager
def own_postgresql() -> Iterator[str]:
    """An empty database on a private PostgreSQL, started as the tests start theirs; its URI."""
    from tests.postgresql import PostgreSQL, programs

    found = programs()
    if found is None:
        raise SystemExit("There is no PostgreSQL on this machine: install Debian's `postgresql`.")
    server = PostgreSQL(found)
    try:
        yield server.database()
    finally:
        server.remove()


def tried(store: Store, place: Workspace, kills: int, chance: random.Random) -> dict[str, Any]:
    """Kill so often, wait for the end, count."""
    began = time.monotonic()
    worker = started(place)
    killed: Counter[str] = Counter()
    try:
        while killed.total() < kills:
            ordered(store)
            time.sleep(chance.uniform(0.05, 2.0))
            if chance.random() < 0.1:  # more often, and none lives long enough to begin a job
                worker.kill()
                worker.wait()
                killed["workers"] += 1
                worker = started(place)
            elif running := processes(store):
                chance.choice(running).send(signal.SIGKILL)
                killed["jobs"] += 1
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and unended(store):
            time.sleep(0.5)
        return {
            "database": "sqlite" if store.is_sqlite else "postgresql",
            "workers": killed["workers"],
            "jobs": killed["jobs"],
            **counted(store, place),
            "seconds": round(time.monotonic() - began),
        }
    finally:
        worker.kill()
        worker.wait()
        for process in processes(store):
            process.send(signal.SIGKILL)


def started(place: Workspace) -> subprocess.Popen[bytes]:
    """A worker."""
    command = [sys.executable, "-m", "homefield", "jobs", "run", "--workspace", str(place.root)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ordered(store: Store) -> None:
    """Keep some jobs waiting."""
    with store.read() as transaction:
        waiting = len(jobs.jobs_in(transaction, ["queued"]))
    for _ in range(WAITING - waiting):
        submit(store, "wait", WORK, by="benchmark")


def processes(store: Store) -> list[ProcessId]:
    """Those that run jobs and live."""
    with store.read() as transaction:
        found = [ProcessId.parse(job.worker) for job in jobs.jobs_in(transaction, ["running"])]
    return [process for process in found if process is not None and process.is_here and process.is_alive]


def unended(store: Store) -> int:
    """Jobs that wait or run."""
    with store.read() as transaction:
        return len(jobs.jobs_in(transaction, ["queued", "running"], most=100_000))


def counted(store: Store, place: Workspace) -> dict[str, int]:
    """What became of the jobs. twice: worked twice, or two processes in one attempt; without: done without work."""
    with store.read() as transaction:
        every = jobs.jobs_in(transaction, most=100_000)
    states = Counter(job.state for job in every)
    return {
        "ordered": len(every),
        "done": states["done"],
        "lost": states["failed"],
        "twice": sum(worked_twice(place, job) for job in every),
        "without": sum(job.state == "done" and job.result != {"waited": WORK["seconds"]} for job in every),
        "unended": sum(job.state not in ENDED for job in every),
    }


def worked_twice(place: Workspace, job: Job) -> bool:
    """Whether its work was done twice, or two processes were in one attempt."""
    file = job_folder(artifacts_of(place), job.id) / "attempts.jsonl"
    notes = [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []
    began = Counter(note["attempt"] for note in notes if note["event"] == "began")
    return sum(note["event"] == "worked" for note in notes) > 1 or max(began.values(), default=0) > 1


if __name__ == "__main__":
    sys.exit(main())
