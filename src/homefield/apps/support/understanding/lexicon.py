"""Which words a question shares with historical questions and with answers: n-grams counted, compared by cosine.

Vectors know what is meant, counted n-grams what is written; a product's name or an error code that the network never
learned is told by the second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from homefield.evaluate.grams import Grams, count_grams

__all__ = ["Lexicon"]

COMMON = 0.2  # n-grams in more than this share of a thousand texts or more tell nothing and cost most of the time
WHOLE = 50_000  # texts up to which a question is compared with all of them


@dataclass(frozen=True)
class Lexicon:
    """N questions and A answers as counted n-grams, each row of length 1."""

    grams: Grams
    questions: csr_matrix
    answers: csr_matrix

    @classmethod
    def of(cls, questions: Sequence[str], answers: Sequence[str]) -> Lexicon:
        """Learn how rare each n-gram is, from all of these texts."""
        counted = count_grams([*questions, *answers])
        keys, within = np.unique(counted.keys, return_counts=True)
        if counted.texts > WHOLE:
            keys, within = keys[within > 1], within[within > 1]
        if counted.texts >= 1_000:
            keys, within = keys[within <= COMMON * counted.texts], within[within <= COMMON * counted.texts]
        rarity = (1.0 + np.log((1 + counted.texts) / (1 + within))).astype(np.float32)
        grams = Grams(keys, rarity, np.zeros((len(keys), 0), np.float16), np.zeros(0, np.float32))
        return cls(grams, _rows(grams, questions), _rows(grams, answers))

    def rows(self, texts: Sequence[str]) -> csr_matrix:
        """Texts that ask: `[B, F]`."""
        return _rows(self.grams, texts)

    @cached_property
    def whole(self) -> tuple[csr_matrix, csr_matrix] | None:
        """By n-gram, `[F, N]` and `[F, A]`, to be compared with at once; None where there are too many texts."""
        if self.questions.shape[0] > WHOLE or self.answers.shape[0] > WHOLE:
            return None
        return self.questions.T.tocsr(), self.answers.T.tocsr()

    def nearest(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """The place of the question that shares most with each text, `[B]`: what there is without any training."""
        found = np.zeros(len(texts), dtype=np.int64)
        by_gram = self.questions.T.tocsr() if self.whole is None else self.whole[0]
        for start in range(0, len(texts), 256):
            scores = (self.rows(texts[start : start + 256]) @ by_gram).toarray()
            found[start : start + 256] = scores.argmax(axis=1)
        return found

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `of_arrays` reads."""
        found: dict[str, NDArray[Any]] = {"keys": self.grams.keys, "rarity": self.grams.rarity}
        for name, rows in (("questions", self.questions), ("answers", self.answers)):
            found[f"{name}.values"] = rows.data.astype(np.float16)
            found[f"{name}.places"] = rows.indices.astype(np.int32)
            found[f"{name}.starts"] = rows.indptr.astype(np.int64)
        return found

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Lexicon:
        """What `arrays` gave. Raises `KeyError` where an array is missing."""
        keys = arrays["keys"]
        grams = Grams(keys, arrays["rarity"], np.zeros((len(keys), 0), np.float16), np.zeros(0, np.float32))
        rows = [
            csr_matrix(
                (
                    arrays[f"{name}.values"].astype(np.float32),
                    arrays[f"{name}.places"],
                    arrays[f"{name}.starts"],
                ),
                shape=(len(arrays[f"{name}.starts"]) - 1, len(keys)),
            )
            for name in ("questions", "answers")
        ]
        return cls(grams, rows[0], rows[1])


def _rows(grams: Grams, texts: Sequence[str]) -> csr_matrix:
    rows, places, values = grams.features(count_grams(texts))
    return csr_matrix((values, (rows, places)), shape=(len(texts), len(grams.keys)), dtype=np.float32)
