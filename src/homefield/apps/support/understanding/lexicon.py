"""Which words a question shares with historical questions and with answers: n-grams counted, compared by cosine.

Vectors know what is meant, counted n-grams what is written; a product's name or an error code that the network never
learned is told by the second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from homefield.apps.support.understanding.texts import Texts
from homefield.evaluate.grams import Counted, Grams, count_grams

__all__ = ["Lexicon"]

COMMON = 0.2  # n-grams in more than this share of a thousand texts or more tell nothing and cost most of the time
MANY = 50_000  # texts from which on an n-gram must stand in two of them to count
_CHUNK = 20_000  # texts whose n-grams are counted at once: some hundred megabytes
_ASKED = 256  # texts that are compared with all questions at once


@dataclass(frozen=True)
class Lexicon:
    """N questions and A answers as counted n-grams, each row of length 1."""

    grams: Grams
    questions: Texts
    answers: Texts

    @classmethod
    def of(cls, questions: Sequence[str], answers: Sequence[str]) -> Lexicon:
        """Learn how rare each n-gram is, from all of these texts."""
        keys, within, count = _spread([*questions, *answers])
        if count > MANY:
            keys, within = keys[within > 1], within[within > 1]
        if count >= 1_000:
            keys, within = keys[within <= COMMON * count], within[within <= COMMON * count]
        rarity = (1.0 + np.log((1 + count) / (1 + within))).astype(np.float32)
        grams = _grams(keys, rarity)
        return cls(grams, _texts(grams, questions), _texts(grams, answers))

    def rows(self, texts: Sequence[str]) -> csr_matrix:
        """Texts that ask: `[B, F]`, the places of each row ascending."""
        rows, places, values = self.grams.features(count_grams(texts))
        return csr_matrix((values, (rows, places)), shape=(len(texts), len(self.grams.keys)), dtype=np.float32)

    def nearest(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """The place of the question that shares most with each text, `[B]`: what there is without any training."""
        found = np.zeros(len(texts), dtype=np.int64)
        for start in range(0, len(texts), _ASKED):
            asked = self.rows(texts[start : start + _ASKED])
            found[start : start + _ASKED] = self.questions.nearest(asked)
        return found

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `of_arrays` reads."""
        found: dict[str, NDArray[Any]] = {"keys": self.grams.keys, "rarity": self.grams.rarity}
        for name, texts in (("questions", self.questions), ("answers", self.answers)):
            found |= {f"{name}.{part}": getattr(texts, part) for part in ("values", "places", "starts")}
        return found

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Lexicon:
        """What `arrays` gave. Raises `KeyError` where an array is missing."""
        grams = _grams(arrays["keys"], arrays["rarity"])
        width = len(grams.keys)
        questions, answers = (
            Texts(arrays[f"{name}.values"], arrays[f"{name}.places"], arrays[f"{name}.starts"], width)
            for name in ("questions", "answers")
        )
        return cls(grams, questions, answers)


def _grams(keys: NDArray[np.uint64], rarity: NDArray[np.float32]) -> Grams:
    """N-grams without a linear model."""
    return Grams(keys, rarity, np.zeros((len(keys), 0), np.float16), np.zeros(0, np.float32))


def _counted(texts: Sequence[str]) -> Iterator[Counted]:
    for start in range(0, len(texts), _CHUNK):
        yield count_grams(texts[start : start + _CHUNK])


def _spread(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64], int]:
    """Every n-gram, ascending, in how many texts each stands, and the number of texts."""
    keys, within = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for counted in _counted(texts):
        some, times = np.unique(counted.keys, return_counts=True)
        keys.append(some)
        within.append(times)
    every, place = np.unique(np.concatenate(keys), return_inverse=True)
    return every, np.bincount(place, np.concatenate(within), len(every)).astype(np.int64), len(texts)


def _texts(grams: Grams, texts: Sequence[str]) -> Texts:
    values, places, lengths = [np.empty(0, np.float16)], [np.empty(0, np.int32)], [np.zeros(1, np.int64)]
    for counted in _counted(texts):
        rows, some, weights = grams.features(counted)
        values.append(weights.astype(np.float16))
        places.append(some.astype(np.int32))
        lengths.append(np.bincount(rows, minlength=counted.texts))
    starts = np.cumsum(np.concatenate(lengths), dtype=np.int64)
    return Texts(np.concatenate(values), np.concatenate(places), starts, len(grams.keys))
