"""Whether two texts of a row are the same matter: the many ways people write yes and no, read as one."""

from __future__ import annotations

import polars as pl

__all__ = ["DIFFERENT", "SAME", "as_same", "says_same"]

SAME, DIFFERENT = "1", "0"
_WORDS: dict[str, str] = {
    **dict.fromkeys(
        ("1", "true", "t", "yes", "y", "same", "duplicate", "match", "similar", "paraphrase", "entailment",
         "是", "对", "相同", "一样", "相似", "重复", "匹配", "同义", "一致", "真"), SAME,
    ),
    **dict.fromkeys(
        ("0", "-1", "false", "f", "no", "n", "different", "distinct", "unrelated", "contradiction",
         "否", "不是", "错", "不同", "不一样", "不相似", "不重复", "不匹配", "不一致", "假"), DIFFERENT,
    ),
}  # fmt: skip


def as_same(values: pl.Series) -> pl.Series:
    """Canonical labels as `1` (same) or `0` (different); what says neither stays as it is, null stays null."""
    return values.str.to_lowercase().replace(_WORDS).rename(values.name)


def says_same(values: pl.Series) -> bool:
    """Whether a column of strings says yes or no in every row that says anything, and says both."""
    kept = values.str.strip_chars().str.replace(r"\.0+$", "").drop_nulls()
    kept = as_same(kept.filter(kept != ""))
    return kept.n_unique() == 2 and bool(kept.is_in([SAME, DIFFERENT]).all())
