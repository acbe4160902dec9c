"""What columns hold, the same in every database: words, JSON, moments.

Text comes from strangers. PostgreSQL refuses the character NUL and half surrogates, SQLite keeps the one and refuses
the other; here both are replaced before they get there. JSON is kept as text in one canonical form, because
PostgreSQL's own type rewrites numbers, which would break a hash over them.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, Text
from sqlalchemy.types import TypeDecorator

__all__ = ["Json", "Moment", "Words", "canonical", "now", "writable"]

_UNWRITABLE = {0: "\ufffd", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def canonical(value: object) -> str:
    """`value` as JSON in the one form it is kept and hashed in.

    Raises:
        ValueError: a number that is not finite. TypeError: what JSON does not know.
    """
    written = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    try:
        written.encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair: escaped it can be written, and comes back as it was
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return written


def writable(written: str) -> str:
    """Text that every database and every encoder takes: what they do not becomes U+FFFD."""
    return written.translate(_UNWRITABLE)


class Words(TypeDecorator[str]):
    """Text of any length; what no database takes in becomes U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Text that every database takes."""
        del dialect
        return None if value is None else writable(value)


class Json(TypeDecorator[Any]):
    """Plain values as canonical JSON; SQL NULL is None."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """The text that is kept."""
        del dialect
        return None if value is None else canonical(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """The values that were given."""
        del dialect
        return None if value is None else json.loads(value)


class Moment(TypeDecorator[datetime]):
    """A moment with its zone, to the microsecond; given back in UTC.

    Raises:
        ValueError: a moment without a zone, which would mean another one on another machine.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """In UTC; without its zone where the database (SQLite) would drop it."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment needs a zone: {value!r}")
        universal = value.astimezone(UTC)
        return universal.replace(tzinfo=None) if dialect.name == "sqlite" else universal

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """In UTC, zone included."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
