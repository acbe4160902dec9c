"""Every vector compared with every query: right by construction, and quick up to some hundred thousand vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from homefield.errors import CallError
from homefield.files import write_file
from homefield.index.contract import Found, checked_ids, checked_vectors

__all__ = ["ExactIndex"]

_NUMBERS = 8_000_000  # similarities held at once


class ExactIndex:
    """An index of float32 vectors in memory. `search` may run in several threads, `add` beside nothing."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._ids = np.empty(0, dtype=np.int64)
        self._vectors = np.empty((0, width), dtype=np.float32)
        self._size = 0
        self._places: dict[int, int] = {}

    @property
    def width(self) -> int:
        """D, numbers in a vector."""
        return self._width

    def __len__(self) -> int:
        return self._size

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.floating]) -> None:
        """See `VectorIndex.add`."""
        rows = checked_vectors(vectors, self._width)
        names = checked_ids(np.asarray(ids), len(rows)).tolist()
        fresh = [name for name in names if name not in self._places]
        self._grow(self._size + len(fresh))
        for name in fresh:
            self._places[name] = self._size
            self._ids[self._size] = name
            self._size += 1
        self._vectors[[self._places[name] for name in names]] = rows

    def remove(self, ids: NDArray[np.int64]) -> int:
        """See `VectorIndex.remove`."""
        gone = [name for name in dict.fromkeys(np.asarray(ids).tolist()) if name in self._places]
        for name in gone:
            place, last = self._places.pop(name), self._size - 1
            if place != last:
                moved = int(self._ids[last])
                self._ids[place], self._vectors[place] = moved, self._vectors[last]
                self._places[moved] = place
            self._size = last
        return len(gone)

    def search(self, queries: NDArray[np.floating], count: int) -> Found:
        """See `VectorIndex.search`."""
        rows = checked_vectors(queries, self._width)
        count = max(0, min(count, self._size))
        places = np.empty((len(rows), count), dtype=np.int64)
        similarities = np.empty((len(rows), count), dtype=np.float32)
        step = max(1, _NUMBERS // max(1, self._size))
        for start in range(0, len(rows) if count else 0, step):
            block = slice(start, start + step)
            scores = rows[block] @ self._vectors[: self._size].T
            pool = np.argpartition(-scores, count - 1, axis=1)[:, :count]
            some = np.take_along_axis(scores, pool, axis=1)
            # Equal similarities in the order of their numbers, so that a result does not depend on the partition.
            order = np.lexsort((self._ids[pool], -some), axis=1)
            places[block] = np.take_along_axis(pool, order, axis=1)
            similarities[block] = np.take_along_axis(some, order, axis=1)
        return Found(self._ids[places], similarities)

    def save(self, path: Path) -> None:
        """See `VectorIndex.save`."""
        arrays: dict[str, NDArray[Any]] = {"ids": self._ids[: self._size], "vectors": self._vectors[: self._size]}
        write_file(path, save(arrays, metadata={"kind": "exact", "format": "1"}))

    @classmethod
    def load(cls, path: Path) -> Self:
        """See `VectorIndex.load`."""
        if not path.is_file():
            raise CallError("index.missing", path=path)
        try:
            arrays = load(path.read_bytes())
            ids, vectors = arrays["ids"], arrays["vectors"]
        except (SafetensorError, KeyError) as error:
            raise CallError("index.unreadable", path=path) from error
        if ids.ndim != 1 or vectors.ndim != 2 or len(ids) != len(vectors):
            raise CallError("index.unreadable", path=path)
        found = cls(vectors.shape[1])
        found.add(ids, vectors)
        return found

    def _grow(self, size: int) -> None:
        if size > len(self._ids):
            room = max(size, 2 * len(self._ids))
            self._ids = np.resize(self._ids, room) if len(self._ids) else np.zeros(room, dtype=np.int64)
            larger = np.zeros((room, self._width), dtype=np.float32)
            larger[: self._size] = self._vectors[: self._size]
            self._vectors = larger
