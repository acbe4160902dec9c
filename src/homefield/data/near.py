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

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from homefield.data.shingles import Shingles, shingle

__all__ = ["MIN_CHARACTERS", "NearIndex", "near_groups"]

MIN_CHARACTERS = 8
BANDS, ROWS = 8, 4  # P(candidate) at similarity 0.8: 1 - (1 - 0.8^4)^8 = 98.5 %, at 0.5: 40 %, at 0.3: 6 %
_TEXT_BLOCK = 2 << 20  # characters shingled at once
_PAIR_BLOCK = 400_000  # pairs compared at once

Fetch = Callable[[NDArray[np.int64]], list[str]]


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
    """Collects what near-duplicates are found by: one 64-bit key and BANDS 64-bit band hashes a text."""

    def __init__(self, arrays: Arrays, *, threshold: float = 0.8) -> None:
        self._arrays = arrays
        self._threshold = threshold
        random = np.random.default_rng(20240501)  # fixed: groups must not depend on a dataset's seed
        self._factors = random.integers(0, 1 << 32, BANDS * ROWS, dtype=np.uint32) | np.uint32(1)
        self._shifts = random.integers(0, 1 << 32, BANDS * ROWS, dtype=np.uint32)

    def add(self, texts: Sequence[str]) -> None:
        """Add texts, in the order of their rows."""
        for part in _by_characters(texts):
            shingles = shingle(part)
            self._arrays.add("near_key", shingles.keys)
            if self._threshold < 1:
                bands = self._bands(shingles)
                bands[:, shingles.sizes < MIN_CHARACTERS] = 0
                for band in range(BANDS):
                    self._arrays.add(f"near_band_{band}", bands[band])

    def groups(self, rows: NDArray[np.int64], fetch: Fetch) -> NDArray[np.int32]:
        """The near-duplicate group of each of `rows`: [len(rows)] int32, numbered in the order of first appearance.

        `fetch` gives the texts of row numbers. The result depends on the texts in the order of `rows` alone.
        """
        labels = _joined_by_key(self._column("near_key", rows))
        if self._threshold < 1:
            for band in range(BANDS):
                labels = self._join_band(labels, self._column(f"near_band_{band}", rows), rows, fetch)
        return _renumbered(labels)

    def _column(self, name: str, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
        return self._arrays.load(name)[rows].astype(np.uint64, copy=False)

    def _bands(self, shingles: Shingles) -> NDArray[np.uint64]:
        """[BANDS, N] uint64: ROWS minimum hashes of each text mixed into one number; 0 for a text without n-grams."""
        count = len(shingles.sizes)
        filled = np.diff(shingles.offsets) > 0
        starts = shingles.offsets[:-1][filled]
        result = np.zeros((BANDS, count), dtype=np.uint64)
        if not filled.any():
            return result
        for band in range(BANDS):
            value = np.full(len(starts), 0x9E3779B97F4A7C15 + band, dtype=np.uint64)
            for row in range(ROWS):
                which = band * ROWS + row
                hashed = (shingles.grams ^ self._shifts[which]) * self._factors[which]
                least = np.minimum.reduceat(hashed, starts)
                value = (value ^ least) * np.uint64(0xBF58476D1CE4E5B9)
                value ^= value >> np.uint64(29)
            result[band, filled] = value | np.uint64(1)
        return result

    def _join_band(
        self, labels: NDArray[np.int32], bands: NDArray[np.uint64], rows: NDArray[np.int64], fetch: Fetch
    ) -> NDArray[np.int32]:
        """Join the groups of texts that this band makes candidates and that prove similar."""
        order = np.argsort(bands, kind="stable")
        order = order[int(np.searchsorted(bands, 0, side="right", sorter=order)) :]
        found: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        for left, right in _candidates(bands, order):
            apart = labels[left] != labels[right]
            left, right = left[apart], right[apart]
            if len(left) == 0:
                continue
            for start in range(0, len(left), _PAIR_BLOCK):
                part = slice(start, start + _PAIR_BLOCK)
                similar = _similar(rows[left[part]], rows[right[part]], fetch, self._threshold)
                found.append((left[part][similar], right[part][similar]))
            labels = _join(labels, found)
            found.clear()
        return labels


def near_groups(texts: Sequence[str], *, threshold: float = 0.8) -> NDArray[np.int32]:
    """The near-duplicate group of each text, for texts in memory: [len(texts)] int32."""
    index = NearIndex(InMemory(), threshold=threshold)
    index.add(texts)
    if not texts:
        return np.zeros(0, dtype=np.int32)
    return index.groups(np.arange(len(texts), dtype=np.int64), lambda rows: [texts[row] for row in rows])


def _by_characters(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    start, size = 0, 0
    for place, text in enumerate(texts):
        size += len(text)
        if size > _TEXT_BLOCK:
            yield texts[start : place + 1]
            start, size = place + 1, 0
    if start < len(texts):
        yield texts[start:]


def _candidates(
    bands: NDArray[np.uint64], order: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of places in a bucket: with the first of it, with the one before, with the one before that."""
    values = bands[order]
    first = np.flatnonzero(np.append(True, values[1:] != values[:-1])) if len(values) else np.zeros(0, np.int64)
    sizes = np.diff(np.append(first, len(values)))
    yield order[np.repeat(first, sizes)], order
    for step in (1, 2):
        together = np.flatnonzero(values[step:] == values[:-step]) if len(values) > step else np.zeros(0, np.int64)
        yield order[together], order[together + step]


def _similar(left: NDArray[np.int64], right: NDArray[np.int64], fetch: Fetch, threshold: float) -> NDArray[np.bool_]:
    """Which pairs of rows have n-gram sets with a Jaccard similarity of at least `threshold`."""
    rows, places = np.unique(np.concatenate((left, right)), return_inverse=True)
    grams, offsets = _gram_sets(fetch(rows))
    sizes = np.diff(offsets)
    one, two = places[: len(left)], places[len(left) :]
    small, large = np.minimum(sizes[one], sizes[two]), np.maximum(sizes[one], sizes[two])
    similar = small >= threshold * large
    possible = np.flatnonzero(similar)
    for start in range(0, len(possible), 50_000):
        part = possible[start : start + 50_000]
        both = _common(grams, offsets, one[part], two[part])
        total = sizes[one[part]] + sizes[two[part]] - both
        similar[part] = both >= threshold * np.maximum(total, 1) - 1e-9
    return similar


def _gram_sets(texts: list[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The n-gram sets of texts, flat and sorted within each text."""
    parts: list[NDArray[np.uint32]] = []
    counts: list[NDArray[np.int64]] = []
    for part in _by_characters(texts):
        shingles = shingle(part)
        owner = np.repeat(np.arange(len(part), dtype=np.uint64), np.diff(shingles.offsets))
        pairs = np.unique((owner << np.uint64(32)) | shingles.grams)
        counts.append(np.bincount((pairs >> np.uint64(32)).astype(np.int64), minlength=len(part)))
        parts.append(pairs.astype(np.uint32))
    return np.concatenate(parts), np.concatenate(([0], np.cumsum(np.concatenate(counts))))


def _common(
    grams: NDArray[np.uint32], offsets: NDArray[np.int64], one: NDArray[np.int64], two: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How many n-grams two texts share, for every pair: sort both sets together and count equal neighbours."""
    pairs = np.concatenate((one, two))
    sizes = offsets[pairs + 1] - offsets[pairs]
    ends = np.cumsum(sizes)
    flat = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - sizes - offsets[pairs], sizes)
    owner = np.repeat(np.tile(np.arange(len(one), dtype=np.uint64), 2), sizes)
    values = np.sort((owner << np.uint64(32)) | grams[flat])
    equal = values[1:][values[1:] == values[:-1]] >> np.uint64(32)
    return np.bincount(equal.astype(np.int64), minlength=len(one))


def _joined_by_key(keys: NDArray[np.uint64]) -> NDArray[np.int32]:
    return np.unique(keys, return_inverse=True)[1].astype(np.int32)


def _join(labels: NDArray[np.int32], pairs: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> NDArray[np.int32]:
    if not pairs:
        return labels
    left = labels[np.concatenate([pair[0] for pair in pairs])]
    right = labels[np.concatenate([pair[1] for pair in pairs])]
    if len(left) == 0:
        return labels
    count = int(labels.max()) + 1
    graph = coo_matrix((np.ones(len(left), dtype=np.int8), (left, right)), shape=(count, count))
    joined: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return joined[labels].astype(np.int32, copy=False)


def _renumbered(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """The same groups numbered in the order in which they first appear."""
    if len(labels) == 0:
        return labels
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    numbers = np.empty(len(first), dtype=np.int32)
    numbers[np.argsort(first, kind="stable")] = np.arange(len(first), dtype=np.int32)
    return numbers[inverse]
