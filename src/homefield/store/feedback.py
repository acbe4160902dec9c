"""Corrections that come back: which answer, what would have been right, who says so and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from homefield.store.columns import now
from homefield.store.database import Transaction
from homefield.store.ids import new_id
from homefield.store.predictions import PredictionRow
from homefield.store.tables import feedback, predictions
from homefield.store.upsert import insert_or

__all__ = ["Corrected", "Feedback", "add", "corrections"]


@dataclass(frozen=True)
class Feedback:
    """One correction. answer: the right one, as the task writes it. once: the caller's idempotency key."""

    id: str
    prediction_id: str
    answer: Any
    by: str
    why: str | None
    key_id: str | None
    at: datetime
    once: str | None


@dataclass(frozen=True)
class Corrected:
    """A correction with the answer it corrects."""

    feedback: Feedback
    prediction: PredictionRow


def add(
    transaction: Transaction,
    prediction_id: str,
    answer: Any,
    *,
    by: str,
    why: str | None = None,
    key_id: str | None = None,
    once: str | None = None,
) -> tuple[Feedback, bool]:
    """Keep a correction; with `once` said before, give the one kept then. Second: whether it is new.

    The caller looks whether the one kept then says the same.

    Raises:
        sqlalchemy.exc.IntegrityError: there is no such answer.
    """
    made = Feedback(new_id(), prediction_id, answer, by, why, key_id, now(), once)
    inserted = insert_or(transaction, feedback).values(vars(made))
    transaction.execute(inserted.on_conflict_do_nothing(index_elements=[feedback.c.once]))
    if once is None:
        return made, True
    kept = Feedback(**transaction.execute(select(feedback).where(feedback.c.once == once)).one()._mapping)
    return kept, kept.id == made.id


def corrections(
    transaction: Transaction,
    *,
    model: str | None = None,
    since: datetime | None = None,
    after: str | None = None,
    most: int | None = None,
) -> Iterator[Corrected]:
    """Corrections with their answers, oldest first, read as they are asked for.

    since: made then or later. after: those behind the correction with this id, to turn pages.
    """
    chosen = select(feedback, predictions).join(predictions).order_by(feedback.c.id).limit(most)
    if model is not None:
        chosen = chosen.where(predictions.c.model == model)
    if since is not None:
        chosen = chosen.where(feedback.c.at >= since)
    if after is not None:
        chosen = chosen.where(feedback.c.id > after)
    width = len(feedback.c)
    with transaction.execute(chosen.execution_options(yield_per=1_000)) as rows:
        for row in rows:
            yield Corrected(
                Feedback(**dict(zip(feedback.c.keys(), row[:width], strict=True))),
                PredictionRow(**dict(zip(predictions.c.keys(), row[width:], strict=True))),
            )
