"""Texts become batches of token numbers, cleaned and cut exactly as the training texts were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from homefield.bundle import Bundle
from homefield.data.clean import clean_text
from homefield.serve.prediction import Reason

__all__ = ["Batch", "Reader", "Texts", "cut_by_length", "in_order", "share"]

# What markup and white space may take of a text before cleaning; a longer one is not even looked at to its end.
_RAW_TIMES = 20


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts that were read. cleaned: as the network gets them. faults: why a text cannot be answered, by its place."""

    cleaned: list[str]
    ids: list[list[int]]
    faults: dict[int, Reason]


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts of like length. places: which texts, `[B]`. ids, mask: `[B, T]`."""

    places: NDArray[np.int64]
    ids: NDArray[np.int64]
    mask: NDArray[np.bool_]


class Reader:
    """Reads texts for one model."""

    def __init__(self, bundle: Bundle) -> None:
        manifest = bundle.manifest
        self._tokenizer = Tokenizer.from_file(str(bundle.file("weights/tokenizer.json")))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(manifest.max_length)
        self._pad_id = manifest.pad_id
        self._mask = manifest.cleaning.mask
        self._longest = manifest.cleaning.max_characters

    def clean(self, text: str) -> tuple[str, Reason | None]:
        """`text` as the network gets it, and why it cannot be answered."""
        fault: Reason | None = None
        if len(text) > self._longest * _RAW_TIMES:
            text, fault = text[: self._longest * _RAW_TIMES], "too_long"
        text = clean_text(text, mask=self._mask)
        if len(text) > self._longest:
            text, fault = text[: self._longest], "too_long"
        return text, fault if text else "empty"

    def read(self, texts: Sequence[str]) -> Texts:
        """Clean and cut `texts` into token numbers."""
        cleaned: list[str] = []
        faults: dict[int, Reason] = {}
        for place, text in enumerate(texts):
            clean, fault = self.clean(text)
            cleaned.append(clean)
            if fault is not None:
                faults[place] = fault
        return Texts(cleaned, [one.ids for one in self._tokenizer.encode_batch_fast(cleaned)], faults)

    def batches(self, ids: Sequence[list[int]], *, tokens: int, cores: int = 1) -> list[Batch]:
        """Batches of at most `tokens` token places, padding included, enough of them for `cores`; the longest first.

        The longest first, so that what is left at the end, when a core has nothing more to do, is short.
        """
        if len(ids) == 1:
            one = np.array(ids, dtype=np.int64) if ids[0] else np.full((1, 1), self._pad_id, dtype=np.int64)
            return [Batch(_FIRST, one, np.ones(one.shape, dtype=np.bool_))]
        lengths = np.fromiter((max(1, len(one)) for one in ids), dtype=np.int64, count=len(ids))
        order = np.argsort(lengths, kind="stable")
        most = share(int(lengths.sum()), tokens, cores)
        ends = [0, *cut_by_length(lengths[order].tolist(), most)]
        return [self._pad(order[start:stop], lengths, ids) for start, stop in pairwise(ends)][::-1]

    def _pad(self, places: NDArray[np.int64], lengths: NDArray[np.int64], ids: Sequence[list[int]]) -> Batch:
        longest = int(lengths[places[-1]])
        padded = np.full((len(places), longest), self._pad_id, dtype=np.int64)
        for row, place in enumerate(places):
            padded[row, : len(ids[place])] = ids[place]
        return Batch(places, padded, np.arange(longest) < lengths[places, None])


def in_order(
    batches: Sequence[Batch], found: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What two arrays `[B, *]` each batch gave, as two arrays `[N, *]` in the order of the texts."""
    if len(batches) == 1 and len(batches[0].places) == 1:
        return found[0]
    order = np.argsort(np.concatenate([batch.places for batch in batches]))
    first, second = (np.concatenate(parts)[order] for parts in zip(*found, strict=True))
    return first, second


def share(total: int, tokens: int, cores: int) -> int:
    """Most token places of a batch, so that `cores` have equally much to do of `total` in batches of `tokens` at most.

    Never less than 32: a smaller pass takes longer to hand over than to do.
    """
    rounds = max(1, ceil(total / (cores * tokens)))
    return min(tokens, max(_LEAST, ceil(total / (cores * rounds))))


def cut_by_length(lengths: Sequence[int], tokens: int) -> list[int]:
    """Where each batch ends, so that all of them together take the least time.

    A batch costs its token places, padding included, and a pass itself; the least sum is found exactly, but that texts
    of equal length are parted only where a batch is full. lengths: ascending. tokens: most places of a batch of two
    texts or more.
    """
    ends = [place for place in range(1, len(lengths)) if lengths[place] != lengths[place - 1]]
    runs: list[int] = [0]
    for end in (*ends, len(lengths)):
        most = max(1, tokens // lengths[end - 1])
        runs.extend(range(runs[-1] + most, end, most))
        runs.append(end)
    cost, begin = [0], [0]
    for last in range(1, len(runs)):
        longest, end = lengths[runs[last] - 1], runs[last]
        best, where = cost[last - 1] + longest * (end - runs[last - 1]) + _PASS, last - 1
        for first in range(last - 2, -1, -1):
            places = longest * (end - runs[first])
            if places > tokens:
                break
            if (total := cost[first] + places + _PASS) < best:
                best, where = total, first
        cost.append(best)
        begin.append(where)
    found, last = [], len(runs) - 1
    while last:
        found.append(runs[last])
        last = begin[last]
    return found[::-1]


_FIRST = np.zeros(1, dtype=np.int64)
# What a pass costs beside its tokens, in tokens: minilm-en in int8 takes 0.14 ms and 0.037 ms a token (one core), and
# handing it over some 0.05 ms.
_PASS = 5
_LEAST = 32
