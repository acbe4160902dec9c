"""Which index for how many vectors: compared with all of them while that is quick, a graph beyond."""

from __future__ import annotations

from homefield.index.contract import VectorIndex
from homefield.index.exact import ExactIndex
from homefield.index.graph import GraphIndex

__all__ = ["GRAPH_FROM", "index_for"]

GRAPH_FROM = 10_000
# One query among vectors of 384 numbers, median of 200 on one thread (benchmarks/index.py): of 5,000 exact
# 0.12 ms, in the graph 0.11; of 10,000 0.21 and 0.12; of 20,000 0.99 and 0.19; of 50,000 10.6 and 0.34. The graph finds
# 99.8 % of the nearest, and takes 2 s instead of 0.04 to fill with 10,000.


def index_for(width: int, vectors: int) -> VectorIndex:
    """An empty index of `width` numbers a vector, for about so many vectors."""
    return GraphIndex(width) if vectors >= GRAPH_FROM else ExactIndex(width)
