"""Where the right text stands when all candidates are ranked: one way of asking, the same for every ranker.

Asked is each distinct text that has a known partner. Right is every `other` it is known to be the same as, and its rank
is that of the first right one. The text itself, should it stand among the candidates, counts neither as right nor as
wrong: it says nothing about a ranker. Of equal scores the wrong ones go first, so that a ranker that scores all
candidates alike gains nothing by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homefield.evaluate.pairs import PairRows

__all__ = ["RANKS", "Ranked", "Search", "rank", "ranking_numbers", "vector_scores"]

RANKS = (1, 5, 10)
_CELLS = 4_000_000  # scores held at once
Scores = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""Places of queries `[b]` to their scores with every candidate `[b, C]`."""


@dataclass(frozen=True)
class Search:
    """Q texts to be found a partner for among C candidates.

    right: for each query, the places of its known partners. own: `[Q]`, its own place among the candidates, or -1.
    """

    queries: list[str]
    candidates: list[str]
    right: list[NDArray[np.int64]]
    own: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.queries)

    @classmethod
    def of(cls, pairs: PairRows, further: Sequence[str] = ()) -> Search:
        """The texts of `pairs` that have a partner; candidates are the others of `pairs`, then what `further` adds."""
        places = {text: at for at, text in enumerate(dict.fromkeys([*pairs.others, *further]))}
        partners: dict[int, list[int]] = {}
        for text, other, same in pairs.rows.tolist():
            if same and text != other:
                partners.setdefault(text, []).append(places[pairs.strings[other]])
        queries = [pairs.strings[text] for text in partners]
        own = np.array([places.get(text, -1) for text in queries], dtype=np.int64)
        return cls(queries, list(places), [np.unique(found).astype(np.int64) for found in partners.values()], own)


@dataclass(frozen=True)
class Ranked:
    """What came of Q queries: `ranks` `[Q]` of the first right candidate (from 1), and the wrong one that scored best
    (`wrong` `[Q]`, -1 for none), with the scores of both."""

    ranks: NDArray[np.int64]
    wrong: NDArray[np.int64]
    right_scores: NDArray[np.float32]
    wrong_scores: NDArray[np.float32]

    @property
    def reciprocal(self) -> NDArray[np.float64]:
        """1 / rank, `[Q]`."""
        return 1.0 / self.ranks


def rank(search: Search, scores: Scores) -> Ranked:
    """Rank every query's candidates by `scores`."""
    count = len(search)
    ranks, wrong = np.ones(count, dtype=np.int64), np.full(count, -1, dtype=np.int64)
    best, next_best = np.zeros(count, dtype=np.float32), np.full(count, -np.inf, dtype=np.float32)
    for places in _blocks(count, len(search.candidates)):
        found = np.array(scores(places), dtype=np.float32)
        for row, query in enumerate(places.tolist()):
            right = search.right[query]
            best[query] = found[row, right].max()
            found[row, right] = -np.inf
            if search.own[query] >= 0:
                found[row, search.own[query]] = -np.inf
        ranks[places] = 1 + (found >= best[places, None]).sum(axis=1)
        top = found.argmax(axis=1)
        next_best[places] = found[np.arange(len(places)), top]
        wrong[places] = np.where(np.isfinite(next_best[places]), top, -1)
    return Ranked(ranks, wrong, best, next_best)


def vector_scores(queries: NDArray[np.floating], candidates: NDArray[np.floating]) -> Scores:
    """Cosines of vectors of length 1: queries `[Q, D]`, candidates `[C, D]`."""
    wide = np.ascontiguousarray(np.asarray(candidates, dtype=np.float32).T)

    def scores(places: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.asarray(queries[places], dtype=np.float32) @ wide

    return scores


def ranking_numbers(ranks: NDArray[np.int64], candidates: int) -> dict[str, float | int | None]:
    """R@1, R@5, R@10 (share of queries with a right candidate so high) and MRR (mean of 1 / rank)."""
    found: dict[str, float | int | None] = {"queries": len(ranks), "candidates": candidates}
    for most in RANKS:
        found[f"recall_{most}"] = float((ranks <= most).mean()) if len(ranks) else None
    found["mrr"] = float((1.0 / ranks).mean()) if len(ranks) else None
    return found


def _blocks(queries: int, candidates: int) -> Iterator[NDArray[np.int64]]:
    step = max(1, _CELLS // max(1, candidates))
    for start in range(0, queries, step):
        yield np.arange(start, min(queries, start + step), dtype=np.int64)
