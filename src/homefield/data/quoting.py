"""CSV records from lines of text, many at a time, with quotes followed over line ends.

The parsing is the standard library's. Lines are parsed in batches at its speed where no record crosses a line end;
where one does, record by record, so that a quote opened and never closed is named by the row that opened it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from homefield.errors import RecordsError

__all__ = ["Record", "record_batches"]

Record = list[str]
_BATCH_CHARACTERS = 1 << 20
_RECORD_LIMIT = 16 << 20  # characters of one record; a quote opened and never closed swallows the rest of the file
_FIELD_LIMIT = 1 << 30


def record_batches(stream: IO[str], delimiter: str, path: Path) -> Iterator[tuple[list[Record], int]]:
    """Records, the header first, in batches with their size in characters.

    `stream` must keep line ends as they are (`newline=""`).

    Raises:
        RecordsError: `data.unclosed_quote`, `data.undecodable`.
    """
    # The interpreter's limit is one for all readers; 128 KiB would stop at a long text instead of rejecting its row.
    csv.field_size_limit(max(_FIELD_LIMIT, csv.field_size_limit()))
    lines = _Lines(stream, delimiter, path)
    while batch := lines.batch():
        records = _at_once(batch, delimiter)
        if records is None:
            records = _one_by_one(lines)
        lines.row += len(records)
        yield records, sum(map(len, lines.lines))


def _at_once(batch: Sequence[str], delimiter: str) -> list[Record] | None:
    """The records of lines that are one record each; None when it cannot be told without care."""
    if any(line.count('"') & 1 for line in batch):
        return None
    try:
        records = list(csv.reader(batch, delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return records if len(records) == len(batch) else None


def _one_by_one(lines: _Lines) -> list[Record]:
    """The records that begin in the lines' batch; the last of them may go on beyond it."""
    records: list[Record] = []
    reader = csv.reader(lines, delimiter=lines.delimiter, strict=True)
    while lines.begin(len(records)):
        try:
            records.append(next(reader))
        except StopIteration:
            break
        except csv.Error:
            if lines.ended or len(lines.record) != 1:
                raise lines.unclosed() from None
            # A stray quote inside one line (`"abc" def,label`): read it as it stands.
            records.append(next(csv.reader(lines.record, delimiter=lines.delimiter)))
    return records


class _Lines:
    """The lines of a file, a batch at a time, and within the batch those of the record being read."""

    def __init__(self, stream: IO[str], delimiter: str, path: Path) -> None:
        self._stream = stream
        self._path = path
        self.lines: list[str] = []
        self._next = 0
        self._line = 0  # lines read before the batch
        self._size = 0
        self._before = 0
        self.delimiter = delimiter
        self.record: list[str] = []
        self.row = 0  # of the first record of the batch; 0 is the header
        self.ended = False

    def batch(self) -> list[str]:
        """The next lines, as they are; empty at the end of the file."""
        self._line += len(self.lines)
        self.lines, self._next, self._size = self._read(), 0, 0
        return self.lines

    def begin(self, before: int) -> bool:
        """Begin a record, `before` records into the batch; False when the batch has none left."""
        self._before = before
        self.record = []
        self._size = 0
        return self._next < len(self.lines)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self._next == len(self.lines):
            self.lines += self._read()
        if self._next == len(self.lines):
            self.ended = True
            raise StopIteration
        line = self.lines[self._next]
        self._next += 1
        self.record.append(line)
        self._size += len(line)
        if self._size > _RECORD_LIMIT:
            raise self.unclosed()
        return line

    def unclosed(self) -> RecordsError:
        """The error that names the record being read."""
        line = self._line + self._next - len(self.record) + 1
        opened = self.record[0].rstrip("\r\n") if self.record else ""
        column = len(next(csv.reader([opened], delimiter=self.delimiter), [""]))
        return RecordsError(
            "data.unclosed_quote",
            file=self._path,
            row=self.row + self._before,
            line=line,
            column=column,
            text=opened[:60],
        )

    def _read(self) -> list[str]:
        try:
            return self._stream.readlines(_BATCH_CHARACTERS)
        except UnicodeDecodeError as error:
            raise RecordsError("data.undecodable", file=self._path, row=self.row, encoding=error.encoding) from error
