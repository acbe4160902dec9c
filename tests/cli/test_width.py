from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.cli.width import columns, pad, wrap


@pytest.mark.parametrize(
    ("text", "expected"), [("abc", 3), ("主场", 4), ("主a场", 5), ("，", 2), ("e\u0301", 1), ("", 0)]
)
def test_a_chinese_character_takes_two_columns(text: str, expected: int) -> None:
    assert columns(text) == expected


def test_padding_counts_columns() -> None:
    assert pad("主场", 6) == "主场  "
    assert pad("主场", 3) == "主场"


def test_chinese_breaks_anywhere_but_before_a_closing_mark() -> None:
    assert wrap("清洗，脱敏，划分", 6) == ["清洗，", "脱敏，", "划分"]
    assert wrap("一二三。", 6) == ["一二", "三。"]


def test_words_stay_whole_between_chinese() -> None:
    assert wrap("用 homefield 准备", 12) == ["用 homefield", "准备"]


@given(st.text(alphabet="ab ，。主场（）x", max_size=60), st.integers(8, 40))
def test_nothing_is_lost_and_lines_fit(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in lines:
        assert columns(line) <= width or len(wrap(line, width)) == 1
