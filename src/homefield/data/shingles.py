"""Texts as sets of hashed character n-grams, in flat arrays: what near-duplicates are compared by.

A text is first brought to its *key*: lower case, letters and digits alone. N-grams are pairs where a Chinese, Japanese
or Korean character starts them (one such character says about as much as a syllable) and triples elsewhere.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["Shingles", "shingle"]

_LETTERS_END = 0x33480  # no letter lies beyond (Unicode 17)
_WIDE = (0x2E80, 0xA000, 0xAC00, 0xD800, 0xF900, 0xFB00, 0x20000, 0x40000)  # ranges of CJK characters: from, to, ...


@dataclass(frozen=True)
class Shingles:
    """n-grams of N texts: `grams[offsets[i]:offsets[i + 1]]` are those of text i, with repetitions.

    keys: [N] uint64, a hash of the whole key: equal for texts that differ in case, spaces and punctuation only.
    sizes: [N] int32, characters of the key.
    grams: [G] uint32; offsets: [N + 1] int64.
    """

    keys: NDArray[np.uint64]
    sizes: NDArray[np.int32]
    grams: NDArray[np.uint32]
    offsets: NDArray[np.int64]


def shingle(texts: Sequence[str]) -> Shingles:
    """The n-grams of every text. Memory: about 60 bytes a character."""
    folds, hashes, wide = _tables()
    raw = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    codes = folds[raw]
    kept = codes != 0
    owner = np.repeat(np.arange(len(texts), dtype=np.int32), lengths)[kept]
    codes = codes[kept]
    sizes = np.bincount(owner, minlength=len(texts)).astype(np.int32)
    starts = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))
    mixed = hashes[codes]
    keys = _keys(mixed, owner, starts, len(texts))
    # Position i starts a gram when the characters after it belong to the same text.
    length = np.where(wide[codes], np.uint8(2), np.uint8(3))
    last = starts[1:][owner] if len(owner) else np.zeros(0, np.int64)
    whole = np.arange(len(codes)) + length <= last
    # The last characters of a text still count once, so that a text of one or two characters has a gram too.
    short = (sizes[owner] < length) if len(owner) else np.zeros(0, bool)
    small = mixed.astype(np.uint32)
    second = np.append(small[1:], np.uint32(0))[: len(small)]
    third = np.append(small[2:], np.zeros(2, np.uint32))[: len(small)]
    grams = small * np.uint32(0x9E3779B1) + (second ^ np.uint32(0x85EBCA6B)) * np.uint32(0xC2B2AE35)
    grams = np.where(length == 3, grams ^ (third * np.uint32(0x27D4EB2F) + np.uint32(0x165667B1)), grams)
    grams = np.where(short, small, grams)
    grams = _finish(grams)
    chosen = whole | short
    counts = np.bincount(owner[chosen], minlength=len(texts))
    offsets = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
    return Shingles(keys, sizes, grams[chosen], offsets)


def _keys(
    mixed: NDArray[np.uint64], owner: NDArray[np.int32], starts: NDArray[np.int64], count: int
) -> NDArray[np.uint64]:
    """A hash over (character, place) pairs, added up: order matters, and numpy can do it for all texts at once."""
    place = (np.arange(len(mixed), dtype=np.int64) - starts[:-1][owner]).astype(np.uint64)
    value = _mix64(mixed ^ (place * np.uint64(0x9E3779B97F4A7C15)))
    keys = np.zeros(count, dtype=np.uint64)
    filled = starts[1:] > starts[:-1]
    if filled.any():
        keys[filled] = np.add.reduceat(value, starts[:-1][filled])
    return keys


def _mix64(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def _finish(value: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The finaliser of MurmurHash3, 32 bits."""
    value = (value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    value = (value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return value ^ (value >> np.uint32(16))


@cache
def _tables() -> tuple[NDArray[np.uint32], NDArray[np.uint64], NDArray[np.bool_]]:
    """By code point: its lower case form (0 for what is no letter or digit), a 64-bit hash, whether it is CJK."""
    count = sys.maxunicode + 1
    folds = np.zeros(count, dtype=np.uint32)
    for code in range(_LETTERS_END):
        if unicodedata.category(chr(code))[0] in "LNM":
            lower = chr(code).lower()
            folds[code] = ord(lower) if len(lower) == 1 else code
    # Emoji and other symbols carry meaning in short messages; punctuation and spaces do not.
    for first, end in ((0x2190, 0x2C00), (0x1F000, 0x20000)):
        folds[first:end] = np.arange(first, end)
    for sign in "+-%$€£¥°#@&=":
        folds[ord(sign)] = ord(sign)
    wide = np.zeros(count, dtype=bool)
    for first, end in zip(_WIDE[::2], _WIDE[1::2], strict=True):
        wide[first:end] = True
    return folds, _mix64(np.arange(count, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)), wide
