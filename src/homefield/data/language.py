"""Which language a text is in, from its script alone: `zh`, `en` or `other`. Fast enough for every row of any file, and
for every message of any conversation: what script each character is of is looked up in one table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["LANGUAGES", "language_of", "languages_of"]

LANGUAGES: tuple[str, ...] = ("zh", "en", "other")
_NONE, _HAN, _LATIN, _OTHER, _KANA, _MARK = range(6)  # what a character counts as; a mark is of kana, and no letter
_SCRIPTS: tuple[tuple[int, str], ...] = (
    (_OTHER, r"[\p{L}--\p{Han}A-Za-z]"),
    (_MARK, r"[[\p{Hiragana}\p{Katakana}]--\p{L}]"),
    (_KANA, r"[[\p{Hiragana}\p{Katakana}]&&\p{L}]"),
    (_LATIN, r"[A-Za-z]"),
    (_HAN, r"[\x{3400}-\x{9FFF}\x{F900}-\x{FAFF}]"),
)
_PLANES = 0x20000  # from here on Chinese characters, and nothing else that is written
_AFTER, _END = 0x40000, 0x110000
_SURROGATES = slice(0xD800, 0xE000)
_AT_ONCE = 1_000_000  # characters that are looked up together: some megabytes


def languages_of(texts: pl.Series) -> pl.Series:
    """The language of every text, as a String series.

    A Chinese character says about as much as three Latin letters: a Chinese sentence with a product's English name in
    it is Chinese, an English one with a Chinese name in it is English. Kana make a text Japanese, hence `other`; so
    does any script, or accented letters, beyond a small share.
    """
    written: list[str] = texts.fill_null("").to_list()
    found, start, characters = list[str](), 0, 0
    for row, text in enumerate(written):
        if characters and characters + len(text) > _AT_ONCE:
            found += _languages(written[start:row])
            start, characters = row, 0
        characters += len(text)
    return pl.Series("language", found + _languages(written[start:]), dtype=pl.String)


def language_of(text: str) -> str:
    """The language of one text."""
    return _languages([text])[0]


def _languages(texts: Sequence[str]) -> list[str]:
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    owner = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    kinds = np.bincount(owner * 6 + _table()[codes], minlength=6 * len(texts)).reshape(-1, 6)
    han, latin = kinds[:, _HAN], kinds[:, _LATIN]
    other, kana = kinds[:, _OTHER] + kinds[:, _KANA], kinds[:, _KANA] + kinds[:, _MARK]
    japanese = kana * 5 > han + kana
    chinese = (han > 0) & (han * 3 >= latin) & (han >= other) & ~japanese
    english = (latin > 0) & (other * 12 <= latin) & ~chinese & ~japanese
    names = np.where(chinese, "zh", np.where(english, "en", "other"))
    found: list[str] = names.tolist()
    return found


@cache
def _table() -> NDArray[np.uint8]:
    """What each code point counts as."""
    codes = np.arange(_PLANES, dtype=np.uint32)
    codes[_SURROGATES] = 0
    every = pl.Series([codes.tobytes().decode("utf-32-le")])
    table = np.zeros(_END, dtype=np.uint8)
    for kind, script in _SCRIPTS:
        of_script = "".join(every.str.extract_all(script).explode())
        table[np.frombuffer(of_script.encode("utf-32-le"), np.uint32)] = kind
    table[_PLANES:_AFTER] = _HAN
    return table
