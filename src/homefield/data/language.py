"""Which language a text is in, from its script alone: `zh`, `en` or `other`. Fast enough for every row of any file."""

from __future__ import annotations

import polars as pl

__all__ = ["LANGUAGES", "language_of", "languages_of"]

LANGUAGES: tuple[str, ...] = ("zh", "en", "other")
_HAN = r"[\x{3400}-\x{9FFF}\x{F900}-\x{FAFF}\x{20000}-\x{3FFFF}]"
_LATIN = r"[A-Za-z]"
_OTHER = r"[\p{L}--\p{Han}A-Za-z]"
_KANA = r"[\p{Hiragana}\p{Katakana}]"


def languages_of(texts: pl.Series) -> pl.Series:
    """The language of every text, as a String series.

    A Chinese character says about as much as three Latin letters: a Chinese sentence with a product's English name in
    it is Chinese, an English one with a Chinese name in it is English. Kana make a text Japanese, hence `other`; so
    does any script, or accented letters, beyond a small share.
    """
    frame = pl.DataFrame({"text": texts.fill_null("")})
    han, latin, other, kana = pl.col("han"), pl.col("latin"), pl.col("other"), pl.col("kana")
    counts = frame.lazy().select(
        han=pl.col("text").str.count_matches(_HAN).cast(pl.Int64),
        latin=pl.col("text").str.count_matches(_LATIN).cast(pl.Int64),
        other=pl.col("text").str.count_matches(_OTHER).cast(pl.Int64),
        kana=pl.col("text").str.count_matches(_KANA).cast(pl.Int64),
    )
    chosen = (
        pl.when(kana * 5 > han + kana).then(pl.lit("other"))
        .when((han > 0) & (han * 3 >= latin) & (han >= other)).then(pl.lit("zh"))
        .when((latin > 0) & (other * 12 <= latin)).then(pl.lit("en"))
        .otherwise(pl.lit("other"))
    )  # fmt: skip
    return counts.select(chosen.alias("language")).collect().to_series()


def language_of(text: str) -> str:
    """The language of one text."""
    return str(languages_of(pl.Series([text], dtype=pl.String)).item())
