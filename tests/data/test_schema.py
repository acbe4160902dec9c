from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from homefield.data.schema import find_roles
from homefield.errors import RecordsError
from homefield.messages import Language

FILE = Path("records.csv")


def frame(**columns: list[str]) -> pl.DataFrame:
    return pl.DataFrame(columns)


def test_columns_are_guessed_by_their_usual_names() -> None:
    sample = frame(
        日期=["2024-01-02"] * 3, 问题=["怎么退货", "在哪", "多少钱"], 客户编号=["1", "2", "3"], 意图=["a", "b", "a"]
    )
    roles = find_roles(FILE, sample, {})
    assert roles.columns == {"text": "问题", "label": "意图", "group": "客户编号", "time": "日期"}
    assert roles.guessed == ("text", "label", "group", "time")


def test_what_is_named_is_not_guessed() -> None:
    sample = frame(text=["one text", "two text"], title=["t", "u"], label=["a", "b"], tag=["x", "y"])
    roles = find_roles(FILE, sample, {"text": "title", "label": "tag"})
    assert (roles.columns, roles.guessed) == ({"text": "title", "label": "tag"}, ())


def test_names_are_compared_without_case_and_signs() -> None:
    roles = find_roles(FILE, frame(User_ID=["1"], **{"Question Text": ["where is it"], "Created At": ["2024"]}), {})
    assert roles.columns["group"] == "User_ID"
    assert roles.columns["time"] == "Created At"
    assert roles.columns["text"] == "Question Text"


def test_without_a_usual_name_the_longest_texts_and_the_few_values_are_taken() -> None:
    count = 60
    sample = frame(
        a=[str(number) for number in range(count)],
        b=[f"a sentence about matter number {number}" for number in range(count)],
        c=["yes" if number % 3 else "no" for number in range(count)],
        d=[f"2024-01-{number % 28 + 1:02d}" for number in range(count)],
    )
    assert find_roles(FILE, sample, {}).columns == {"text": "b", "label": "c"}


def test_pairs_are_recognised() -> None:
    sample = frame(question=["怎么还款", "利息多少"], other=["如何还钱", "开通"], same=["1", "0"])
    assert find_roles(FILE, sample, {}).columns == {"text": "question", "other": "other", "same": "same"}


def test_a_column_called_text_that_holds_numbers_or_objects_is_not_the_text() -> None:
    sample = frame(text=["1", "2", "3"], body=["first words", "second words", "third words"])
    assert find_roles(FILE, sample, {}).columns["text"] == "body"
    turns = ['[{"role": "customer", "text": "你好"}]'] * 3
    with pytest.raises(RecordsError, match=r"No column of records.csv looks like text. Columns found: id, turns"):
        find_roles(FILE, frame(id=["1", "2", "3"], turns=turns), {})


def test_a_missing_column_is_named_with_the_columns_found_and_the_nearest() -> None:
    with pytest.raises(RecordsError) as caught:
        find_roles(FILE, frame(text=["a"], category=["b"]), {"text": "text", "label": "catgory"})
    message = str(caught.value)
    assert "records.csv has no column catgory (for the role label)" in message
    assert "Columns found: text, category. Did you mean category?" in message
    assert "--column label=NAME" in message
    assert caught.value.exit_code == 2


def test_where_no_column_is_near_none_is_meant(language: Language) -> None:
    with pytest.raises(RecordsError) as caught:
        find_roles(FILE, frame(text=["a"], category=["b"]), {"label": "xyz"})
    assert "xyz" in caught.value.what(language)
    assert "?" not in caught.value.what(language)
    assert "？" not in caught.value.what(language)


def test_a_column_that_most_rows_leave_empty_is_not_the_label() -> None:
    count = 100
    sample = frame(
        headline=[f"a headline about matter number {number}" for number in range(count)],
        hour=[("noon ET" if number % 8 else "dawn ET") if number % 4 == 0 else "" for number in range(count)],
    )
    assert find_roles(FILE, sample, {}).columns == {"text": "headline"}
