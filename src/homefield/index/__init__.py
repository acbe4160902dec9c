"""Vectors and their nearest neighbours: one contract, one conformance suite."""

from homefield.index.contract import Found, VectorIndex
from homefield.index.exact import ExactIndex
from homefield.index.graph import GraphIndex

__all__ = ["ExactIndex", "Found", "GraphIndex", "VectorIndex"]
