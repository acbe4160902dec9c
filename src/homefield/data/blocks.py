"""What readers of every format hand on: blocks of rows with the wanted columns, and the rows that could not be read."""

from __future__ import annotations

import json
import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

__all__ = ["BLOCK_CHARACTERS", "BLOCK_ROWS", "Block", "BlockBuilder", "Fault", "as_text", "no_rows"]

BLOCK_ROWS = 50_000
BLOCK_CHARACTERS = 16 << 20


@dataclass(frozen=True)
class Fault:
    """Why a row cannot be used: a name that `reasons` has sentences for, and what fills them."""

    reason: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Block:
    """Rows as read.

    frame: the wanted columns as strings (null for nothing, lists as JSON).
    numbers: the 1-based number of each of these rows in its file, Int64.
    faults: `(row, fault, shown)` of the rows that could not be read; `shown` is what could be made of them.
    """

    frame: pl.DataFrame
    numbers: pl.Series
    faults: tuple[tuple[int, Fault, str], ...] = ()

    @property
    def rows(self) -> int:
        """How many rows of the file this block accounts for."""
        return self.frame.height + len(self.faults)

    def without(self, columns: Sequence[str], forgotten: Container[str]) -> Block:
        """The block with the rows that name one of the `forgotten` in these columns among its faults, wordless."""
        named = {value for column in columns for value in self.frame[column].unique() if value and value in forgotten}
        if not named:
            return self
        theirs = self.frame.select(pl.any_horizontal(pl.col(columns).is_in(named).fill_null(False))).to_series()
        faults = tuple((row, Fault("forgotten"), "") for row in self.numbers.filter(theirs))
        return Block(self.frame.filter(~theirs), self.numbers.filter(~theirs), (*self.faults, *faults))


class BlockBuilder:
    """Collects rows until a block is full."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self._wanted = tuple(wanted)
        self._numbers: list[int] = []
        self._records: list[Sequence[str | None]] = []
        self._faults: list[tuple[int, Fault, str]] = []
        self.size = 0

    @property
    def rows(self) -> int:
        """Rows collected so far."""
        return len(self._numbers) + len(self._faults)

    def add(self, row: int, values: Sequence[str | None], size: int) -> None:
        """Add a row: its values in the order of the wanted columns, its size in characters."""
        self._numbers.append(row)
        self._records.append(values)
        self.size += size

    def reject(self, row: int, fault: Fault, shown: str) -> None:
        """Add a row that cannot be read."""
        self._faults.append((row, fault, shown))
        self.size += len(shown)

    def take(self) -> Block:
        """The block collected so far; the builder is empty afterwards."""
        columns = list(zip(*self._records, strict=True)) or [()] * len(self._wanted)
        series = [pl.Series(name, values, dtype=pl.String) for name, values in zip(self._wanted, columns, strict=True)]
        block = Block(pl.DataFrame(series), pl.Series("row", self._numbers, dtype=pl.Int64), tuple(self._faults))
        self._numbers, self._records, self._faults, self.size = [], [], [], 0
        return block


def as_text(value: object) -> str | None:
    """A JSON value as a string: lists and objects as JSON again, nothing and NaN as null."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return None if math.isnan(value) else repr(value)
    if isinstance(value, int):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def no_rows(columns: Sequence[str]) -> pl.DataFrame:
    """A sample of a file without rows."""
    return pl.DataFrame({name: pl.Series([], dtype=pl.String) for name in columns})
