"""Vectors and their nearest neighbours: one contract, one conformance suite."""

from homefield.index.choose import GRAPH_FROM, index_for
from homefield.index.contract import Found, VectorIndex
from homefield.index.exact import ExactIndex
from homefield.index.graph import GraphIndex

__all__ = ["GRAPH_FROM", "ExactIndex", "Found", "GraphIndex", "VectorIndex", "index_for"]
