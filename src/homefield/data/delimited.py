"""CSV and TSV, streamed: the delimiter guessed, quotes followed over line ends, every row accounted for by number.

The parsing is the standard library's. What is added is what people need when a file is not what it seems: the row
where a quote was opened and never closed, rows with a wrong number of fields, rows in another encoding.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import polars as pl

from homefield.data.blocks import BLOCK_CHARACTERS, BLOCK_ROWS, Block, BlockBuilder, Fault
from homefield.data.encoding import Encoding, detect, open_text, recovered
from homefield.errors import RecordsError

__all__ = ["DelimitedSource", "open_delimited"]

DELIMITERS = (",", "\t", ";", "|")
_NEVER = "\x1f"  # the delimiter of a file with one column
_RECORD_LIMIT = 16 << 20  # characters of one record; a quote opened and never closed swallows the rest of the file
_FIELD_LIMIT = 1 << 30
_SAMPLE_LINES = 200


@dataclass(frozen=True)
class DelimitedSource:
    """An opened CSV or TSV file."""

    path: Path
    encoding: Encoding
    delimiter: str
    columns: tuple[str, ...]
    kind: str

    @property
    def facts(self) -> dict[str, object]:
        """What was found out about the file, for the manifest."""
        return {"format": self.kind, "encoding": self.encoding.name, "delimiter": self.delimiter.replace(_NEVER, "")}

    def sample(self, rows: int) -> pl.DataFrame:
        """The first rows with every column, all strings; faulty rows left out."""
        for block in self.blocks(self.columns, rows=rows):
            return block.frame
        return pl.DataFrame({name: pl.Series([], dtype=pl.String) for name in self.columns})

    def blocks(self, wanted: Sequence[str], *, rows: int = BLOCK_ROWS) -> Iterator[Block]:
        """Blocks of up to `rows` rows with the `wanted` columns.

        Raises:
            RecordsError: `data.unclosed_quote`, `data.undecodable`.
        """
        places = [self.columns.index(name) for name in wanted]
        builder = BlockBuilder(wanted)
        for row, (record, size) in enumerate(self._records(), start=0):
            if row == 0:
                continue
            fault = self._fault(record)
            if fault is not None:
                builder.reject(row, fault, self._shown(record))
            else:
                if len(record) < len(self.columns):
                    record = record + [None] * (len(self.columns) - len(record))
                builder.add(row, [record[place] for place in places], size)
            if builder.rows >= rows or builder.size >= BLOCK_CHARACTERS:
                yield builder.take()
        if builder.rows:
            yield builder.take()

    def _fault(self, record: Sequence[str | None]) -> Fault | None:
        if len(record) > len(self.columns) and any(record[len(self.columns) :]):
            return Fault("fields", {"found": len(record), "expected": len(self.columns)})
        for place, value in enumerate(record[: len(self.columns)]):
            if value and not value.isascii() and _undecoded(value):
                return Fault("undecodable", {"encoding": self.encoding.name, "column": self.columns[place]})
        return None

    def _shown(self, record: Sequence[str | None]) -> str:
        return recovered(self.delimiter.join(value or "" for value in record), self.encoding)

    def _records(self) -> Iterator[tuple[list[str | None], int]]:
        with open_text(self.path, self.encoding) as stream:
            yield from _records(stream, self.delimiter, self.path)


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
    header, _ = next(_records(io.StringIO("".join(lines), newline=""), chosen, path))
    columns = _named([(name or "").strip().lstrip("\ufeff").strip() for name in header])
    return DelimitedSource(path, found, chosen, columns, "tsv" if chosen == "\t" else "csv")


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
        widths: list[int] = []
        try:
            for record, _ in _records(io.StringIO("".join(lines), newline=""), delimiter, path):
                widths.append(len(record))
        except RecordsError:
            if not widths:
                continue
        if widths[0] < 2:
            continue
        agree = sum(width == widths[0] for width in widths) / len(widths)
        score = agree + min(widths[0], 50) / 1000
        if score > best_score:
            best, best_score = delimiter, score
    return best


class _Lines:
    """The lines of a file for `csv.reader`, remembering those of the record being read."""

    def __init__(self, stream: IO[str], path: Path) -> None:
        self._stream = iter(stream)
        self._path = path
        self.record: list[str] = []
        self.size = 0
        self.row = 0  # of the record being read; 0 is the header
        self.line = 0
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        try:
            line = next(self._stream)
        except UnicodeDecodeError as error:
            raise RecordsError("data.undecodable", file=self._path, row=self.row, encoding=error.encoding) from error
        except StopIteration:
            self.ended = True
            raise
        self.line += 1
        self.record.append(line)
        self.size += len(line)
        if self.size > _RECORD_LIMIT:
            raise self.unclosed()
        return line

    def begin(self) -> None:
        self.record = []
        self.size = 0

    def unclosed(self) -> RecordsError:
        start = self.line - len(self.record) + 1
        opened = self.record[0].strip()[:60] if self.record else ""
        return RecordsError("data.unclosed_quote", file=self._path, row=self.row, line=start, text=opened)


def _records(stream: IO[str], delimiter: str, path: Path) -> Iterator[tuple[list[str | None], int]]:
    """Every record with its size in characters; the header is the first."""
    # The interpreter's limit is one for all readers; 128 KiB would stop at a long text instead of rejecting its row.
    csv.field_size_limit(max(_FIELD_LIMIT, csv.field_size_limit()))
    lines = _Lines(stream, path)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin()
        record: list[str | None]
        try:
            record = [*next(reader)]
        except StopIteration:
            return
        except csv.Error:
            if lines.ended or len(lines.record) != 1:
                raise lines.unclosed() from None
            # A stray quote inside one line (`"abc" def,label`): read it as it stands.
            record = [*next(csv.reader(lines.record, delimiter=delimiter))]
        yield record, lines.size
        lines.row += 1


def _undecoded(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
