"""Records with the right answers, read for judging a model: every row is judged or counted with the reason why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from homefield.data.blocks import Fault
from homefield.data.dataset import LabelKind
from homefield.data.labels import canonical_labels
from homefield.data.language import languages_of
from homefield.data.pairs import DIFFERENT, SAME, as_same
from homefield.data.read import read_records
from homefield.errors import RecordsError
from homefield.evaluate.calibration import Output
from homefield.evaluate.pairs import PairRows, pair_rows
from homefield.events import Listener, silent

__all__ = ["Labelled", "read_labelled", "read_pairs", "targets_of"]


@dataclass(frozen=True)
class Labelled:
    """N rows with text and label. labels: a name, a list of names, or a number for each.

    skipped: rows that are not judged, by reason: `empty` (no text), `unlabelled`, `unreadable`.
    """

    texts: list[str]
    labels: list[Any]
    places: list[str]
    languages: list[str]
    skipped: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def written(self) -> list[str]:
        """The labels as one text each."""
        return [", ".join(one) if isinstance(one, list) else str(one) for one in self.labels]


def read_labelled(file: Path, *, columns: Mapping[str, str], output: Output, listen: Listener = silent) -> Labelled:
    """Read the rows of `file` that have a text and a label of the kind the model puts out.

    Raises:
        RecordsError: as `homefield.data.read_records`; `judge.no_column` (no column for text or label);
            `judge.no_rows` (no row with both).
    """
    skipped: Counter[str] = Counter()

    def unreadable(path: Path, row: int, fault: Fault) -> None:
        del path, row, fault
        skipped["unreadable"] += 1

    kept: list[pl.DataFrame] = []
    kind: LabelKind = "none" if output == "vector" else output
    for block in read_records([file], columns=columns, label_kind=kind, on_fault=unreadable, listen=listen):
        for role in ("text", "label"):
            if role not in block.columns:
                raise RecordsError("judge.no_column", file=file, role=role)
        blank = block["text"].fill_null("").str.strip_chars() == ""
        bare = block["label"].is_null()
        skipped["empty"] += int(blank.sum())
        skipped["unlabelled"] += int((~blank & bare).sum())
        kept.append(block.filter(~blank & ~bare).select("text", "label", "row"))
    if sum(len(one) for one in kept) == 0:
        raise RecordsError("judge.no_rows", file=file, empty=skipped["empty"], unlabelled=skipped["unlabelled"])
    frame = pl.concat(kept)
    return Labelled(
        texts=frame["text"].to_list(),
        labels=frame["label"].to_list(),
        places=[f"{file.name}:{row}" for row in frame["row"]],
        languages=languages_of(frame["text"]).to_list(),
        skipped={reason: count for reason, count in skipped.items() if count},
    )


def read_pairs(
    file: Path, *, columns: Mapping[str, str], clean: Callable[[str], str], listen: Listener = silent
) -> tuple[PairRows, Mapping[str, int]]:
    """The rows of `file` that have a text and an other, and the rest counted by reason: `empty`, `unlabelled` (a column
    `same` says neither), `unreadable`. Without a column `same` all pairs are the same.

    clean: makes a text what the model reads.

    Raises:
        RecordsError: as `homefield.data.read_records`; `judge.no_column`, `judge.no_pairs`.
    """
    skipped: Counter[str] = Counter()

    def unreadable(path: Path, row: int, fault: Fault) -> None:
        del path, row, fault
        skipped["unreadable"] += 1

    rows: list[tuple[str, str, bool, str]] = []
    labelled = False
    for block in read_records([file], columns=columns, on_fault=unreadable, listen=listen):
        for role in ("text", "other"):
            if role not in block.columns:
                raise RecordsError("judge.no_column", file=file, role=role)
        labelled = "same" in block.columns
        said = as_same(canonical_labels(block["same"])).to_list() if labelled else [SAME] * len(block)
        for text, other, word, row in zip(block["text"], block["other"], said, block["row"], strict=True):
            pair = clean(text or ""), clean(other or "")
            if not all(pair):
                skipped["empty"] += 1
            elif word not in (SAME, DIFFERENT):
                skipped["unlabelled"] += 1
            else:
                rows.append((*pair, word == SAME, f"{file.name}:{row}"))
    if not rows:
        raise RecordsError("judge.no_pairs", file=file, empty=skipped["empty"], unlabelled=skipped["unlabelled"])
    texts, others, same, names = zip(*rows, strict=True)
    found = pair_rows(texts, others, same if labelled else None, names)
    return found, {reason: count for reason, count in skipped.items() if count}


def targets_of(found: list[Any], output: Output, labels: tuple[str, ...]) -> NDArray[Any]:
    """Labels as a model with `labels` has them: `[N]` indices (-1 unknown), `[N, C]` zeros and ones, or `[N]` numbers.

    A set with a label that the model does not know gets a further column, C + 1 in all, so that it cannot be right.
    """
    if output == "number":
        return np.asarray(found, dtype=np.float64)
    index = {label: place for place, label in enumerate(labels)}
    if output == "category":
        return np.fromiter((index.get(one, -1) for one in found), dtype=np.int64, count=len(found))
    strange = any(name not in index for names in found for name in names)
    truth = np.zeros((len(found), len(labels) + strange), dtype=np.float32)
    for row, names in enumerate(found):
        for name in names:
            truth[row, index.get(name, len(labels))] = 1.0
    return truth
