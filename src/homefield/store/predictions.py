"""What was answered: kept before the reply goes out, so that every answer can be corrected and accounted for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from homefield.store.database import Transaction
from homefield.store.tables import predictions

__all__ = ["PredictionRow", "of_customer", "one", "record"]


@dataclass(frozen=True)
class PredictionRow:
    """One answer. id: `new_id()`. version: None for a model that is in no registry. text: None where it is not kept.

    output: what was answered, plain values. customer: whom the text is from, as the caller names them.
    """

    id: str
    model: str
    version: int | None
    seal: str
    request_id: str
    output: Mapping[str, Any]
    at: datetime
    key_id: str | None = None
    application: str | None = None
    customer: str | None = None
    text: str | None = None


def record(transaction: Transaction, rows: Iterable[PredictionRow]) -> None:
    """Keep the answers of a batch, all in one statement."""
    values = [vars(row) for row in rows]
    if values:
        transaction.execute(insert(predictions), values)


def one(transaction: Transaction, prediction_id: str) -> PredictionRow | None:
    """The answer with this id."""
    row = transaction.execute(select(predictions).where(predictions.c.id == prediction_id)).first()
    return None if row is None else PredictionRow(**row._mapping)


def of_customer(transaction: Transaction, customer: str) -> list[PredictionRow]:
    """Everything answered to one customer, oldest first."""
    chosen = select(predictions).where(predictions.c.customer == customer).order_by(predictions.c.id)
    return [PredictionRow(**row._mapping) for row in transaction.execute(chosen)]
