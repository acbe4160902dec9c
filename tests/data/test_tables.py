from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from homefield.data.blocks import Block
from homefield.data.read import open_source
from homefield.errors import RecordsError

RECORDS = [
    {"text": "我的卡丢了", "label": "挂失", "n": 1},
    {"text": "two", "label": ["a", "b"], "n": 2.5},
    {"text": None, "label": True, "n": float("nan")},
]


def blocks(path: Path, **options: int) -> list[Block]:
    source = open_source(path)
    return list(source.blocks(source.columns, **options))


def expect_records(path: Path) -> None:
    (block,) = blocks(path)
    assert block.frame["text"].to_list() == ["我的卡丢了", "two", None]
    assert block.frame["label"].to_list() == ["挂失", '["a", "b"]', "true"]
    assert block.frame["n"].to_list() == ["1", "2.5", None]
    assert block.numbers.to_list() == [1, 2, 3]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_json_lines(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "records.jsonl"
    lines = [json.dumps(record, ensure_ascii=False) for record in RECORDS]
    file.write_text("\n".join(lines) + "\n\n", encoding=encoding)
    expect_records(file)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_array(tmp_path: Path, indent: int | None) -> None:
    file = tmp_path / "records.json"
    file.write_text(json.dumps(RECORDS, ensure_ascii=False, indent=indent), encoding="utf-8")
    expect_records(file)


def test_json_lines_called_json(tmp_path: Path) -> None:
    file = tmp_path / "records.json"
    file.write_text("\n".join(json.dumps(record) for record in RECORDS), encoding="utf-8")
    expect_records(file)


@pytest.mark.parametrize("shape", ["under a key", "by id", "by column"])
def test_an_object_of_records(tmp_path: Path, shape: str) -> None:
    value: object = {"version": 3, "data": RECORDS}
    if shape == "by id":
        value = {f"id{number}": record for number, record in enumerate(RECORDS)}
    elif shape == "by column":
        value = {name: [record[name] for record in RECORDS] for name in ("text", "label", "n")}
    file = tmp_path / "records.json"
    file.write_text(json.dumps(value), encoding="utf-8")
    expect_records(file)


def test_columns_of_different_lengths_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "records.json"
    file.write_text('{"text": ["a", "b"], "label": ["x"]}', encoding="utf-8")
    with pytest.raises(RecordsError, match=r"different lengths: text: 2, label: 1"):
        open_source(file)


def test_bad_lines_are_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    file.write_bytes(
        b'{"text": "a"}\n{"text": "b", }\n[1, 2]\n' + '{"text": "退款"}\n'.encode("gbk") + '{"text": "好"}\n'.encode()
        + b'{"text": "\\ud800"}\n' + b'{"text": "e"}\n' * 9
    )  # fmt: skip
    (block,) = blocks(file)
    assert block.frame["text"].to_list() == ["a", "好"] + ["e"] * 9
    assert [(row, fault.reason) for row, fault, _ in block.faults] == [
        (2, "not_json"), (3, "not_object"), (4, "undecodable"), (6, "undecodable"),
    ]  # fmt: skip
    assert block.faults[2][2] == '{"text": "退款"}'
    assert block.rows == 15


def test_an_array_that_was_cut_off_names_the_record(tmp_path: Path) -> None:
    file = tmp_path / "records.json"
    file.write_text(json.dumps([{"text": f"row {number}"} for number in range(1000)])[:-30], encoding="utf-8")
    with pytest.raises(RecordsError, match=r"not valid JSON near record 99\d"):
        blocks(file)


def test_a_file_without_records_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "records.json"
    file.write_text("[1, 2, 3]", encoding="utf-8")
    with pytest.raises(RecordsError, match="no records with named columns"):
        open_source(file)


def test_parquet_with_any_types(tmp_path: Path) -> None:
    file = tmp_path / "records.parquet"
    frame = pl.DataFrame({"text": ["a", None], "tags": [["x", "y"], []], "n": [1.5, float("nan")], "big": [2**40, 7]})
    frame.write_parquet(file)
    first, second = blocks(file, rows=1)
    assert first.frame.row(0) == ("a", '["x", "y"]', "1.5", str(2**40))
    assert second.frame.row(0) == (None, "[]", None, "7")
    assert (first.numbers.to_list(), second.numbers.to_list()) == ([1], [2])


def test_a_truncated_parquet_is_named(tmp_path: Path) -> None:
    file = tmp_path / "records.parquet"
    pl.DataFrame({"text": ["a"] * 1000}).write_parquet(file)
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(RecordsError, match=r"records.parquet cannot be read as Parquet; it may be cut off"):
        open_source(file)


def test_excel_reads_the_first_sheet_with_rows(tmp_path: Path) -> None:
    file = tmp_path / "records.xlsx"
    with xlsxwriter.Workbook(file) as book:
        book.add_worksheet("空")
        sheet = book.add_worksheet("记录")
        for number, row in enumerate([("text", "label", "code"), ("我的卡", "挂失", "007"), ("second\nline", "b", 12)]):
            sheet.write_row(number, 0, row)
    (block,) = blocks(file)
    assert block.frame.rows() == [("我的卡", "挂失", "007"), ("second\nline", "b", "12")]
    assert open_source(file).facts == {"format": "excel", "sheet": "记录"}


def test_a_broken_workbook_is_named(tmp_path: Path) -> None:
    file = tmp_path / "records.xlsx"
    file.write_bytes(b"PK\x03\x04 nothing of a workbook")
    with pytest.raises(RecordsError, match="cannot be read as an Excel workbook"):
        open_source(file)


def test_plain_lines(tmp_path: Path) -> None:
    file = tmp_path / "records.txt"
    file.write_bytes("第一\n第二\r\n".encode("gbk"))
    (block,) = blocks(file)
    assert block.frame["text"].to_list() == ["第一", "第二"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.sampled_from(["text", "label", "x"]), VALUES, min_size=1), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_an_array_and_lines_of_the_same_records_read_the_same(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, object]]
) -> None:
    folder = tmp_path_factory.mktemp("json")
    (folder / "a.json").write_text(json.dumps(records), encoding="utf-8")
    (folder / "b.jsonl").write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    one, two = blocks(folder / "a.json", rows=6), blocks(folder / "b.jsonl", rows=6)
    assert [block.frame.rows() for block in one] == [block.frame.rows() for block in two]
    assert sum(block.rows for block in one) == len(records)
