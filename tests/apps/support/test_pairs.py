"""Pairs, intents and judged pairs: read from files as companies have them, every row accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest

from homefield.apps.support.pairs import read_intents, read_pairs, read_same
from homefield.errors import RecordsError


def write(folder: Path, content: str, name: str = "rows.csv", encoding: str = "utf-8") -> Path:
    file = folder / name
    file.write_bytes(content.encode(encoding))
    return file


def test_pairs_are_masked_and_rows_that_lack_a_side_are_put_aside(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "问题,回答\n我的电话是13812345678，到哪了？,order\n,order\n能退吗,\n能退吗？,return\n",
        encoding="gb18030",
    )
    read = read_pairs(file)
    assert [(each.question, each.answer, each.row) for each in read.rows] == [
        ("我的电话是[手机号]，到哪了？", "order", 1),
        ("能退吗？", "return", 4),
    ]
    assert [(each.row, each.reason) for each in read.account.rejected] == [
        (2, "support.reason.empty"),
        (3, "support.reason.no_answer"),
    ]
    assert (read.account.read, read.account.kept, read.account.masked) == (4, 2, {"phone": 1})


def test_intents_are_read_from_the_columns_that_are_named(tmp_path: Path) -> None:
    file = write(tmp_path, "frage,thema\nWhere is it?,status\nHow much?,\n")
    read = read_intents(file, {"question": "frage", "intent": "thema"})
    assert [(each.question, each.answer) for each in read.rows] == [("Where is it?", "status")]
    assert read.account.rejected[0].sentence("en") == "There is no intent."
    with pytest.raises(RecordsError, match="has no column for intent") as caught:
        read_intents(file)
    assert "--column intent=" in caught.value.next_step("en")
    with pytest.raises(RecordsError, match="subject"):
        read_intents(file, {"question": "frage", "intent": "subject"})


@pytest.mark.parametrize(
    ("yes", "no"), [("1", "0"), ("1.0", "0.0"), ("true", "false"), ("same", "different"), ("是", "否")]
)
def test_same_and_different_are_understood_however_they_are_written(tmp_path: Path, yes: str, no: str) -> None:
    file = write(
        tmp_path,
        f"text1,text2,label\n能退吗,可以退货吗,{yes}\n能退吗,几点关门,{no}\n能退吗,能换吗,maybe\n能退吗,,{yes}\n",
    )
    read = read_same(file)
    assert [(each.one, each.other, each.same) for each in read.rows] == [
        ("能退吗", "可以退货吗", True),
        ("能退吗", "几点关门", False),
    ]
    assert [(each.row, each.reason) for each in read.account.rejected] == [
        (3, "support.reason.not_same"),
        (4, "support.reason.empty"),
    ]
    assert "maybe" in read.account.rejected[0].sentence("en")
