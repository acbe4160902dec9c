"""CSV and TSV, streamed: the delimiter guessed, quotes followed over line ends, every row accounted for by number.

A row that does not fit is not lost: one with too many fields or in another encoding is reported with its number.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import polars as pl

from homefield.data.blocks import BLOCK_CHARACTERS, BLOCK_ROWS, Block, Fault
from homefield.data.encoding import Encoding, detect, open_text, recovered, writable
from homefield.data.quoting import Record, record_batches
from homefield.errors import RecordsError

__all__ = ["DelimitedSource", "open_delimited"]

DELIMITERS = (",", "\t", ";", "|")
_NEVER = "\x1f"  # the delimiter of a file with one column
_SAMPLE_LINES = 200


@dataclass(frozen=True)
class DelimitedSource:
    """An opened CSV or TSV file."""

    path: Path
    encoding: Encoding
    delimiter: str
    columns: tuple[str, ...]
    kind: str
    above: int = 0  # blank records before the header

    @property
    def facts(self) -> dict[str, object]:
        """What was found out about the file, for the manifest."""
        facts: dict[str, object] = {"format": self.kind, "encoding": self.encoding.name}
        return facts if self.delimiter == _NEVER else {**facts, "delimiter": self.delimiter}

    def sample(self, rows: int) -> pl.DataFrame:
        """The first rows with every column, all strings; faulty rows left out."""
        for block in self.blocks(self.columns, rows=rows):
            return block.frame
        return pl.DataFrame({name: pl.Series([], dtype=pl.String) for name in self.columns})

    def blocks(self, wanted: Sequence[str], *, rows: int = BLOCK_ROWS) -> Iterator[Block]:
        """Blocks of about `rows` rows with the `wanted` columns.

        Raises:
            RecordsError: `data.unclosed_quote`, `data.undecodable`.
        """
        waiting: list[Record] = []
        size, first = 0, 1
        for records, characters in self._records():
            waiting += records
            size += characters
            while len(waiting) >= rows or (waiting and size >= BLOCK_CHARACTERS):
                yield self._block(waiting[:rows], wanted, first)
                first += min(rows, len(waiting))
                waiting, size = waiting[rows:], 0
        if waiting:
            yield self._block(waiting, wanted, first)

    def _records(self) -> Iterator[tuple[list[Record], int]]:
        """The records after the header."""
        above = self.above + 1
        with open_text(self.path, self.encoding) as stream:
            for records, size in record_batches(stream, self.delimiter, self.path):
                yield records[above:], size
                above = max(0, above - len(records))

    def _block(self, records: list[Record], wanted: Sequence[str], first: int) -> Block:
        width = len(self.columns)
        numbers = list(range(first, first + len(records)))
        faults: list[tuple[int, Fault, str]] = []
        if set(map(len, records)) != {width}:
            numbers, records = self._fitting(numbers, records, faults)
        try:
            frame = self._frame(records, wanted)
        except UnicodeEncodeError:  # lone surrogates: bytes that the encoding does not have
            numbers, records = self._decoded(numbers, records, faults)
            frame = self._frame(records, wanted)
        return Block(
            frame, pl.Series("row", numbers, dtype=pl.Int64), tuple(sorted(faults, key=lambda fault: fault[0]))
        )

    def _frame(self, records: Sequence[Record], wanted: Sequence[str]) -> pl.DataFrame:
        places = [self.columns.index(name) for name in wanted]
        return pl.DataFrame(
            [
                pl.Series(name, [record[place] for record in records], dtype=pl.String)
                for name, place in zip(wanted, places, strict=True)
            ]
        )

    def _fitting(
        self, numbers: list[int], records: list[Record], faults: list[tuple[int, Fault, str]]
    ) -> tuple[list[int], list[Record]]:
        """Short records filled up; records with something beyond the last column become faults."""
        width = len(self.columns)
        kept: list[tuple[int, Record]] = []
        for number, record in zip(numbers, records, strict=True):
            if any(record[width:]):
                faults.append((number, Fault("fields", {"found": len(record), "expected": width}), self._shown(record)))
            else:
                kept.append((number, record[:width] + [""] * (width - len(record))))
        return [number for number, _ in kept], [record for _, record in kept]

    def _decoded(
        self, numbers: list[int], records: list[Record], faults: list[tuple[int, Fault, str]]
    ) -> tuple[list[int], list[Record]]:
        """Records that could be decoded; the others become faults."""
        kept: list[tuple[int, Record]] = []
        for number, record in zip(numbers, records, strict=True):
            place = next((place for place, value in enumerate(record) if not writable(value)), None)
            if place is None:
                kept.append((number, record))
            else:
                values = {"encoding": self.encoding.name, "column": self.columns[place]}
                faults.append((number, Fault("undecodable", values), self._shown(record)))
        return [number for number, _ in kept], [record for _, record in kept]

    def _shown(self, record: Record) -> str:
        return recovered(self.delimiter.join(record), self.encoding)


def open_delimited(path: Path, *, encoding: str | None = None, delimiter: str | None = None) -> DelimitedSource:
    """Open the CSV or TSV file at `path`: its encoding, delimiter and columns.

    Raises:
        RecordsError: `data.empty_file`, `data.binary`, `data.unclosed_quote`, `data.undecodable`.
    """
    found = detect(path, encoding)
    with open_text(path, found) as stream:
        lines = _head(stream, path)
    if not any(line.strip() for line in lines):
        raise RecordsError("data.empty_file", file=path)
    chosen = delimiter or ("\t" if path.suffix.lower() in (".tsv", ".tab") else _guess_delimiter(lines, path))
    records, _ = next(record_batches(io.StringIO("".join(lines), newline=""), chosen, path))
    above = next((number for number, record in enumerate(records) if any(map(str.strip, record))), None)
    if above is None:
        raise RecordsError("data.empty_file", file=path)
    columns = _named([recovered(name, found).strip().lstrip("\ufeff").strip() for name in records[above]])
    return DelimitedSource(path, found, chosen, columns, "tsv" if chosen == "\t" else "csv", above)


def _head(stream: IO[str], path: Path) -> list[str]:
    lines: list[str] = []
    size = 0
    try:
        for line in stream:
            lines.append(line)
            size += len(line)
            if len(lines) >= _SAMPLE_LINES or size >= BLOCK_CHARACTERS:
                break
    except UnicodeDecodeError as error:
        raise RecordsError("data.undecodable", file=path, row=len(lines), encoding=error.encoding) from error
    return lines


def _named(names: list[str]) -> tuple[str, ...]:
    """Column names without blanks or doubles: `column_3`, `text_2`."""
    seen: Counter[str] = Counter()
    result = []
    for place, given in enumerate(names, start=1):
        name = given or f"column_{place}"
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return tuple(result)


def _guess_delimiter(lines: list[str], path: Path) -> str:
    """The delimiter that cuts the header into several fields and most rows into as many."""
    best, best_score = _NEVER, 0.0
    for delimiter in DELIMITERS:
        widths = _widths(lines, delimiter, path)
        if not widths or widths[0] < 2:
            continue
        agree = sum(width == widths[0] for width in widths) / len(widths)
        score = agree + min(widths[0], 50) / 1000
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _widths(lines: list[str], delimiter: str, path: Path) -> list[int]:
    """Fields of each record that is not blank, as far as the lines can be read with this delimiter."""
    widths: list[int] = []
    for count in (len(lines), 1):
        try:
            for records, _ in record_batches(io.StringIO("".join(lines[:count]), newline=""), delimiter, path):
                widths += [len(record) for record in records if record]
            break
        except RecordsError:  # the lines may end within a record, or the delimiter is the wrong one
            widths.clear()
    return widths
