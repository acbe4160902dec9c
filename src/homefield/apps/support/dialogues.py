"""Dialogues from files: one a line with its turns, or one turn a row.

A dialogue in which a role is missing is put aside: who asks and who answers would be a guess.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from homefield.apps.support.columns import Account, Row, find_columns, rows_of
from homefield.data.clean import clean_text
from homefield.data.mask import TOKENS
from homefield.data.read import open_source
from homefield.data.times import parse_times
from homefield.errors import RecordsError

__all__ = ["PARTS", "Dialogue", "Dialogues", "Turn", "read_dialogues"]

PARTS = ("turns", "dialogue", "role", "text", "time", "agent", "resolved")
"""What a file of dialogues may have columns for."""

Role = Literal["customer", "agent"]
_ROLES: dict[str, Role] = {
    **dict.fromkeys(
        ("customer", "user", "usr", "client", "visitor", "buyer", "human", "客户", "用户", "顾客", "买家",
            "访客"), "customer"
    ),
    **dict.fromkeys(
        ("agent", "assistant", "operator", "support", "staff", "seller", "sys", "system", "bot", "客服", "坐席",
            "商家",
         "卖家", "系统", "机器人"), "agent",
    ),
}  # fmt: skip
_YES = frozenset(("1", "true", "yes", "y", "resolved", "solved", "closed", "是", "已解决", "解决"))
_NO = frozenset(("0", "false", "no", "n", "unresolved", "open", "否", "未解决"))
_TURN_PARTS = ("role", "text", "time", "agent")


@dataclass(frozen=True)
class Turn:
    """One message, cleaned and masked."""

    role: Role
    text: str
    time: str = ""
    agent: str = ""


@dataclass(frozen=True)
class Dialogue:
    """Messages in their order; `resolved` is None where the records do not say."""

    id: str
    turns: tuple[Turn, ...]
    resolved: bool | None = None
    row: int = 0

    @property
    def time(self) -> str:
        """When it began, as the records write it."""
        return next((turn.time for turn in self.turns if turn.time), "")


@dataclass(frozen=True)
class Dialogues:
    """The dialogues of a file and the account of its rows."""

    dialogues: tuple[Dialogue, ...]
    account: Account


def read_dialogues(path: Path, columns: Mapping[str, str] | None = None) -> Dialogues:
    """Read a file of dialogues; `columns` (part -> column) overrides what the names suggest.

    Raises:
        RecordsError: as `open_source`; `support.no_part`; `support.no_dialogues` when none can be used.
    """
    account = Account(path)
    nested = (columns or {}).get("turns") or _nested(path)
    found = _by_line(path, nested, columns, account) if nested else _by_turn(path, columns, account)
    if not found:
        first = account.rejected[0].sentence() if account.rejected else "-"
        raise RecordsError("support.no_dialogues", file=path, read=account.read, first=first)
    return Dialogues(tuple(found), account)


def _nested(path: Path) -> str:
    """The column that holds lists of turns, if there is one."""
    sample = open_source(path).sample(20)
    return next((s.name for s in sample.get_columns() if s.str.contains(r"^\s*\[\s*\{").any()), "")


def _by_line(path: Path, nested: str, given: Mapping[str, str] | None, account: Account) -> list[Dialogue]:
    source, columns = find_columns(
        path, ["turns"], ["dialogue", "resolved", "time"], {**(given or {}), "turns": nested}
    )
    found: list[Dialogue] = []
    for row in rows_of(source, columns, account, texts=()):
        try:
            items = json.loads(row["turns"] or "null")
        except json.JSONDecodeError:
            items = None
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            account.reject(row.number, "support.reason.no_turns")
            continue
        parts = [_parts(item) for item in items]
        resolved = row["resolved"] or next((p["resolved"] for p in reversed(parts) if p["resolved"]), "")
        _add(found, account, [Row(row.number, p) for p in parts], row["dialogue"] or str(row.number), resolved)
    return found


def _parts(item: Mapping[str, Any]) -> dict[str, str]:
    names = {
        "role": ("role", "speaker", "sender", "from"), "text": ("text", "content", "message", "utterance"),
        "time": ("time", "timestamp", "date"), "agent": ("agent", "agent_id"), "resolved": ("resolved",),
    }  # fmt: skip
    return {
        part: next((str(item[name]) for name in known if item.get(name) is not None), "")
        for part, known in names.items()
    }


def _by_turn(path: Path, given: Mapping[str, str] | None, account: Account) -> list[Dialogue]:
    source, columns = find_columns(path, ["dialogue", "role", "text"], ["time", "agent", "resolved"], given)
    together: dict[str, list[Row]] = {}
    for row in rows_of(source, columns, account, texts=()):
        if row["dialogue"]:
            together.setdefault(row["dialogue"], []).append(row)
        else:
            account.reject(row.number, "support.reason.no_dialogue")
    found: list[Dialogue] = []
    for name, rows in together.items():
        resolved = next((row["resolved"] for row in reversed(rows) if row["resolved"]), "")
        _add(found, account, _in_time(rows), name, resolved)
    return found


def _in_time(rows: Sequence[Row]) -> Sequence[Row]:
    """Turns by their times where every one can be read, and as they stand otherwise; equal times stay as they stand."""
    times = parse_times(pl.Series([row["time"] for row in rows], dtype=pl.String)).to_list()
    if any(time is None for time in times):
        return rows
    return [row for _, row in sorted(zip(times, rows, strict=True), key=lambda pair: pair[0])]


def _add(found: list[Dialogue], account: Account, rows: Sequence[Row], name: str, resolved: str) -> None:
    """One more dialogue, or its rows put aside."""
    numbers = list(dict.fromkeys(row.number for row in rows))
    if odd := next((row for row in rows if _role(row) is None), None):
        told = {"dialogue": name, "at": odd.number, "turn": next(n for n, row in enumerate(rows, 1) if row is odd)}
        for number in numbers:
            if odd["role"].strip():
                account.reject(number, "support.reason.no_role", **told, given=odd["role"])
            else:
                account.reject(number, "support.reason.lacks_role", **told)
        return
    turns = []
    for row in rows:
        role, text = _role(row), clean_text(row["text"])
        _count_masked(row["text"], text, account)
        if text and role:
            turns.append(Turn(role, text, row["time"], row["agent"]))
        elif len(numbers) > 1:
            account.reject(row.number, "support.reason.empty")
    if turns:
        said = resolved.lower()
        found.append(Dialogue(name, tuple(turns), said in _YES if said in _YES | _NO else None, numbers[0]))
    elif len(numbers) == 1:
        account.reject(numbers[0], "support.reason.empty")


def _role(row: Row) -> Role | None:
    return _ROLES.get(row["role"].strip().lower())


def _count_masked(before: str, after: str, account: Account) -> None:
    for kind, tokens in TOKENS.items():
        if more := sum(after.count(token) - before.count(token) for token in tokens):
            account.masked[kind] = account.masked.get(kind, 0) + more
