"""JSON and JSON lines as blocks of rows: every value as a string, lists and objects as JSON again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import polars as pl

from homefield.data.blocks import BLOCK_CHARACTERS, BLOCK_ROWS, Block, BlockBuilder, Fault, as_text, no_rows
from homefield.data.encoding import Encoding, detect, open_text, recovered, writable
from homefield.errors import RecordsError

__all__ = ["JsonSource"]

_SAMPLE_ROWS = 200
_WHOLE_LIMIT = 1 << 30  # bytes of a JSON file that has to be read whole (an object of records)
_READ = 1 << 20

Item = tuple[Any, Fault | None, str]  # a parsed value, or the fault and what it looked like


@dataclass(frozen=True)
class JsonSource:
    """An opened JSON or JSON lines file."""

    path: Path
    encoding: Encoding
    columns: tuple[str, ...]
    kind: str  # jsonl, array or object

    @classmethod
    def open(cls, path: Path, *, encoding: str | None = None) -> JsonSource:
        """Open `path`: its encoding, how its records are held, and the columns of the first of them.

        Raises:
            RecordsError: `data.empty_file`, `data.binary`, `data.undecodable`, `data.not_json`, `data.no_records`.
        """
        found = detect(path, encoding)
        kind = _kind(path, found)
        names: dict[str, None] = {}
        probe = cls(path, found, (), kind)
        for number, (value, _, _) in enumerate(probe._items(), start=1):
            if isinstance(value, dict):
                names.update(dict.fromkeys(filter(writable, value)))
            if number >= _SAMPLE_ROWS:
                break
        if not names:
            raise RecordsError("data.no_records", file=path)
        return cls(path, found, tuple(names), kind)

    @property
    def facts(self) -> dict[str, object]:
        """What was found out about the file, for the manifest."""
        return {"format": "jsonl" if self.kind == "jsonl" else "json", "encoding": self.encoding.name}

    def sample(self, rows: int) -> pl.DataFrame:
        """The first rows with every column, all strings."""
        return next((block.frame for block in self.blocks(self.columns, rows=rows)), no_rows(self.columns))

    def blocks(self, wanted: Sequence[str], *, rows: int = BLOCK_ROWS) -> Iterator[Block]:
        """Blocks of up to `rows` rows with the `wanted` columns."""
        builder = BlockBuilder(wanted)
        for row, (value, fault, shown) in enumerate(self._items(), start=1):
            if fault is None and not isinstance(value, dict):
                fault, shown = Fault("not_object", {}), json.dumps(value, ensure_ascii=False)[:1000]
            if fault is None:
                values = [as_text(value.get(name)) for name in wanted]
                if bad := [name for name, text in zip(wanted, values, strict=True) if text and not writable(text)]:
                    fault = Fault("undecodable", {"encoding": self.encoding.name, "column": bad[0]})
                    shown = recovered(json.dumps(value, ensure_ascii=False), self.encoding)
            if fault is not None:
                builder.reject(row, fault, shown)
            else:
                builder.add(row, values, sum(len(text or "") for text in values))
            if builder.rows >= rows or builder.size >= BLOCK_CHARACTERS:
                yield builder.take()
        if builder.rows:
            yield builder.take()

    def _items(self) -> Iterator[Item]:
        try:
            with open_text(self.path, self.encoding) as stream:
                if self.kind == "jsonl":
                    yield from _json_lines(stream, self.encoding)
                elif self.kind == "array":
                    yield from ((value, None, "") for value in _json_array(stream, self.path))
                else:
                    yield from ((value, None, "") for value in _json_object(stream, self.path))
        except UnicodeDecodeError as error:
            raise RecordsError("data.undecodable", file=self.path, row="?", encoding=error.encoding) from error


def _kind(path: Path, encoding: Encoding) -> str:
    with open_text(path, encoding) as stream:
        start = ""
        while not start and (piece := stream.read(_READ)):
            start = piece.lstrip("\ufeff \t\r\n")
    if not start:
        raise RecordsError("data.empty_file", file=path)
    if start[0] == "[" and path.suffix.lower() not in (".jsonl", ".ndjson"):
        return "array"
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return "jsonl"
    first, _, rest = start.partition("\n")
    if rest.lstrip().startswith("{"):
        try:
            json.loads(first)
        except json.JSONDecodeError:
            return "object"
        return "jsonl"
    return "object"


def _json_lines(stream: IO[str], encoding: Encoding) -> Iterator[Item]:
    for line in stream:
        line = line.strip("\ufeff \t\r\n")
        if not line:
            continue
        try:
            yield json.loads(line), None, ""
        except (json.JSONDecodeError, RecursionError) as error:
            place = error.colno if isinstance(error, json.JSONDecodeError) else 1
            yield None, Fault("not_json", {"column": place}), recovered(line, encoding)


def _json_array(stream: IO[str], path: Path) -> Iterator[Any]:
    """The values of one JSON array, without ever holding more than one of them and a buffer."""
    decoder = json.JSONDecoder()
    buffer, place, row = stream.read(_READ).lstrip("\ufeff \t\r\n"), 1, 0
    while True:
        place = _skip(buffer, place)
        if place >= len(buffer):
            if not (more := stream.read(_READ)):
                raise RecordsError("data.not_json", file=path, row=row + 1, column=place)
            buffer, place = more, 0
            continue
        if buffer[place] == "]":
            return
        if buffer[place] == ",":
            place += 1
            continue
        try:
            value, end = decoder.raw_decode(buffer, place)
            # A number at the very end of the buffer may go on in the next piece.
            whole = end < len(buffer)
        except (json.JSONDecodeError, RecursionError):
            whole = False
        if not whole:
            if not (more := stream.read(max(_READ, len(buffer)))):
                raise RecordsError("data.not_json", file=path, row=row + 1, column=place + 1)
            buffer, place = buffer[place:] + more, 0
            continue
        row += 1
        yield value
        place = end


def _skip(buffer: str, place: int) -> int:
    while place < len(buffer) and buffer[place] in " \t\r\n":
        place += 1
    return place


def _json_object(stream: IO[str], path: Path) -> Iterator[Any]:
    """The records held in one JSON object: a list under some key, an object of objects, or an object of columns."""
    if path.stat().st_size > _WHOLE_LIMIT:
        raise RecordsError("data.json_too_large", file=path, limit=_WHOLE_LIMIT >> 20)
    try:
        value = json.loads(stream.read().lstrip("\ufeff"))
    except (json.JSONDecodeError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        column = error.colno if isinstance(error, json.JSONDecodeError) else 1
        raise RecordsError("data.not_json", file=path, row=line, column=column) from error
    parts = list(value.values())
    lists = [part for part in parts if isinstance(part, list)]
    if parts and len(lists) == len(parts) and not any(isinstance(item, dict) for part in lists for item in part[:1]):
        if len({len(part) for part in lists}) != 1:
            raise RecordsError("data.ragged_columns", file=path, columns=_lengths(value))
        yield from (dict(zip(value, row, strict=True)) for row in zip(*parts, strict=True))
    elif parts and all(isinstance(part, dict) for part in parts):
        yield from parts
    elif lists := [part for part in lists if part and isinstance(part[0], dict)]:
        yield from max(lists, key=len)
    else:
        yield value


def _lengths(value: Mapping[str, list[Any]]) -> str:
    return ", ".join(f"{name}: {len(items)}" for name, items in value.items())
