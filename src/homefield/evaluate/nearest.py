"""The training rows nearest to a few rows, so that a person can see what an error rests on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from homefield.evaluate.calibration import blocks

__all__ = ["nearest_by_text", "nearest_by_vector"]

Nearest = tuple[NDArray[np.int64], NDArray[np.float64]]


def nearest_by_vector(queries: NDArray[np.floating], vectors: NDArray[np.floating], count: int = 3) -> Nearest:
    """Places `[Q, count]` and cosines `[Q, count]` of the nearest of `vectors` `[N, D]`, nearest first.

    The vectors are read in blocks; memory holds one block and the best so far.
    """
    wanted = _unit(np.asarray(queries, dtype=np.float64))
    count = min(count, len(vectors))
    places = np.zeros((len(wanted), 0), dtype=np.int64)
    values = np.zeros((len(wanted), 0))
    for rows in blocks(len(vectors), vectors.shape[1] + len(wanted)):
        found = wanted @ _unit(np.asarray(vectors[rows], dtype=np.float64)).T
        here = np.broadcast_to(np.arange(rows.start, rows.stop), found.shape)
        places, values = np.concatenate([places, here], axis=1), np.concatenate([values, found], axis=1)
        best = np.argsort(-values, axis=1, kind="stable")[:, :count]
        places, values = np.take_along_axis(places, best, axis=1), np.take_along_axis(values, best, axis=1)
    return places, values


def nearest_by_text(queries: Sequence[str], texts: Sequence[str], count: int = 3) -> Nearest:
    """As `nearest_by_vector`, by character 2-4-grams, where a model kept no vectors."""
    pieces = TfidfVectorizer(analyzer="char", ngram_range=(2, 4), sublinear_tf=True, dtype=np.float32)
    if not any(len(text.strip()) > 1 for text in texts):
        return np.zeros((len(queries), 0), dtype=np.int64), np.zeros((len(queries), 0))
    matrix = pieces.fit_transform(texts)
    found = (pieces.transform(queries) @ matrix.T).toarray().astype(np.float64)
    best = np.argsort(-found, axis=1, kind="stable")[:, : min(count, len(texts))]
    return best.astype(np.int64), np.take_along_axis(found, best, axis=1)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))
