"""Ctrl-C and SIGTERM: asked once, a run stops after its step with a checkpoint; asked twice, at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

__all__ = ["Stop", "listening_for_stop"]


class Stop:
    """Whether somebody asked the run in the folder `run` to stop. `patient`: whether a step is going on to finish."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.asked = False
        self.patient = False

    def ask(self, number: int, frame: FrameType | None) -> None:
        """Take note of a signal."""
        del number, frame
        if self.asked or not self.patient:
            raise KeyboardInterrupt
        self.asked = True

    @contextmanager
    def patiently(self) -> Iterator[None]:
        """Within it, the first signal lets the step end."""
        self.patient = True
        try:
            yield
        finally:
            self.patient = False


@contextmanager
def listening_for_stop(run: Path) -> Iterator[Stop]:
    """Within it, SIGINT and SIGTERM ask the run to stop; only the main thread of a process can hear them."""
    stop = Stop(run)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = {kind: signal.signal(kind, stop.ask) for kind in kinds}
    try:
        yield stop
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
