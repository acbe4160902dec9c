"""Many texts as counted n-grams, and those of them that share most with a text that asks.

While they are few all are compared. Beyond, a text's rarest n-grams lead to the others that have them, as in the index
of a book, and only those are compared whole: a common n-gram is in a hundred thousand texts and tells little.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

__all__ = ["WHOLE", "Texts"]

WHOLE = 50_000  # texts up to which all are compared
RARE = 10_000  # texts that an n-gram stands in at most, to lead to them
_FOLLOWED = 50_000  # texts that n-grams lead to at most, for one that asks
_COMPARED = 200  # of those, how many are compared whole
# Of a million questions (benchmarks/support_scale.py) words alone so find the right answer to 82 % of the messages, in
# 2.4 ms; with 1,000, 20,000 and 60 to 37 % in 0.3 ms, with 20,000, 100,000 and 200 to 93 % in 4.6 ms.
_PIECE = 8_000_000  # n-grams looked at at once

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Texts:
    """N texts. values: float16 `[Z]`, places: int32 `[Z]` among `width` n-grams, ascending in each text, starts:
    `[N + 1]`, where each text begins in both."""

    values: NDArray[np.float16]
    places: NDArray[np.int32]
    starts: NDArray[np.int64]
    width: int

    def __post_init__(self) -> None:
        _ = self._by_gram  # now, not with the first customer's message

    def __len__(self) -> int:
        return len(self.starts) - 1

    def sharing(self, asked: csr_matrix, also: Places) -> tuple[Places, NDArray[np.float64]]:
        """Texts that share n-grams with the one that asks `[1, F]`, and the cosines: all while they are few, else those
        that its rare n-grams lead to and those at the places `also`."""
        if self._few:
            row = asked @ self._by_gram
            return row.indices.astype(np.int64), row.data.astype(np.float64)
        places = np.union1d(also, self._led_to(asked))
        return places, self.shared(asked, places)

    def shared(self, asked: csr_matrix, places: Places) -> NDArray[np.float64]:
        """The cosines of the texts at `places` with the one that asks."""
        taken, of = _pieces(self.starts, places)
        grams = self.places[taken]
        at = np.searchsorted(asked.indices, grams)
        at[at == len(asked.indices)] = 0
        known = asked.indices[at] == grams if len(asked.indices) else np.zeros(len(grams), np.bool_)
        products = self.values[taken[known]].astype(np.float32) * asked.data[at[known]]
        return np.bincount(of[known], products, len(places)).astype(np.float64)

    def nearest(self, asked: csr_matrix) -> Places:
        """The place of the text that shares most with each that asks `[B, F]`; 0 where none shares anything."""
        if self._few:
            return np.asarray((asked @ self._by_gram).toarray().argmax(axis=1), dtype=np.int64)
        found = np.zeros(asked.shape[0], dtype=np.int64)
        for row in range(asked.shape[0]):
            places, cosines = self.sharing(asked[row], np.empty(0, np.int64))
            found[row] = places[cosines.argmax()] if len(places) else 0
        return found

    @cached_property
    def _few(self) -> bool:
        return len(self) <= WHOLE

    @cached_property
    def _by_gram(self) -> csr_matrix:
        """`[F, N]`: where each n-gram stands; of many texts that of the rare ones alone."""
        values, places, starts = self.values, self.places, self.starts
        if not self._few:
            kept = self._rare()
            values, places, starts = values[kept], places[kept], np.searchsorted(kept, starts)
        return csr_matrix((values.astype(np.float32), places, starts), shape=(len(self), self.width)).T.tocsr()

    def _rare(self) -> Places:
        """Where in `places` the rare n-grams stand, ascending. Piece by piece, for there are hundreds of millions."""
        cuts = list(pairwise(range(0, len(self.places) + _PIECE, _PIECE)))
        within = np.zeros(self.width, dtype=np.int64)
        for start, end in cuts:
            within += np.bincount(self.places[start:end], minlength=self.width)
        rare = within <= RARE
        found = [start + np.flatnonzero(rare[self.places[start:end]]) for start, end in cuts]
        return np.concatenate([np.empty(0, np.int64), *found])

    def _led_to(self, asked: csr_matrix) -> Places:
        """The texts that the rarest n-grams of the one that asks lead to, as far as they share most by those."""
        index = self._by_gram
        within = index.indptr[asked.indices + 1] - index.indptr[asked.indices]
        order = np.argsort(within, kind="stable")
        order = order[(within[order] > 0) & (np.cumsum(within[order]) <= _FOLLOWED)]
        taken, of = _pieces(index.indptr, asked.indices[order].astype(np.int64))
        reached, place = np.unique(index.indices[taken], return_inverse=True)
        shared = np.bincount(place, index.data[taken] * asked.data[order][of], len(reached))
        if len(reached) > _COMPARED:
            reached = np.sort(reached[np.argpartition(-shared, _COMPARED)[:_COMPARED]])
        return reached.astype(np.int64)


def _pieces(starts: NDArray[np.integer], chosen: Places) -> tuple[Places, Places]:
    """Where what the chosen ones have lies, one after the other, and which of the chosen each belongs to."""
    first = starts[chosen].astype(np.int64)
    lengths = starts[chosen + 1] - first
    before = np.cumsum(lengths) - lengths
    of = np.repeat(np.arange(len(chosen)), lengths)
    return np.arange(len(of)) + (first - before)[of], of
