"""A server killed with SIGKILL at random moments, under load: is anything lost that it said was done?

    python benchmarks/serve_faults.py                               200 kills, on SQLite
    python benchmarks/serve_faults.py --postgresql                  on a PostgreSQL that it starts for itself
    python benchmarks/serve_faults.py --kills 20 --json faults.json

A kill takes the supervisor of `homefield serve --workers 2`, which is started again at once, one of its workers, its
worker for jobs, or the process of a job. Meanwhile clients predict, correct, upload, order jobs (records are prepared,
models published), promote and roll back, and write down what was acknowledged. At the end all is left in peace, and
everything acknowledged must be there and whole, no job done twice or unended, no model half published, no process
left. Exit code 1 on a fault.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from fault_clients import NAME, RUN, Ledger, clients
from homefield.bundle.registry import Registry
from homefield.data import open_dataset
from homefield.errors import HomefieldError
from homefield.operate.uploads import upload_path
from homefield.store import (
    Store,
    aliases,
    artifacts_of,
    audit,
    feedback,
    jobs,
    open_store,
    predictions,
    uploads,
    versions,
)
from homefield.store.jobs import ENDED, Job
from homefield.workspace import Workspace
from job_faults import add_databases, worked_twice, workspaces

ORDERS = ("wait", "wait", "prepare", "export")
LEAVE = 30.0
PATIENCE = 300.0  # seconds without a kill until all must have ended
MODULES = {
    "worker": "homefield.server.worker",
    "jobs": "homefield.server.jobs",
    "job": "homefield.operate.jobs.process",
}
VICTIMS = {"server": 1, "worker": 3, "jobs": 1, "job": 3}  # how often


def main() -> int:
    """Kill on each database, print a line for each; 1 on a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--pace", type=float, default=4.0, help="seconds between kills, on average")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    add_databases(parser)
    arguments = parser.parse_args()
    found = []
    for place in workspaces(arguments):
        stock(place)
        chance = random.Random(arguments.seed)
        victims = chance.choices(list(VICTIMS), list(VICTIMS.values()), k=arguments.kills)
        found.append(tried(place, victims, chance, pace=arguments.pace))
    for key in found[0]:
        print(f"{key:28}" + "".join(f"{told[key]!s:>14}" for told in found if key != "faults"))
    for told in found:
        print(*told["faults"], sep="\n")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return int(any(told["faults"] for told in found))


def stock(place: Workspace) -> None:
    """A run that can be exported, and a model with a champion, both tiny."""
    from tests.ship.runs import make_dataset, make_run

    from homefield.ship import export_named

    run = make_run(place.runs / RUN, make_dataset(place.datasets / "made"), how="top:1")
    version = export_named(run, NAME, place, threads=1).manifest.version
    assert version is not None
    with open_store(place) as store, store.write() as transaction:
        aliases.move(transaction, "model", NAME, aliases.CHAMPION, version, by="benchmark")


def tried(
    place: Workspace, victims: Sequence[str], chance: random.Random, *, pace: float, orders: Sequence[str] = ORDERS
) -> dict[str, Any]:
    """Kill one victim after the other while clients work, wait for the end, and look for what was acknowledged."""
    began = time.monotonic()
    ledger = Ledger()
    with Server(place, ledger) as server:
        with clients(server.url, ledger, orders, chance):
            for victim in victims:
                time.sleep(chance.uniform(0.0, 2 * pace))
                server.kill(victim, chance)
                print(victim, end=" ", flush=True, file=sys.stderr)
        server.await_jobs()
        faults = server.left()
    with open_store(place) as store:
        faults += missing(store, place, ledger)
        every = jobs_of(store)
    away = ledger.away or [0.0]
    return {
        "database": "sqlite" if store.is_sqlite else "postgresql",
        **{f"killed: {kind}": victims.count(kind) for kind in VICTIMS},
        **{f"acknowledged: {kind}": count for kind, count in ledger.counts().items()},
        **{f"jobs {state}": sum(job.state == state for job in every) for state in ENDED},
        "seconds away, median": round(statistics.median(away), 1),
        "seconds away, most": round(max(away), 1),
        "seconds": round(time.monotonic() - began),
        "answers": dict(sorted(ledger.answers.items())),
        "faults": faults + ledger.faults,
    }


# --- the server --------------------------------------------------------------------------------------------------


class Server:
    """`homefield serve`, started again whenever it was killed."""

    def __init__(self, place: Workspace, ledger: Ledger) -> None:
        self.place, self.ledger = place, ledger
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "homefield", "serve", "--workspace", str(self.place.root)]
        command += ["--workers", "2", "--port", str(self.port)]
        self.log = self.place.root / "server.log"
        with self.log.open("ab") as log:
            return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)

    def kill(self, kind: str, chance: random.Random) -> None:
        """Kill one of this kind, as soon as there is one."""
        until = time.monotonic() + PATIENCE
        while True:
            self._see()
            there = self._running(MODULES[kind]) if kind in MODULES else [psutil.Process(self.process.pid)]
            try:
                chance.choice(there).kill()
                break
            except (IndexError, psutil.NoSuchProcess):
                assert time.monotonic() < until, f"there is no {kind}"
                time.sleep(0.02)
        if kind == "server":
            self.process.wait()
            self.ledger.went_away()
            self.process = self._start()

    def _see(self) -> None:
        """See that it did not end by itself."""
        if self.process.poll() is not None:
            said = self.log.read_text(errors="replace")[-500:]
            self.ledger.faults.append(f"the server ended by itself with {self.process.returncode}: {said}")
            self.process = self._start()

    def await_jobs(self) -> None:
        """Return when all have ended, or patience has."""
        until = time.monotonic() + PATIENCE
        with open_store(self.place) as store:
            while time.monotonic() < until and any(job.state not in ENDED for job in jobs_of(store)):
                time.sleep(0.2)

    def left(self) -> list[str]:
        """Ask it to leave; what is wrong with that."""
        self.process.terminate()
        code = self.process.wait(100)
        still = [one for module in MODULES.values() for one in self._running(module)]
        _, still = psutil.wait_procs(still, LEAVE)  # a job's process ends after its job
        return [f"the server left with {code}"] * (code != 0) + [f"{one.info['cmdline']} is left" for one in still]

    def _running(self, module: str) -> list[psutil.Process]:
        """Processes of this workspace, whosever children they are now."""
        found = psutil.process_iter(["cmdline"])
        ours = {module, str(self.place.root)}
        return [one for one in found if ours <= set(one.info["cmdline"] or ())]

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for module in MODULES.values():
            for one in self._running(module):
                one.kill()


# --- afterwards --------------------------------------------------------------------------------------------------


def jobs_of(store: Store) -> list[Job]:
    """All."""
    with store.read() as transaction:
        return jobs.jobs_in(transaction, most=100_000)


def missing(store: Store, place: Workspace, ledger: Ledger) -> list[str]:
    """What was acknowledged and is not there, or not whole, and what else is wrong."""
    return [
        *_answers(store, ledger),
        *_files(store, place, ledger),
        *_ordered(store, place, ledger),
        *_moved(store, ledger),
        *_published(Registry(store, artifacts_of(place)), jobs_of(store)),
    ]


def _answers(store: Store, ledger: Ledger) -> Iterator[str]:
    with store.read() as transaction:
        for number, text in ledger.predictions.items():
            row = predictions.one(transaction, number)
            if row is None or row.text != text:
                yield f"prediction {number} is {'not there' if row is None else 'another'}"
        kept = [found.feedback for found in feedback.corrections(transaction)]
    by_id = {one.id: (one.prediction_id, one.answer) for one in kept}
    for number, about, answer in ledger.corrections.values():
        if by_id.get(number) != (about, answer):
            yield f"correction {number} is {by_id.get(number, 'not there')}"
    if len(kept) != len(ledger.corrections):
        yield f"{len(ledger.corrections)} corrections were made, {len(kept)} are there"


def _files(store: Store, place: Workspace, ledger: Ledger) -> Iterator[str]:
    for number, digest in ledger.uploads.items():
        try:
            file = upload_path(store, artifacts_of(place), number)
        except HomefieldError as error:
            yield f"upload {number}: {error}"
        else:
            if hashlib.sha256(file.read_bytes()).hexdigest() != digest:
                yield f"upload {number} is not what was sent"
    place_of = artifacts_of(place).uploads
    lying = {folder.name for folder in place_of.iterdir()} if place_of.is_dir() else set()
    with store.read() as transaction:
        known = {number for number in lying | set(ledger.discarded) if uploads.upload(transaction, number) is not None}
    yield from (f"upload {number} was deleted and is there" for number in set(ledger.discarded) & (lying | known))
    yield from (f"upload {number} lies there, and nobody knows of it" for number in lying - known)


def _ordered(store: Store, place: Workspace, ledger: Ledger) -> Iterator[str]:
    every = {job.id: job for job in jobs_of(store)}
    yield from (f"job {number} is not there" for number in set(ledger.jobs.values()) - set(every))
    if len(every) != len(ledger.jobs):
        yield f"{len(ledger.jobs)} jobs were ordered, {len(every)} are there"
    for job in every.values():
        if worked_twice(place, job):
            yield f"job {job.id} was done twice"
        if job.state not in ENDED:
            yield f"job {job.id} is {job.state} for ever"
        if job.state == "failed" and (job.error or {}).get("code") != "jobs.lost":
            yield f"job {job.id} ({job.kind}) failed: {job.error}"
        if job.state == "done" and job.kind == "prepare":
            try:
                whole = open_dataset(Path(job.result["dataset"])).manifest.hash == job.result["hash"]
            except HomefieldError as error:
                yield f"dataset of job {job.id}: {error}"
            else:
                yield from [] if whole else [f"dataset of job {job.id} is another"]


def _moved(store: Store, ledger: Ledger) -> Iterator[str]:
    with store.read() as transaction:
        history = aliases.history(transaction, "model", NAME, aliases.CHAMPION)
        chain = audit.verify(transaction)
        told = [entry.details for entry in audit.entries(transaction, most=100_000)]
    known = {why for why, _ in ledger.moves}
    kept = [(move.why, move.version) for move in reversed(history) if move.why in known]
    if kept != ledger.moves:
        yield f"moves acknowledged and kept differ: {len(ledger.moves)} and {len(kept)}"
    if chain.fault is not None:
        yield f"the audit log is broken at {chain.broken_at}"
    if noted := {move.why for move in history if move.why} ^ {entry["why"] for entry in told if entry.get("why")}:
        yield f"moves and the audit log differ by {len(noted)}"


def _published(registry: Registry, every: Sequence[Job]) -> Iterator[str]:
    done = {job.id: job.result for job in every if job.kind == "export" and job.state == "done"}
    made: Counter[str] = Counter()
    with registry.store.read() as transaction:
        before = {f"{row.name}@{row.version}": row.seal for row in versions.model_versions_of(transaction)}
    for number, result in done.items():
        if before.get(result["model"]) != result["seal"]:
            yield f"version {result['model']} of job {number} is not registered"
    registry.adopt()
    with registry.store.read() as transaction:
        rows = versions.model_versions_of(transaction)
    for row in rows:
        try:
            bundle = registry.open(row)
        except HomefieldError as error:
            yield f"{row.name}@{row.version}: {error}"
        else:
            made[str(bundle.manifest.run.get("job"))] += 1
    yield from (f"job {number} made {made[number]} versions" for number in done if made[number] != 1)
    numbers = {str(row.version) for row in rows if row.name == NAME}
    for folder in (registry.artifacts.models / NAME).iterdir():
        if not folder.name.startswith(".") and folder.name not in numbers:
            yield f"{folder} is no version, and looks like one"


if __name__ == "__main__":
    sys.exit(main())
