from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from tests.data.test_prepare import write

from homefield.data.blocks import Fault
from homefield.data.clean import clean_frame
from homefield.data.read import read_records
from homefield.errors import CallError, RecordsError
from homefield.events import Event


def test_rows_come_with_roles_source_and_row(tmp_path: Path) -> None:
    one = write(tmp_path / "a.csv", ("问题", "意图", "x"), [(" 我的  卡 ", "挂失", 1), ("丢了", "", 2)])
    two = write(tmp_path / "b.csv", ("x", "意图", "问题"), [(3, "物流", "到哪了")], encoding="gbk")
    frame = pl.concat(read_records([one, two], columns={}))
    assert frame.to_dict(as_series=False) == {
        "text": [" 我的  卡 ", "丢了", "到哪了"],
        "label": ["挂失", "", "物流"],
        "source": [0, 0, 1],
        "row": [1, 2, 1],
    }
    assert clean_frame(frame)["text"][0] == "我的 卡"


def test_what_is_guessed_is_told(tmp_path: Path) -> None:
    events: list[Event] = []
    list(read_records([write(tmp_path / "a.csv", ("text", "tag"), [("a b", "c")])], columns={}, listen=events.append))
    assert events[0].values["roles"] == "text=text, label=tag"


def test_labels_can_be_asked_for_as_what_they_are(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(
        "\n".join(json.dumps({"text": "t", "label": label}) for label in (["b", "a"], [], None)), encoding="utf-8"
    )
    frame = pl.concat(read_records([file], columns={}, label_kind="categories"))
    assert frame["label"].to_list() == [["a", "b"], [], None]
    numbers = write(tmp_path / "n.csv", ("text", "label"), [("a", "1.5"), ("b", "x")])
    assert pl.concat(read_records([numbers], columns={}, label_kind="number"))["label"].to_list() == [1.5, None]


def test_a_row_that_cannot_be_read_is_told_or_stops_everything(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", ("text", "label"), [("a", "x"), ("b", "y", "z"), ("c", "x")])
    faults: list[tuple[Path, int, Fault]] = []
    columns = {"text": "text", "label": "label"}
    frame = pl.concat(read_records([file], columns=columns, on_fault=lambda *fault: faults.append(fault)))
    assert frame["row"].to_list() == [1, 3]
    assert [(path.name, row, fault.reason) for path, row, fault in faults] == [("a.csv", 2, "fields")]
    with pytest.raises(RecordsError, match=r"a.csv, row 2: The row has 3 fields; the header has 2."):
        list(read_records([file], columns=columns))


def test_a_guessed_role_that_a_later_file_lacks_is_left_out(tmp_path: Path) -> None:
    one = write(tmp_path / "a.csv", ("text", "label", "date"), [("a", "x", "2024-01-01")])
    two = write(tmp_path / "b.csv", ("text", "label"), [("b", "y")])
    assert pl.concat(read_records([one, two], columns={})).columns == ["text", "label", "source", "row"]
    with pytest.raises(RecordsError, match=r"b.csv has no column date"):
        list(read_records([one, two], columns={"time": "date"}))


def test_no_file_at_all_is_refused() -> None:
    with pytest.raises(RecordsError, match="No file of records was named"):
        list(read_records([], columns={}))


def test_a_column_may_play_two_roles_and_names_may_cross(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", ("label", "text"), [("a question", "x")])
    crossed = pl.concat(read_records([file], columns={"text": "label", "label": "text"}))
    assert crossed.select("text", "label").rows() == [("a question", "x")]
    twice = pl.concat(read_records([file], columns={"text": "label", "group": "text", "label": "text"}))
    assert twice.select("text", "label", "group").rows() == [("a question", "x", "x")]


def test_a_role_cannot_take_the_name_of_a_datasets_own_column(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", ("text", "x"), [("a", "b")])
    with pytest.raises(CallError, match=r"cannot have the role near.*taken are .*, language, "):
        list(read_records([file], columns={"near": "x"}))
