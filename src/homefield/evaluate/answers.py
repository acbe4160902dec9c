"""From probabilities to answers: what is said, how sure, and whether it was right.

Serving and evaluation both decide here, so that a confidence means the same in a report and in an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefield.evaluate.calibration import Output, blocks

__all__ = ["Answers", "answer", "correct"]


@dataclass(frozen=True)
class Answers:
    """What a model says of N rows.

    predicted: `[N]` class indices, `[N, C]` booleans, or `[N]` numbers, by the kind of output.
    confidence: `[N]`, the probability that the whole answer is right; 1 for numbers, which have an interval instead.
    """

    predicted: NDArray[Any]
    confidence: NDArray[np.float64]


def answer(
    probabilities: NDArray[np.floating], output: Output, thresholds: float | NDArray[np.floating] = 0.5
) -> Answers:
    """What the probabilities say.

    For `category` the likeliest class and its probability. For `categories` every label whose probability reaches its
    threshold, and the product over labels of the probability of what was said of each: with thresholds of 0.5 that is
    the product of max(p, 1 - p).

    Args:
        probabilities: `[N, C]`, calibrated.
        output: the kind of output.
        thresholds: for `categories`, one or `[C]`.
    """
    if output == "number":
        numbers = np.asarray(probabilities, dtype=np.float64).reshape(len(probabilities))
        return Answers(numbers, np.ones(len(numbers)))
    confidence = np.empty(len(probabilities))
    if output == "category":
        best = np.empty(len(probabilities), dtype=np.int64)
        for rows in blocks(*probabilities.shape):
            block = np.asarray(probabilities[rows])
            best[rows] = block.argmax(axis=1)
            confidence[rows] = block.max(axis=1)
        return Answers(best, confidence)
    said = np.empty(probabilities.shape, dtype=np.bool_)
    for rows in blocks(*probabilities.shape):
        block = np.asarray(probabilities[rows], dtype=np.float64)
        said[rows] = block >= thresholds
        confidence[rows] = np.where(said[rows], block, 1.0 - block).prod(axis=1)
    return Answers(said, confidence)


def correct(predicted: NDArray[Any], targets: NDArray[Any], output: Output) -> NDArray[np.bool_]:
    """Which answers are wholly right, `[N]`; a set of labels is right when it is the same set.

    A target of -1 (a label that the model does not know) is never right. Numbers are right when equal.
    """
    if output == "categories":
        return np.asarray((np.asarray(predicted, dtype=np.bool_) == (np.asarray(targets) > 0.5)).all(axis=1))
    return np.asarray(predicted == np.asarray(targets).reshape(len(predicted)))
