"""Predictions in a file: CSV that opens rightly in Excel, JSON lines, or Parquet; streamed, whole or not there."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import polars as pl

from homefield.cells import safe_cell
from homefield.errors import CallError
from homefield.files import disk_errors

__all__ = ["SUFFIXES", "Writer", "new_cells", "new_table"]

SUFFIXES = (".csv", ".jsonl", ".parquet")


class Writer(Protocol):
    """Takes rows; what they become is the writer's business."""

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows; each has the same keys."""


@contextmanager
def new_table(path: Path) -> Iterator[Writer]:
    """A file of rows that appears at `path` only when the block ends without an error; an older one is replaced.

    Raises:
        CallError: `serve.bad_suffix`, `serve.is_folder`. MachineError: as `homefield.files.disk_errors`.
    """
    suffix = path.suffix.lower()
    if not path.is_dir() and suffix not in SUFFIXES:
        raise CallError("serve.bad_suffix", path=path, got=path.suffix)
    with _whole(path) as partial:
        if suffix == ".parquet":
            pieces = _Parquet(partial.with_name("pieces"))
            yield pieces
            pieces.join(partial)
        elif suffix == ".csv":
            with _csv(partial) as stream:
                yield _Csv(stream)
        else:
            with partial.open("w", encoding="utf-8", newline="") as stream:
                yield _Lines(stream)


@contextmanager
def new_cells(path: Path, columns: Sequence[str]) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A CSV file that opens rightly in Excel, no cell a formula; yields the function that takes a row, by column.

    It appears at `path` only when the block ends without an error; an older one is replaced.

    Raises:
        CallError: `serve.is_folder`. MachineError: as `homefield.files.disk_errors`.
    """
    with _whole(path) as partial, _csv(partial) as stream:
        out = csv.writer(stream)
        out.writerow(columns)
        yield lambda row: out.writerow([safe_cell(row[name]) for name in columns])


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A file to write that takes the place of `path` at the end."""
    if path.is_dir():
        raise CallError("serve.is_folder", path=path)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", suffix=".partial", dir=path.parent) as folder:
            partial = Path(folder) / f"whole{path.suffix.lower()}"
            yield partial
            with partial.open("rb") as written:
                os.fsync(written.fileno())
            partial.chmod(0o644)
            partial.replace(path)


def _csv(path: Path) -> IO[str]:
    """A CSV file to write: with the mark at its beginning by which Excel knows UTF-8."""
    return path.open("w", encoding="utf-8-sig", newline="")


class _Csv:
    """One line a row; lists are joined with "; "."""

    def __init__(self, stream: IO[str]) -> None:
        self._out = csv.writer(stream)
        self._header: list[str] | None = None

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows, flattened."""
        for row in rows:
            flat = _flat(row)
            if self._header is None:
                self._header = list(flat)
                self._out.writerow(self._header)
            self._out.writerow([safe_cell(flat[name]) for name in self._header])


class _Lines:
    """One JSON object a line."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows as they are."""
        for row in rows:
            self._stream.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


_CANDIDATE = pl.Struct({"label": pl.String, "confidence": pl.Float64})
_EVIDENCE = pl.Struct(
    {"text": pl.String, "label": pl.String, "source": pl.String, "row": pl.Int64, "similarity": pl.Float64}
)
_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "source": pl.String,
    "row": pl.Int64,
    "text": pl.String,
    "label": pl.String,
    "labels": pl.List(_CANDIDATE),
    "value": pl.Float64,
    "interval": pl.List(pl.Float64),
    "confidence": pl.Float64,
    "decision": pl.String,
    "reason": pl.String,
    "runners_up": pl.List(_CANDIDATE),
    "unknown": pl.Float64,
    "evidence": pl.List(_EVIDENCE),
    "model": pl.String,
}


class _Parquet:
    """Row groups in files of their own, streamed into one at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir()
        self._count = 0

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows as one piece."""
        pl.DataFrame(list(rows), schema=pl.Schema(_SCHEMA)).write_parquet(self._folder / f"{self._count:08d}.parquet")
        self._count += 1

    def join(self, path: Path) -> None:
        """Everything written, as one file."""
        if self._count == 0:
            pl.DataFrame(schema=pl.Schema(_SCHEMA)).write_parquet(path)
        else:
            pl.scan_parquet(sorted(self._folder.glob("*.parquet"))).sink_parquet(path, maintain_order=True)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    flat = {name: row[name] for name in ("source", "row", "text", "label")}
    flat["labels"] = "; ".join(one["label"] for one in row["labels"])
    flat["value"] = row["value"]
    flat["low"], flat["high"] = row["interval"] or (None, None)
    flat |= {name: row[name] for name in ("confidence", "decision", "reason", "unknown")}
    flat["runners_up"] = "; ".join(f"{one['label']} ({one['confidence']:.3f})" for one in row["runners_up"])
    nearest = row["evidence"][0] if row["evidence"] else {}
    for name in ("text", "label", "source", "row", "similarity"):
        flat[f"nearest_{name}"] = nearest.get(name)
    flat["model"] = row["model"]
    return flat
