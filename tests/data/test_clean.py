from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homefield.data.clean import clean_column, clean_frame, clean_text

# Pieces that cleaning and masking react to, mixed with anything at all.
PIECES = st.sampled_from([
    "<b>", "</p>", "<br/>", "&amp;", "&lt;", "&#60;", "<script>x</script>", "<!--", "-->", "&nbsp;", "　", "\u200b",
    "\ufeff",     "ＡＢＣ", "１３８", "12345678", "13812345678", "a@b.com", "京A", "护照", "passport no ", "E12345678",
    "e\u0301", "ﬁ", "ｶﾞ",
    "，", "。", " ", "\n", "\t", "\x00", "110101199003077758", "+1 ", "-", "(", "<", ">", "&", "我", "hello",
    "m²", "①", "］",
])  # fmt: skip
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=8).map("".join)


@given(st.lists(TEXTS, max_size=20))
@settings(max_examples=400, deadline=None)
def test_a_column_is_cleaned_as_each_of_its_texts_is(texts: list[str]) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    assert clean_column(pl.Series(texts, dtype=pl.String))[0].to_list() == [clean_text(text) for text in texts]


@given(TEXTS)
@settings(max_examples=400, deadline=None)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("  two\n\nlines\t here ", "two lines here"),
        ("<p>你<b>好</b></p><div>world</div>", "你好 world"),
        ("5 &lt; 7 &amp;amp; 8", "5 < 7 & 8"),
        ("a < b and c > d", "a < b and c > d"),
        ("<script>alert(1)</script>hi<!-- x -->", "hi"),
        ("a<style>b{}</STYLE >c<SCRIPT type='x'>d</script>e", "a c e"),
        ("one <!-- two -- three", "one <!-- two -- three"),
        ("全角ＡＢＣ１２３，标点！保留", "全角ABC123，标点！保留"),
        ("面积20m²，第①条", "面积20m²，第①条"),
        ("zero\u200bwidth\ufeff and \x07bell", "zerowidth and bell"),
        ("cafe\u0301", "café"),
        ("ｶﾞﾗｽ", "ガラス"),
        ("ﬁne", "fine"),
        ("👨‍👩‍👧 family", "👨‍👩‍👧 family"),
    ],
)
def test_cleaning_folds_what_is_safe_and_keeps_what_has_meaning(text: str, clean: str) -> None:
    assert clean_text(text) == clean


def test_a_frame_has_its_texts_cleaned_and_nothing_else() -> None:
    frame = pl.DataFrame({"text": [" a ", None], "other": ["<b>x</b>", "y"], "label": [" l ", "m"]})
    assert clean_frame(frame).to_dict(as_series=False) == {
        "text": ["a", ""],
        "other": ["x", "y"],
        "label": [" l ", "m"],
    }


def test_long_markup_is_cleaned_in_reasonable_time() -> None:
    assert clean_text("<" * 100_000).startswith("<")
    assert clean_text("<b " * 30_000).startswith("<b")
    assert clean_text("&amp;" * 20_000) == "&" * 20_000
    assert len(clean_text("1 " * 50_000)) == 99_999
    assert clean_text("<!--" * 25_000 + "-->x") == "x"
    assert clean_text("<script>" * 12_000).strip() == ""
    assert len(clean_text("<script><style>" * 6_000 + "</style>")) < 10
    assert clean_text("a" * 100_000 + "@").startswith("aaa")
