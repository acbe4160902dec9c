"""What surrounds a run of any kind: its end is recorded, and it takes the processor threads that the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import torch

from homefield.errors import HomefieldError, Interrupted
from homefield.train.run import RunRecord

__all__ = ["now", "recorded", "threads"]


@contextmanager
def recorded(record: RunRecord, out: Path, *, area: str) -> Iterator[None]:
    """Within it, how it ended goes into run.json, whatever way it ended; `area` has the sentence of an interruption.

    Raises:
        Interrupted: `<area>.interrupted_between`, for a Ctrl-C.
    """
    try:
        yield
    except Interrupted:
        record.update(status="interrupted", ended=now())
        raise
    except KeyboardInterrupt as error:
        record.update(status="interrupted", ended=now())
        raise Interrupted(f"{area}.interrupted_between", run=out) from error
    except HomefieldError as error:
        record.update(status="failed", ended=now(), error=error.as_json("en"))
        raise
    except Exception as error:
        record.update(status="failed", ended=now(), error={"code": type(error).__name__, "what": str(error)})
        raise


@contextmanager
def threads(wanted: int | None, processes: int) -> Iterator[None]:
    """Processor threads for the run: as the settings say; tiny numbers count as 0, which is far faster."""
    before = torch.get_num_threads()
    if wanted is not None:
        torch.set_num_threads(max(1, wanted // processes))
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.set_flush_denormal(False)


def now() -> str:
    """The moment, in UTC, for run.json."""
    return datetime.now(UTC).isoformat(timespec="seconds")
