"""Embeddings of frequent n-grams in the input layer of an encoder: what a Chinese word is to a network of characters.

After ZEN (Diao et al. 2020) and fastText (Bojanowski et al. 2017). Which n-grams are kept is counted on the corpus; a
hash finds an n-gram's row and a second one confirms it, so that an n-gram that was not kept never takes another's row.
An n-gram with a masked token in it is no n-gram of the corpus and finds nothing: what is masked cannot leak.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["ORDERS", "PhraseCounts", "Phrases", "phrase_tables"]

ORDERS = (2, 3, 4)
# Places of the lookup, a prime: of 60,000 kept n-grams about 3 % give way to a more frequent one with the same place.
PLACES = 1_048_573
_CHECK = 2_147_483_647
_BITS = 16
_MOST_COUNTED = 30_000_000


class Phrases(nn.Module):
    """For each token the sum of the rows of the n-grams that begin there and of those that end there, projected.

    weight: [R, G], row 0 zero and never trained. slots: int32 [PLACES], from an n-gram's place to its row, 0 for none.
    checks: int32 [R], the second hash of the n-gram that a row belongs to.
    """

    slots: Tensor
    checks: Tensor

    def __init__(self, rows: int, gram: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, gram))
        self.widen = nn.Linear(2 * gram, width, bias=False)
        self.register_buffer("slots", torch.zeros(PLACES, dtype=torch.int32))
        self.register_buffer("checks", torch.zeros(rows, dtype=torch.int32))

    @torch.no_grad()
    def initialise(self, slots: Tensor, checks: Tensor) -> None:
        """Small random weights, and the tables of the kept n-grams (`phrase_tables`)."""
        nn.init.normal_(self.weight, std=0.02)
        self.weight[0] = 0
        nn.init.normal_(self.widen.weight, std=0.02)
        self.slots.copy_(slots)
        self.checks.copy_(checks)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """ids and mask [B, T] to [B, T, D]."""
        begins: Tensor | None = None
        ends: Tensor | None = None
        for order, rows in zip(ORDERS, self.rows(ids * mask), strict=True):
            found = F.embedding(rows, self.weight, padding_idx=0)
            last = F.pad(found, (0, 0, order - 1, 0))[:, : found.shape[1]]
            begins = found if begins is None else begins + found
            ends = last if ends is None else ends + last
        assert begins is not None
        assert ends is not None
        widened: Tensor = self.widen(torch.cat([begins, ends], dim=2))
        return widened

    def rows(self, ids: Tensor) -> list[Tensor]:
        """The rows [B, T] of the n-grams that begin at each token, 0 where none was kept; one tensor for each order."""
        found = []
        for order in ORDERS:
            place, check = _hashes([_ahead(ids, step) for step in range(order)])
            row = self.slots[place].long()
            found.append(torch.where(self.checks[row] == check, row, torch.zeros_like(row)))
        return found


def phrase_tables(kept: Sequence[NDArray[np.int64]]) -> tuple[Tensor, Tensor]:
    """`slots` and `checks` for `Phrases`.

    kept: the n-grams as token numbers [n, order], one array for each of `ORDERS`, most frequent first. Of two with the
    same place the first stays.
    """
    places, checks = [], []
    for grams in kept:
        place, check = _hashes(list(torch.from_numpy(np.ascontiguousarray(grams.T)).long()))
        places.append(place.numpy())
        checks.append(check.numpy())
    every = np.concatenate(places)
    _, first = np.unique(every, return_index=True)
    first.sort()
    slots = np.zeros(PLACES, np.int32)
    slots[every[first]] = np.arange(1, len(first) + 1)
    of_rows = np.concatenate([[0], np.concatenate(checks)[first]]).astype(np.int32)
    return torch.from_numpy(slots), torch.from_numpy(of_rows)


class PhraseCounts:
    """Counts n-grams made of whole words over a stream of tokens, block by block, in bounded memory."""

    def __init__(self, plain: NDArray[np.bool_]) -> None:
        """plain: [V], which tokens may be part of an n-gram (no punctuation, nothing special)."""
        self._plain = plain
        self._keys = {order: np.zeros(0, np.int64) for order in ORDERS}
        self._counts = {order: np.zeros(0, np.int64) for order in ORDERS}

    def add(self, ids: NDArray[np.int64], begins: NDArray[np.bool_]) -> None:
        """Count a block: token numbers [N] below 65,536, and at which tokens a word begins [N]."""
        plain = self._plain[ids]
        for order in ORDERS:
            count = len(ids) - order
            if count <= 0:
                continue
            key = np.zeros(count, np.int64)
            whole = begins[:count] & begins[order : order + count]
            for step in range(order):
                key = (key << _BITS) | ids[step : step + count]
                whole &= plain[step : step + count]
            keys, counts = np.unique(key[whole], return_counts=True)
            self._merge(order, keys, counts)

    def most_frequent(self, rows: int, *, seen: int = 5) -> list[NDArray[np.int64]]:
        """The `rows` most frequent of those that came at least `seen` times, for `phrase_tables`."""
        order_of = np.concatenate([np.full(len(self._keys[order]), order) for order in ORDERS])
        keys = np.concatenate([self._keys[order] for order in ORDERS])
        counts = np.concatenate([self._counts[order] for order in ORDERS])
        best = np.lexsort((keys, order_of, -counts))[:rows]
        best = best[counts[best] >= seen]
        kept = []
        for order in ORDERS:
            chosen = keys[best[order_of[best] == order]]
            steps = [(chosen >> (_BITS * (order - 1 - step))) & (2**_BITS - 1) for step in range(order)]
            kept.append(np.stack(steps, axis=1))
        return kept

    def _merge(self, order: int, keys: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        every = np.concatenate([self._keys[order], keys])
        merged, places = np.unique(every, return_inverse=True)
        total = np.bincount(places, np.concatenate([self._counts[order], counts]), len(merged)).astype(np.int64)
        # Lossy counting (Manku and Motwani 2002): what came once in so much text is not among the most frequent.
        keep = total > 1 if len(merged) > _MOST_COUNTED else np.ones(len(merged), bool)
        self._keys[order], self._counts[order] = merged[keep], total[keep]


def _ahead(ids: Tensor, steps: int) -> Tensor:
    return F.pad(ids, (0, steps))[:, steps:] if steps else ids


def _hashes(tokens: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Place and second hash of n-grams given token by token."""
    place = check = None
    for token in tokens:
        place = token + 7 if place is None else (place * 31_337 + token + 7) % PLACES
        check = token + 11 if check is None else (check * 1_000_003 + token + 11) % _CHECK
    assert place is not None
    assert check is not None
    return place % PLACES, check % _CHECK
