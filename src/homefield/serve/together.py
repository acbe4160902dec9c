"""Several models asked the same texts: what they share is computed once.

Models whose frozen part is the same file, and which read texts the same way, share cleaning, tokens and one pass
through the frozen part; each head then does its own few layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefield.bundle import Bundle
from homefield.serve.network import Sessions
from homefield.serve.prediction import Prediction
from homefield.serve.predictor import TOKENS, Outputs, Predictor, check_texts
from homefield.serve.reader import Batch, in_order

__all__ = ["Together"]


class Together:
    """Models under names of the caller's choosing. Safe to use from several threads.

    Args:
        bundles: opened models by name.
        threads: of the networks; every physical core when None.
    """

    def __init__(self, bundles: Mapping[str, Bundle], *, threads: int | None = None) -> None:
        sessions = Sessions()
        self.predictors = {name: Predictor(one, threads=threads, sessions=sessions) for name, one in bundles.items()}
        self._groups: dict[tuple[Any, ...], list[str]] = {}
        for name, predictor in self.predictors.items():
            self._groups.setdefault(_what_is_shared(name, predictor), []).append(name)

    @property
    def groups(self) -> list[list[str]]:
        """Names of the models that share a pass."""
        return list(self._groups.values())

    def predict(self, texts: Sequence[str], *, evidence: int = 3, top: int = 3) -> dict[str, list[Prediction]]:
        """What each model says of each text, as `Predictor.predict`.

        Raises:
            CallError: as `Predictor.predict`.
        """
        check_texts(texts)
        found: dict[str, list[Prediction]] = {}
        for names in self._groups.values():
            for name, outputs in self._outputs(names, texts).items():
                found[name] = self.predictors[name].predictions(outputs, evidence=evidence, top=top)
        return {name: found[name] for name in self.predictors}

    def _outputs(self, names: list[str], texts: Sequence[str]) -> dict[str, Outputs]:
        first = self.predictors[names[0]]
        if len(names) == 1 or not texts:
            return {name: self.predictors[name].outputs(texts) for name in names}
        read = first.reader.read(texts)
        cores = first.network.cores
        batches = first.reader.batches(read.ids, tokens=TOKENS, cores=cores.count)
        found = cores.each(lambda batch: self._pass(names, batch), batches)
        return {
            name: self.predictors[name].whole(read, *in_order(batches, [one[place] for one in found]))
            for place, name in enumerate(names)
        }

    def _pass(self, names: list[str], batch: Batch) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """The frozen part once, and what each head makes of it."""
        hidden = self.predictors[names[0]].network.reach(batch.ids, batch.mask)
        return [self.predictors[name].network.finish(hidden, batch.mask) for name in names]


def _what_is_shared(name: str, predictor: Predictor) -> tuple[Any, ...]:
    """Equal for models that can share a pass."""
    manifest = predictor.manifest
    if predictor.network.frozen is None:
        return (name,)
    tokenizer = manifest.files["weights/tokenizer.json"]["sha256"]
    return predictor.network.frozen, tokenizer, manifest.max_length, manifest.pad_id, manifest.cleaning
