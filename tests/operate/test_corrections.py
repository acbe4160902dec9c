"""Corrections as a file: it opens in Excel, harms nobody, and is read by `prepare`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import homefield
from homefield.errors import CallError
from homefield.operate.corrections import COLUMNS, export_corrections
from homefield.store import Store, feedback, new_id, now, open_store, predictions
from homefield.store.predictions import PredictionRow
from homefield.workspace import Workspace


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(Workspace(tmp_path)) as opened:
        yield opened


def correct(store: Store, answer: Any, *, said: Any = None, text: str | None = "我要退款", model: str = "shop") -> None:
    output = said or {"label": "card", "labels": [{"label": "card", "confidence": 0.7}], "confidence": 0.7}
    row = PredictionRow(new_id(), model, 3, "a" * 64, "r", {"decision": "answer", **output}, now(), text=text)
    with store.write() as transaction:
        predictions.record(transaction, [row])
        feedback.add(transaction, row.id, answer, by="李娜", why="=cmd|'/c calc'!A0")


def read(path: Path) -> list[dict[str, str]]:
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_row_says_what_was_answered_and_what_is_right(store: Store, tmp_path: Path) -> None:
    correct(store, "退款")
    assert export_corrections(store, tmp_path / "c.csv") == 1
    (row,) = read(tmp_path / "c.csv")
    assert tuple(row) == COLUMNS
    wanted = {
        "text": "我要退款",
        "label": "退款",
        "answered": "card",
        "confidence": "0.7",
        "model": "shop@3",
        "by": "李娜",
    }
    assert wanted.items() <= row.items()


def test_no_cell_is_a_formula(store: Store, tmp_path: Path) -> None:
    for text in ("=1+1", "@SUM(A1)", "+86 138", "-5", "\tx", "＝1"):
        correct(store, text, text=text)
    export_corrections(store, tmp_path / "c.csv")
    for row in read(tmp_path / "c.csv"):
        assert row["text"].startswith("'")
        assert row["label"].startswith("'")
        assert row["why"].startswith("'=")


def test_several_labels_numbers_and_texts_that_were_not_kept(store: Store, tmp_path: Path) -> None:
    several = {"label": "a", "labels": [{"label": "a", "confidence": 0.9}, {"label": "b", "confidence": 0.8}]}
    correct(store, ["a", "c"], said=several, text=None)
    correct(store, 12.5, said={"label": None, "labels": [], "value": 10.0})
    export_corrections(store, tmp_path / "c.csv")
    first, second = read(tmp_path / "c.csv")
    assert (first["text"], first["label"], first["answered"]) == ("", '["a","c"]', '["a","b"]')
    assert (second["label"], second["answered"]) == ("12.5", "10.0")


def test_chosen_by_model_and_day(store: Store, tmp_path: Path) -> None:
    correct(store, "a")
    correct(store, "b", model="mood")
    assert export_corrections(store, tmp_path / "c.csv", model="mood") == 1
    assert export_corrections(store, tmp_path / "c.csv", since=now() + timedelta(hours=1)) == 0
    assert read(tmp_path / "c.csv") == []
    with pytest.raises(CallError, match="is a folder"):
        export_corrections(store, tmp_path)


def test_they_become_a_dataset(store: Store, tmp_path: Path) -> None:
    for number in range(60):
        correct(
            store,
            ["退款", "card"][number % 2],
            text=f"第 {number} 个问题 {'退款' if number % 2 == 0 else '银行卡'}{number * 7}",
        )
    export_corrections(store, tmp_path / "c.csv")
    dataset = homefield.prepare(
        tmp_path / "c.csv", tmp_path / "data", columns={"text": "text", "label": "label"}, near_threshold=1.0
    )
    assert sum(int(split["rows"]) for split in dataset.manifest.splits.values()) == 60
