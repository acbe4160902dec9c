"""Rows put aside on disk while a file larger than memory is read, and got back block by block.

What every row needs in memory is a few numbers; they are kept as plain binary columns, one file each. The rows
themselves lie in Parquet blocks: *live* rows, numbered 0, 1, 2, ... in the order read, and rows already rejected.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["Places", "Spill", "plain_disk_errors"]


@contextmanager
def plain_disk_errors() -> Iterator[None]:
    """Polars' errors about writing as the operating system's own, which `homefield.files` has sentences for.

    Raises:
        OSError: with the number that Polars put in its text.
    """
    try:
        yield
    except pl.exceptions.PolarsError as error:
        if found := re.search(r"\(os error (\d+)\)", str(error)):
            number = int(found.group(1))
            raise OSError(number, os.strerror(number)) from error
        raise


class Spill:
    """A folder of blocks and binary columns. Not for reading and adding at the same time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._types: dict[str, np.dtype[Any]] = {}
        self._starts = [0]  # the first live row of every block, and the number of live rows

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return len(self._starts) - 1

    @property
    def live(self) -> int:
        """How many live rows there are."""
        return self._starts[-1]

    def add(self, name: str, values: NDArray[Any]) -> None:
        """Append to the binary column `name`."""
        self._types.setdefault(name, values.dtype)
        with (self._folder / f"{name}.bin").open("ab") as stream:
            # Not `tofile`, whose error on a full disk does not say that the disk is full.
            stream.write(np.ascontiguousarray(values, dtype=self._types[name]).data)

    def load(self, name: str) -> NDArray[Any]:
        """The whole binary column `name`."""
        if name not in self._types:
            return np.zeros(0)
        return np.fromfile(self._folder / f"{name}.bin", dtype=self._types[name])

    def drop(self, name: str) -> None:
        """Forget a binary column that is no longer needed."""
        if self._types.pop(name, None) is not None:
            (self._folder / f"{name}.bin").unlink()

    def add_block(self, live: pl.DataFrame, rejected: pl.DataFrame) -> None:
        """Put aside the live and the rejected rows of one block."""
        with plain_disk_errors():
            live.write_parquet(self._path("live", self.blocks), compression="lz4", statistics=False)
            rejected.write_parquet(self._path("rejected", self.blocks), compression="lz4", statistics=False)
        self._starts.append(self.live + live.height)

    def live_blocks(self, columns: Sequence[str] | None = None) -> Iterator[tuple[int, pl.DataFrame]]:
        """`(number of its first live row, live rows)` of every block."""
        for block in range(self.blocks):
            yield self._starts[block], self._read("live", block, columns)

    def rejected_block(self, block: int) -> pl.DataFrame:
        """The rows rejected while reading block number `block`."""
        return self._read("rejected", block, None)

    def start_of(self, block: int) -> int:
        """The number of the first live row of a block."""
        return self._starts[block]

    def texts(self, rows: NDArray[np.integer], columns: Sequence[str] = ("text",)) -> list[list[str]]:
        """Strings of live rows, in the order given: one list a column."""
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        cuts = np.searchsorted(ordered, self._starts)
        found = [np.empty(len(rows), dtype=object) for _ in columns]
        for block in range(self.blocks):
            start, end = int(cuts[block]), int(cuts[block + 1])
            if start < end:
                # As Python strings at once: rows of a frame would keep all texts of their block in memory.
                frame = self._read("live", block, columns)[ordered[start:end] - self._starts[block]]
                for column, name in zip(found, columns, strict=True):
                    column[order[start:end]] = frame[name].to_numpy()
        return [column.tolist() for column in found]

    def _path(self, kind: str, block: int) -> Path:
        return self._folder / f"{kind}_{block:06d}.parquet"

    def _read(self, kind: str, block: int, columns: Sequence[str] | None) -> pl.DataFrame:
        return pl.read_parquet(self._path(kind, block), columns=list(columns) if columns else None, memory_map=False)


class Places:
    """Where live rows stand in the files they came from."""

    def __init__(self, spill: Spill) -> None:
        self._sources = spill.load("source")
        self._rows = spill.load("row")

    def __getitem__(self, row: int) -> tuple[int, int]:
        """`(index of the source, 1-based row in it)` of a live row."""
        return int(self._sources[row]), int(self._rows[row])
