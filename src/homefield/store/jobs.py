"""Long operations, as rows: who runs which, how far it is, and whether it still lives.

A job belongs to whoever claimed it, for as long as its heartbeat is fresh. Each claim counts an attempt, and every
later word of the worker names it: one that was given up and comes back late changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Update, case, func, select, update

from homefield.store.columns import now
from homefield.store.database import Transaction
from homefield.store.ids import new_id
from homefield.store.tables import jobs
from homefield.store.upsert import insert_or

__all__ = [
    "ENDED",
    "Job",
    "State",
    "add",
    "again",
    "ask_to_stop",
    "beat",
    "claim",
    "end",
    "job",
    "jobs_in",
    "lost",
    "requeue",
]

State = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")


@dataclass(frozen=True)
class Job:
    """One long operation. run_at: not before. schedule: how it comes again. once: of two with it, one is kept.

    worker, attempts: who runs it, and the number of that claim. cancelled_by: who asked it to stop.
    """

    id: str
    kind: str
    arguments: Mapping[str, Any]
    state: State
    run_at: datetime
    schedule: str | None
    progress: Mapping[str, Any] | None
    result: Any
    error: Mapping[str, Any] | None
    worker: str | None
    heartbeat_at: datetime | None
    attempts: int
    most_attempts: int
    cancelled_by: str | None
    once: str | None
    made_at: datetime
    made_by: str
    started_at: datetime | None
    ended_at: datetime | None


def add(
    transaction: Transaction,
    kind: str,
    arguments: Mapping[str, Any],
    *,
    by: str,
    run_at: datetime | None = None,
    schedule: str | None = None,
    most_attempts: int = 1,
    once: str | None = None,
) -> Job:
    """Queue a job; with an `once` said before, give the one queued then."""
    moment = now()
    values = {
        "id": new_id(),
        "kind": kind,
        "arguments": arguments,
        "state": "queued",
        "run_at": run_at or moment,
        "schedule": schedule,
        "attempts": 0,
        "most_attempts": most_attempts,
        "once": once,
        "made_at": moment,
        "made_by": by,
    }
    inserted = insert_or(transaction, jobs).values(values)
    transaction.execute(inserted.on_conflict_do_nothing(index_elements=[jobs.c.once]))
    mine = jobs.c.id == values["id"] if once is None else jobs.c.once == once
    return _only(transaction.execute(select(jobs).where(mine)).one())


def claim(transaction: Transaction, worker: str, *, kinds: Sequence[str] | None = None) -> Job | None:
    """Take the job that is due longest, of these kinds; None when none is. No other worker gets it.

    Commit before working: the claim is what others see.
    """
    moment = now()
    due = select(jobs.c.id).where(jobs.c.state == "queued", jobs.c.run_at <= moment, jobs.c.cancelled_by.is_(None))
    if kinds is not None:
        due = due.where(jobs.c.kind.in_(kinds))
    first = due.order_by(jobs.c.run_at, jobs.c.id).limit(1).with_for_update(skip_locked=True)
    taken = (
        update(jobs)
        .where(jobs.c.id == first.scalar_subquery())
        .values(
            state="running",
            worker=worker,
            attempts=jobs.c.attempts + 1,
            heartbeat_at=moment,
            started_at=func.coalesce(jobs.c.started_at, moment),
            ended_at=None,
            error=None,
        )
        .returning(jobs)
    )
    row = transaction.execute(taken).first()
    return None if row is None else _only(row)


def beat(transaction: Transaction, claimed: Job, *, progress: Mapping[str, Any] | None = None) -> Job | None:
    """Say that the job lives, and how far it is; the job as it stands, or None when it is no longer this claim's."""
    values: dict[str, Any] = {"heartbeat_at": now()}
    if progress is not None:
        values["progress"] = progress
    row = transaction.execute(_claimed(claimed).values(values).returning(jobs)).first()
    return None if row is None else _only(row)


def end(
    transaction: Transaction,
    claimed: Job,
    state: Literal["done", "failed", "cancelled"],
    *,
    result: Any = None,
    error: Mapping[str, Any] | None = None,
) -> bool:
    """Say how the job ended; False when it was no longer this claim's, and nothing is kept."""
    ended = _claimed(claimed).values(state=state, result=result, error=error, ended_at=now(), worker=None)
    return transaction.execute(ended).rowcount == 1


def requeue(transaction: Transaction, claimed: Job, *, run_at: datetime | None = None) -> bool:
    """Give a claimed job back to be run again; False when it was no longer this claim's."""
    again = _claimed(claimed).values(state="queued", worker=None, heartbeat_at=None, run_at=run_at or now())
    return transaction.execute(again).rowcount == 1


def ask_to_stop(transaction: Transaction, job_id: str, *, by: str) -> Job | None:
    """Ask a job to stop: a queued one is cancelled at once, a running one finds `cancelled_by` at its next beat.

    The job as it now stands; None when there is none. One that has ended stays as it ended.
    """
    waits = jobs.c.state == "queued"
    asked = (
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state.in_(("queued", "running")))
        .values(
            cancelled_by=by,
            ended_at=case((waits, now()), else_=jobs.c.ended_at),
            state=case((waits, "cancelled"), else_=jobs.c.state),
        )
    )
    transaction.execute(asked)
    return job(transaction, job_id)


def again(transaction: Transaction, job_id: str, *, more_attempts: int = 1) -> bool:
    """Queue a job that failed or was cancelled once more; False when it is in another state."""
    queued = (
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state.in_(("failed", "cancelled")))
        .values(
            state="queued",
            run_at=now(),
            cancelled_by=None,
            error=None,
            ended_at=None,
            worker=None,
            most_attempts=jobs.c.attempts + more_attempts,
        )
    )
    return transaction.execute(queued).rowcount == 1


def is_due(transaction: Transaction, kinds: Sequence[str]) -> bool:
    """Whether a job of these kinds waits to be claimed."""
    waiting = select(jobs.c.id).where(jobs.c.state == "queued", jobs.c.run_at <= now(), jobs.c.kind.in_(kinds))
    return transaction.execute(waiting.limit(1)).first() is not None


def lost(transaction: Transaction, *, silent_for: timedelta) -> list[Job]:
    """Running jobs whose heartbeat is older than `silent_for`; nobody else gets them until the transaction ends."""
    chosen = (
        select(jobs)
        .where(jobs.c.state == "running", jobs.c.heartbeat_at < now() - silent_for)
        .with_for_update(skip_locked=True)
    )
    return [_only(row) for row in transaction.execute(chosen)]


def job(transaction: Transaction, job_id: str) -> Job | None:
    """One job."""
    row = transaction.execute(select(jobs).where(jobs.c.id == job_id)).first()
    return None if row is None else _only(row)


def jobs_in(
    transaction: Transaction, states: Sequence[State] | None = None, *, kind: str | None = None, most: int = 100
) -> list[Job]:
    """Jobs in these states, the newest first."""
    chosen = select(jobs).order_by(jobs.c.id.desc()).limit(most)
    if states is not None:
        chosen = chosen.where(jobs.c.state.in_(states))
    if kind is not None:
        chosen = chosen.where(jobs.c.kind == kind)
    return [_only(row) for row in transaction.execute(chosen)]


def _claimed(claimed: Job) -> Update:
    return update(jobs).where(jobs.c.id == claimed.id, jobs.c.state == "running", jobs.c.attempts == claimed.attempts)


def _only(row: Any) -> Job:
    return Job(**row._mapping)
