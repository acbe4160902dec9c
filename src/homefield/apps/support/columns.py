"""A file of support records as rows with named parts, cleaned and masked; every row is accounted for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from homefield.data.clean import clean_column
from homefield.data.read import Source, open_source
from homefield.data.reasons import reason_text
from homefield.data.schema import require
from homefield.errors import CallError, RecordsError
from homefield.messages import Language, default_language, text

__all__ = ["Account", "Rejected", "Row", "check_roles", "find_columns", "neither", "rows_of"]

# Names that people give such columns, best first; compared without case, spaces, dashes and underscores.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "question": ("question", "query", "text", "utterance", "customer", "问题", "用户问题", "客户问题",
        "咨询内容", "问句", "文本"),
    "answer": ("answer", "answerid", "reply", "response", "回答", "答案", "答案编号", "回答编号", "回复编号", "回复",
        "客服回复"),
    "intent": ("intent", "label", "category", "class", "topic", "意图", "标签", "类别", "分类", "问题类型"),
    "one": ("one", "question1", "text1", "sentence1", "question", "text", "query", "问题1", "句子1", "文本1",
        "问题", "文本"),
    "other": ("other", "question2", "text2", "sentence2", "另一句", "相似问", "问题2", "句子2", "文本2"),
    "same": ("same", "issame", "label", "duplicate", "isduplicate", "match", "相同", "是否相同", "是否相似", "标签"),
    "turns": ("turns", "messages", "dialogue", "conversation", "utterances", "对话", "消息", "轮次"),
    "dialogue": (
        "dialogue", "dialogueid", "dialogid", "conversation", "conversationid", "session", "sessionid", "ticket",
        "ticketid", "id", "会话", "会话id", "会话编号", "对话", "对话id", "对话编号", "工单",
    ),
    "role": ("role", "speaker", "sender", "from", "author", "角色", "发送方", "发言人", "说话人", "身份"),
    "text": ("text", "content", "message", "utterance", "body", "文本", "内容", "消息", "正文"),
    "time": ("time", "timestamp", "date", "datetime", "createdat", "时间", "日期", "发送时间"),
    "agent": ("agent", "agentid", "agentname", "operator", "坐席", "客服", "客服姓名", "客服工号"),
    "resolved": ("resolved", "solved", "issolved", "status", "是否解决", "已解决", "解决"),
    "id": ("id", "answerid", "key", "编号", "答案编号", "回答编号", "回复编号", "答案id"),
    "language": ("language", "lang", "语言"),
    "audience": ("audience", "customers", "segment", "适用对象", "对象", "适用人群"),
    "valid_from": ("validfrom", "from", "start", "生效日期", "生效", "开始日期"),
    "valid_to": ("validto", "until", "to", "end", "失效日期", "失效", "截止日期", "结束日期"),
    "count": ("count", "次数"),
    "examples": ("examples", "例句"),
    "decision": ("decision", "决定"),
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A row's number in its file and its parts, empty where there is nothing."""

    number: int
    parts: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.parts.get(name, "")


@dataclass(frozen=True)
class Rejected:
    """A row that is not used: `reason` names a sentence `support.reason.<reason>`, or it is one of the readers'."""

    row: int
    reason: str
    values: Mapping[str, object] = field(default_factory=dict)

    def sentence(self, language: Language | None = None) -> str:
        """Why, in words."""
        language = language or default_language()
        if self.reason.startswith("support."):
            return text(self.reason, language, **self.values)
        return reason_text(self.reason, language, self.values)


@dataclass
class Account:
    """Every row of a file: read = kept + rejected. `masked` counts pieces of personal data by kind."""

    path: Path
    read: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    masked: dict[str, int] = field(default_factory=dict)

    @property
    def kept(self) -> int:
        """Rows that are used."""
        return self.read - len(self.rejected)

    def reject(self, row: int, reason: str, **values: object) -> None:
        """Put a row aside."""
        self.rejected.append(Rejected(row, reason, values))


def rows_of(source: Source, columns: Mapping[str, str], account: Account, *, texts: Sequence[str]) -> Iterator[Row]:
    """Stream rows; parts named in `texts` are cleaned and masked, the others only stripped."""
    wanted = list(dict.fromkeys(columns.values()))
    for block in source.blocks(wanted):
        account.read += block.rows
        for row, fault, _ in block.faults:
            account.reject(row, fault.reason, **fault.values)
        frame = block.frame.select(pl.col(column).alias(name) for name, column in columns.items())
        for name in texts:
            if name in columns:
                cleaned, masked = clean_column(frame[name])
                frame = frame.with_columns(cleaned.alias(name))
                for kind, found in masked.items():
                    account.masked[kind] = account.masked.get(kind, 0) + found
        for number, parts in zip(block.numbers.to_list(), frame.iter_rows(named=True), strict=True):
            yield Row(number, {name: (value or "").strip() for name, value in parts.items()})


def find_columns(
    path: Path, needed: Sequence[str], wanted: Sequence[str] = (), given: Mapping[str, str] | None = None
) -> tuple[Source, dict[str, str]]:
    """Open `path` and find the columns of the parts that are needed and of those that are welcome.

    Raises:
        RecordsError: as `open_source`; `data.no_column` for a column that `given` names; `support.no_part`.
    """
    source, found = open_source(path), dict(given or {})
    require(path, source.columns, found)
    free = [column for column in source.columns if column not in found.values()]
    for part in (*needed, *wanted):
        if part in found:
            continue
        column = next((c for name in _NAMES[part] for c in free if _plain(c) == name), None)
        if column is not None:
            found[part] = column
            free.remove(column)
        elif part in needed:
            known = ", ".join(_NAMES[part])
            raise RecordsError("support.no_part", file=path, part=part, found=", ".join(source.columns), known=known)
    return source, found


def check_roles(given: Mapping[str, str] | None, known: Sequence[str]) -> None:
    """See that the parts that somebody names columns for are parts of such a file.

    Raises:
        CallError: `support.no_such_role`, naming those that there are.
    """
    if unknown := next((role for role in given or {} if role not in known), None):
        raise CallError("support.no_such_role", role=unknown, known=", ".join(dict.fromkeys(known)))


def neither(path: Path, parts: Sequence[str], given: Mapping[str, str] | None, error: RecordsError) -> RecordsError:
    """What to tell of a file with neither questions nor dialogues: the part of questions that it lacks, or `error`,
    which tells of dialogues, where the file says who speaks. parts: of questions; of several that lack, the last is
    told."""
    source, found = find_columns(path, [], [*parts, "role"], given)
    if error.code != "support.no_part" or "role" in found:
        return error
    part = next((each for each in reversed(parts) if each not in found), parts[0])
    known, names = ", ".join(_NAMES[part]), ", ".join(source.columns)
    return RecordsError("support.no_question_part", file=path, part=part, found=names, known=known)


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-.]+", "", name).lower()
