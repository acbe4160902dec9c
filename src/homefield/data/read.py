"""Files of records as a stream of blocks with columns named by role. The same door for preparing and predicting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from homefield.data.blocks import BLOCK_ROWS, Block, Fault
from homefield.data.dataset import LabelKind
from homefield.data.delimited import open_delimited
from homefield.data.encoding import detect
from homefield.data.jsonfile import JsonSource
from homefield.data.labels import typed_labels
from homefield.data.reasons import reason_text
from homefield.data.schema import Roles, find_roles, require
from homefield.data.tables import ExcelSource, LinesSource, ParquetSource
from homefield.errors import CallError, RecordsError
from homefield.events import Event, Listener, silent
from homefield.messages import default_language

__all__ = [
    "FORMATS",
    "RESERVED",
    "Opened",
    "Source",
    "open_records",
    "open_source",
    "read_records",
    "roles_text",
    "shared_roles",
]

FORMATS: Mapping[str, str] = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".json": "json", ".jsonl": "json", ".ndjson": "json",
    ".parquet": "parquet", ".pq": "parquet", ".xlsx": "excel", ".xlsm": "excel", ".xls": "excel", ".xlsb": "excel",
    ".ods": "excel", ".txt": "txt",
}  # fmt: skip
# Columns that a dataset has besides the roles, and those that `prepare` puts beside them while it works.
RESERVED = frozenset(
    {"id", "source", "row", "language", "near", "split", "reason", "detail", "length", "hopeless", "place"}
)
_SAMPLE = 1000


class Source(Protocol):
    """An opened file of records."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns."""

    @property
    def facts(self) -> dict[str, object]:
        """Its format, encoding and the like."""

    def sample(self, rows: int) -> pl.DataFrame:
        """The first rows with every column, all strings."""

    def blocks(self, wanted: Sequence[str], *, rows: int = BLOCK_ROWS) -> Iterator[Block]:
        """Blocks of rows with the wanted columns."""


@dataclass(frozen=True)
class Opened:
    """Files opened together: they share the roles."""

    sources: tuple[Source, ...]
    roles: Roles


def open_source(path: Path, *, encoding: str | None = None, delimiter: str | None = None) -> Source:
    """Open one file of records by its ending.

    Raises:
        RecordsError: `data.missing_file`, `data.is_folder`, `data.unknown_format`, `data.empty_file`, and those of the
            format's reader.
    """
    if path.is_dir():
        raise RecordsError("data.is_folder", path=path, files=_inside(path))
    if not path.is_file():
        raise RecordsError("data.missing_file", path=path)
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise RecordsError("data.unknown_format", path=path, found=path.suffix or "?", known=" ".join(FORMATS))
    try:
        if path.stat().st_size == 0:
            raise RecordsError("data.empty_file", file=path)
        if kind == "csv":
            return open_delimited(path, encoding=encoding, delimiter=delimiter)
        if kind == "json":
            return JsonSource.open(path, encoding=encoding)
        if kind == "parquet":
            return ParquetSource.open(path)
        if kind == "excel":
            return ExcelSource.open(path)
        return LinesSource(path, detect(path, encoding))
    except PermissionError as error:
        raise RecordsError("data.unreadable", path=path) from error


def open_records(
    files: Sequence[Path], *, columns: Mapping[str, str], encoding: str | None = None, delimiter: str | None = None
) -> Opened:
    """Open files that belong together; roles that `columns` does not name are guessed from the first file.

    Raises:
        CallError: `data.reserved_role`.
        RecordsError: as `open_source` and `find_roles`; `data.no_files`; `data.no_column` when a later file lacks a
            role's column.
    """
    if not files:
        raise RecordsError("data.no_files")
    for role in columns:
        if role in RESERVED:
            raise CallError("data.reserved_role", role=role, reserved=", ".join(sorted(RESERVED)))
    sources = tuple(open_source(Path(file), encoding=encoding, delimiter=delimiter) for file in files)
    roles = find_roles(sources[0].path, sources[0].sample(_SAMPLE), columns)
    return Opened(sources, shared_roles(roles, sources))


def shared_roles(roles: Roles, sources: Sequence[Source]) -> Roles:
    """Roles that every source can fill: a guessed group or time that one of them lacks is left out.

    Raises:
        RecordsError: `data.no_column` when a source lacks another role's column.
    """
    kept = dict(roles.columns)
    for role in ("group", "time"):
        if role in roles.guessed and any(kept[role] not in source.columns for source in sources):
            del kept[role]
    for source in sources:
        require(source.path, source.columns, kept)
    return Roles(kept, tuple(role for role in roles.guessed if role in kept))


def read_records(
    files: Sequence[Path],
    *,
    columns: Mapping[str, str],
    listen: Listener = silent,
    label_kind: LabelKind | None = None,
    on_fault: Callable[[Path, int, Fault], None] | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> Iterator[pl.DataFrame]:
    """Stream the rows of `files`: one column per role, `source` (index of the file) and `row` (1-based).

    Values are strings (null where there is none; a list of labels is a JSON list) unless `label_kind` says what the
    label is: then it is String, List[String] or Float64. Texts are as they stand in the file; `clean_frame` cleans.
    A row that cannot be read goes to `on_fault`, or stops everything when there is none.

    Raises:
        RecordsError: as `open_records`; `data.bad_row` for a row that cannot be read, without `on_fault`.
    """
    opened = open_records(files, columns=columns, encoding=encoding, delimiter=delimiter)
    if opened.roles.guessed:
        listen(Event("note", "data.note.guessed", values={"roles": roles_text(opened.roles, opened.roles.guessed)}))
    columns = opened.roles.columns
    wanted = list(dict.fromkeys(columns.values()))
    for index, source in enumerate(opened.sources):
        for block in source.blocks(wanted):
            for row, fault, _ in block.faults:
                if on_fault is None:
                    reason = reason_text(fault.reason, default_language(), fault.values)
                    raise RecordsError("data.bad_row", file=source.path, row=row, reason=reason)
                on_fault(source.path, row, fault)
            frame = block.frame.select(pl.col(column).alias(role) for role, column in columns.items())
            if label_kind is not None and "label" in frame.columns:
                frame = frame.with_columns(typed_labels(frame["label"], label_kind))
            yield frame.with_columns(pl.lit(index, pl.Int64).alias("source"), block.numbers.alias("row"))


def roles_text(roles: Roles, which: Sequence[str]) -> str:
    """`text=question, label=category`."""
    return ", ".join(f"{role}={roles.columns[role]}" for role in which)


def _inside(folder: Path) -> str:
    names = sorted(entry.name for entry in folder.iterdir() if entry.suffix.lower() in FORMATS)
    return ", ".join(names[:5]) or "-"
