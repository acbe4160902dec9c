"""The second pass of `prepare`: kept rows into their splits in the order of their ids, the others into two tables.

A split's order does not depend on the order of the records: the same records in another order train the same model.
Rows are first put into ranges of ids, then each range is sorted and written, so that memory holds one of them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from homefield.cells import safe_cell
from homefield.data.dataset import SPLITS, LabelKind
from homefield.data.duplicates import CONFLICT, IN_TEST, LINKED, MERGED
from homefield.data.gather import SHOWN_CHARACTERS
from homefield.data.labels import typed_labels
from homefield.data.pairs import SAME
from homefield.data.quality_page import quality_page
from homefield.data.reasons import reason_text
from homefield.data.settle import Settled
from homefield.data.spill import Places, Spill, plain_disk_errors
from homefield.events import Event, Listener
from homefield.files import write_file

__all__ = ["write_quality", "write_splits", "write_unkept"]

_SUSPECT_COLUMNS = ("file", "row", "label", "suggested", "confidence", "own", "text")
_SUSPECTS_SHOWN = 1000
_FIRST = ("id", "source", "row", "text", "other", "same", "label", "language", "near")
_RANGE_CHARACTERS = 60_000_000  # of text sorted at once


def write_splits(
    folder: Path, work: Path, spill: Spill, settled: Settled, kind: LabelKind, listen: Listener
) -> dict[str, int]:
    """Write `train.parquet` and the others; returns their rows."""
    total = len(settled.kept)
    characters = int(spill.load("length")[settled.kept].sum(dtype=np.int64))
    ranges = max(1, -(-characters // _RANGE_CHARACTERS))
    bounds = [total * number // ranges for number in range(ranges + 1)]
    listen(Event("stage", "data.stage.write", total=total))
    pieces = _put_into_ranges(work, spill, settled, bounds)
    ids = spill.load("id")
    parts: dict[str, list[Path]] = {name: [] for name in SPLITS}
    rows: dict[str, int] = dict.fromkeys(SPLITS, 0)
    for number, (low, high) in enumerate(pairwise(bounds)):
        frame = _range(pieces[number], settled, ids, low, high, kind)
        for code, name in enumerate(SPLITS):
            chosen = frame.filter(pl.col("split") == code).drop("split")
            rows[name] += chosen.height
            file = folder / f"{name}.parquet" if ranges == 1 else work / f"{name}_{number}.parquet"
            with plain_disk_errors():
                chosen.write_parquet(file, compression="zstd")
            parts[name].append(file)
        listen(Event("advance", "data.stage.write", done=high, total=total))
    if ranges > 1:
        for split, files in parts.items():
            with plain_disk_errors():
                pl.scan_parquet(files).sink_parquet(
                    folder / f"{split}.parquet", compression="zstd", maintain_order=True
                )
            for file in files:
                file.unlink()
    return rows


def _put_into_ranges(work: Path, spill: Spill, settled: Settled, bounds: Sequence[int]) -> list[list[Path]]:
    """Kept rows put aside again by the range of their place in the order of ids (`place`); the files of each range."""
    place = np.full(spill.live, -1, dtype=np.int32 if spill.live < 1 << 31 else np.int64)
    place[settled.kept] = np.arange(len(settled.kept), dtype=place.dtype)
    files: list[list[Path]] = [[] for _ in bounds[1:]]
    for start, block in _together(spill):
        places = place[start : start + block.height]
        frame = block.with_columns(pl.Series("place", places))
        for number, (low, high) in enumerate(pairwise(bounds)):
            inside = frame.filter((pl.col("place") >= low) & (pl.col("place") < high))
            if inside.height or not files[number]:
                file = work / f"range_{number}_{start}.parquet"
                with plain_disk_errors():
                    inside.write_parquet(file, compression="lz4", statistics=False)
                files[number].append(file)
    return files


def _together(spill: Spill) -> Iterator[tuple[int, pl.DataFrame]]:
    """Live rows in larger blocks, so that a range has few files."""
    waiting: list[pl.DataFrame] = []
    first, size = 0, 0
    for start, block in spill.live_blocks():
        if not waiting:
            first = start
        waiting.append(block)
        size += int(block.estimated_size())
        if size >= _RANGE_CHARACTERS:
            yield first, pl.concat(waiting)
            waiting, size = [], 0
    if waiting:
        yield first, pl.concat(waiting)


def _range(
    files: Sequence[Path], settled: Settled, ids: NDArray[np.uint64], low: int, high: int, kind: LabelKind
) -> pl.DataFrame:
    """The kept rows at places `low` to `high` - 1, in that order, as they are stored, and `split`."""
    frame = pl.concat([pl.read_parquet(file, memory_map=False) for file in files]).sort("place").drop("place")
    for file in files:
        file.unlink()
    frame = frame.with_columns(
        pl.Series("id", [f"{value:016x}" for value in ids[settled.kept[low:high]].tolist()], dtype=pl.String),
        pl.Series("near", settled.near[low:high].astype(np.int64)),
        pl.Series("split", settled.split[low:high]),
        pl.col("source").cast(pl.Int64),
    )
    if "label" in frame.columns:
        frame = frame.with_columns(typed_labels(frame["label"], kind))
    if "same" in frame.columns:
        frame = frame.with_columns(pl.col("same") == SAME)
    first = [name for name in _FIRST if name in frame.columns]
    return frame.select(*first, *(name for name in frame.columns if name not in first))


def write_unkept(folder: Path, spill: Spill, settled: Settled, files: Sequence[str]) -> tuple[int, int]:
    """Write `rejected.csv` and `merged.csv` in the order of the records; returns the rows of each.

    Both open rightly in a Chinese Excel (UTF-8 with a byte order mark), and no cell is a formula.
    """
    rejected = merged = 0
    numbers, into = Places(spill), spill.load("into")
    twins = dict(zip(settled.leaked.tolist(), settled.twins.tolist(), strict=True))
    with (
        (folder / "rejected.csv").open("w", encoding="utf-8-sig", newline="") as bad,
        (folder / "merged.csv").open("w", encoding="utf-8-sig", newline="") as same,
    ):
        bad_rows, same_rows = csv.writer(bad), csv.writer(same)
        bad_rows.writerow(["file", "row", "code", "reason", "原因", "text"])
        same_rows.writerow(["file", "row", "into_file", "into_row", "text"])
        for number, (start, block) in enumerate(spill.live_blocks(["source", "row", "text"])):
            status = settled.status[start : start + block.height]
            refused = np.flatnonzero(np.isin(status, (CONFLICT, IN_TEST, LINKED)))
            gone = [
                (source, row, text, *_verdict(start + at, int(status[at]), twins, numbers, files))
                for at, (source, row, text) in _rows_at(block, refused)
            ]
            gone += spill.rejected_block(number).iter_rows()
            for source, row, text, code, detail in sorted(gone, key=lambda item: (item[0], item[1])):
                values = json.loads(detail)
                reasons = (reason_text(code, "en", values), reason_text(code, "zh", values))
                bad_rows.writerow([_cell(files[source]), row, code, *map(_cell, reasons), _cell(text)])
                rejected += 1
            for at, (source, row, text) in _rows_at(block, np.flatnonzero(status == MERGED)):
                into_source, into_row = numbers[int(into[start + at])]
                names = _cell(files[source]), _cell(files[into_source])
                same_rows.writerow([names[0], row, names[1], into_row, _cell(text)])
                merged += 1
    return rejected, merged


def write_quality(folder: Path, quality: dict[str, Any]) -> None:
    """Write `quality.json` and `quality.html`, and all suspected labels to `suspects.csv`."""
    suspects = quality["suspects"]["examples"]
    with (folder / "suspects.csv").open("w", encoding="utf-8-sig", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(_SUSPECT_COLUMNS)
        for each in suspects:
            rows.writerow([_cell(str(each[name])) for name in _SUSPECT_COLUMNS])
    quality["suspects"]["examples"] = suspects[:_SUSPECTS_SHOWN]
    write_file(folder / "quality.json", json.dumps(quality, ensure_ascii=False, indent=1))
    write_file(folder / "quality.html", quality_page(quality))


def _cell(text: str) -> str:
    """A text as a table program shows it: not run as a formula, not longer than a cell."""
    return safe_cell(text[:SHOWN_CHARACTERS])


def _rows_at(block: pl.DataFrame, places: NDArray[np.int64]) -> Iterator[tuple[int, tuple[int, int, str]]]:
    return zip(places.tolist(), block[places].iter_rows(), strict=True)


def _verdict(row: int, status: int, twins: Mapping[int, int], numbers: Places, files: Sequence[str]) -> tuple[str, str]:
    """The reason and its detail for a row rejected after reading."""
    if status != IN_TEST:
        return ("conflict" if status == CONFLICT else "linked"), "{}"
    source, number = numbers[twins[row]]
    return "in_test", json.dumps({"file": files[source], "row": number}, ensure_ascii=False)
