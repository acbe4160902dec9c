"""A dataset: records after `prepare`, cleaned and split, immutable and hashed.

Layout of the folder::

    manifest.json                 everything below in one JSON object, with the SHA-256 of every split
    train.parquet  validation.parquet  calibration.parquet  test.parquet
    rejected.csv  merged.csv      every row that is not in a split, and why
    quality.html  quality.json    what is worth knowing about the records

Columns of a split: `id` (16 hex digits, from the content), `source` (index into the manifest's sources), `row` (1-based
data row in that file), `text` after cleaning and masking, `label` (String, List[String] or Float64), `language`
(`zh`, `en`, `other`), `near` (Int64, the near-duplicate group), and any other roles under their role's name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import polars as pl

from homefield.errors import CallError, Tampered
from homefield.files import sha256_of

__all__ = ["FORMAT", "SPLITS", "Dataset", "LabelKind", "Manifest", "SplitName", "open_dataset"]

FORMAT = 1
SplitName = Literal["train", "validation", "calibration", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "validation", "calibration", "test")
LabelKind = Literal["category", "categories", "number", "none"]


@dataclass(frozen=True)
class Manifest:
    """What a dataset says of itself. `hash` covers the splits, roles, labels and options, not dates or paths."""

    name: str
    hash: str
    created: str
    sources: tuple[Mapping[str, Any], ...]
    roles: Mapping[str, str]
    guessed: tuple[str, ...]
    label_kind: LabelKind
    labels: tuple[str, ...]
    languages: Mapping[str, int]
    counts: Mapping[str, int]
    splits: Mapping[str, Mapping[str, Any]]
    options: Mapping[str, Any]
    leakage: Mapping[str, Any]
    format: int = FORMAT


@dataclass(frozen=True)
class Dataset:
    """An opened dataset folder."""

    path: Path
    manifest: Manifest

    def frame(self, split: SplitName) -> pl.DataFrame:
        """The rows of one split, in the order they are stored."""
        return pl.read_parquet(self.path / f"{split}.parquet")

    def rows(self, split: SplitName) -> int:
        """How many rows the split has."""
        return int(self.manifest.splits[split]["rows"])

    @cached_property
    def language(self) -> str:
        """The language most rows are in: `zh`, `en` or `other`."""
        return max(self.manifest.languages, key=lambda name: self.manifest.languages[name], default="other")

    def verify(self) -> None:
        """Compare every split with the manifest.

        Raises:
            Tampered: `dataset.changed`, naming the file.
        """
        for split in SPLITS:
            file = self.path / f"{split}.parquet"
            if not file.is_file() or sha256_of(file) != self.manifest.splits[split]["sha256"]:
                raise Tampered("dataset.changed", file=file)


def open_dataset(path: Path) -> Dataset:
    """Open the dataset folder at `path`.

    Raises:
        CallError: `dataset.missing` (no such folder or no manifest), `dataset.newer` (a later format).
    """
    file = path / "manifest.json"
    if not file.is_file():
        raise CallError("dataset.missing", path=path)
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        if values.get("format", 0) > FORMAT:
            raise CallError("dataset.newer", path=path, found=values["format"], known=FORMAT)
        for name in ("sources", "guessed", "labels"):
            values[name] = tuple(values[name])
        return Dataset(path, Manifest(**values))
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise CallError("dataset.missing", path=path) from error
