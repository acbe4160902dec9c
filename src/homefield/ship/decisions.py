"""When a model answers by itself: temperature, label thresholds, unknown score and risk threshold, from what is served.

Everything is fitted on the outputs of the quantised network, since those are what decides in use. Temperature, label
thresholds and the unknown score come from validation; the risk threshold alone from the calibration split, which
nothing else has seen, so that its bound holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefield.bundle import BundleManifest, Thresholds
from homefield.evaluate.answers import correct
from homefield.evaluate.calibration import fit_temperature, probabilities
from homefield.evaluate.conformal import half_width
from homefield.evaluate.risk import risk_threshold
from homefield.evaluate.thresholds import tune_thresholds
from homefield.evaluate.unknown import SUBTRACT, UnknownModel, fit_unknown
from homefield.serve import Outputs
from homefield.serve.decisions import Decider

__all__ = ["DELTA", "STRANGE", "Truth", "buy_risk", "calibrate", "fit_strange", "unknown_arrays"]

DELTA = 0.05
STRANGE = 0.99  # from this unknown score on a model abstains: one ordinary text in a hundred
MISS = 0.1
ENOUGH = 20  # validation rows, below which more than one ordinary text in twenty would look stranger than all of them


@dataclass(frozen=True)
class Truth:
    """What was served for a split and what is right. targets: as the task gives them."""

    outputs: Outputs
    targets: NDArray[Any]

    def __len__(self) -> int:
        return len(self.targets)


def fit_strange(
    manifest: BundleManifest, vectors: NDArray[np.float32], targets: NDArray[Any], validation: Truth
) -> UnknownModel | None:
    """The unknown score from training rows `[N, D]` and validation; None without rows in either."""
    if len(vectors) == 0 or len(validation) == 0:
        return None
    return fit_unknown(
        vectors,
        targets,
        output=manifest.output,
        size=max(1, len(manifest.labels)),
        validation_vectors=validation.outputs.vectors,
        validation_logits=validation.outputs.logits,
    )


def unknown_arrays(model: UnknownModel) -> dict[str, NDArray[np.float32]]:
    """What serving needs of an unknown score: see `homefield.serve.unknown.UnknownScore`."""
    weight = SUBTRACT / model.spread
    columns = [
        model.projection,
        -2.0 * (model.projection @ model.means.T),
        (2.0 * model.projection @ (weight * model.centre))[:, None],
    ]
    arrays = {
        "matrix": np.concatenate(columns, axis=1),
        "sizes": np.square(model.means).sum(axis=1),
        "squares": 1.0 - weight,
        "scale": np.append(model.scale, (weight * np.square(model.centre)).sum()),
        "reference": model.reference,
    }
    return {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in arrays.items()}


def calibrate(manifest: BundleManifest, validation: Truth, calibration: Truth, *, unknown: bool) -> BundleManifest:
    """The manifest with temperature, label thresholds, unknown threshold, and a number's interval."""
    output = manifest.output
    strange = STRANGE if unknown and len(validation) >= ENOUGH else None
    if output == "number":
        return replace(manifest, thresholds=Thresholds(unknown=strange), interval=_interval(calibration))
    if len(validation) == 0:
        return replace(manifest, thresholds=Thresholds(unknown=strange))
    temperature = fit_temperature(validation.outputs.logits, validation.targets, output)
    labels: tuple[float, ...] = ()
    if output == "categories":
        chances = probabilities(validation.outputs.logits, output, temperature)
        labels = tuple(tune_thresholds(chances, validation.targets).tolist())
    return replace(manifest, temperature=temperature, thresholds=Thresholds(labels, None, strange))


def buy_risk(
    manifest: BundleManifest, calibration: Truth, unknown: UnknownModel | None, *, risk: float
) -> BundleManifest:
    """The manifest with the threshold that a risk budget buys on the calibration split.

    Texts that are abstained from whatever the confidence (unknown, empty) are left out before the threshold is chosen;
    the automatic rate counts them as not answered.
    """
    outputs = calibration.outputs
    score = None if unknown is None else unknown.score(outputs.vectors, outputs.logits)
    decider = Decider(manifest)
    judged = decider.judge(outputs.logits, score)
    said = judged.said if manifest.output == "categories" else judged.said.argmax(axis=1)
    right = correct(said, calibration.targets, manifest.output)
    open_to_answer = decider.automatic(judged)
    open_to_answer[list(outputs.faults)] = False
    found = risk_threshold(judged.confidence[open_to_answer], right[open_to_answer], risk=risk, delta=DELTA)
    rows = len(calibration)
    bought = {**found.as_json(), "rows": rows, "automatic_rate": found.automatic / rows if rows else 0.0}
    assert (bought["threshold"] is None) == math.isinf(found.threshold)
    return replace(manifest, thresholds=replace(manifest.thresholds, risk=bought))


def _interval(calibration: Truth) -> dict[str, float]:
    residuals = calibration.targets.reshape(-1) - calibration.outputs.logits.reshape(-1)
    width = half_width(residuals, MISS)
    return {"half_width": width, "miss": MISS} if math.isfinite(width) else {}
