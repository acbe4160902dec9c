"""What an assessment found, as plain data: ready for JSON, for the report and for comparing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from homefield.evaluate.calibration import Bin, Output
from homefield.evaluate.intervals import Interval
from homefield.evaluate.mending import ClassRow, Mend
from homefield.evaluate.mistakes import Confused, Mistake
from homefield.evaluate.risk import RiskPoint, RiskThreshold
from homefield.evaluate.significance import Difference
from homefield.evaluate.slices import Slice

__all__ = ["Assessment", "Measured", "Standing", "Tested", "plain", "standing"]

Standing = Literal["better", "worse", "unproven"]


@dataclass(frozen=True)
class Measured:
    """One model's numbers on the assessed rows, and the 95 % intervals of some of them."""

    numbers: Mapping[str, Any]
    intervals: Mapping[str, Interval]


@dataclass(frozen=True)
class Tested:
    """A promise made on the calibration split, kept or not on the assessed rows: rows it covers, and errors in them.

    For a threshold, rows are the automatic ones; for a number's interval all rows, and errors lie outside it.
    """

    rows: int
    errors: int
    share: float
    error_rate: float

    @classmethod
    def of(cls, chosen: NDArray[np.bool_], right: NDArray[np.bool_]) -> Tested:
        """How many of the `chosen` rows `[N]` are not `right` `[N]`."""
        rows, errors = int(chosen.sum()), int((chosen & ~right).sum())
        return cls(rows, errors, rows / max(1, len(chosen)), errors / rows if rows else 0.0)


@dataclass(frozen=True)
class Assessment:
    """What `assess` found. Every field is plain data; `as_json` gives one JSON object.

    metric: the number that decides (`HEADLINE`). baseline_rows, baseline_given: training rows that the baseline learned
    from, and how many it was given. difference: model less baseline. risk, tested: the threshold from the
    calibration split and how it did here; None without calibration rows and for numbers. half_width: of a number's
    interval that misses one row in ten. curve, baseline_curve: error rate against automatic rate here. confusion:
    (true, predicted, rows) of the cells that are not empty. dots: true and predicted numbers of at most 600 rows.
    """

    output: Output
    metric: str
    labels: tuple[str, ...]
    rows: int
    split: str
    model: Measured
    majority: Measured | None
    baseline: Measured | None
    baseline_rows: int | None
    baseline_given: int | None
    difference: Difference | None
    temperature: float
    thresholds: tuple[float, ...]
    bins: tuple[Bin, ...]
    risk: RiskThreshold | None
    tested: Tested | None
    half_width: float | None
    curve: tuple[RiskPoint, ...]
    baseline_curve: tuple[RiskPoint, ...]
    confusion: tuple[tuple[int, int, int], ...]
    pairs: tuple[Confused, ...]
    mistakes: tuple[Mistake, ...]
    classes: tuple[ClassRow, ...]
    slices: tuple[Slice, ...]
    mend: tuple[Mend, ...]
    dots: tuple[tuple[float, float], ...]

    @property
    def headline(self) -> float:
        """The metric that decides; NaN where it has no meaning."""
        value = self.model.numbers[self.metric]
        return math.nan if value is None else float(value)

    @property
    def interval(self) -> Interval:
        """The headline's 95 % interval."""
        return self.model.intervals[self.metric]

    @property
    def verdict(self) -> Standing | None:
        """Against the baseline: `better` when the whole interval of the difference says so; None without one."""
        return standing(self.difference)

    def as_json(self) -> dict[str, Any]:
        """One JSON object; what is not finite is None."""
        found = plain({**asdict(self), "verdict": self.verdict, "headline": self.headline, "interval": self.interval})
        assert isinstance(found, dict)
        return found


def standing(difference: Difference | None) -> Standing | None:
    """What an interval of a difference says: `better` above zero, `worse` below, else `unproven`."""
    if difference is None:
        return None
    return "better" if difference.low > 0 else "worse" if difference.high < 0 else "unproven"


def plain(value: Any) -> Any:
    """Lists, dictionaries and numbers as JSON has them; None for what is not finite."""
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
