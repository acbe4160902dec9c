"""What a dataset says of itself: its manifest, made from what the two passes of `prepare` learned."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from homefield.data.dataset import SPLITS, LabelKind, Manifest
from homefield.data.duplicates import MERGED
from homefield.data.gather import Gathered
from homefield.data.language import LANGUAGES
from homefield.data.options import PrepareOptions
from homefield.data.read import Opened
from homefield.data.settle import Settled
from homefield.data.spill import Places, Spill
from homefield.files import sha256_of

__all__ = ["Records", "describe"]


@dataclass(frozen=True)
class Records:
    """What is to be prepared: the opened records and, last of the sources, the test file."""

    opened: Opened
    with_test: bool

    @property
    def columns(self) -> Mapping[str, str]:
        """role -> column name."""
        return self.opened.roles.columns

    @property
    def names(self) -> list[str]:
        """What the files are called, with their folder where two have the same name."""
        paths = [source.path for source in self.opened.sources]
        counts = Counter(path.name for path in paths)
        return [path.name if counts[path.name] == 1 else f"{path.absolute().parent.name}/{path.name}" for path in paths]


def describe(
    name: str,
    folder: Path,
    records: Records,
    gathered: Gathered,
    settled: Settled,
    spill: Spill,
    kind: LabelKind,
    names: Sequence[str],
    options: PrepareOptions,
    rows: Mapping[str, int],
) -> Manifest:
    """The manifest of the dataset whose splits lie in `folder`."""
    kept = len(settled.kept)
    merged = int((settled.status == MERGED).sum())
    read = sum(gathered.rows)
    ids = spill.load("id")[settled.kept]
    contents = {
        split: hashlib.sha256(ids[settled.split == code].tobytes()).hexdigest() for code, split in enumerate(SPLITS)
    }
    described = {
        "content": contents, "roles": sorted(records.columns), "label_kind": kind, "labels": list(names),
        "options": options.as_json(),
    }  # fmt: skip
    languages = np.bincount(spill.load("language")[settled.kept], minlength=len(LANGUAGES)).tolist()
    return Manifest(
        name=name,
        hash=hashlib.sha256(json.dumps(described, sort_keys=True, ensure_ascii=False).encode()).hexdigest(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        sources=tuple(_sources(records, gathered)),
        roles=dict(records.columns),
        guessed=records.opened.roles.guessed,
        label_kind=kind,
        labels=tuple(names),
        languages={language: count for language, count in zip(LANGUAGES, languages, strict=True) if count},
        counts={"read": read, "kept": kept, "rejected": read - kept - merged, "merged": merged},
        splits={
            split: {"rows": rows[split], "sha256": sha256_of(folder / f"{split}.parquet"), "content": contents[split]}
            for split in SPLITS
        },
        options=options.as_json(),
        leakage=_leakage(records, settled, spill),
    )


def _sources(records: Records, gathered: Gathered) -> list[dict[str, Any]]:
    last = len(records.opened.sources) - 1
    return [
        {
            "file": records.names[index],
            "sha256": sha256_of(source.path),
            "rows": gathered.rows[index],
            "test": records.with_test and index == last,
            **source.facts,
        }
        for index, source in enumerate(records.opened.sources)
    ]


def _leakage(records: Records, settled: Settled, spill: Spill) -> dict[str, Any]:
    """What of the test file stood in train: how many rows were removed, and the first of them."""
    if not records.with_test:
        return {"checked": False, "removed": 0, "exact": 0, "near": 0, "examples": []}
    places = Places(spill)
    first = np.argsort(settled.leaked)[:20]
    examples = []
    for at in first.tolist():
        source, row = places[int(settled.leaked[at])]
        test_source, test_row = places[int(settled.twins[at])]
        examples.append(
            {"file": records.names[source], "row": row, "test_row": test_row, "exact": bool(settled.exact[at])}
        )
        del test_source
    exact = int(settled.exact.sum())
    return {
        "checked": True,
        "removed": len(settled.leaked),
        "exact": exact,
        "near": len(settled.leaked) - exact,
        "examples": examples,
    }
