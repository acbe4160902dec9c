"""What a run tells while it learns: lines of metrics.jsonl, events for whoever listens, numbers for the trackers."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from homefield.events import Event, Listener
from homefield.files import disk_errors
from homefield.messages import default_language, text
from homefield.plain import plain
from homefield.train.trackers import Tracker

__all__ = ["LogFile", "MetricsFile", "Teller"]

_BETWEEN_EVENTS = 0.1


class MetricsFile:
    """metrics.jsonl: one JSON object a line, only ever added to, cut back to a checkpoint when resuming."""

    def __init__(self, path: Path, length: int = 0) -> None:
        """Open for adding behind the first `length` bytes; what follows them is dropped."""
        self.path = path
        with disk_errors(path):
            self._stream = path.open("ab")
            self._stream.truncate(length)

    def add(self, values: Mapping[str, Any]) -> None:
        """Add one line."""
        with disk_errors(self.path):
            self._stream.write(json.dumps(plain(values), allow_nan=False).encode() + b"\n")
            self._stream.flush()

    def secured(self) -> int:
        """The file's length, once all of it is on the disk."""
        with disk_errors(self.path):
            os.fsync(self._stream.fileno())
        return self.path.stat().st_size

    def close(self) -> None:
        """No more lines."""
        self._stream.close()


class LogFile(AbstractContextManager["LogFile"]):
    """log.txt: every sentence that was told, dated, in the language of this process."""

    def __init__(self, path: Path) -> None:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = path.open("a", encoding="utf-8")

    def beside(self, listen: Listener) -> Listener:
        """A listener that writes here and passes on to `listen`."""

        def both(event: Event) -> None:
            if event.kind != "advance":
                said = text(event.key, default_language(), done=event.done, total=event.total, **event.values)
                self._stream.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}  {said}\n")
                self._stream.flush()
            listen(event)

        return both

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()


class Teller:
    """Passes on what happens to the file, the trackers and the listener; on ranks above 0 to nobody."""

    def __init__(
        self, file: MetricsFile | None, trackers: Sequence[Tracker], listen: Listener, *, area: str = "train"
    ) -> None:
        """area: whose sentences tell of steps, evaluations and faults."""
        self.file = file
        self.area = area
        self._trackers = trackers
        self._listen = listen
        self._told = 0.0

    def stage(self, total: int) -> None:
        """Training of `total` steps begins."""
        self._listen(Event("stage", f"{self.area}.stage_learn", total=total))

    def advanced(self, done: int, total: int) -> None:
        """`done` of `total` steps are made; told at most ten times a second."""
        now = time.monotonic()
        if done == total or now - self._told >= _BETWEEN_EVENTS:
            self._told = now
            self._listen(Event("advance", f"{self.area}.stage_learn", done=done, total=total))

    def numbers(self, kind: str, step: int, values: Mapping[str, Any]) -> None:
        """Numbers of step `step`; `kind` is `step` or `evaluation`."""
        if self.file is not None:
            self.file.add({"kind": kind, "step": step, **values})
        for tracker in self._trackers:
            tracker.numbers(
                step, {f"{kind}/{key}": float(v) for key, v in values.items() if isinstance(v, (int, float))}
            )
        told = dict(values) if kind == "step" else {"numbers": _listed(values), **values}
        self._listen(Event("metrics", f"{self.area}.{kind}", values={"step": step, **told}))

    def note(self, key: str, **values: object) -> None:
        """A sentence."""
        self._listen(Event("note", key, values=values))

    def secured(self) -> int:
        """Length of metrics.jsonl, all of it on the disk."""
        return 0 if self.file is None else self.file.secured()


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value:.4f}" for key, value in values.items() if isinstance(value, float))
