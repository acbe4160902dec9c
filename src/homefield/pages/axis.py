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
        """How a tick is written: with as many decimals as tell the ticks apart."""
        if self.kind == "percent":
            return f"{100 * tick:.{_decimals([100 * one for one in self.ticks])}f}%"
        largest = max((abs(one) for one in self.ticks), default=0.0)
        if largest >= 1e7:
            return f"{tick:.3g}".replace("e+0", "e").replace("e+", "e")
        if largest >= 10_000:
            return f"{tick / 1000:,.{_decimals([one / 1000 for one in self.ticks])}f}k"
        if 0 < largest < 0.01:
            return "0" if tick == 0 else f"{tick:.1e}".replace("e-0", "e−").replace("e-", "e−")
        return f"{tick:,.{_decimals(self.ticks)}f}"


def ticks(low: float, high: float, about: int = 5) -> tuple[float, ...]:
    """Round values (1, 2, 2.5 or 5 times a power of ten apart) that cover `low`..`high`, some `about` of them."""
    span = max(high - low, 1e-12 * max(1.0, abs(high), abs(low)))
    rough = span / max(1, about - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(index * step, 12) for index in range(first, max(last, first + 1) + 1))


def _decimals(values: Iterable[float]) -> int:
    """The fewest decimals, at most six, that write every value exactly."""
    kept = list(values)
    return next((count for count in range(6) if all(abs(round(v, count) - v) < 1e-9 for v in kept)), 6)
