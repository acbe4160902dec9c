"""How alike two texts are: sketched by minimum hashes, then compared exactly on their n-gram sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from homefield.data.shingles import Shingles, shingle

__all__ = ["BANDS", "PLACES", "ROWS", "Fetch", "alike", "by_characters", "minhash"]

BANDS, ROWS = 12, 4  # P(same bucket in some band) at similarity 0.8: 1 - (1 - 0.8^4)^12 = 99.8 %; at 0.5 54 %
PLACES = 32  # of a sketch, four bits each, from the first minimum hashes
_TEXT_BLOCK = 2 << 20  # characters shingled at once
_COMMON_BLOCK = 50_000  # pairs whose sets are sorted together at once
_random = np.random.default_rng(20240501)  # fixed: what is alike must not depend on a dataset's seed
_FACTORS = _random.integers(0, 1 << 32, BANDS * ROWS, dtype=np.uint32) | np.uint32(1)
_SHIFTS = _random.integers(0, 1 << 32, BANDS * ROWS, dtype=np.uint32)

Fetch = Callable[[NDArray[np.integer]], list[str]]


def minhash(shingles: Shingles) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """What texts are found by.

    Returns bands [BANDS, N] uint64, ROWS minimum hashes of each text mixed into one number (0 for a text without
    n-grams), and the sketch [2, N] uint64, the last four bits of every minimum hash (Li & Koenig 2010, b-bit minwise
    hashing).
    """
    count = len(shingles.sizes)
    filled = np.diff(shingles.offsets) > 0
    starts = shingles.offsets[:-1][filled]
    bands = np.zeros((BANDS, count), dtype=np.uint64)
    sketch = np.zeros((2, count), dtype=np.uint64)
    if not filled.any():
        return bands, sketch
    for band in range(BANDS):
        value = np.full(len(starts), 0x9E3779B97F4A7C15 + band, dtype=np.uint64)
        for row in range(ROWS):
            which = band * ROWS + row
            least = np.minimum.reduceat((shingles.grams ^ _SHIFTS[which]) * _FACTORS[which], starts).astype(np.uint64)
            value = (value ^ least) * np.uint64(0xBF58476D1CE4E5B9)
            value ^= value >> np.uint64(29)
            if which < PLACES:
                half, place = divmod(which, PLACES // 2)
                sketch[half, filled] |= (least & np.uint64(15)) << np.uint64(4 * place)
        bands[band, filled] = value | np.uint64(1)
    return bands, sketch


def alike(left: NDArray[np.integer], right: NDArray[np.integer], fetch: Fetch, threshold: float) -> NDArray[np.bool_]:
    """Which pairs of rows have n-gram sets with a Jaccard similarity of at least `threshold`: [len(left)] bool."""
    if len(left) == 0:
        return np.zeros(0, dtype=bool)
    rows, places = np.unique(np.concatenate((left, right)), return_inverse=True)
    grams, offsets = _gram_sets(fetch(rows))
    sizes = np.diff(offsets)
    one, two = places[: len(left)], places[len(left) :]
    small, large = np.minimum(sizes[one], sizes[two]), np.maximum(sizes[one], sizes[two])
    similar: NDArray[np.bool_] = small >= threshold * large
    possible = np.flatnonzero(similar)
    for start in range(0, len(possible), _COMMON_BLOCK):
        part = possible[start : start + _COMMON_BLOCK]
        both = _common(grams, offsets, one[part], two[part])
        total = sizes[one[part]] + sizes[two[part]] - both
        similar[part] = both >= threshold * np.maximum(total, 1) - 1e-9
    return similar


def by_characters(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Parts of `texts` with a bounded number of characters each."""
    start, size = 0, 0
    for place, text in enumerate(texts):
        size += len(text)
        if size > _TEXT_BLOCK:
            yield texts[start : place + 1]
            start, size = place + 1, 0
    if start < len(texts):
        yield texts[start:]


def _gram_sets(texts: list[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The n-gram sets of texts, flat and sorted within each text."""
    parts: list[NDArray[np.uint32]] = []
    counts: list[NDArray[np.int64]] = []
    for part in by_characters(texts):
        shingles = shingle(part)
        owner = np.repeat(np.arange(len(part), dtype=np.uint64), np.diff(shingles.offsets))
        pairs = np.sort((owner << np.uint64(32)) | shingles.grams)
        pairs = pairs[np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]]  # np.unique hashes: 40 times slower here
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
