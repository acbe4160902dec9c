"""Files of records in, files of predictions out, whatever their size: row order and row numbers are kept.

A row that cannot be read is written too, as an abstention with its reason, so that the rows add up.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from homefield.data.blocks import Fault
from homefield.data.read import read_records
from homefield.errors import CallError
from homefield.events import Event, Listener, silent
from homefield.serve.matcher import Matcher
from homefield.serve.prediction import Prediction
from homefield.serve.predictor import CHUNK, Predictor
from homefield.serve.writers import new_table

__all__ = ["FileSummary", "Row", "predict_file", "predict_rows"]


@dataclass(frozen=True)
class Row:
    """One record and what was said of it. source: the file. number: 1-based data row. text: None when unreadable."""

    source: Path
    number: int
    text: str | None
    prediction: Prediction

    def as_json(self) -> dict[str, Any]:
        """One JSON object."""
        return {"source": self.source.name, "row": self.number, "text": self.text, **self.prediction.as_json()}


@dataclass(frozen=True)
class FileSummary:
    """What became of a file. reasons: abstentions by reason. labels: answers by label, the most frequent first."""

    rows: int
    answered: int
    reasons: Mapping[str, int]
    labels: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """One JSON object."""
        return {
            "rows": self.rows,
            "answered": self.answered,
            "abstained": self.rows - self.answered,
            "reasons": dict(self.reasons),
            "labels": dict(self.labels),
        }


def predict_rows(
    predictor: Predictor | Matcher,
    files: Sequence[Path],
    *,
    columns: Mapping[str, str],
    evidence: int = 3,
    top: int = 3,
    listen: Listener = silent,
) -> Iterator[Row]:
    """Stream a prediction for every row of `files`, in order.

    Raises:
        RecordsError: as `homefield.data.read_records`.
        CallError: `serve.no_column`.
    """
    faults: list[Row] = []

    def keep(file: Path, row: int, fault: Fault) -> None:
        del fault
        faults.append(_unreadable(predictor, file, row))

    done = 0
    listen(Event("stage", "serve.predicting.label"))
    for block in read_records(files, columns=columns, listen=listen, on_fault=keep):
        if "text" not in block.columns:
            raise CallError("serve.no_column", file=files[0])
        # Rows that could not be read were told of before their block came.
        bad, faults[:] = list(faults), []
        answered = _answered(predictor, block, files, evidence=evidence, top=top)
        for row in heapq.merge(answered, bad, key=lambda one: one.number):
            yield row
            done += 1
            if done % CHUNK == 0:
                listen(Event("advance", "serve.predicting.label", done=done))
    yield from faults
    listen(Event("advance", "serve.predicting.label", done=done + len(faults)))


def predict_file(
    predictor: Predictor | Matcher,
    files: Sequence[Path],
    out: Path,
    *,
    columns: Mapping[str, str],
    evidence: int = 3,
    top: int = 3,
    listen: Listener = silent,
) -> FileSummary:
    """Write a prediction for every row of `files` to `out` (.csv, .jsonl or .parquet by its name).

    Raises:
        RecordsError: as `homefield.data.read_records`.
        CallError: `serve.same_file`, `serve.bad_suffix`, `serve.is_folder`, `serve.no_column`.
        MachineError: as `homefield.files.disk_errors`.
    """
    if any(out.exists() and file.exists() and out.samefile(file) for file in files):
        raise CallError("serve.same_file", path=out)
    reasons: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    rows = 0
    with new_table(out) as table:
        pending: list[dict[str, Any]] = []
        for row in predict_rows(predictor, files, columns=columns, evidence=evidence, top=top, listen=listen):
            rows += 1
            if row.prediction.reason is None:
                labels.update(row.prediction.labels)
            else:
                reasons[row.prediction.reason] += 1
            pending.append(row.as_json())
            if len(pending) == CHUNK:
                table.write(pending)
                pending = []
        if pending:
            table.write(pending)
    return FileSummary(rows, rows - reasons.total(), dict(reasons.most_common()), dict(labels.most_common()))


def _answered(
    predictor: Predictor | Matcher, block: pl.DataFrame, files: Sequence[Path], *, evidence: int, top: int
) -> Iterator[Row]:
    for start in range(0, len(block), CHUNK):
        some = block.slice(start, CHUNK)
        texts = ["" if text is None else str(text) for text in some["text"].to_list()]
        if isinstance(predictor, Matcher) and "other" in some.columns:
            said = predictor.pairs(texts, ["" if other is None else str(other) for other in some["other"].to_list()])
        else:
            said = predictor.predict(texts, evidence=evidence, top=top)
        for source, number, text, prediction in zip(some["source"], some["row"], texts, said, strict=True):
            yield Row(files[source], number, text, prediction)


def _unreadable(predictor: Predictor | Matcher, file: Path, row: int) -> Row:
    return Row(file, row, None, Prediction((), None, None, 0.0, "abstain", "unreadable", (), None, (), predictor.title))
