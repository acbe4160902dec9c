"""Probabilities that mean what they say: temperature scaling, and how far from the truth they still are.

A network's outputs are divided by one number, the temperature, fitted on rows the network did not learn from. The
answer with the highest output stays the same; only how sure it is changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, logsumexp

from homefield.evaluate.intervals import wilson

__all__ = [
    "Bin",
    "Output",
    "blocks",
    "calibration_error",
    "fit_temperature",
    "log_losses",
    "probabilities",
    "reliability",
]

Output = Literal["category", "categories", "number", "vector"]
Array = NDArray[np.floating]

BLOCK = 1 << 21  # numbers held at once in double precision: 16 MB
FIT_ROWS = 50_000  # more rows move a single number's estimate by less than it matters
COLDEST, HOTTEST = 0.05, 20.0


@dataclass(frozen=True)
class Bin:
    """Rows whose confidence lies in `low`..`high`: how many, how sure on average, how often right, and its interval."""

    low: float
    high: float
    rows: int
    confidence: float
    accuracy: float
    accuracy_low: float
    accuracy_high: float


def blocks(rows: int, width: int) -> Iterator[slice]:
    """Slices over `rows` rows of `width` numbers, each small enough to be held in double precision."""
    step = max(1, BLOCK // max(1, width))
    for start in range(0, rows, step):
        yield slice(start, min(rows, start + step))


def fit_temperature(logits: Array, targets: NDArray[Any], output: Output) -> float:
    """The temperature T that makes softmax(logits / T), or the sigmoid of each, most likely on held-out rows.

    Minimises the mean log loss over log T (Guo, Pleiss, Sun & Weinberger 2017, "On Calibration of Modern Neural
    Networks", section 4.2), for `categories` over every row and label. A standard normal prior on log T, worth one row,
    keeps T finite where every row is right. Rows with a target of -1 (a label the model does not know) are left out; of
    more than 50,000 rows an evenly spaced 50,000 are used.

    Args:
        logits: `[N, C]`, may be memory-mapped.
        targets: `[N]` class indices, or `[N, C]` zeros and ones.
        output: `number` has no temperature and gives 1.0.
    """
    if output == "number" or len(logits) == 0:
        return 1.0
    rows = np.arange(len(logits)) if output == "categories" else np.flatnonzero(np.asarray(targets) >= 0)
    if len(rows) == 0:
        return 1.0
    if len(rows) > FIT_ROWS:
        rows = rows[np.linspace(0, len(rows) - 1, FIT_ROWS).astype(np.int64)]
    chosen = np.asarray(logits[rows], dtype=np.float64)
    truth = np.asarray(targets)[rows]

    def loss(log_temperature: float) -> float:
        scale = np.exp(-log_temperature)
        return float(log_losses(chosen, truth, output, scale).mean()) + 0.5 * log_temperature**2 / len(rows)

    found = minimize_scalar(loss, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded", options={"xatol": 1e-5})
    return float(np.exp(found.x))


def log_losses(logits: Array, targets: NDArray[Any], output: Output, scale: float = 1.0) -> NDArray[np.float64]:
    """What each row loses, `[N]`: -log of the right class's share, or the mean over labels of -log of what is right.

    logits: `[N, C]`, multiplied by `scale`. targets: `[N]` class indices, or `[N, C]` zeros and ones.
    """
    found = np.empty(len(logits), dtype=np.float64)
    for rows in blocks(*logits.shape):
        scaled = np.asarray(logits[rows], dtype=np.float64) * scale
        if output == "category":
            right = np.take_along_axis(scaled, targets[rows].astype(np.int64)[:, None], axis=1)[:, 0]
            found[rows] = logsumexp(scaled, axis=1) - right
        else:
            found[rows] = np.mean(np.logaddexp(0.0, scaled) - scaled * targets[rows], axis=1)
    return found


def probabilities(logits: Array, output: Output, temperature: float = 1.0) -> NDArray[np.float32]:
    """Calibrated probabilities `[N, C]`; for `number` the outputs themselves.

    `category` gives softmax(logits / T), rows summing to 1; `categories` gives the sigmoid of each. One array of 32-bit
    numbers is made, filled block by block.
    """
    result = np.empty(logits.shape, dtype=np.float32)
    for rows in blocks(*logits.shape):
        block = np.asarray(logits[rows], dtype=np.float64)
        if output == "category":
            block = block / temperature
            block = np.exp(block - block.max(axis=1, keepdims=True))
            block /= block.sum(axis=1, keepdims=True)
        elif output == "categories":
            block = expit(block / temperature)
        result[rows] = block
    return result


def reliability(confidence: Array, correct: NDArray[np.bool_], bins: int = 10) -> list[Bin]:
    """How often answers are right in each stretch of confidence; stretches of equal width, empty ones left out.

    The interval of each is Wilson's, 95 %.
    """
    place = np.minimum((np.asarray(confidence, dtype=np.float64) * bins).astype(np.int64), bins - 1)
    rows = np.bincount(place, minlength=bins)
    sure = np.bincount(place, weights=confidence, minlength=bins)
    right = np.bincount(place, weights=correct, minlength=bins)
    found = []
    for index in np.flatnonzero(rows):
        low, high = wilson(int(right[index]), int(rows[index]))
        found.append(
            Bin(
                low=index / bins,
                high=(index + 1) / bins,
                rows=int(rows[index]),
                confidence=float(sure[index] / rows[index]),
                accuracy=float(right[index] / rows[index]),
                accuracy_low=low,
                accuracy_high=high,
            )
        )
    return found


def calibration_error(confidence: Array, correct: NDArray[np.bool_], bins: int = 15) -> float:
    """Expected calibration error: the mean gap between confidence and accuracy, weighted by rows.

    Equal-width bins (Naeini, Cooper & Hauskrecht 2015; 15 bins as in Guo et al. 2017).
    """
    found = reliability(confidence, correct, bins)
    rows = sum(one.rows for one in found)
    return sum(one.rows * abs(one.confidence - one.accuracy) for one in found) / rows if rows else 0.0
