"""A dataset folder as `prepare` leaves it, made in a moment, and a workspace to train in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from homefield.files import sha256_of
from homefield.workspace import Workspace

TOPICS = {
    "card": ["my card was stolen", "the card is lost", "card payment failed", "replace my card please", "card blocked"],
    "loan": ["what is the loan rate", "loan for a house", "repay my loan early", "loan was refused", "loan papers"],
    "login": ["cannot log in", "forgot my password", "reset the password", "login code missing", "account locked"],
}
FILLERS = ["today", "since yesterday", "again", "please help", "thanks", "urgent", "on my phone", "in the app"]
SHARES = {"train": 0.6, "validation": 0.15, "calibration": 0.1, "test": 0.15}


def rows_of(count: int, seed: int = 0) -> list[tuple[str, str]]:
    random = np.random.default_rng(seed)
    rows = []
    for place in range(count):
        label = list(TOPICS)[place % len(TOPICS)]
        words = [str(random.choice(TOPICS[label])), *map(str, random.choice(FILLERS, size=random.integers(0, 5)))]
        rows.append((" ".join(words), label))
    return rows


def write_dataset(
    path: Path,
    texts: Sequence[str],
    labels: Sequence[Any],
    *,
    kind: str = "category",
    names: Sequence[str] | None = None,
) -> Path:
    path.mkdir(parents=True)
    splits: dict[str, dict[str, Any]] = {}
    begin = 0
    for number, (split, share) in enumerate(SHARES.items()):
        end = len(texts) if number == len(SHARES) - 1 else begin + round(share * len(texts))
        frame = pl.DataFrame(
            {
                "id": [hashlib.sha256(f"{i}{texts[i]}".encode()).hexdigest()[:16] for i in range(begin, end)],
                "source": [0] * (end - begin),
                "row": list(range(begin + 1, end + 1)),
                "text": list(texts[begin:end]),
                "label": list(labels[begin:end]),
                "language": ["en"] * (end - begin),
                "near": list(range(begin, end)),
            }
        )
        frame.write_parquet(path / f"{split}.parquet")
        splits[split] = {"rows": len(frame), "sha256": sha256_of(path / f"{split}.parquet")}
        begin = end
    if names is None:
        flat = (
            labels if kind == "category" else [name for row in labels for name in row] if kind == "categories" else []
        )
        names = sorted(set(flat))
    manifest = {
        "name": path.name,
        "hash": hashlib.sha256(json.dumps(splits).encode()).hexdigest(),
        "created": "2026-01-01T00:00:00+00:00",
        "sources": [{"path": "rows.csv"}],
        "roles": {"text": "text", "label": "label"},
        "guessed": [],
        "label_kind": kind,
        "labels": list(names),
        "languages": {"en": len(texts)},
        "counts": {"rows": len(texts)},
        "splits": splits,
        "options": {},
        "leakage": {},
        "format": 1,
    }
    (path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return path


@pytest.fixture
def make_dataset(tmp_path: Path) -> Callable[..., Path]:
    def make(count: int = 150, name: str = "dataset", seed: int = 0) -> Path:
        texts, labels = zip(*rows_of(count, seed), strict=True)
        return write_dataset(tmp_path / name, texts, labels)

    return make


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")
