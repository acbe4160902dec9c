"""Several models asked the same texts: what they share is computed once.

Models whose frozen part is the same file, and which read texts the same way, share cleaning, tokens and one pass
through the frozen part; each head then does its own few layers.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from homefield.bundle import Bundle
from homefield.serve.network import Sessions
from homefield.serve.prediction import Prediction
from homefield.serve.predictor import TOKENS, Outputs, Predictor, check_texts
from homefield.serve.reader import Batch, Texts

__all__ = ["Together", "family", "shared_outputs"]


class Together:
    """Models under names of the caller's choosing. Safe to use from several threads.

    Args:
        bundles: opened models by name.
        threads: of the networks; every physical core when None.
    """

    def __init__(self, bundles: Mapping[str, Bundle], *, threads: int | None = None) -> None:
        sessions = Sessions()
        self.predictors = {name: Predictor(one, threads=threads, sessions=sessions) for name, one in bundles.items()}
        self._groups: dict[Hashable, list[str]] = {}
        for name, predictor in self.predictors.items():
            self._groups.setdefault(family(predictor), []).append(name)

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
        return shared_outputs({name: (self.predictors[name], texts) for name in names})


Key = TypeVar("Key")


def shared_outputs(asked: Mapping[Key, tuple[Predictor, Sequence[str]]]) -> dict[Key, Outputs]:
    """What each network gives for the texts it is asked; their common frozen part is passed once, by all texts
    together, and a text that several are asked only once.

    asked: models with one `family`, each with its texts.
    """
    if len(asked) == 1 or not any(texts for _, texts in asked.values()):
        return {key: predictor.outputs(texts) for key, (predictor, texts) in asked.items()}
    first = next(iter(asked.values()))[0]
    places: dict[str, int] = {}
    rows = {
        key: np.array([places.setdefault(text, len(places)) for text in texts], dtype=np.int64)
        for key, (_, texts) in asked.items()
    }
    read = first.reader.read(list(places))
    wanted = {key: np.isin(np.arange(len(places)), some) for key, some in rows.items()}
    logits: dict[Key, NDArray[np.float32]] = {}
    vectors: dict[Key, NDArray[np.float32]] = {}
    batches = first.reader.batches(read.ids, tokens=TOKENS, cores=first.network.cores.count)
    passed = first.network.cores.each(lambda batch: _pass(asked, wanted, batch), batches)
    for batch, outputs in zip(batches, passed, strict=True):
        for key, (given, theirs) in outputs.items():
            if key not in logits:
                logits[key] = np.empty((len(places), given.shape[1]), dtype=np.float32)
                vectors[key] = np.empty((len(places), theirs.shape[1]), dtype=np.float32)
            here = batch.places[wanted[key][batch.places]]
            logits[key][here], vectors[key][here] = given, theirs
    found = {}
    for key, (predictor, texts) in asked.items():
        if not texts:
            found[key] = predictor.outputs(texts)
            continue
        mine = rows[key].tolist()
        faults = {row: read.faults[place] for row, place in enumerate(mine) if place in read.faults}
        its = Texts([read.cleaned[place] for place in mine], [read.ids[place] for place in mine], faults)
        found[key] = predictor.whole(its, logits[key][rows[key]], vectors[key][rows[key]])
    return found


def _pass(
    asked: Mapping[Key, tuple[Predictor, Sequence[str]]], wanted: Mapping[Key, NDArray[np.bool_]], batch: Batch
) -> dict[Key, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """The frozen part once for a batch, and what each head makes of the texts it is asked (`wanted`, of all texts)."""
    hidden = next(iter(asked.values()))[0].network.reach(batch.ids, batch.mask)
    found = {}
    for key, (predictor, _) in asked.items():
        here = wanted[key][batch.places]
        if here.any():
            some = (hidden, batch.mask) if here.all() else (hidden[here], batch.mask[here])
            found[key] = predictor.network.finish(*some)
    return found


def family(predictor: Predictor) -> Hashable:
    """Equal for models that can share a pass; of a model that ships whole, nobody else's."""
    manifest = predictor.manifest
    if predictor.network.frozen is None:
        return id(predictor)
    tokenizer = manifest.files["weights/tokenizer.json"]["sha256"]
    return predictor.network.frozen, tokenizer, manifest.max_length, manifest.pad_id, manifest.cleaning
