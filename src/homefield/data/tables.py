"""Plain lines, Parquet and Excel as blocks of rows, whatever their types: every value as a string."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from homefield.data.blocks import BLOCK_CHARACTERS, BLOCK_ROWS, Block, BlockBuilder, Fault, as_text, no_rows
from homefield.data.encoding import Encoding, open_text, recovered, writable
from homefield.errors import RecordsError

__all__ = ["ExcelSource", "LinesSource", "ParquetSource"]


@dataclass(frozen=True)
class LinesSource:
    """A plain text file: one text a line, in a column called `text`."""

    path: Path
    encoding: Encoding
    columns: tuple[str, ...] = ("text",)

    @property
    def facts(self) -> dict[str, object]:
        """What was found out about the file, for the manifest."""
        return {"format": "txt", "encoding": self.encoding.name}

    def sample(self, rows: int) -> pl.DataFrame:
        """The first rows."""
        return next((block.frame for block in self.blocks(self.columns, rows=rows)), no_rows(self.columns))

    def blocks(self, wanted: Sequence[str], *, rows: int = BLOCK_ROWS) -> Iterator[Block]:
        """Blocks of up to `rows` lines."""
        builder = BlockBuilder(wanted)
        with open_text(self.path, self.encoding) as stream:
            row = 0
            try:
                for row, line in enumerate(stream, start=1):
                    text = line.rstrip("\r\n")
                    if writable(text):
                        builder.add(row, [text for _ in wanted], len(text))
                    else:
                        fault = Fault("undecodable", {"encoding": self.encoding.name, "column": "text"})
                        builder.reject(row, fault, recovered(text, self.encoding))
                    if builder.rows >= rows or builder.size >= BLOCK_CHARACTERS:
                        yield builder.take()
            except UnicodeDecodeError as error:
                raise RecordsError("data.undecodable", file=self.path, row=row + 1, encoding=error.encoding) from error
        if builder.rows:
            yield builder.take()


@dataclass(frozen=True)
class ParquetSource:
    """An opened Parquet file, read a slice at a time."""

    path: Path
    columns: tuple[str, ...]
    height: int

    @classmethod
    def open(cls, path: Path) -> ParquetSource:
        """Open `path`.

        Raises:
            RecordsError: `data.broken_parquet` when it is truncated or no Parquet at all.
        """
        try:
            scan = pl.scan_parquet(path)
            names = tuple(scan.collect_schema().names())
            height = int(scan.select(pl.len()).collect().item())
        except (pl.exceptions.PolarsError, OSError) as error:
            raise RecordsError("data.broken_parquet", file=path, detail=_first_line(error)) from error
        return cls(path, names, height)

    @property
    def facts(self) -> dict[str, object]:
        """What was found out about the file, for the manifest."""
        return {"format": "parquet"}

    def sample(self, rows: int) -> pl.DataFrame:
        """The first rows with every column, all strings."""
        return next((block.frame for block in self.blocks(self.columns, rows=rows)), no_rows(self.columns))

    def blocks(self, wanted: Sequence[str], *, rows: int = BLOCK_ROWS) -> Iterator[Block]:
        """Blocks of up to `rows` rows with the `wanted` columns.

        Raises:
            RecordsError: `data.broken_parquet`, naming the row from which it cannot be read.
        """
        for start in range(0, self.height, rows):
            try:
                frame = pl.scan_parquet(self.path).select(wanted).slice(start, rows).collect()
            except (pl.exceptions.PolarsError, OSError) as error:
                detail = f"{_first_line(error)} (> {start})"
                raise RecordsError("data.broken_parquet", file=self.path, detail=detail) from error
            yield _block(frame, start + 1)


@dataclass(frozen=True)
class ExcelSource:
    """The first sheet with rows of an Excel workbook."""

    path: Path
    sheet: str
    frame: pl.DataFrame

    @classmethod
    def open(cls, path: Path) -> ExcelSource:
        """Open `path`, every cell as the text that is in it.

        Raises:
            RecordsError: `data.broken_excel`, `data.no_records`.
        """
        import fastexcel

        try:
            book = fastexcel.read_excel(path)
            for name in book.sheet_names:
                frame = book.load_sheet(name, dtypes="string").to_polars()
                if frame.width and frame.height:
                    return cls(path, name, frame)
        except (fastexcel.FastExcelError, OSError) as error:
            raise RecordsError("data.broken_excel", file=path, detail=_first_line(error)) from error
        raise RecordsError("data.no_records", file=path)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names in the first row."""
        return tuple(self.frame.columns)

    @property
    def facts(self) -> dict[str, object]:
        """What was found out about the file, for the manifest."""
        return {"format": "excel", "sheet": self.sheet}

    def sample(self, rows: int) -> pl.DataFrame:
        """The first rows with every column, all strings."""
        return self.frame.head(rows)

    def blocks(self, wanted: Sequence[str], *, rows: int = BLOCK_ROWS) -> Iterator[Block]:
        """Blocks of up to `rows` rows with the `wanted` columns."""
        for start in range(0, self.frame.height, rows):
            yield _block(self.frame.select(wanted).slice(start, rows), start + 1)


def _block(frame: pl.DataFrame, first: int) -> Block:
    numbers = pl.Series("row", range(first, first + frame.height), dtype=pl.Int64)
    return Block(frame.select(_as_strings(series) for series in frame.get_columns()), numbers)


def _as_strings(series: pl.Series) -> pl.Series:
    """Any column as strings, in the form `_as_text` gives: lists as JSON, NaN as null."""
    if isinstance(series.dtype, (pl.List, pl.Array, pl.Struct, pl.Object)):
        values = [as_text(value.to_list() if isinstance(value, pl.Series) else value) for value in series.to_list()]
        return pl.Series(series.name, values, dtype=pl.String)
    if series.dtype.is_float():
        series = series.fill_nan(None)
    if series.dtype == pl.Binary:
        return series.cast(pl.String, strict=False)
    return series.cast(pl.String)


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:200]
