"""Questions with their answers, with their intents, and pairs of questions that mean the same or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from homefield.apps.support.columns import Account, Row, find_columns, rows_of
from homefield.data.pairs import DIFFERENT, SAME, as_same

__all__ = ["Asked", "AskedRows", "Judged", "JudgedRows", "read_intents", "read_pairs", "read_same"]


@dataclass(frozen=True)
class Asked:
    """A question and what it leads to: an answer (its id or its text) or an intent."""

    question: str
    answer: str
    row: int


@dataclass(frozen=True)
class AskedRows:
    """What a file asks, and the account of its rows."""

    rows: tuple[Asked, ...]
    account: Account


@dataclass(frozen=True)
class Judged:
    """Two questions, and whether they mean the same."""

    one: str
    other: str
    same: bool
    row: int


@dataclass(frozen=True)
class JudgedRows:
    """Judged pairs, and the account of their rows."""

    rows: tuple[Judged, ...]
    account: Account


def read_pairs(path: Path, columns: Mapping[str, str] | None = None, *, unanswered: bool = False) -> AskedRows:
    """Read question/answer pairs. unanswered: a row without an answer is kept, as a question that none fits.

    Raises `RecordsError` as `find_columns`.
    """
    return _read_asked(path, "answer", columns, unanswered=unanswered)


def read_intents(path: Path, columns: Mapping[str, str] | None = None, *, unanswered: bool = False) -> AskedRows:
    """Read question/intent rows. unanswered: as `read_pairs` has it. Raises `RecordsError` as `find_columns`."""
    return _read_asked(path, "intent", columns, unanswered=unanswered)


def read_same(path: Path, columns: Mapping[str, str] | None = None) -> JudgedRows:
    """Read pairs of questions marked same or different. Raises `RecordsError` as `find_columns`."""
    account = Account(path)
    source, found = find_columns(path, ["other", "same", "one"], given=columns)
    read = list(rows_of(source, found, account, texts=("one", "other")))
    said = as_same(pl.Series([row["same"].removesuffix(".0") for row in read], dtype=pl.String)).to_list()
    rows = []
    for row, verdict in zip(read, said, strict=True):
        if not row["one"] or not row["other"]:
            account.reject(row.number, "support.reason.empty")
        elif verdict not in (SAME, DIFFERENT):
            account.reject(row.number, "support.reason.not_same", given=row["same"] or "-")
        else:
            rows.append(Judged(row["one"], row["other"], verdict == SAME, row.number))
    return JudgedRows(tuple(rows), account)


def _read_asked(path: Path, part: str, columns: Mapping[str, str] | None, *, unanswered: bool) -> AskedRows:
    account = Account(path)
    source, found = find_columns(path, [part, "question"], given=columns)
    rows = []
    for row in rows_of(source, found, account, texts=("question", part)):
        if (fault := _lacking(row, part)) and not (unanswered and row["question"]):
            account.reject(row.number, fault)
        else:
            rows.append(Asked(row["question"], row[part], row.number))
    return AskedRows(tuple(rows), account)


def _lacking(row: Row, part: str) -> str:
    if not row["question"]:
        return "support.reason.empty"
    return "" if row[part] else f"support.reason.no_{part}"
