"""How sure must an answer be to be given without a human, for at most so many wrong ones of a hundred?

The threshold is chosen on the calibration split and holds for rows nobody has seen, with probability 1 - delta. Trying
many thresholds and keeping the best would break that promise, so they are tried in an order that is fixed before any
answer is compared with the truth, and the trying stops at the first that fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from homefield.evaluate.intervals import upper_bound

__all__ = ["RiskPoint", "RiskThreshold", "fewest_rows", "risk_curve", "risk_threshold"]

_Begin = Callable[[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]], int]

PESSIMISM = 1.5
LIKELY = 0.9
PLANNED = 0.9
STEP = 1.1
# The plan takes calibrated confidences to be half again too hopeful, and begins at the laxest place whose chance of
# passing is within a tenth of the best; it gets nine tenths of delta, a second try from the strictest place the rest,
# for confidences that are far too hopeful. On 11,529 banking77 rows scored out of fold (92.4 % right, best possible
# rate 85 %), at risk 0.02 and calibrated on 763 rows, this buys 69 % automatic; beginning at the strictest place alone
# 57 %, the binary search of Geifman & El-Yaniv (2017) 48 %, Bonferroni over a dozen thresholds 47 %. With confidences
# raised to the power 1/4 the plan alone buys 23 %, with the second try 48 %. Steps of a tenth: finer ones buy 2 points
# more and end more often at a lucky extreme; of 3,000 rows cut in halves, the other half broke the budget in 6.8 %
# rather than 2.8 % of cuts (benchmarks/risk_resplits.py).


@dataclass(frozen=True)
class RiskThreshold:
    """From which confidence on answers are automatic, and what was promised and measured.

    threshold: answers with at least this confidence are automatic; infinity when none may be.
    automatic_rate: share of the calibration rows answered automatically.
    bound: upper limit, at level 1 - delta, of the rate of wrong answers among the automatic ones.
    observed: that rate on the calibration rows; NaN when none is automatic.
    reason: a message key that says why no answer may be automatic; None when some may.
    """

    threshold: float
    automatic_rate: float
    bound: float
    observed: float
    rows: int
    automatic: int
    errors: int
    risk: float
    delta: float
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The numbers as one JSON object, None for what is infinite or undefined."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> RiskThreshold:
        """From what `as_json` gave."""
        kept = {name: values[name] for name in cls.__dataclass_fields__}
        kept["threshold"] = math.inf if kept["threshold"] is None else kept["threshold"]
        kept["observed"] = math.nan if kept["observed"] is None else kept["observed"]
        return cls(**kept)


@dataclass(frozen=True)
class RiskPoint:
    """One threshold: the share of rows at least as sure, how many of those are wrong, and that rate's upper limit."""

    threshold: float
    automatic_rate: float
    error_rate: float
    bound: float


def fewest_rows(risk: float, delta: float = 0.05) -> int:
    """Automatic rows without one error that prove an error rate of at most `risk`: log(0.9 delta) / log(1 - risk)."""
    return _fewest(risk, PLANNED * delta)


def risk_threshold(
    confidence: NDArray[np.floating], correct: NDArray[np.bool_], *, risk: float, delta: float = 0.05
) -> RiskThreshold:
    """The lowest threshold for which at most `risk` of the automatic answers are wrong, with probability 1 - delta.

    Learn then Test (Angelopoulos, Bates, Candès, Jordan & Lei 2021) with fixed-sequence testing: each threshold's
    hypothesis "more than `risk` of the answers this sure are wrong" is tested by the exact binomial tail, equal to
    comparing the Clopper-Pearson upper limit with `risk`, in an order from strict to lax; the first that is not
    rejected ends the sequence and the one before it is taken. Tried are the numbers of automatic rows at which one more
    error becomes affordable and the places midway between two such, each at least a tenth more than the one before. One
    sequence, at level 0.9 delta, begins where the confidences themselves promise success; when it fails at once, a
    second, at level 0.1 delta, begins at the strictest place, and the two levels add up to delta.

    The plan reads confidences, never the truth, so it costs no level: given the confidences the errors are independent,
    and the binomial tail is conservative for unequal error chances (Hoeffding 1956). Confidences that rank answers
    badly or are not calibrated lower the automatic rate, never the promise.

    Args:
        confidence: `[N]`, of the calibration rows.
        correct: `[N]`, which answers are right.
        risk: the highest rate of wrong answers among automatic ones, between 0 and 1.
        delta: the chance that the promise fails.

    Raises:
        ValueError: `risk` or `delta` is not between 0 and 1, or the arrays are not of the same rows.
    """
    if not (0 < risk < 1 and 0 < delta < 1):
        raise ValueError(f"risk and delta lie between 0 and 1, got {risk} and {delta}")
    if confidence.shape != correct.shape:
        raise ValueError(f"paired rows expected, got {confidence.shape} and {correct.shape}")
    rows = len(confidence)
    order = np.argsort(-np.asarray(confidence, dtype=np.float64), kind="stable")
    sure = np.asarray(confidence, dtype=np.float64)[order]
    wrong = np.cumsum(~np.asarray(correct, dtype=np.bool_)[order], dtype=np.int64)
    if rows < fewest_rows(risk, delta):
        return _none(rows, risk, delta, "evaluate.risk_rows")
    taken = _last_passed(sure, wrong, risk, PLANNED * delta, begin=_planned)
    if taken == 0:
        taken = _last_passed(sure, wrong, risk, (1 - PLANNED) * delta, begin=_strictest)
    if taken == 0:
        return _none(rows, risk, delta, "evaluate.risk_unmet")
    errors = int(wrong[taken - 1])
    return RiskThreshold(
        threshold=float(sure[taken - 1]),
        automatic_rate=taken / rows,
        bound=upper_bound(errors, taken, delta),
        observed=errors / taken,
        rows=rows,
        automatic=taken,
        errors=errors,
        risk=risk,
        delta=delta,
    )


def risk_curve(
    confidence: NDArray[np.floating], correct: NDArray[np.bool_], *, delta: float = 0.05, points: int = 200
) -> list[RiskPoint]:
    """The rate of wrong automatic answers at each automatic rate, strict to lax, with its pointwise upper limit.

    For looking at, not for choosing: the limits hold one at a time.
    """
    rows = len(confidence)
    if rows == 0:
        return []
    sure = -np.sort(-np.asarray(confidence, dtype=np.float64))
    order = np.argsort(-np.asarray(confidence, dtype=np.float64), kind="stable")
    wrong = np.cumsum(~np.asarray(correct, dtype=np.bool_)[order])
    places = np.unique(np.linspace(1, rows, min(points, rows)).astype(np.int64))
    places = np.unique(np.searchsorted(-sure, -sure[places - 1], side="right"))
    return [
        RiskPoint(
            threshold=float(sure[place - 1]),
            automatic_rate=place / rows,
            error_rate=float(wrong[place - 1] / place),
            bound=upper_bound(int(wrong[place - 1]), int(place), delta),
        )
        for place in places
    ]


def _last_passed(
    sure: NDArray[np.float64], wrong: NDArray[np.int64], risk: float, level: float, *, begin: _Begin
) -> int:
    """How many rows, the surest first, the last threshold of the sequence that passed makes automatic; 0 for none."""
    places = _places(sure, risk, level)
    if len(places) == 0:
        return 0
    allowed = _allowed(places, risk, level)
    first = begin(sure, places, allowed)
    taken = 0
    for place, most in zip(places[first:], allowed[first:], strict=True):
        if wrong[place - 1] > most:
            break
        taken = int(place)
    return taken


def _places(sure: NDArray[np.float64], risk: float, level: float) -> NDArray[np.int64]:
    """Numbers of automatic rows worth trying, ascending; rows equally sure are automatic together."""
    rows = len(sure)
    if rows < _fewest(risk, level):
        return np.empty(0, dtype=np.int64)
    allowed = _allowed(np.arange(1, rows + 1), risk, level)
    first = np.searchsorted(allowed, np.arange(allowed[-1] + 1)) + 1
    tried = np.unique(np.concatenate([first, (first[:-1] + first[1:]) // 2, [rows]]))
    tried = np.unique(np.searchsorted(-sure, -sure[tried - 1], side="right"))
    kept = [int(tried[0])]
    for place in tried[1:].tolist():
        if place >= STEP * kept[-1]:
            kept.append(place)
    return np.array(kept, dtype=np.int64)


def _allowed(places: NDArray[np.int64], risk: float, level: float) -> NDArray[np.int64]:
    """The most errors among so many rows that still reject a rate above `risk` at the level; -1 for none."""
    most = binom.ppf(level, places, risk)
    fewer = binom.cdf(most, places, risk) > level
    return np.asarray(most - fewer, dtype=np.int64)


def _planned(sure: NDArray[np.float64], places: NDArray[np.int64], allowed: NDArray[np.int64]) -> int:
    """The laxest place whose chance of passing, by the confidences alone, is near the best."""
    expected = np.cumsum(1.0 - np.clip(sure, 0.0, 1.0))[places - 1] / places
    chance = np.where(allowed >= 0, binom.cdf(allowed, places, np.clip(PESSIMISM * expected, 0.0, 1.0)), 0.0)
    return int(np.flatnonzero(chance >= LIKELY * chance.max()).max()) if chance.max() > 0 else 0


def _strictest(sure: NDArray[np.float64], places: NDArray[np.int64], allowed: NDArray[np.int64]) -> int:
    del sure, places, allowed
    return 0


def _fewest(risk: float, level: float) -> int:
    return math.ceil(math.log(level) / math.log1p(-risk) - 1e-9)


def _none(rows: int, risk: float, delta: float, reason: str) -> RiskThreshold:
    return RiskThreshold(math.inf, 0.0, 1.0, math.nan, rows, 0, 0, risk, delta, reason)
