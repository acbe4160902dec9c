"""Exact duplicates merged, contradictions resolved: which of the rows with the same text stays.

Rows with one text (after cleaning) and one label are one record: one stays and the others are merged into it. Rows
with one text and different labels contradict each other: the label of the majority stays and the rest is rejected;
without a majority all are. A number is no class: rows with one text and different numbers are different
measurements, and all stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CONFLICT", "IN_TEST", "KEPT", "LINKED", "MERGED", "Verdicts", "resolve"]

KEPT, MERGED, CONFLICT, IN_TEST, LINKED = 0, 1, 2, 3, 4


@dataclass(frozen=True)
class Verdicts:
    """What became of N rows.

    status: [N] uint8, `KEPT`, `MERGED` or `CONFLICT`.
    into: [N] int32 (int64 from 2^31 rows on), the row a merged row went into; -1 for the others.
    """

    status: NDArray[np.uint8]
    into: NDArray[np.integer]


def resolve(
    texts: NDArray[np.uint64],
    labels: NDArray[np.integer] | None,
    *,
    prefer: NDArray[np.uint64] | None = None,
    contradictions: bool = True,
) -> Verdicts:
    """Resolve rows by their text's hash and their label's code.

    texts: [N] hashes; labels: [N] codes, None when unlabelled; prefer: [N], of equal rows the one with the least value
    stays (the first one where these are equal); contradictions: whether different labels of one text contradict.
    """
    count = len(texts)
    status = np.zeros(count, dtype=np.uint8)
    into: NDArray[np.integer] = (
        np.full(count, -1, dtype=np.int64) if count >> 31 else np.full(count, -1, dtype=np.int32)
    )
    rows, text_of = _repeated(texts, into.dtype) if count else (into, into)
    if len(rows) == 0:
        return Verdicts(status, into)
    codes = np.zeros(len(rows), dtype=np.int8) if labels is None else labels[rows]
    # Rows of one text stand together already, in the order read: sorting keeps that order where nothing else decides.
    order = np.lexsort((codes, text_of) if prefer is None else (prefer[rows], codes, text_of))
    rows, codes = rows[order], codes[order]
    del order
    new_text = np.append(True, text_of[1:] != text_of[:-1])
    new_pair = new_text | np.append(True, codes[1:] != codes[:-1])
    pair_of = np.cumsum(new_pair, dtype=into.dtype) - 1
    merged = ~new_pair
    status[rows[merged]] = MERGED
    into[rows[merged]] = rows[new_pair][pair_of[merged]]
    if labels is not None and contradictions:
        wrong = _contradicting(pair_of, text_of, new_pair)
        status[rows[wrong]] = CONFLICT
        into[rows[wrong]] = -1
    return Verdicts(status, into)


def _repeated(texts: NDArray[np.uint64], kind: np.dtype[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The rows whose text occurs more than once, those of one text together, and the number of each one's text."""
    order = np.argsort(texts, kind="stable").astype(kind)
    if len(order) == 0:
        return order, order
    ordered = texts[order]
    again = ordered[1:] == ordered[:-1]
    inside = np.append(again, False) | np.append(False, again)
    first = np.append(True, ~again)[inside]
    return order[inside], np.cumsum(first, dtype=kind) - 1


def _contradicting(
    pair_of: NDArray[np.integer], text_of: NDArray[np.integer], new_pair: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Rows of texts with several labels, save those with the label that most rows of the text have."""
    votes = np.bincount(pair_of)
    text_of_pair = text_of[new_pair]
    pairs_of_text = np.bincount(text_of_pair)
    most = np.zeros(len(pairs_of_text), dtype=np.int64)
    np.maximum.at(most, text_of_pair, votes)
    winners = np.bincount(text_of_pair, weights=votes == most[text_of_pair]).astype(np.int64)
    wins = (votes == most[text_of_pair]) & (winners[text_of_pair] == 1)
    lost = ~wins & (pairs_of_text[text_of_pair] > 1)
    result: NDArray[np.bool_] = lost[pair_of]
    return result
