"""From which probability on a label is said, when a row may have several.

One threshold for all labels, or one for each: whichever proves better on rows it was not tuned on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["global_threshold", "label_thresholds", "tune_thresholds"]

FOLDS = 5
ENOUGH = 25  # rows with the label, below which a threshold of its own follows noise
STEPS = np.round(np.arange(0.05, 0.96, 0.01), 2)


def tune_thresholds(probabilities: NDArray[np.floating], targets: NDArray[Any]) -> NDArray[np.float64]:
    """Thresholds `[C]` for the highest micro-F1 on validation rows.

    A threshold for each label is used only when, over five folds, it beats one for all on the rows left out; it often
    does not, with few rows a label.

    Args:
        probabilities: `[N, C]`, calibrated.
        targets: `[N, C]`, zeros and ones.
    """
    labels = probabilities.shape[1]
    if len(probabilities) == 0:
        return np.full(labels, 0.5)
    truth = np.asarray(targets) > 0.5
    fold = np.arange(len(probabilities)) % FOLDS
    gains = np.zeros(2)
    for part in range(FOLDS):
        fit, check = fold != part, fold == part
        if not check.any() or not fit.any():
            continue
        for way, found in enumerate(
            (
                np.full(labels, global_threshold(probabilities[fit], truth[fit])),
                label_thresholds(probabilities[fit], truth[fit]),
            )
        ):
            gains[way] += _f1_micro(probabilities[check] >= found, truth[check])
    if gains[1] > gains[0]:
        return label_thresholds(probabilities, truth)
    return np.full(labels, global_threshold(probabilities, truth))


def global_threshold(probabilities: NDArray[np.floating], truth: NDArray[np.bool_]) -> float:
    """The one threshold with the highest micro-F1; nearest to 0.5 among equals."""
    scores = np.array([_f1_micro(probabilities >= step, truth) for step in STEPS])
    return float(_nearest_half(scores))


def label_thresholds(probabilities: NDArray[np.floating], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """For each label the threshold with its own highest F1; the common one where the label is too rare."""
    found = np.full(probabilities.shape[1], global_threshold(probabilities, truth))
    for label in np.flatnonzero(truth.sum(axis=0) >= ENOUGH):
        column, real = probabilities[:, label, None], truth[:, label, None]
        said = column >= STEPS[None, :]
        hits = (said & real).sum(axis=0)
        scores = 2 * hits / np.maximum(1, said.sum(axis=0) + real.sum())
        found[label] = _nearest_half(scores)
    return found


def _nearest_half(scores: NDArray[np.float64]) -> float:
    best = STEPS[scores >= scores.max() - 1e-12]
    return float(best[np.abs(best - 0.5).argmin()])


def _f1_micro(said: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float(2 * (said & truth).sum() / max(1, said.sum() + truth.sum()))
