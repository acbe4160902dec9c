"""How good the served model is on rows it has not seen, with intervals, for the manifest and the card."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefield.bundle import BundleManifest
from homefield.evaluate.answers import answer, correct
from homefield.evaluate.calibration import Output, probabilities
from homefield.evaluate.intervals import bootstrap
from homefield.evaluate.metrics import HEADLINE, measure
from homefield.ship.decisions import Truth

__all__ = ["scores"]

_DETAILS = ("per_class",)


def scores(truth: Truth, manifest: BundleManifest) -> dict[str, Any]:
    """Metrics of a split with rows (not per class), and the headline's 95 % interval under `interval`."""
    output = manifest.output
    thresholds = np.asarray(manifest.thresholds.labels or 0.5)
    chances = probabilities(truth.outputs.logits, output, manifest.temperature)
    numbers = measure(chances, truth.targets, output, manifest.labels, thresholds)
    headline = HEADLINE[output]
    low, high = _interval(chances, truth.targets, output, thresholds)
    kept = {name: value for name, value in numbers.items() if name not in _DETAILS}
    return {**kept, "headline": headline, "interval": [low, high]}


def _interval(
    chances: NDArray[np.float32], targets: NDArray[Any], output: Output, thresholds: NDArray[np.float64]
) -> tuple[float, float]:
    if output == "number":
        real = np.asarray(targets, dtype=np.float64).reshape(len(targets))
        centred = real - real.mean()
        error = chances.reshape(len(targets)) - real
        return bootstrap(np.stack([error**2, centred, centred**2], axis=1), _r2)
    said = answer(chances, output, thresholds).predicted
    if output == "category":
        return bootstrap(correct(said, targets, output).astype(np.float64))
    wanted = np.asarray(targets) > 0.5
    counts = [(said & wanted).sum(axis=1), said.sum(axis=1), wanted.sum(axis=1)]
    return bootstrap(np.stack(counts, axis=1).astype(np.float64), _f1)


def _f1(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """2 hits / (said + wanted), of means `[R, 3]`."""
    return np.asarray(2 * means[:, 0] / np.maximum(means[:, 1] + means[:, 2], 1e-12))


def _r2(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 - mean squared error / variance, of means `[R, 3]`."""
    return np.asarray(1 - means[:, 0] / np.maximum(means[:, 2] - means[:, 1] ** 2, 1e-12))
