"""Near-duplicates by MinHash and locality-sensitive hashing, in time linear in the texts.

Every text gets BANDS x ROWS minimum hashes of its n-grams (Broder 1997); texts that agree in all ROWS of one band
become candidates (Leskovec, Rajaraman & Ullman, Mining of Massive Datasets, ch. 3). Within a bucket each text is
compared with its neighbours and with the first only, so that a bucket of any size costs its size. Candidates are then
compared exactly: Jaccard similarity of their n-gram sets. Texts with the same key (equal but for case, spaces and
punctuation) are joined without comparing, and texts with a key of fewer than `MIN_CHARACTERS` characters in no other
way.

What is linked is transitive: a group is a connected component, so no link ever leads from one group to another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from homefield.data.minhash import BANDS, PLACES, Fetch, alike, by_characters, minhash
from homefield.data.shingles import shingle

__all__ = ["MIN_CHARACTERS", "NearIndex", "near_groups"]

MIN_CHARACTERS = 8
_PAIR_BLOCK = 200_000  # pairs compared at once, and a segment's more at most
_SEGMENT = 200_000  # places of a band looked at at once
_COLUMNS = (*(f"near_band_{band}" for band in range(BANDS)), "near_sketch_0", "near_sketch_1")


class Arrays(Protocol):
    """Where the columns of a `NearIndex` are kept: memory, or files when there are too many rows."""

    def add(self, name: str, values: NDArray[np.generic]) -> None:
        """Append to a column."""

    def load(self, name: str) -> NDArray[np.generic]:
        """A whole column."""


class InMemory:
    """Columns in memory."""

    def __init__(self) -> None:
        self._columns: dict[str, list[NDArray[np.generic]]] = {}

    def add(self, name: str, values: NDArray[np.generic]) -> None:
        """Append to a column."""
        self._columns.setdefault(name, []).append(values)

    def load(self, name: str) -> NDArray[np.generic]:
        """A whole column."""
        return np.concatenate(self._columns[name])


class NearIndex:
    """Collects what near-duplicates are found by: a 64-bit key, BANDS 64-bit bands and a 128-bit sketch a text."""

    def __init__(self, arrays: Arrays, *, threshold: float = 0.8) -> None:
        self._arrays = arrays
        self._threshold = threshold
        # A pair of texts at the threshold agrees in `mean` of the sketch's places, give or take; 3.2 deviations below
        # it one such pair in 1,500 is lost, and of pairs with half the similarity one in 30 is left to compare.
        agree = threshold + (1 - threshold) / 16
        self._least_agreeing = math.floor(PLACES * agree - 3.2 * math.sqrt(PLACES * agree * (1 - agree)))

    def add(self, texts: Sequence[str]) -> None:
        """Add texts, in the order of their rows."""
        for part in by_characters(texts):
            shingles = shingle(part)
            self._arrays.add("near_key", shingles.keys)
            if self._threshold < 1:
                bands, sketch = minhash(shingles)
                bands[:, shingles.sizes < MIN_CHARACTERS] = 0
                for name, column in zip(_COLUMNS, (*bands, *sketch), strict=True):
                    self._arrays.add(name, column)

    def groups(self, rows: NDArray[np.integer], fetch: Fetch) -> NDArray[np.int32]:
        """The near-duplicate group of each of `rows`: [len(rows)] int32, numbered in the order of first appearance.

        `fetch` gives the texts of row numbers. The result depends on the texts in the order of `rows` alone.
        """
        by_key, heads = _first_of_each(self._arrays.load("near_key")[rows])
        if self._threshold >= 1:
            return _renumbered(by_key)
        chosen = rows[heads]  # one row of each key stands for all
        del heads
        sketch = [self._column(name, chosen) for name in _COLUMNS[BANDS:]]
        labels = np.arange(len(chosen), dtype=np.int32)
        for band in range(BANDS):
            order, new = self._by_bucket(band, chosen)
            for left, right in self._likely(order, new, sketch, lambda: labels):  # noqa: B023 - labels of this moment
                similar = alike(chosen[left], chosen[right], fetch, self._threshold)
                labels = _join(labels, left[similar], right[similar])
        return _renumbered(labels[by_key])

    def _column(self, name: str, rows: NDArray[np.integer]) -> NDArray[np.uint64]:
        return np.asarray(self._arrays.load(name)[rows], dtype=np.uint64)

    def _by_bucket(self, band: int, rows: NDArray[np.integer]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Places in `rows` with those of one bucket together, and which begin one; texts too short left out."""
        values = self._column(_COLUMNS[band], rows)
        order = np.argsort(values, kind="stable").astype(np.int32)
        values = values[order]
        start = int(np.searchsorted(values, 0, side="right"))
        return order[start:], np.append(True, values[start + 1 :] != values[start:-1])[: len(order) - start]

    def _likely(
        self,
        order: NDArray[np.int32],
        new: NDArray[np.bool_],
        sketch: Sequence[NDArray[np.uint64]],
        labels: Callable[[], NDArray[np.int32]],
    ) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32]]]:
        """Candidate pairs of different groups whose sketches agree enough, a block at a time."""
        waiting: list[tuple[NDArray[np.int32], NDArray[np.int32]]] = []
        size = 0
        for left, right in _candidates(order, new):
            agreeing = sum(_equal_places(column[left], column[right]) for column in sketch)
            chosen = np.flatnonzero((labels()[left] != labels()[right]) & (agreeing >= self._least_agreeing))
            waiting.append((left[chosen], right[chosen]))
            size += len(chosen)
            if size >= _PAIR_BLOCK:
                yield _joined(waiting)
                waiting.clear()
                size = 0
        if size:
            yield _joined(waiting)


def near_groups(texts: Sequence[str], *, threshold: float = 0.8) -> NDArray[np.int32]:
    """The near-duplicate group of each text, for texts in memory: [len(texts)] int32."""
    index = NearIndex(InMemory(), threshold=threshold)
    index.add(texts)
    if not texts:
        return np.zeros(0, dtype=np.int32)
    return index.groups(np.arange(len(texts), dtype=np.int64), lambda rows: [texts[row] for row in rows])


def _candidates(
    order: NDArray[np.int32], new: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32]]]:
    """Pairs of places in a bucket: with the first of it, with the one before, with the one before that."""
    first_before = 0
    for start in range(0, len(order), _SEGMENT):
        at = np.arange(start, min(start + _SEGMENT, len(order)))
        begins = new[at]
        first = np.maximum.accumulate(np.where(begins, at, first_before))
        first_before = int(first[-1])
        for other in (first, at - 1, at - 2):
            inside = np.flatnonzero(~begins if other is first else other > first)
            yield order[other[inside]], order[at[inside]]


def _joined(
    pairs: Sequence[tuple[NDArray[np.int32], NDArray[np.int32]]],
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    return np.concatenate([pair[0] for pair in pairs]), np.concatenate([pair[1] for pair in pairs])


def _equal_places(one: NDArray[np.uint64], two: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """In how many of 16 places of four bits two numbers agree."""
    apart = one ^ two
    apart |= apart >> np.uint64(1)
    apart |= apart >> np.uint64(2)
    return np.asarray(16 - np.bitwise_count(apart & np.uint64(0x1111111111111111)), dtype=np.uint8)


def _first_of_each(keys: NDArray[np.uint64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The number of each key's group in the order of first appearance, and the place of each group's first."""
    order = np.argsort(keys, kind="stable").astype(np.int32)
    ordered = keys[order]
    new = np.append(True, ordered[1:] != ordered[:-1])[: len(keys)]
    del ordered
    first = order[new]
    number = np.empty(len(keys), dtype=np.int32)
    number[np.sort(first)] = np.arange(len(first), dtype=np.int32)
    groups = np.empty(len(keys), dtype=np.int32)
    groups[order] = number[first][np.cumsum(new, dtype=np.int32) - 1]
    return groups, np.sort(first).astype(np.int64)


def _join(labels: NDArray[np.int32], left: NDArray[np.int32], right: NDArray[np.int32]) -> NDArray[np.int32]:
    """Labels after the groups of each pair are made one."""
    if len(left) == 0:
        return labels
    count = int(labels.max()) + 1
    ones = np.ones(len(left), dtype=np.int8)
    graph = coo_matrix((ones, (labels[left], labels[right])), shape=(count, count))
    joined: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return joined[labels].astype(np.int32, copy=False)


def _renumbered(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """The same groups numbered in the order in which they first appear."""
    if len(labels) == 0:
        return labels
    count = int(labels.max()) + 1
    first = np.full(count, len(labels), dtype=np.int64)
    first[labels[::-1]] = np.arange(len(labels) - 1, -1, -1)
    numbers = np.empty(count, dtype=np.int32)
    numbers[np.argsort(first, kind="stable")] = np.arange(count, dtype=np.int32)
    return numbers[labels]
