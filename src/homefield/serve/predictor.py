"""A model that answers texts: ONNX Runtime and the `tokenizers` library, never torch.

8-bit networks quantise what flows through them by batch, so the same text may give outputs that differ in the third
digit in another company; the parity gate measured the model as it is served, in batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from homefield.bundle import Bundle, BundleManifest, Precision
from homefield.errors import CallError
from homefield.serve.decisions import Decider, Judged
from homefield.serve.neighbours import Neighbours
from homefield.serve.network import ServedNetwork, Sessions
from homefield.serve.prediction import Prediction, Reason
from homefield.serve.products import Products
from homefield.serve.reader import Reader, Texts, in_order
from homefield.serve.unknown import UnknownScore

__all__ = ["CHUNK", "TOKENS", "Outputs", "Predictor", "check_texts"]

CHUNK = 1_024  # texts held at once when streaming
TOKENS = 1_024  # token places a pass; more gain nothing on a processor and cost memory


@dataclass(frozen=True, slots=True)
class Outputs:
    """What the network gave for N texts. logits: `[N, C]`. vectors: `[N, D]`. faults: texts that cannot be answered."""

    logits: NDArray[np.float32]
    vectors: NDArray[np.float32]
    faults: dict[int, Reason]


class Predictor:
    """Answers texts with one model. Safe to use from several threads.

    Args:
        bundle: an opened model.
        precision: `int8` as proven by the parity gate, or `fp32`.
        threads: of the network; every physical core when None.
        sessions: shared with other models, so that a frozen part they have in common is held once.

    Raises:
        CallError: `bundle.no_precision`.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        precision: Precision = "int8",
        threads: int | None = None,
        sessions: Sessions | None = None,
    ) -> None:
        self.bundle = bundle
        self.precision = precision
        self.network = ServedNetwork(bundle, precision, threads=threads, sessions=sessions)
        self.reader = Reader(bundle)
        self.decider = Decider(bundle.manifest)
        self._beside = bundle.beside()
        products = Products()
        self.neighbours = Neighbours(bundle, products)
        arrays = bundle.unknown()
        self._unknown = UnknownScore(arrays, bundle.manifest.output, products) if arrays else None

    @property
    def manifest(self) -> BundleManifest:
        """What the model says of itself."""
        return self.bundle.manifest

    @property
    def title(self) -> str:
        """The model's name and version, as predictions carry it."""
        return self.bundle.manifest.title

    def predict(self, texts: Sequence[str], *, evidence: int = 3, top: int = 3) -> list[Prediction]:
        """A prediction for each text, in order.

        Args:
            texts: any strings; an empty one is abstained from.
            evidence: nearest training rows for each; 0 is quicker.
            top: runners-up at most.

        Raises:
            CallError: `serve.one_text`, `serve.not_a_text`.
        """
        outputs = self.outputs(texts)
        return self.predictions(outputs, evidence=evidence, top=top)

    def stream(self, texts: Iterable[str], *, evidence: int = 3, top: int = 3) -> Iterator[Prediction]:
        """As `predict`, for any number of texts: at most 1,024 are held at once."""
        pending = iter(texts)
        while chunk := list(islice(pending, CHUNK)):
            yield from self.predict(chunk, evidence=evidence, top=top)

    def outputs(self, texts: Sequence[str]) -> Outputs:
        """What the network gives, without deciding anything.

        Raises:
            CallError: as `predict`.
        """
        check_texts(texts)
        manifest = self.bundle.manifest
        if not texts:
            size = max(1, len(manifest.labels))
            return Outputs(np.empty((0, size), np.float32), np.empty((0, manifest.width), np.float32), {})
        read = self.reader.read(texts)
        batches = self.reader.batches(read.ids, tokens=TOKENS, cores=self.network.cores.count)
        found = self.network.cores.each(lambda batch: self.network(batch.ids, batch.mask), batches)
        return self.whole(read, *in_order(batches, found))

    def whole(self, read: Texts, logits: NDArray[np.float32], vectors: NDArray[np.float32]) -> Outputs:
        """What the model gives for texts that were read and went through the network: with what stands beside it."""
        if self._beside is not None:
            logits = self._beside.join(logits, read.cleaned)
        return Outputs(logits, vectors, read.faults)

    def judge(self, outputs: Outputs) -> Judged:
        """Read outputs as probabilities, answers and confidences."""
        unknown = None if self._unknown is None else self._unknown(outputs.vectors, outputs.logits)
        return self.decider.judge(outputs.logits, unknown)

    def predictions(self, outputs: Outputs, *, evidence: int = 3, top: int = 3) -> list[Prediction]:
        """Decide on outputs."""
        judged = self.judge(outputs)
        near = self.neighbours.nearest(outputs.vectors, evidence) if evidence else None
        return self.decider.decide(judged, outputs.faults, near, top=top)


def check_texts(texts: Sequence[str]) -> None:
    """See that these are texts.

    Raises:
        CallError: `serve.one_text`, `serve.not_a_text`.
    """
    if isinstance(texts, (str, bytes)):
        raise CallError("serve.one_text")
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise CallError("serve.not_a_text", place=place + 1, got=type(text).__name__)
