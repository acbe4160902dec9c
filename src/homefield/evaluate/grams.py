"""Counted character n-grams with a linear model: what stands beside a network and knows what it missed.

A network generalises, counted n-grams remember: on few rows each is right where the other is wrong. The arithmetic is
that of TF-IDF (sublinear, each text of length 1); a model carries it as four small arrays, and answers with it without
scikit-learn or PyTorch. Of one to five characters: on Chinese and English records this is as good as the baseline's
words and pieces (thucnews 87.0 % beside 87.0, finfe macro-F1 69.7 beside 69.6, finance tweets 74.4 beside 74.4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Beside", "Counted", "Grams", "count_grams"]

_ORDERS = (1, 2, 3, 4, 5)
_LONGEST = 4_096  # characters of a text that are read
# Odd 64-bit numbers that mix well (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
_MIX, _STEP = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFT = np.uint64(31)


@dataclass(frozen=True)
class Counted:
    """The n-grams of N texts. rows: text of each `[M]`, ascending. keys: uint64 `[M]`, once a text. counts: `[M]`."""

    rows: NDArray[np.int64]
    keys: NDArray[np.uint64]
    counts: NDArray[np.int64]
    texts: int


@dataclass(frozen=True)
class Grams:
    """A linear model of n-grams.

    keys: uint64 `[F]`, ascending. rarity: `[F]`, inverse document frequency. weights: `[F, C]`. bias: `[C]`.
    """

    keys: NDArray[np.uint64]
    rarity: NDArray[np.float32]
    weights: NDArray[np.float16]
    bias: NDArray[np.float32]

    def outputs(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """What the linear model gives for N texts, `[N, C]`; the same for a text whatever stands beside it."""
        counted = count_grams(texts)
        rows, places, values = self.features(counted)
        found = np.tile(self.bias, (counted.texts, 1))
        if len(rows):
            first = np.flatnonzero(np.diff(rows, prepend=-1))
            weighed = self.weights[places].astype(np.float32) * values[:, None]
            found[rows[first]] += np.add.reduceat(weighed, first, axis=0)
        return found

    def features(self, counted: Counted) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """The known n-grams: text, place among the keys, and value; the values of a text have length 1."""
        places = np.searchsorted(self.keys, counted.keys)
        places[places == len(self.keys)] = 0
        known = self.keys[places] == counted.keys if len(self.keys) else np.zeros(len(places), np.bool_)
        rows, places = counted.rows[known], places[known]
        values = (1.0 + np.log(counted.counts[known])) * self.rarity[places]
        lengths = np.sqrt(np.bincount(rows, np.square(values), counted.texts))
        return rows, places, (values / lengths[rows]).astype(np.float32)


@dataclass(frozen=True)
class Beside:
    """N-grams that stand beside a network. shares: `[2]`, what the network's and their outputs are multiplied by."""

    grams: Grams
    shares: NDArray[np.float32]

    def join(self, network: NDArray[np.float32], texts: Sequence[str]) -> NDArray[np.float32]:
        """Outputs `[N, C]` of both together. network: its outputs for the N `texts`, which are cleaned."""
        return np.asarray(self.shares[0] * network + self.shares[1] * self.grams.outputs(texts), dtype=np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `of_arrays` reads."""
        grams = self.grams
        named: dict[str, NDArray[Any]] = {
            "keys": grams.keys,
            "rarity": grams.rarity,
            "weights": grams.weights,
            "bias": grams.bias,
        }
        return {**named, "shares": self.shares}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Beside:
        """What `arrays` gave."""
        grams = {name: array for name, array in arrays.items() if name != "shares"}
        return cls(Grams(**grams), arrays["shares"])


def count_grams(texts: Sequence[str]) -> Counted:
    """The n-grams of one to five characters in N texts, in lower case, with a space at either end."""
    read = [f" {text[:_LONGEST].lower()} " for text in texts]
    letters = np.frombuffer("".join(read).encode("utf-32-le", "replace"), np.uint32).astype(np.uint64) + np.uint64(1)
    owner = np.repeat(np.arange(len(read)), [len(one) for one in read])
    rows, keys = [owner[:0]], [letters[:0]]
    key = np.zeros(len(letters), np.uint64)
    for order in _ORDERS:
        last = len(letters) - order + 1
        if last <= 0:
            break
        key = _mixed(key[:last] * _STEP + letters[order - 1 :])
        within = owner[:last] == owner[order - 1 :]
        rows.append(owner[:last][within])
        keys.append(key[within])
    every, of = np.concatenate(keys), np.concatenate(rows)
    by_text = np.lexsort((every, of))
    every, of = every[by_text], of[by_text]
    new = np.flatnonzero(np.append([True] * min(1, len(of)), (of[1:] != of[:-1]) | (every[1:] != every[:-1])))
    return Counted(of[new], every[new], np.diff(np.append(new, len(of))), len(read))


def _mixed(key: NDArray[np.uint64]) -> NDArray[np.uint64]:
    key = (key ^ (key >> _SHIFT)) * _MIX
    return key ^ (key >> _SHIFT)
