"""A model that compares texts: vectors, the nearest of its stored texts, and whether two texts are the same matter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from homefield.bundle import Bundle, BundleManifest, Precision
from homefield.errors import CallError
from homefield.serve.neighbours import Neighbours
from homefield.serve.network import Sessions
from homefield.serve.prediction import Candidate, Evidence, Prediction, Reason
from homefield.serve.predictor import CHUNK, Outputs, Predictor
from homefield.serve.products import Products

__all__ = ["DIFFERENT", "SAME", "Matched", "Matcher"]

SAME, DIFFERENT = "same", "different"


@dataclass(frozen=True, slots=True)
class Matched:
    """What is said of two texts. score: cosine of their vectors. probability: that they are the same matter; None for a
    model that was never shown enough to tell. decision, reason: as in `Prediction`."""

    same: bool
    score: float
    probability: float | None
    decision: str
    reason: Reason | None


class Matcher:
    """Compares texts with one model. Safe to use from several threads.

    Args:
        bundle: an opened model whose output is `vector`.
        precision: `int8` as proven by the parity gate, or `fp32`.
        threads: of the network; every physical core when None.
        sessions: shared with other models.

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
        self.network = Predictor(bundle, precision=precision, threads=threads, sessions=sessions)
        self._stored = Neighbours(bundle, Products())
        self._curve = bundle.manifest.match
        risk = bundle.manifest.thresholds.risk
        self._sure = 0.0
        if risk is not None:
            self._sure = np.inf if risk["threshold"] is None else float(risk["threshold"])
        elif self._curve.get("labelled"):
            self._sure = 0.5

    @property
    def manifest(self) -> BundleManifest:
        """What the model says of itself."""
        return self.bundle.manifest

    @property
    def title(self) -> str:
        """The model's name and version, as predictions carry it."""
        return self.bundle.manifest.title

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of length 1 `[N, D]`; their products are cosines.

        Raises:
            CallError: `serve.one_text`, `serve.not_a_text`.
        """
        return self.outputs(texts).logits

    def outputs(self, texts: Sequence[str]) -> Outputs:
        """The vectors, as `logits`, and which texts cannot be read."""
        found = self.network.outputs(texts)
        if len(texts) == 0:
            return Outputs(np.empty((0, self.manifest.width), np.float32), found.vectors, {})
        return found

    def probability(self, scores: NDArray[np.floating]) -> NDArray[np.float64] | None:
        """That two texts with these cosines `[N]` are the same matter; None where no curve was fitted."""
        if "slope" not in self._curve:
            return None
        reached = self._curve["slope"] * np.asarray(scores, dtype=np.float64) + self._curve["offset"]
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * reached)))

    def match(self, text: str, other: str) -> Matched:
        """Whether two texts are the same matter.

        Raises:
            CallError: `serve.not_a_text`.
        """
        said = self.pairs([text], [other])[0]
        probability = None
        if said.value is not None and (chance := self.probability(np.array([said.value]))) is not None:
            probability = float(chance[0])
        return Matched(said.label == SAME, said.value or 0.0, probability, said.decision, said.reason)

    def pairs(self, texts: Sequence[str], others: Sequence[str]) -> list[Prediction]:
        """Of each text with the other beside it: `same` or `different`, the cosine as `value`, the other as evidence.

        Raises:
            CallError: `serve.pairs` (not equally many), or as `encode`.
        """
        if len(texts) != len(others):
            raise CallError("serve.pairs", texts=len(texts), others=len(others))
        return self.compared(self.outputs([*texts, *others]), others)

    def compared(self, both: Outputs, others: Sequence[str]) -> list[Prediction]:
        """Decide on the outputs of texts and, behind them, of as many others; as `pairs`."""
        count = len(others)
        scores = np.einsum("nd,nd->n", both.logits[:count], both.logits[count:]).astype(np.float64)
        chances = self.probability(scores)
        threshold = float(self._curve.get("threshold", 0.5))
        least = self._pair_threshold()
        found = []
        for row, (score, other) in enumerate(zip(scores.tolist(), others, strict=True)):
            chance = float(score >= threshold) if chances is None else float(chances[row])
            same = score >= threshold if chances is None else chance >= 0.5
            sure = chance if same else 1.0 - chance
            reason = both.faults.get(row) or both.faults.get(count + row) or (None if sure >= least else "unsure")
            blank = reason == "empty"
            found.append(
                Prediction(
                    () if blank else (Candidate(SAME if same else DIFFERENT, sure),),
                    None if blank else score,
                    None,
                    0.0 if blank else sure,
                    "answer" if reason is None else "abstain",
                    reason,
                    () if blank else (Candidate(DIFFERENT if same else SAME, 1.0 - sure),),
                    None,
                    (Evidence(other, "", "", 0, score),),
                    self.title,
                )
            )
        return found

    def predict(self, texts: Sequence[str], *, evidence: int = 3, top: int = 3) -> list[Prediction]:
        """For each text the stored text nearest to it as the answer, in order.

        Args:
            texts: any strings; an empty one is abstained from.
            evidence: nearest stored texts to show with their cosines.
            top: runners-up at most.

        Raises:
            CallError: `serve.nothing_stored`, or as `encode`.
        """
        self.check_stored()
        return self.predictions(self.outputs(texts), evidence=evidence, top=top)

    def predictions(self, outputs: Outputs, *, evidence: int = 3, top: int = 3) -> list[Prediction]:
        """Decide on outputs, as `predict`."""
        found = self._stored.nearest(outputs.logits, max(evidence, top + 1))
        return [self._answer(near, outputs.faults.get(row), evidence, top) for row, near in enumerate(found)]

    def check_stored(self) -> None:
        """See that there are texts to be found.

        Raises:
            CallError: `serve.nothing_stored`.
        """
        if not self.manifest.evidence.get("rows"):
            raise CallError("serve.nothing_stored", model=self.title)

    def stream(self, texts: Iterable[str], *, evidence: int = 3, top: int = 3) -> Iterator[Prediction]:
        """As `predict`, for any number of texts: at most 1,024 are held at once."""
        pending = iter(texts)
        while chunk := list(islice(pending, CHUNK)):
            yield from self.predict(chunk, evidence=evidence, top=top)

    def _answer(self, near: tuple[Evidence, ...], fault: Reason | None, evidence: int, top: int) -> Prediction:
        scores = np.array([one.similarity for one in near])
        chances = self.probability(scores)
        sure = [max(0.0, one) for one in (scores if chances is None else chances).tolist()]
        reason = fault or (None if sure[0] >= self._sure else "unsure")
        blank = reason == "empty"
        listed = [Candidate(one.text, chance) for one, chance in zip(near, sure, strict=True)]
        return Prediction(
            () if blank else (listed[0],),
            None if blank else float(scores[0]),
            None,
            0.0 if blank else sure[0],
            "answer" if reason is None else "abstain",
            reason,
            () if blank else tuple(listed[1 : top + 1]),
            None,
            () if blank else near[:evidence],
            self.title,
        )

    def _pair_threshold(self) -> float:
        bought = self._curve.get("pair_risk")
        if bought is None:
            return 0.0
        return float("inf") if bought["threshold"] is None else float(bought["threshold"])
