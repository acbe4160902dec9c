"""From a network's outputs to decisions: calibrated confidence, an answer or an abstention, and why.

The same numbers as `homefield.evaluate.calibration` and `homefield.evaluate.answers` give (a test compares them),
written so that one row at a time is quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homefield.bundle import BundleManifest
from homefield.serve.prediction import Candidate, Evidence, Prediction, Reason

__all__ = ["Decider", "Judged"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """Outputs read as answers, N rows.

    probabilities: calibrated, `[N, C]`; a number's outputs themselves. said: `[N, C]`, which labels are said.
    confidence: `[N]`, that the whole answer is right. unknown: `[N]`, None without an unknown score.
    """

    probabilities: Floats
    said: NDArray[np.bool_]
    confidence: Floats
    unknown: Floats | None


class Decider:
    """Decides as one model's manifest says."""

    def __init__(self, manifest: BundleManifest) -> None:
        self._output = manifest.output
        self._labels = manifest.labels
        self._scale = 1.0 / manifest.temperature
        self._label_thresholds = np.asarray(manifest.thresholds.labels or 0.5, dtype=np.float64)
        risk = manifest.thresholds.risk
        # A budget that no threshold keeps has the threshold null: then nothing is answered automatically.
        self._sure = 0.0 if risk is None else np.inf if risk["threshold"] is None else float(risk["threshold"])
        self._strange = np.inf if manifest.thresholds.unknown is None else manifest.thresholds.unknown
        self._half_width = manifest.interval.get("half_width")
        self._title = manifest.title

    def judge(self, outputs: NDArray[np.float32], unknown: Floats | None) -> Judged:
        """Read outputs `[N, C]`; `unknown` `[N]`."""
        scaled = outputs.astype(np.float64) * self._scale
        if self._output == "category":
            scaled -= scaled.max(axis=1, keepdims=True)
            np.exp(scaled, out=scaled)
            scaled /= scaled.sum(axis=1, keepdims=True)
            best = scaled.argmax(axis=1)
            rows = np.arange(len(scaled))
            said = np.zeros(scaled.shape, dtype=np.bool_)
            said[rows, best] = True
            return Judged(scaled, said, scaled[rows, best], unknown)
        if self._output == "categories":
            # Half of 1 + tanh(x / 2) is the logistic function, and cannot overflow.
            chances = 0.5 * (1.0 + np.tanh(0.5 * scaled))
            said = chances >= self._label_thresholds
            return Judged(chances, said, np.where(said, chances, 1.0 - chances).prod(axis=1), unknown)
        return Judged(outputs.astype(np.float64), np.zeros(outputs.shape, np.bool_), np.ones(len(outputs)), unknown)

    def automatic(self, judged: Judged) -> NDArray[np.bool_]:
        """Which rows are answered without a person, `[N]`."""
        sure: NDArray[np.bool_] = judged.confidence >= self._sure
        return sure if judged.unknown is None else sure & (judged.unknown < self._strange)

    def decide(
        self,
        judged: Judged,
        faults: Mapping[int, Reason],
        evidence: list[tuple[Evidence, ...]] | None,
        *,
        top: int,
        start: int = 0,
    ) -> list[Prediction]:
        """A prediction for every row. faults: by place, counted from `start`. top: runners-up at most."""
        found = []
        confidence, unknown = judged.confidence.tolist(), None if judged.unknown is None else judged.unknown.tolist()
        for row in range(len(confidence)):
            strange = None if unknown is None else unknown[row]
            reason = faults.get(start + row) or self._reason(confidence[row], strange)
            blank = reason == "empty"
            answers, others = ((), ()) if blank else self._candidates(judged, row, top)
            value = None if blank or self._output != "number" else float(judged.probabilities[row, 0])
            half = self._half_width
            found.append(
                Prediction(
                    answers,
                    value,
                    None if value is None or half is None else (value - half, value + half),
                    0.0 if blank else confidence[row],
                    "answer" if reason is None else "abstain",
                    reason,
                    others,
                    None if blank else strange,
                    () if blank or evidence is None else evidence[row],
                    self._title,
                )
            )
        return found

    def _reason(self, confidence: float, unknown: float | None) -> Reason | None:
        if unknown is not None and unknown >= self._strange:
            return "unknown"
        return None if confidence >= self._sure else "unsure"

    def _candidates(self, judged: Judged, row: int, top: int) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...]]:
        if self._output == "number":
            return (), ()
        chances = judged.probabilities[row]
        if self._output == "category":
            places = _largest(chances, top + 1)
            found = [Candidate(self._labels[place], float(chances[place])) for place in places]
            return (found[0],), tuple(found[1:])
        said = judged.said[row]
        order = np.argsort(-chances, kind="stable")
        answers = tuple(Candidate(self._labels[place], float(chances[place])) for place in order[said[order]])
        others = order[~said[order]][:top]
        return answers, tuple(Candidate(self._labels[place], float(chances[place])) for place in others)


def _largest(values: Floats, count: int) -> list[int]:
    """Places of the `count` largest values, largest first, the first place first among equals."""
    if len(values) > 512 and count < 32:
        some = np.sort(np.argpartition(-values, count)[:count])
        return [int(place) for place in some[np.argsort(-values[some], kind="stable")]]
    order: list[int] = np.argsort(-values, kind="stable")[:count].tolist()
    return order
