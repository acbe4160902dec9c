"""The training rows nearest to a text, as evidence for an answer.

All rows are compared in a few dimensions first, the ones that hold most of the vectors' variance; the best of those are
then compared in all dimensions. That keeps evidence cheaper than the network itself.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from homefield.bundle import Bundle
from homefield.serve.prediction import Evidence
from homefield.serve.products import Products

__all__ = ["Neighbours"]

_POOL = 16  # rows compared in all dimensions for each one wanted
_NUMBERS = 4_000_000


class Neighbours:
    """Cosine neighbours among a model's training rows; read from disk when first asked."""

    def __init__(self, bundle: Bundle, products: Products) -> None:
        self._bundle = bundle
        self._products = products

    @cached_property
    def rows(self) -> tuple[list[str], list[str], list[str], list[int]]:
        """Texts, labels (joined where there are several), sources, rows."""
        frame = self._bundle.evidence_rows()
        labels = [one if isinstance(one, str) else ", ".join(one) for one in frame["label"].to_list()]
        return frame["text"].to_list(), labels, frame["source"].to_list(), frame["row"].to_list()

    @cached_property
    def _vectors(self) -> NDArray[np.float16]:
        """Of length 1, `[N, D]`."""
        vectors = self._bundle.evidence_vectors().astype(np.float32)
        return _unit(vectors).astype(np.float16)

    @cached_property
    def _axes(self) -> NDArray[np.float32] | None:
        """`[D, d]`, orthonormal; None where all dimensions are compared at once."""
        return self._bundle.evidence_axes()

    @cached_property
    def _projected(self) -> NDArray[np.float32]:
        """`[d, N]`, or `[D, N]`."""
        vectors = self._vectors.astype(np.float32)
        return np.ascontiguousarray((vectors if self._axes is None else vectors @ self._axes).T)

    def nearest(self, vectors: NDArray[np.float32], count: int) -> list[tuple[Evidence, ...]]:
        """The `count` nearest rows of each vector `[B, D]`, nearest first."""
        places, similarities = self.search(vectors, count)
        texts, labels, sources, rows = self.rows
        return [
            tuple(
                Evidence(texts[place], labels[place], sources[place], rows[place], value)
                for place, value in zip(found.tolist(), values.tolist(), strict=True)
            )
            for found, values in zip(places, similarities, strict=True)
        ]

    def search(self, vectors: NDArray[np.float32], count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Places `[B, count]` and cosines `[B, count]` of the nearest rows (fewer where there are fewer rows)."""
        total = self._projected.shape[1]
        count = min(count, total)
        queries = _unit(np.asarray(vectors, dtype=np.float32))
        if count <= 0 or len(queries) == 0:
            return np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32)
        places = np.empty((len(queries), count), dtype=np.int64)
        values = np.empty((len(queries), count), dtype=np.float32)
        step = max(1, _NUMBERS // total)
        for start in range(0, len(queries), step):
            block = slice(start, start + step)
            places[block], values[block] = self._search(queries[block], count)
        return places, values

    def _search(self, queries: NDArray[np.float32], count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        axes = self._axes
        if axes is None:
            values, pool = self._products.largest(queries, self._projected, count)
            return pool, values
        rough = self._products.product(queries, axes)
        _, pool = self._products.largest(rough, self._projected, min(count * _POOL, self._projected.shape[1]))
        exact = self._products.widened(self._vectors[pool], queries)
        order = np.argsort(-exact, axis=1, kind="stable")[:, :count]
        return np.take_along_axis(pool, order, axis=1), np.take_along_axis(exact, order, axis=1)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))[:, None]
    result: NDArray[np.float32] = vectors / np.maximum(lengths, 1e-12)
    return result
