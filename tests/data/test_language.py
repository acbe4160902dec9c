from __future__ import annotations

import polars as pl
import pytest

from homefield.data.language import LANGUAGES, language_of, languages_of


@pytest.mark.parametrize(
    ("text", "language"),
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
def test_the_script_tells_the_language(text: str, language: str) -> None:
    assert language_of(text) == language
    assert language in LANGUAGES


def test_a_column_may_hold_nulls() -> None:
    assert languages_of(pl.Series(["你好", None, "hi"])).to_list() == ["zh", "other", "en"]
