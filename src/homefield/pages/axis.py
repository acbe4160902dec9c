"""Axes: round ticks, and where a value lies on the drawing."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from homefield.pages.words import Text

__all__ = ["Axis", "Scale", "ticks"]


@dataclass(frozen=True)
class Axis:
    """What an axis shows. `low` and `high` are taken from the values when not given."""

    title: Text
    low: float | None = None
    high: float | None = None
    kind: Literal["number", "percent", "count"] = "number"

    def fitted(self, values: Iterable[float], start: float, stop: float) -> Scale:
        """The scale that shows all finite `values` between the drawing's places `start` and `stop`."""
        finite = [value for value in values if math.isfinite(value)]
        low = self.low if self.low is not None else min(finite, default=0.0)
        high = self.high if self.high is not None else max(finite, default=1.0)
        if high - low <= 1e-12 * max(1.0, abs(high), abs(low)):
            low, high = (low - 0.5, high + 0.5) if self.kind == "number" else (min(low, 0.0), max(high, low + 1.0))
        marks = ticks(low, high)
        if self.low is None:
            low = min(low, marks[0])
        if self.high is None:
            high = max(high, marks[-1])
        return Scale(
            low, high, start, stop, tuple(mark for mark in marks if low - 1e-9 <= mark <= high + 1e-9), self.kind
        )


@dataclass(frozen=True)
class Scale:
    """A fitted axis: values `low`..`high` lie at the drawing's places `start`..`stop`."""

    low: float
    high: float
    start: float
    stop: float
    ticks: tuple[float, ...]
    kind: str = "number"

    def at(self, value: float) -> float:
        """The place of `value`, kept within the drawing."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + (self.stop - self.start) * min(1.0, max(0.0, share))

    def label(self, tick: float) -> str:
        """How a tick is written."""
        step = self.ticks[1] - self.ticks[0] if len(self.ticks) > 1 else (abs(tick) or 1.0)
        if self.kind == "percent":
            return f"{100 * tick:.{_decimals(100 * step)}f}%"
        if abs(tick) >= 10_000:
            return f"{tick / 1000:,.{_decimals(step / 1000)}f}k"
        return f"{tick:,.{_decimals(step)}f}"


def ticks(low: float, high: float, about: int = 5) -> tuple[float, ...]:
    """Round values (1, 2, 2.5 or 5 times a power of ten apart) that cover `low`..`high`, some `about` of them."""
    span = max(high - low, 1e-12 * max(1.0, abs(high), abs(low)))
    rough = span / max(1, about - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(index * step, 12) for index in range(first, max(last, first + 1) + 1))


def _decimals(step: float) -> int:
    return min(6, max(0, -math.floor(math.log10(abs(step)) + 1e-9))) if step else 0
