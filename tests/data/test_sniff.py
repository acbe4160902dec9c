"""A file is what its content says."""

from __future__ import annotations

import zipfile
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.data.sniff import SUFFIXES, sniff
from homefield.errors import CallError

FRAME = pl.DataFrame({"text": ["退货", "refund"], "label": ["a", "b"]})


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "name", ["a.csv", "a.CSV", "b.tsv", "c.txt", "d.jsonl", "e.json", "C:\\tmp\\f.csv", "../../g.csv"]
)
def test_a_text_is_the_kind_its_name_says(name: str, tmp_path: Path) -> None:
    found = sniff(write(tmp_path / "content", "问题,标签\n退货,a\n".encode("gb18030")), name)
    assert found.suffix == f".{name.rpartition('.')[2].lower()}"


@pytest.mark.parametrize("name", ["a.html", "a", "a.xls", "a.csv.exe", "a.py"])
def test_a_text_with_another_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(CallError) as caught:
        sniff(write(tmp_path / "content", b"text,label\n"), name)
    assert caught.value.code == "upload.unknown_type"
    assert ".csv" in caught.value.what()


def test_tables_are_known_whatever_they_are_called(tmp_path: Path) -> None:
    FRAME.write_parquet(tmp_path / "p")
    assert sniff(tmp_path / "p", "records.csv").suffix == ".parquet"
    FRAME.write_excel(tmp_path / "x.xlsx")
    found = sniff(tmp_path / "x.xlsx", "records.txt")
    assert (found.suffix, found.media_type.rpartition(".")[2]) == (".xlsx", "sheet")


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(20), ".png"),
        (b"\xff\xd8\xff\xe0" + bytes(20), ".jpg"),
        (b"RIFF\0\0\0\0WEBPVP8 ", ".webp"),
        (b"GIF89a" + bytes(20), ".gif"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), ".xls"),
    ],
)
def test_pictures_and_old_workbooks(content: bytes, suffix: str, tmp_path: Path) -> None:
    assert sniff(write(tmp_path / "content", content), "a.csv").suffix == suffix


def test_a_zip_of_pictures(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z", "w") as made:
        made.writestr("cats/a.png", b"\x89PNG\r\n\x1a\n")
    assert sniff(tmp_path / "z", "pictures.zip").suffix == ".zip"


@pytest.mark.parametrize(
    "content", [b"%PDF-1.7", b"\x7fELF\x02\x01\x01" + bytes(100), b"\x1f\x8b\x08" + bytes(50), bytes(5000)]
)
def test_other_kinds_are_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(CallError) as caught:
        sniff(write(tmp_path / "content", content), "a.csv")
    assert caught.value.code == "upload.unknown_type"


def test_a_document_that_holds_no_table_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "d", "w") as made:
        made.writestr("[Content_Types].xml", b"<Types/>")
        made.writestr("word/document.xml", b"<x/>")
    with pytest.raises(CallError) as caught:
        sniff(tmp_path / "d", "a.docx")
    assert caught.value.code == "upload.unknown_type"


def test_a_workbook_that_is_a_bomb_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("[Content_Types].xml", b"<Types/>")
        made.writestr("xl/workbook.xml", bytes(64 << 20))
    with pytest.raises(CallError) as caught:
        sniff(tmp_path / "x", "a.xlsx")
    assert caught.value.code == "upload.archive_bomb"


def test_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(CallError) as caught:
        sniff(write(tmp_path / "content", b""), "a\r\nb.csv")
    assert caught.value.code == "upload.empty"
    assert "\n" not in caught.value.what()


@given(st.binary(min_size=1, max_size=300), st.sampled_from(["a.csv", "a", "a.zip", "a.xlsx"]))
def test_any_bytes_are_a_known_kind_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str
) -> None:
    path = write(tmp_path_factory.getbasetemp() / "any", content)
    with suppress(CallError):  # any other error fails the test
        assert sniff(path, name).suffix in SUFFIXES
