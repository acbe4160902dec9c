"""What clients send: under an id that we choose; the name they give is shown, and never a path."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import delete, insert, select, update

from homefield.store.columns import now
from homefield.store.database import Transaction
from homefield.store.ids import new_id
from homefield.store.tables import uploads

__all__ = ["Upload", "add", "delete_one", "older_than", "received", "settle", "upload"]

State = Literal["receiving", "checked", "refused"]


@dataclass(frozen=True)
class Upload:
    """One file. size: what it should have in the end, None when not said; received: bytes so far."""

    id: str
    name: str
    media_type: str | None
    size: int | None
    received: int
    sha256: str | None
    state: State
    made_at: datetime
    made_by: str


def add(
    transaction: Transaction, name: str, *, by: str, media_type: str | None = None, size: int | None = None
) -> Upload:
    """Begin to receive a file."""
    made = Upload(new_id(), name, media_type, size, 0, None, "receiving", now(), by)
    transaction.execute(insert(uploads).values(vars(made)))
    return made


def received(transaction: Transaction, upload_id: str, *, before: int, more: int) -> bool:
    """Count `more` bytes behind `before`; False when another chunk was there first, or it is received no more."""
    counted = (
        update(uploads)
        .where(uploads.c.id == upload_id, uploads.c.state == "receiving", uploads.c.received == before)
        .values(received=before + more)
    )
    return transaction.execute(counted).rowcount == 1


def settle(
    transaction: Transaction, upload_id: str, state: Literal["checked", "refused"], *, sha256: str | None
) -> bool:
    """The file is whole and was looked at; False when that was said before."""
    settled = update(uploads).where(uploads.c.id == upload_id, uploads.c.state == "receiving")
    return transaction.execute(settled.values(state=state, sha256=sha256)).rowcount == 1


def upload(transaction: Transaction, upload_id: str) -> Upload | None:
    """One file."""
    row = transaction.execute(select(uploads).where(uploads.c.id == upload_id)).first()
    return None if row is None else Upload(**row._mapping)


def older_than(transaction: Transaction, moment: datetime, state: State) -> list[Upload]:
    """Files in a state since before `moment`."""
    chosen = select(uploads).where(uploads.c.state == state, uploads.c.made_at < moment).order_by(uploads.c.id)
    return [Upload(**row._mapping) for row in transaction.execute(chosen)]


def delete_one(transaction: Transaction, upload_id: str) -> None:
    """Forget a file; what lies on disk is the caller's."""
    transaction.execute(delete(uploads).where(uploads.c.id == upload_id))
