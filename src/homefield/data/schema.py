"""Which column plays which role: named by the user, or guessed from names and content and said so."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from homefield.data.pairs import says_same
from homefield.errors import RecordsError

__all__ = ["Roles", "customer_columns", "find_roles", "require"]

# Names that people give such columns, best first. Compared without case, spaces, dashes and underscores.
_NAMES: dict[str, tuple[str, ...]] = {
    "text": (
        "text", "question", "query", "utterance", "sentence", "content", "message", "headline", "title", "review",
        "comment", "body", "description", "input", "prompt", "post", "tweet", "question1", "sentence1", "text1",
        "texta", "文本", "问题", "内容", "句子", "标题", "评论", "正文", "留言", "用户问题", "咨询内容", "问句", "原文",
        "消息", "描述",
    ),
    "label": (
        "label", "labels", "category", "categories", "intent", "class", "sentiment", "section", "topic", "topics",
        "tag", "tags", "target", "type", "emotion", "y", "labelname", "categoryname",
        "标签", "类别", "分类", "意图", "情感", "类型", "栏目", "主题", "种类", "问题类型", "情绪",
    ),
    "other": (
        "other", "question2", "sentence2", "text2", "textb", "pair", "paraphrase", "similar", "candidate", "另一句",
        "相似问", "相似问题", "对比文本", "问题2", "文本2", "句子2",
    ),
    "same": (
        "same", "issame", "isduplicate", "duplicate", "match", "ismatch", "paraphrase", "相同", "是否相同", "是否相似",
        "是否重复", "是否同义", "是否一致", "是否匹配",
    ),
    "group": (
        "group", "groupid", "customer", "customerid", "clientid", "userid", "user", "dialogue", "dialogueid", "session",
        "sessionid", "conversation", "conversationid", "threadid", "分组", "客户", "客户编号", "客户id",
        "用户", "用户id",         "用户编号", "会话", "会话id", "对话id",
    ),
    "time": (
        "time", "timestamp", "date", "datetime", "createdat", "created", "createtime", "publishedat", "pubdate",
        "时间", "日期", "创建时间", "发布时间", "时间戳",
    ),
}  # fmt: skip
# Columns with few values that say where a row comes from, not what it is about.
_NO_LABELS = frozenset((
    "source", "channel", "platform", "lang", "language", "city", "province", "region", "country", "gender", "sex",
    "status", "speaker", "role", "split",
    "来源", "渠道", "平台", "语言", "城市", "省份", "地区", "性别", "状态", "角色",
))  # fmt: skip
# Columns that say whom a row is from; all of them are names of groups as well.
_CUSTOMERS = frozenset((
    "customer", "customerid", "clientid", "userid", "user",
    "客户", "客户编号", "客户id", "用户", "用户id", "用户编号",
))  # fmt: skip
_SAMPLE_DISTINCT = 0.5


@dataclass(frozen=True)
class Roles:
    """role -> column name, and which of the roles were guessed."""

    columns: Mapping[str, str]
    guessed: tuple[str, ...]


def require(path: Path, found: Sequence[str], columns: Mapping[str, str]) -> None:
    """Check that every named column is among those `found` in the file.

    Raises:
        RecordsError: `data.no_column`, naming the file and the columns found; `data.no_column_near`, also the nearest.
    """
    for role, column in columns.items():
        if column not in found:
            near, values = _near(column, found), {"role": role, "column": column, "found": ", ".join(found)}
            if near is None:
                raise RecordsError("data.no_column", file=path, **values)
            raise RecordsError("data.no_column_near", file=path, near=near, **values)


def find_roles(path: Path, sample: pl.DataFrame, columns: Mapping[str, str]) -> Roles:
    """The roles of a file's columns: those named in `columns` (role -> column) and guesses for the rest.

    `sample` holds the first rows of the file with every column as strings. A label, a pair, a group or a time is only
    guessed by name, a text also by its content; where the user named a text, only what stands beside it is guessed.

    Raises:
        RecordsError: `data.no_column`, `data.no_text` when no column looks like text.
    """
    require(path, sample.columns, columns)
    found = dict(columns)
    free = [name for name in sample.columns if name not in found.values()]
    for role in ("text", "label", "other", "same", "group", "time"):
        if role not in found and (column := _by_name(role, free, sample)) is not None:
            found[role] = column
            free.remove(column)
    if "text" not in found:
        column = _longest_text(sample.select(free))
        if column is None:
            raise RecordsError("data.no_text", file=path, found=", ".join(sample.columns))
        found["text"] = column
        free.remove(column)
    if "label" not in found and "other" not in found and (column := _few_values(sample.select(free))) is not None:
        found["label"] = column
    if "same" in found and "other" not in found and "same" not in columns:
        del found["same"]
    if "other" in found and "same" not in found and "label" in found and says_same(sample[found["label"]]):
        # Pairs are mostly published with a `label` of 0 and 1.
        found["same"] = found.pop("label")
    ordered = {role: found[role] for role in sorted(found, key=_order)}
    return Roles(ordered, tuple(role for role in ordered if role not in columns))


def customer_columns(found: Sequence[str], columns: Mapping[str, str]) -> list[str]:
    """The columns of a file that may name a customer: by their role (`columns`: role -> column), or their name."""
    by_role = [column for role, column in columns.items() if role == "group" or _plain(role) in _CUSTOMERS]
    return list(dict.fromkeys([*by_role, *(name for name in found if _plain(name) in _CUSTOMERS)]))


def _order(role: str) -> tuple[int, str]:
    known = tuple(_NAMES)
    return (known.index(role) if role in known else len(known), role)


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-.]+", "", name).lower()


def _by_name(role: str, free: Sequence[str], sample: pl.DataFrame) -> str | None:
    for known in _NAMES[role]:
        for name in free:
            if _plain(name) == known and (role != "text" or _is_text(sample[name])):
                return name
    return None


def _is_text(values: pl.Series) -> bool:
    """Whether the values are strings that say something: not numbers, dates or JSON."""
    values = values.drop_nulls()
    if len(values) == 0:
        return True
    odd = values.str.contains(r"^\s*(?:[\[{]\s*[{\"\[].*|[-+0-9.,:/eE ]+)$").mean()
    return isinstance(odd, float) and odd < 0.5


def _longest_text(sample: pl.DataFrame) -> str | None:
    """The column with the longest texts among those that are mostly text and mostly different."""
    best, longest = None, 3.0
    for values in sample.get_columns():
        kept = values.drop_nulls()
        length = kept.str.len_chars().mean() if len(kept) else None
        if not isinstance(length, float) or not _is_text(kept) or kept.n_unique() < _SAMPLE_DISTINCT * len(kept):
            continue
        if length > longest:
            best, longest = values.name, length
    return best


def _few_values(sample: pl.DataFrame) -> str | None:
    """The one column, if there is just one, whose values are short and repeat often, as labels do."""
    few = []
    for values in sample.get_columns():
        kept = values.drop_nulls()
        kept = kept.filter(kept.str.strip_chars() != "")
        # A label that most rows lack is a remark, and rows without one would be refused.
        if len(kept) < max(20, len(values) // 2) or not _is_text(kept) or _plain(values.name) in _NO_LABELS:
            continue
        longest = kept.str.len_chars().max()
        if isinstance(longest, int) and longest <= 60 and 2 <= kept.n_unique() <= len(kept) * 0.2:
            few.append(values.name)
    return few[0] if len(few) == 1 else None


def _near(column: str, found: Sequence[str]) -> str | None:
    by_plain = {_plain(name): name for name in found}
    close = difflib.get_close_matches(_plain(column), by_plain, n=1, cutoff=0.6)
    return by_plain[close[0]] if close else (found[0] if len(found) == 1 else None)
