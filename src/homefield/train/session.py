"""What surrounds a run of any kind: its folder is free, its end is recorded, it takes the threads that are set."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import torch

from homefield.errors import HomefieldError, Interrupted
from homefield.train.run import RunRecord

__all__ = ["clear_failed", "now", "recorded", "taken", "threads"]

# What a run leaves that failed before there was anything to go on from.
_TRACES = {"run.json", "recipe.toml", "log.txt", "metrics.jsonl", "start", "tensorboard"}


def taken(out: Path) -> bool:
    """Whether something stands at `out` that a new run must not replace: all but an empty folder and a run that failed
    before its first checkpoint, which would only fail again."""
    return out.exists() and (not out.is_dir() or (any(out.iterdir()) and not _only_failed(out)))


def clear_failed(out: Path) -> None:
    """Remove what a run that failed before its first checkpoint left in `out`; anything else stays."""
    if _only_failed(out):
        shutil.rmtree(out)


def _only_failed(out: Path) -> bool:
    record = out / "run.json"
    kept = {each.name for each in out.glob("*")} - _TRACES
    if not record.is_file() or kept - {"checkpoints"} or any(out.glob("checkpoints/*")):
        return False
    return bool(json.loads(record.read_text(encoding="utf-8")).get("status") == "failed")


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
