"""Words are found in both languages, one beginning for each character place."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from homefield.data.segment import word_starts


def cut(text: str) -> list[str]:
    starts = [*word_starts(text).nonzero()[0].tolist(), len(text)]
    return [text[a:b] for a, b in pairwise(starts)]


def test_chinese_words_and_english_ones_are_whole() -> None:
    assert cut("我来到北京清华大学") == ["我", "来到", "北京", "清华大学"]
    assert cut("deep learning 2024年") == ["deep", " ", "learning", " ", "2024", "年"]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_is_cut_without_loss(text: str) -> None:
    assert "".join(cut(text)) == text
    assert len(word_starts(text)) == len(text)
