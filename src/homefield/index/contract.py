"""What every index of vectors does: add, search, save, load. `tests/index` holds each implementation to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from homefield.errors import CallError

__all__ = ["Found", "VectorIndex", "checked_ids", "checked_vectors"]


@dataclass(frozen=True)
class Found:
    """The nearest of B queries. ids: `[B, K]`. similarities: cosines `[B, K]`, right to a thousandth,
    the highest first."""

    ids: NDArray[np.int64]
    similarities: NDArray[np.float32]


class VectorIndex(Protocol):
    """Vectors under numbers, found again by cosine similarity. A vector of zeros is similar to nothing (0)."""

    @property
    def width(self) -> int:
        """D, numbers in a vector."""

    def __len__(self) -> int:
        """How many vectors it holds."""

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.floating]) -> None:
        """Hold vectors `[N, D]` under the numbers `ids` `[N]`; a number that is there gets the new vector.

        Raises:
            CallError: `index.width`, `index.not_finite`, `index.ids`; nothing is added then.
        """

    def remove(self, ids: NDArray[np.int64]) -> int:
        """Forget the vectors under these numbers; how many there were. Numbers that are not there are passed over."""

    def search(self, queries: NDArray[np.floating], count: int) -> Found:
        """The `count` nearest of each query `[B, D]`; fewer columns when it holds fewer vectors.

        Raises:
            CallError: `index.width`, `index.not_finite`.
        """

    def save(self, path: Path) -> None:
        """Write everything to the file `path`, atomically.

        Raises:
            MachineError: as `homefield.files.disk_errors`.
        """

    @classmethod
    def load(cls, path: Path) -> Self:
        """The index that `save` wrote.

        Raises:
            CallError: `index.missing`, `index.unreadable`.
        """


def checked_vectors(vectors: NDArray[np.floating], width: int) -> NDArray[np.float32]:
    """`vectors` as float32 `[N, D]` of length 1 (or 0).

    Raises:
        CallError: `index.width`, `index.not_finite`.
    """
    if vectors.ndim != 2 or vectors.shape[1] != width:
        raise CallError("index.width", expected=width, got="x".join(map(str, vectors.shape)))
    exact = vectors.astype(np.float64)
    if not np.isfinite(exact).all():
        raise CallError("index.not_finite", row=int(np.flatnonzero(~np.isfinite(exact).all(axis=1))[0]) + 1)
    # Scaled by the largest number first, so that squares of huge or tiny ones stay within what a float holds.
    exact /= np.maximum(np.abs(exact).max(axis=1, keepdims=True, initial=0.0), np.finfo(np.float64).tiny)
    lengths = np.sqrt(np.square(exact).sum(axis=1, keepdims=True))
    return np.asarray(exact / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)


def checked_ids(ids: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """`ids`, when there is a different one for each row.

    Raises:
        CallError: `index.ids`.
    """
    if ids.shape != (rows,) or len(np.unique(ids)) != rows:
        raise CallError("index.ids", rows=rows, got=len(np.unique(ids)))
    return np.asarray(ids, dtype=np.int64)
