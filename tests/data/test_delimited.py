from __future__ import annotations

import csv
import io
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homefield.data.delimited import open_delimited
from homefield.errors import RecordsError
from homefield.messages import Language


def write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8", newline="")
    return path


def rows(path: Path, *wanted: str) -> list[tuple[str, ...]]:
    source = open_delimited(path)
    return [row for block in source.blocks(wanted or source.columns) for row in block.frame.iter_rows()]


@pytest.mark.parametrize(
    ("delimiter", "ending"), [(",", "csv"), (";", "csv"), ("\t", "csv"), ("|", "csv"), ("\t", "tsv")]
)
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str, ending: str) -> None:
    lines = [("text", "label"), ("one, two; three", "a"), ("four", "b")]
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(lines)
    file = write(tmp_path / f"records.{ending}", buffer.getvalue())
    assert open_delimited(file).delimiter == delimiter
    assert rows(file) == lines[1:]


def test_a_single_column_keeps_its_commas(tmp_path: Path) -> None:
    file = write(tmp_path / "records.csv", "text\nhello, world; all | of you\nbye\n")
    assert rows(file) == [("hello, world; all | of you",), ("bye",)]


def test_quotes_hold_line_ends_delimiters_and_quotes(tmp_path: Path) -> None:
    file = write(tmp_path / "records.csv", 'text,label\r\n"a\r\nb, ""c""",x\r\n"d",y\r\n')
    assert rows(file) == [('a\r\nb, "c"', "x"), ("d", "y")]


def test_rows_are_numbered_from_the_first_after_the_header(tmp_path: Path) -> None:
    file = write(tmp_path / "records.csv", '\n\ntext,label\n"a\nb",x\n\n,\nlast,y\n')
    (block,) = open_delimited(file).blocks(["text"])
    assert block.numbers.to_list() == [1, 2, 3, 4]
    assert block.frame["text"].to_list() == ["a\nb", "", "", "last"]


def test_short_rows_are_filled_up_and_long_ones_reported(tmp_path: Path) -> None:
    file = write(tmp_path / "records.csv", "text,label\nshort\nlong,a,b\nempty beyond,a,,\n")
    (block,) = open_delimited(file).blocks(["text", "label"])
    assert block.frame.rows() == [("short", ""), ("empty beyond", "a")]
    ((row, fault, shown),) = block.faults
    assert (row, fault.reason, dict(fault.values), shown) == (2, "fields", {"found": 3, "expected": 2}, "long,a,b")
    assert block.rows == 3


@pytest.mark.parametrize(
    "rest",
    ["baz,c\n", 'baz,c\n"qux",d\n', "baz,c\n" * 50_000, 'baz,"x"\n'],
    ids=["to the end", "to the next quote", "a long way", "to the next quoted label"],
)
def test_a_quote_that_is_never_closed_is_named_by_its_row(tmp_path: Path, rest: str) -> None:
    file = write(tmp_path / "records.csv", 'text,label\nfoo,"a\nb"\n"bar,b\n' + rest)
    with pytest.raises(RecordsError) as caught:
        rows(file)
    assert caught.value.code == "data.unclosed_quote"
    assert caught.value.values["row"] == 2
    assert caught.value.values["line"] == 4
    assert 'row 2, column 1 (line 4 of the file: "bar,b)' in str(caught.value)
    assert "none is lost" in str(caught.value)


def test_the_error_reads_in_the_users_language(tmp_path: Path, language: Language) -> None:
    file = write(tmp_path / "records.csv", 'text,label\n"bar,b\n')
    with pytest.raises(RecordsError) as caught:
        rows(file)
    assert ("引号没有正确闭合" if language == "zh" else "not closed properly") in str(caught.value)


def test_a_stray_quote_within_a_line_is_read_as_it_stands(tmp_path: Path) -> None:
    file = write(tmp_path / "records.csv", 'text,label\nthe 5" screen,a\n"abc" def,b\nok,c\n')
    assert rows(file) == [('the 5" screen', "a"), ("abc def", "b"), ("ok", "c")]


def test_columns_without_a_name_or_with_the_same_one_are_told_apart(tmp_path: Path) -> None:
    file = write(tmp_path / "records.csv", "text,,text,\ufeff label \na,b,c,d\n")
    assert open_delimited(file).columns == ("text", "column_2", "text_2", "label")


@pytest.mark.parametrize("content", ["", "\n\n", "   \n"])
def test_an_empty_file_is_named(tmp_path: Path, content: str) -> None:
    file = write(tmp_path / "records.csv", content)
    with pytest.raises(RecordsError, match="is empty"):
        open_delimited(file)


def test_a_megabyte_in_one_field_is_read(tmp_path: Path) -> None:
    file = write(tmp_path / "records.csv", "text,label\n" + "x" * 1_200_000 + ",a\nshort,b\n")
    assert [len(text) for text, _ in rows(file)] == [1_200_000, 5]


CELLS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=30), st.sampled_from([",", "\t", ";"]))
@settings(max_examples=150, deadline=None)
def test_whatever_is_written_as_csv_comes_back(
    tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, str, str]], delimiter: str
) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("one", "two", "three"), *table])
    file = write(tmp_path_factory.mktemp("csv") / "records.csv", buffer.getvalue())
    source = open_delimited(file, delimiter=delimiter, encoding="utf-8")
    blocks = list(source.blocks(source.columns, rows=7))
    assert [row for block in blocks for row in block.frame.iter_rows()] == table
    assert [number for block in blocks for number in block.numbers] == list(range(1, len(table) + 1))


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_no_bytes_crash_the_reader(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.mktemp("csv") / "records.csv"
    file.write_bytes(content)
    with suppress(RecordsError):
        source = open_delimited(file)
        for block in source.blocks(source.columns):
            assert block.frame.height == len(block.numbers)
