from __future__ import annotations

from pathlib import Path

import pytest

from homefield.data.encoding import detect, open_text, recovered
from homefield.data.read import open_source
from homefield.errors import RecordsError

CHINESE = "text,label\n我的订单什么时候发货？,物流\n银行卡丢了，怎么办,挂失\n" + "请问手续费是多少,费用\n" * 20
LATIN = "text,label\nOù est ma commande déjà payée ?,suivi\nÜber welche Fähre geht es nach Göteborg?,route\n"


def write(path: Path, content: str, encoding: str) -> Path:
    path.write_bytes(content.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("utf-8", {"utf-8"}),
        ("utf-8-sig", {"utf-8-sig"}),
        ("utf-16", {"utf-16"}),
        ("utf-16-le", {"utf-16-le"}),
        ("utf-16-be", {"utf-16-be"}),
        ("utf-32", {"utf-32"}),
        ("gbk", {"gbk"}),
        ("gb18030", {"gbk", "gb18030"}),
    ],
)
def test_chinese_is_read_in_any_encoding_it_comes_in(tmp_path: Path, encoding: str, names: set[str]) -> None:
    file = write(tmp_path / "records.csv", CHINESE, encoding)
    assert detect(file).name in names
    source = open_source(file)
    assert source.columns == ("text", "label")
    frame = source.sample(100)
    assert frame["text"][0] == "我的订单什么时候发货？"
    assert frame["label"].to_list()[:2] == ["物流", "挂失"]


def test_characters_that_only_gb18030_has_are_read(tmp_path: Path) -> None:
    file = write(tmp_path / "records.csv", CHINESE + "㐂𠮷野家好吃,餐饮\n", "gb18030")
    assert detect(file).name == "gb18030"
    assert open_source(file).sample(100)["text"][-1] == "㐂𠮷野家好吃"


@pytest.mark.parametrize(("encoding", "name"), [("latin-1", "latin-1"), ("cp1252", "latin-1")])
def test_western_text_is_not_taken_for_chinese(tmp_path: Path, encoding: str, name: str) -> None:
    file = write(tmp_path / "records.csv", LATIN, encoding)
    assert detect(file).name == name
    assert open_source(file).sample(5)["text"][1].startswith("Über welche Fähre")


def test_windows_quotation_marks_are_read(tmp_path: Path) -> None:
    file = write(tmp_path / "records.csv", LATIN + "“déjà” vu’s,x\n", "cp1252")
    assert detect(file).name == "cp1252"
    assert open_source(file).sample(5)["text"][2] == "“déjà” vu’s"


def test_the_first_character_beyond_ascii_may_come_late(tmp_path: Path) -> None:
    file = write(tmp_path / "records.csv", "text,label\n" + "plain ascii text,a\n" * 150_000 + CHINESE, "gbk")
    assert detect(file).name == "gbk"


def test_an_odd_line_does_not_turn_the_file(tmp_path: Path) -> None:
    file = tmp_path / "records.csv"
    file.write_bytes(CHINESE.encode() + "退款什么时候到账,退款\n".encode("gbk") + "谢谢,其他\n".encode())
    assert detect(file).name == "utf-8"
    (block,) = open_source(file).blocks(["text", "label"])
    assert block.frame["text"][-1] == "谢谢"
    ((row, fault, shown),) = block.faults
    assert (row, fault.reason, fault.values["encoding"]) == (23, "undecodable", "utf-8")
    assert shown == "退款什么时候到账,退款"  # shown as what it probably is


def test_a_line_that_no_encoding_can_read_is_shown_with_marks(tmp_path: Path) -> None:
    file = tmp_path / "records.csv"
    file.write_bytes(CHINESE.encode() + b"bad \xff\xfe line,a\n")
    with open_text(file, detect(file)) as stream:
        last = stream.read().splitlines()[-1]
    assert recovered(last, detect(file)) == "bad �� line,a"


def test_a_line_in_utf_8_in_the_middle_of_gb18030_is_shown_readable(tmp_path: Path) -> None:
    file = tmp_path / "records.csv"
    file.write_bytes(CHINESE.encode("gb18030") + "书桌的桌面是什么木头，会不会裂,材质\n".encode())
    with open_text(file, detect(file)) as stream:
        last = stream.readlines()[-1].strip()
    assert recovered(last, detect(file)) == "书桌的桌面是什么木头，会不会裂,材质"


def test_an_encoding_can_be_given(tmp_path: Path) -> None:
    file = write(tmp_path / "records.csv", "text\n我\n", "big5")
    assert open_source(file, encoding="big5").sample(1)["text"][0] == "我"
    with pytest.raises(RecordsError, match="no encoding called utf-9"):
        open_source(file, encoding="utf-9")


def test_damaged_utf_16_names_the_row(tmp_path: Path) -> None:
    file = tmp_path / "records.csv"
    file.write_bytes(CHINESE.encode("utf-16") + b"\x00\xd8\x41")
    with pytest.raises(RecordsError, match=r"cannot be decoded as utf-16.* from row"):
        list(open_source(file).blocks(["text"]))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\x89PNG\r\n\x1a\n....", "PNG"),
        (b"PK\x03\x04....", "ZIP / Excel"),
        (b"a,b\n\x00\x01\x02\x00\x03\xff\x00\x00", r"\?"),
    ],
)
def test_what_is_no_text_is_named(tmp_path: Path, content: bytes, found: str) -> None:
    file = tmp_path / "records.csv"
    file.write_bytes(content)
    with pytest.raises(RecordsError, match=f"not a text file .*{found}"):
        open_source(file)
