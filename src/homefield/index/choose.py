"""Which index for how many vectors: compared with all of them while that is quick, a graph beyond."""

from __future__ import annotations

from homefield.index.contract import VectorIndex
from homefield.index.exact import ExactIndex
from homefield.index.graph import GraphIndex

__all__ = ["GRAPH_FROM", "index_for"]

GRAPH_FROM = 20_000
# Not yet measured on a quiet machine. Of 5,000 vectors of 384 numbers, others at work, a query takes 0.11 ms exact and
# 0.17 in the graph, which takes 4.3 s to build instead of 0.3 (benchmarks/index.py): the place where it pays is above.


def index_for(width: int, vectors: int) -> VectorIndex:
    """An empty index of `width` numbers a vector, for about so many vectors."""
    return GraphIndex(width) if vectors >= GRAPH_FROM else ExactIndex(width)
