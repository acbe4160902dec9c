"""Jobs as those see them who order, follow, stop and resume them; every change is an event of the topic `job`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from homefield.errors import CallError, HomefieldError
from homefield.messages import LANGUAGES
from homefield.operate.jobs.kinds import kind_of
from homefield.operate.jobs.schedule import check_schedule, next_run
from homefield.plain import plain
from homefield.store import Artifacts, Store, Transaction, events, is_id, jobs, now
from homefield.store.jobs import Job

__all__ = [
    "TOPIC",
    "as_json",
    "cancel",
    "error_json",
    "find",
    "give_back",
    "job_folder",
    "resume",
    "running",
    "settle",
    "submit",
    "tell",
]

TOPIC = "job"
_EVERY_RUNNING = 10_000
ATTEMPTS = 3  # a job whose process was killed is run again this often; one that failed by itself is not


def submit(
    store: Store,
    kind: str,
    arguments: Mapping[str, Any],
    *,
    by: str,
    schedule: str | None = None,
    run_at: datetime | None = None,
    once: str | None = None,
) -> Job:
    """Queue a job. schedule: `every 6h` or cron. run_at: not before. once: said twice, the first job is given again.

    Raises:
        CallError: `jobs.no_such_kind`, `jobs.bad_arguments`, `jobs.bad_schedule`.
    """
    checked = kind_of(kind).check(arguments)
    if schedule is not None:
        schedule = check_schedule(schedule)
        run_at = run_at or next_run(schedule, now())
    with store.write() as transaction:
        made = jobs.add(
            transaction,
            kind,
            checked.model_dump(mode="json", exclude_unset=True),
            by=by,
            run_at=None if run_at is None else run_at.astimezone(UTC),
            schedule=schedule,
            most_attempts=ATTEMPTS,
            once=once,
        )
        tell(transaction, made)
    return made


def find(store: Store, job_id: str) -> Job:
    """The job with this id, or the only one whose id begins or ends so.

    Raises:
        CallError: `jobs.not_found`.
    """
    with store.read() as transaction:
        if is_id(job_id):
            found = jobs.job(transaction, job_id)
            if found is not None:
                return found
        elif len(job_id) >= 4:
            known = [one for one in jobs.jobs_in(transaction, most=10_000) if one.id.endswith(job_id.upper())]
            if len(known) == 1:
                return known[0]
    raise CallError("jobs.not_found", id=job_id[:40])


def cancel(store: Store, job_id: str, *, by: str) -> Job:
    """Ask a job to stop: one that waits is cancelled at once, one that runs soon; the job as it now stands.

    Raises:
        CallError: `jobs.not_found`, `jobs.ended`.
    """
    with store.write() as transaction:
        asked = jobs.ask_to_stop(transaction, job_id, by=by)
        if asked is None:
            raise CallError("jobs.not_found", id=job_id[:40])
        if asked.cancelled_by is None and asked.state in jobs.ENDED:
            raise CallError("jobs.ended", id=job_id, state=asked.state)
        tell(transaction, asked)
    return asked


def resume(store: Store, job_id: str) -> Job:
    """Queue a job that failed or was cancelled once more; it goes on where it stopped, where its kind can.

    Raises:
        CallError: `jobs.not_found`, `jobs.not_resumable`.
    """
    with store.write() as transaction:
        queued = jobs.again(transaction, job_id, more_attempts=ATTEMPTS)
        found = jobs.job(transaction, job_id)
        if found is None:
            raise CallError("jobs.not_found", id=job_id[:40])
        if not queued:
            raise CallError("jobs.not_resumable", id=job_id, state=found.state)
        tell(transaction, found)
    return found


def running(transaction: Transaction) -> list[Job]:
    """All that run, on whatever machine."""
    return jobs.jobs_in(transaction, ["running"], most=_EVERY_RUNNING)


def settle(
    transaction: Transaction,
    claimed: Job,
    state: Literal["done", "failed", "cancelled"],
    *,
    result: Any = None,
    error: Mapping[str, Any] | None = None,
) -> bool:
    """Say how a claimed job ended, and queue its next time; False when the claim no longer holds: nothing is kept."""
    if not jobs.end(transaction, claimed, state, result=result, error=error):
        return False
    if claimed.schedule is not None:
        jobs.add(
            transaction,
            claimed.kind,
            claimed.arguments,
            by=claimed.made_by,
            run_at=next_run(claimed.schedule, now()),
            schedule=claimed.schedule,
            most_attempts=ATTEMPTS,
            once=f"after:{claimed.id}:{claimed.attempts}",
        )
    _tell_now(transaction, claimed.id)
    return True


def give_back(transaction: Transaction, claimed: Job, *, run_at: datetime | None = None) -> bool:
    """Queue a claimed job again; False when the claim no longer holds."""
    if not jobs.requeue(transaction, claimed, run_at=run_at):
        return False
    _tell_now(transaction, claimed.id)
    return True


def tell(transaction: Transaction, job: Job) -> None:
    """Append how a job stands to the stream of events; last in its transaction."""
    told = {"job": job.id, "kind": job.kind, "state": job.state, "attempt": job.attempts, "progress": job.progress}
    if job.cancelled_by is not None:
        told["cancelled_by"] = job.cancelled_by
    if job.error is not None:
        told["error"] = job.error
    events.append(transaction, TOPIC, told)


def _tell_now(transaction: Transaction, job_id: str) -> None:
    found = jobs.job(transaction, job_id)
    assert found is not None
    tell(transaction, found)


def error_json(error: HomefieldError) -> dict[str, Any]:
    """An error as a job keeps it: in every language, since who will read it is not known yet."""
    told: dict[str, Any] = {"code": error.code}
    return told | {
        language: {"what": error.what(language), "next": error.next_step(language)} for language in LANGUAGES
    }


def as_json(job: Job) -> dict[str, Any]:
    """A job for the command line and the server."""
    return {name: plain(value) for name, value in vars(job).items() if name != "once"}


def job_folder(artifacts: Artifacts, job_id: str) -> Path:
    """Where a job's log and results lie."""
    assert is_id(job_id)
    return artifacts.root / "jobs" / job_id
