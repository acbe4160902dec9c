"""Events as people and programs want to see them, always on stderr so that stdout holds nothing but the result.

On a terminal a bar for each stage; in a log one dated line at most every few seconds; with `--json` one JSON object a
line.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, TextIO

from homefield.events import Event, sentence
from homefield.messages import Language, text

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

__all__ = ["BarProgress", "JsonProgress", "LineProgress", "Progress", "progress_for"]

LINE_EVERY = 5.0  # seconds between two lines about the same stage in a log
OBJECT_EVERY = 0.5  # seconds between two `advance` objects


class Progress(Protocol):
    """Shows events until it is closed."""

    def listen(self, event: Event) -> None:
        """Show one event."""

    def finish(self) -> None:
        """All is done: what was under way is complete."""

    def close(self) -> None:
        """Give the screen back; what was under way stays as far as it came."""


def progress_for(language: Language, *, as_json: bool, stream: TextIO | None = None) -> Progress:
    """The kind of progress that suits where stderr goes."""
    stream = sys.stderr if stream is None else stream
    if as_json:
        return JsonProgress(language, stream)
    return BarProgress(language, stream) if stream.isatty() else LineProgress(language, stream)


def _is_step(event: Event) -> bool:
    """Whether these are the numbers of one training step: hundreds of them a minute, each soon out of date."""
    return event.kind == "metrics" and event.key.endswith(".step")


def _short(event: Event, language: Language) -> str:
    """The numbers of a step in the room beside a bar."""
    if not {"loss", "samples_per_second"} <= set(event.values):
        return ""
    return text("cli.progress.step", language, **event.values)


class _Throttle:
    """Lets one event of a kind through per span of time, and always the last of a stage."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self.seconds, self.clock = seconds, clock
        self.last: dict[str, float] = {}

    def passes(self, event: Event) -> bool:
        """Whether to show this event."""
        now = self.clock()
        if event.kind == "stage":
            self.last["advance"] = now
        elif event.kind == "advance" or _is_step(event):
            finished = event.done is not None and event.done == event.total
            if not finished and now - self.last.get(event.kind, float("-inf")) < self.seconds:
                return False
            self.last[event.kind] = now
        return True


class JsonProgress:
    """One JSON object a line."""

    def __init__(self, language: Language, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.language, self.stream, self.throttle = language, stream, _Throttle(OBJECT_EVERY, clock)

    def listen(self, event: Event) -> None:
        """Write the event."""
        from homefield.plain import plain

        if not self.throttle.passes(event):
            return
        told = {
            "event": event.kind,
            "key": event.key,
            "text": sentence(event, self.language),
            "done": event.done,
            "total": event.total,
            "values": event.values,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        self.stream.write(json.dumps(plain(told), ensure_ascii=False) + "\n")
        self.stream.flush()

    def finish(self) -> None:
        """Nothing to complete."""

    def close(self) -> None:
        """Nothing to take away."""


class LineProgress:
    """Dated lines for a log."""

    def __init__(self, language: Language, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.language, self.stream, self.throttle = language, stream, _Throttle(LINE_EVERY, clock)
        self.said = ""

    def listen(self, event: Event) -> None:
        """Write the event as a line, if it says anything new."""
        if not self.throttle.passes(event):
            return
        line = sentence(event, self.language)
        if event.kind == "advance" and event.done is not None:
            line += (
                f"  {event.done:,} / {event.total:,} ({event.done / event.total:.0%})"
                if event.total
                else f"  {event.done:,}"
            )
        if line != self.said:
            self.said = line
            self.stream.write(f"{datetime.now():%H:%M:%S}  {line}\n")
            self.stream.flush()

    def finish(self) -> None:
        """Nothing to complete."""

    def close(self) -> None:
        """Nothing to take away."""


class BarProgress:
    """A bar for each stage; notes and numbers scroll by above."""

    def __init__(self, language: Language, stream: TextIO) -> None:
        from rich.console import Console

        self.language = language
        self.console = Console(file=stream, highlight=False, markup=False, emoji=False)
        self.bars: Bars | None = None
        self.tasks: dict[str, TaskID] = {}

    def listen(self, event: Event) -> None:
        """Show the event."""
        from rich.text import Text

        bars = self._started()
        if event.kind == "stage":
            self._finish_stages()
            self.tasks = {event.key: bars.add_task(sentence(event, self.language), total=event.total, status="")}
        elif event.kind == "advance":
            if event.key not in self.tasks:
                self._finish_stages()
                self.tasks = {event.key: bars.add_task(sentence(event, self.language), total=event.total, status="")}
            task = self.tasks[event.key]
            bars.update(task, completed=event.done or 0, total=event.total)
        elif _is_step(event):
            for task in self.tasks.values():
                bars.update(task, status=_short(event, self.language))
        else:
            style = "" if event.kind == "note" else "dim"
            bars.console.print(Text(f"  {sentence(event, self.language)}", style))

    def finish(self) -> None:
        """Complete the last stage and give the screen back."""
        self._finish_stages()
        self.close()

    def close(self) -> None:
        """Give the screen back."""
        if self.bars is not None:
            self.bars.stop()
            self.bars, self.tasks = None, {}

    def _finish_stages(self) -> None:
        """A stage is over when the next begins, whether or not it told how far it had come."""
        if self.bars is None:
            return
        for task in self.tasks.values():
            state = self.bars.tasks[task]
            total = state.total or max(state.completed, 1)
            self.bars.update(task, total=total, completed=total, status="")
            self.bars.stop_task(task)
        self.tasks = {}

    def _started(self) -> Bars:
        if self.bars is None:
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                SpinnerColumn,
                TextColumn,
                TimeElapsedColumn,
                TimeRemainingColumn,
            )

            self.bars = Progress(
                SpinnerColumn(finished_text="✓"),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(compact=True),
                TextColumn("{task.fields[status]}", style="dim", markup=False),
                console=self.console,
                refresh_per_second=5,
            )
            self.bars.start()
        return self.bars
