from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import polars as pl
import pytest

from homefield.errors import CallError, MachineError, RecordsError
from homefield.messages import Language
from homefield.serve.files import predict_file, predict_rows
from homefield.serve.writers import new_table

from ..ship.models import Made

TEXTS = ["my card was stolen", "", "退款什么时候到账", "=cmd|' /C calc'!A0", 'loan, "quoted"\nline', "+1 card"]


@pytest.fixture
def records(tmp_path: Path) -> Path:
    file = tmp_path / "records.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["id", "question"])
        out.writerows([[place, text] for place, text in enumerate(TEXTS)])
    return file


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_every_row_comes_back_in_its_place(cut: Made, records: Path, suffix: str) -> None:
    out = records.parent / f"predictions{suffix}"
    summary = predict_file(cut.predictor(), [records], out, columns={"text": "question"})
    if suffix == ".csv":
        with out.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    elif suffix == ".jsonl":
        rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    else:
        rows = pl.read_parquet(out).to_dicts()
    assert [int(row["row"]) for row in rows] == list(range(1, len(TEXTS) + 1))
    assert rows[0]["label"] == "card"
    assert rows[1]["reason"] == "empty"
    assert {row["source"] for row in rows} == {"records.csv"}
    assert summary.rows == len(TEXTS) == summary.answered + sum(summary.reasons.values())
    assert summary.as_json()["abstained"] == sum(summary.reasons.values())


def test_csv_opens_rightly_in_excel_and_holds_no_formula(cut: Made, records: Path) -> None:
    out = records.parent / "predictions.csv"
    predict_file(cut.predictor(), [records], out, columns={"text": "question"})
    content = out.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    with out.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows[3]["text"] == "'" + TEXTS[3]
    assert rows[5]["text"] == "'+1 card"
    assert rows[2]["text"] == TEXTS[2]
    assert all(not value.startswith(("=", "+", "@")) for row in rows for value in row.values())


def test_a_row_that_cannot_be_read_is_counted_too(cut: Made, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    lines = [json.dumps({"text": "my card"}), "{broken", json.dumps({"text": "a loan"})]
    file.write_text("\n".join(lines), encoding="utf-8")
    rows = list(predict_rows(cut.predictor(), [file], columns={"text": "text"}))
    assert [row.number for row in rows] == [1, 2, 3]
    assert [row.prediction.reason == "unreadable" for row in rows] == [False, True, False]
    assert rows[1].text is None


def test_a_file_of_rows_that_cannot_be_read_is_counted_to_the_last(cut: Made, tmp_path: Path) -> None:
    files = []
    for name, lines in (("one", ["{broken"] * 3000), ("two", [json.dumps({"text": "my card"}), "{broken"])):
        file = tmp_path / f"{name}.jsonl"
        file.write_text("\n".join([json.dumps({"text": "a loan"}), *lines]), encoding="utf-8")
        files.append(file)
    rows = list(predict_rows(cut.predictor(), files, columns={"text": "text"}, evidence=0))
    assert [(row.source.name, row.number) for row in rows] == [
        *(("one.jsonl", place) for place in range(1, 3002)),
        *(("two.jsonl", place) for place in range(1, 4)),
    ]


def test_several_files_stay_in_order(cut: Made, tmp_path: Path) -> None:
    files = []
    for name in ("one", "two"):
        file = tmp_path / f"{name}.csv"
        file.write_text("text\nmy card\na loan\n", encoding="utf-8")
        files.append(file)
    rows = list(predict_rows(cut.predictor(), files, columns={"text": "text"}))
    assert [(row.source.name, row.number) for row in rows] == [
        ("one.csv", 1), ("one.csv", 2), ("two.csv", 1), ("two.csv", 2),
    ]  # fmt: skip


def test_more_rows_than_are_held_at_once(cut: Made, tmp_path: Path) -> None:
    file = tmp_path / "records.csv"
    file.write_text("text\n" + "".join(f"my card {place}\n" for place in range(2500)), encoding="utf-8")
    out = tmp_path / "out.parquet"
    summary = predict_file(cut.predictor(), [file], out, columns={"text": "text"}, evidence=0)
    assert summary.rows == 2500
    assert pl.read_parquet(out)["row"].to_list() == list(range(1, 2501))


def test_where_predictions_cannot_go(cut: Made, records: Path, language: Language) -> None:
    predictor = cut.predictor()
    wrong = {
        records: "serve.same_file",
        records.with_suffix(".xlsx"): "serve.bad_suffix",
        records.parent: "serve.is_folder",
    }
    before = records.read_bytes()
    for out, code in wrong.items():
        with pytest.raises(CallError) as caught:
            predict_file(predictor, [records], out, columns={"text": "question"})
        assert caught.value.code == code
        assert str(out) in caught.value.what(language) + caught.value.next_step(language)
    assert records.read_bytes() == before


def test_nothing_is_written_when_records_fail(cut: Made, records: Path) -> None:
    out = records.parent / "out.csv"
    out.write_text("old", encoding="utf-8")
    with pytest.raises(RecordsError):
        predict_file(cut.predictor(), [records], out, columns={"text": "no such column"})
    assert out.read_text(encoding="utf-8") == "old"
    assert sorted(file.name for file in records.parent.iterdir()) == ["out.csv", "records.csv"]


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(MachineError, match="may not write"), new_table(tmp_path / "out.csv"):
        pass


def test_an_empty_table_is_a_table(tmp_path: Path) -> None:
    for suffix in (".csv", ".jsonl", ".parquet"):
        with new_table(tmp_path / f"out{suffix}") as table:
            table.write([])
        assert (tmp_path / f"out{suffix}").is_file()
    assert pl.read_parquet(tmp_path / "out.parquet").is_empty()
