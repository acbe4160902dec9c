from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.data import language
from homefield.data.language import LANGUAGES, language_of, languages_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我的卡丢了", "zh"),
        ("iPhone 14 怎么退货", "zh"),
        ("Where is my card?", "en"),
        ("Please send the parcel to 王小明 in Shanghai, thank you", "en"),
        ("これは日本語の文です", "other"),
        ("카드를 잃어버렸어요", "other"),
        ("Где моя карта", "other"),
        ("Où est ma carte bleue, s'il vous plaît à côté", "other"),
        ("naïve question about my account", "en"),
        ("12345 !!!", "other"),
        ("", "other"),
        ("請問我的訂單在哪裡", "zh"),
    ],
)
def test_the_script_tells_the_language(text: str, expected: str) -> None:
    assert language_of(text) == expected
    assert expected in LANGUAGES


def test_a_column_may_hold_nulls() -> None:
    assert languages_of(pl.Series(["你好", None, "hi"])).to_list() == ["zh", "other", "en"]


CHARACTERS = "aZé中㐀\U00020000豈々〇のカーｶ゛한Яش1 ,。😀\u0301"


@given(st.lists(st.text(st.sampled_from(CHARACTERS) | st.characters(exclude_categories=["Cs"]), max_size=12)))
def test_a_text_has_the_language_it_has_in_a_column_and_one_rule_counts_its_characters(texts: list[str]) -> None:
    column = languages_of(pl.Series(texts, dtype=pl.String)).to_list()
    assert column == [language_of(text) for text in texts]
    for text, found in zip(texts, column, strict=True):
        assert found == told_by_counting(text)


def told_by_counting(text: str) -> str:
    """The rule in the words of its docstring, with every character matched by an expression."""
    classes = {
        "han": r"[\x{3400}-\x{9FFF}\x{F900}-\x{FAFF}\x{20000}-\x{3FFFF}]", "latin": "[A-Za-z]",
        "other": r"[\p{L}--\p{Han}A-Za-z]", "kana": r"[\p{Hiragana}\p{Katakana}]",
    }  # fmt: skip
    series = pl.Series([text])
    han, latin, other, kana = (int(series.str.count_matches(each).item()) for each in classes.values())
    if kana * 5 > han + kana:
        return "other"
    if han > 0 and han * 3 >= latin and han >= other:
        return "zh"
    return "en" if latin > 0 and other * 12 <= latin else "other"


def test_a_lone_surrogate_is_no_letter() -> None:
    assert language_of("where is it \ud800") == "en"


def test_columns_longer_than_what_is_looked_up_at_once_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "_AT_ONCE", 10)
    texts = ["你好", "hello there, this is long", "", "Где", "", "ok"] * 3
    assert languages_of(pl.Series(texts)).to_list() == ["zh", "en", "other", "other", "other", "en"] * 3
    assert languages_of(pl.Series([], dtype=pl.String)).to_list() == []
