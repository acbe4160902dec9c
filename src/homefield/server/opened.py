"""A model of the registry, opened to answer: by itself, or in one pass with those that share its frozen part."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from homefield.bundle.registry import Registry
from homefield.serve import Matcher, Outputs, Prediction, Predictor, Sessions
from homefield.serve.prediction import Reason
from homefield.serve.together import family, shared_outputs
from homefield.store.versions import ModelVersion

__all__ = ["Ask", "Opened", "Predicted", "Vector", "answer_all", "open_version"]


class Predicted(NamedTuple):
    """Wanted: a prediction, with so many rows of evidence and runners-up."""

    evidence: int
    top: int


class Vector(NamedTuple):
    """Wanted: the text's vector."""


@dataclass(frozen=True, eq=False)
class Opened:
    """One version, ready to answer. network: its tokens and passes. family: equal for those that can share a pass."""

    name: str
    version: int
    seal: str
    model: Predictor | Matcher
    network: Predictor
    family: Hashable

    @property
    def title(self) -> str:
        """Its name and version."""
        return f"{self.name}@{self.version}"

    def finish(self, outputs: Outputs, want: Predicted | Vector) -> Sequence[Any]:
        """What is wanted of the network's outputs."""
        if isinstance(want, Vector):
            return [(vector, outputs.faults.get(row)) for row, vector in enumerate(outputs.logits)]
        return self.model.predictions(outputs, evidence=want.evidence, top=want.top)

    def compare(
        self, vectors: Sequence[tuple[NDArray[np.float32], Reason | None]], others: list[str]
    ) -> list[Prediction]:
        """Whether pairs are the same matter, by the vectors of the texts and, behind them, of the others."""
        assert isinstance(self.model, Matcher)
        faults = {row: fault for row, (_, fault) in enumerate(vectors) if fault is not None}
        both = np.stack([vector for vector, _ in vectors])
        return self.model.compared(Outputs(both, both, faults), others)


@dataclass(frozen=True, slots=True)
class Ask:
    """One text for one model."""

    opened: Opened
    text: str
    want: Predicted | Vector


def open_version(row: ModelVersion, registry: Registry, *, sessions: Sessions, threads: int) -> Opened:
    """Open a version and ask it once, so that the first caller does not wait for what is read when first needed.

    Raises:
        CallError, Tampered: as `Registry.open`.
    """
    bundle = registry.open(row)
    if bundle.manifest.output == "vector":
        matcher = Matcher(bundle, threads=threads, sessions=sessions)
        model: Predictor | Matcher = matcher
        network = matcher.network
    else:
        model = network = Predictor(bundle, threads=threads, sessions=sessions)
    opened = Opened(row.name, row.version, bundle.manifest.seal, model, network, family(network))
    if isinstance(model, Predictor) or bundle.manifest.evidence.get("rows"):
        model.predict(["warm"])
    return opened


def answer_all(asks: Sequence[Ask]) -> list[Any]:
    """What each model of one family says of each text, in one pass of what they share."""
    places: dict[Opened, list[int]] = {}
    for place, ask in enumerate(asks):
        places.setdefault(ask.opened, []).append(place)
    asked = {opened: (opened.network, [asks[place].text for place in some]) for opened, some in places.items()}
    results: list[Any] = [None] * len(asks)
    for opened, outputs in shared_outputs(asked).items():
        wanted: dict[Predicted | Vector, list[int]] = {}
        for row, place in enumerate(places[opened]):
            wanted.setdefault(asks[place].want, []).append(row)
        for want, rows in wanted.items():
            some = outputs if len(wanted) == 1 else _some(outputs, rows)
            for row, result in zip(rows, opened.finish(some, want), strict=True):
                results[places[opened][row]] = result
    return results


def _some(outputs: Outputs, rows: list[int]) -> Outputs:
    faults = {new: outputs.faults[old] for new, old in enumerate(rows) if old in outputs.faults}
    return Outputs(outputs.logits[rows], outputs.vectors[rows], faults)
