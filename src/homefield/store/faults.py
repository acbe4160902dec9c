"""What a database complains of, in our own words: locked, away, full, read-only, broken.

Nothing is remembered of a fault: the next transaction asks the database again, so that whatever was mended works at
once. A broken rule of a table (`IntegrityError`) is not the machine's fault and passes through to whoever can name it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from homefield.errors import MachineError

__all__ = ["database_errors"]

# SQLite's names of its result codes, by their beginning.
_SQLITE = {
    "SQLITE_BUSY": "store.locked",
    "SQLITE_LOCKED": "store.locked",
    "SQLITE_PROTOCOL": "store.locked",
    "SQLITE_FULL": "store.disk_full",
    "SQLITE_IOERR": "store.disk",
    "SQLITE_READONLY": "store.read_only",
    "SQLITE_CANTOPEN": "store.cannot_open",
    "SQLITE_PERM": "store.cannot_open",
    "SQLITE_CORRUPT": "store.damaged",
    "SQLITE_NOTADB": "store.damaged",
}
# PostgreSQL's error codes, by their beginning: https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL = {
    "08": "store.unreachable",
    "25006": "store.read_only",
    "28": "store.refused",
    "3D000": "store.refused",
    "40": "store.locked",
    "42501": "store.refused",
    "53100": "store.disk_full",
    "53": "store.crowded",
    "55P03": "store.locked",
    "57P": "store.unreachable",
    "58": "store.disk",
    "XX001": "store.damaged",
    "XX002": "store.damaged",
}


@contextmanager
def database_errors(place: str, patience: float) -> Iterator[None]:
    """Turn what the database complains of into an error with a next step.

    Raises:
        MachineError: `store.locked`, `store.disk_full`, `store.disk`, `store.read_only`, `store.cannot_open`,
            `store.damaged`, `store.unreachable`, `store.refused`, `store.crowded`.
    """
    try:
        yield
    except NoFreeConnection as error:
        raise MachineError("store.crowded", place=place, seconds=f"{patience:g}", reason="pool") from error
    except DBAPIError as error:
        code = _code_of(error)
        if code is None:
            raise
        reason = " ".join(str(error.orig).split())[:300]
        raise MachineError(code, place=place, seconds=f"{patience:g}", reason=reason) from error


def _code_of(error: DBAPIError) -> str | None:
    if isinstance(error, IntegrityError):
        return None
    if isinstance(error.orig, sqlite3.Error):
        return _longest(_SQLITE, getattr(error.orig, "sqlite_errorname", ""))
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return _longest(_POSTGRESQL, state)
    # The driver's own: no answer, or the connection broke. A refusal at the door carries no code either.
    said = str(error.orig)
    if any(word in said for word in ("password authentication", "does not exist", "no pg_hba.conf", "SSL")):
        return "store.refused"
    return "store.unreachable" if error.connection_invalidated or type(error.orig).__name__ in _AWAY else None


_AWAY = ("OperationalError", "ConnectionTimeout", "AdminShutdown")


def _longest(known: dict[str, str], found: str) -> str | None:
    fitting = [start for start in known if found.startswith(start)]
    return known[max(fitting, key=len)] if fitting else None
