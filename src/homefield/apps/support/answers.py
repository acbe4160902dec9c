"""Approved answers: the only sentences a customer is ever sent. Checked whole, every fault named at once.

A column `decision` settles what was proposed: an answer that is dropped or merged into another is not approved, and
pairs that name it name nothing, or the other.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from homefield.apps.support.columns import Account, Row, find_columns, rows_of
from homefield.apps.support.decisions import KEEP, Decision, decision_of, lead
from homefield.apps.support.pairs import Asked, read_pairs
from homefield.data.language import language_of
from homefield.errors import RecordsError
from homefield.messages import Language, default_language, text

__all__ = [
    "Answer",
    "Answers",
    "Fault",
    "check_answers",
    "find_faults",
    "odd_braces",
    "placeholders_in",
    "plain_braces",
    "plain_question",
    "raise_faults",
    "read_answers",
]

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]{0,39})\}")
_BRACE = re.compile(r"\{[^{}]*\}|[{}]")
_ROUND = str.maketrans("{}", "()")
_SHOWN = 50


@dataclass(frozen=True)
class Answer:
    """An approved answer. `audience` is empty for everybody; the days of validity are both included, None is open."""

    id: str
    text: str
    language: str
    audience: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    row: int = 0

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The names of its placeholders, each once, in their order."""
        return placeholders_in(self.text)

    def valid_on(self, day: date) -> bool:
        """Whether it may be given on `day`."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)

    def excludes(self, other: Answer) -> bool:
        """Whether every customer is given but one of them: another language, other days, or another audience, of which
        those for all come last."""
        if self.language != other.language or self.audience != other.audience:
            return True
        first, last = sorted((self, other), key=lambda answer: answer.valid_from or date.min)
        return first.valid_to is not None and last.valid_from is not None and first.valid_to < last.valid_from


@dataclass(frozen=True)
class Fault:
    """What is wrong in a row: `reason` names a sentence `support.fault.<reason>`."""

    path: Path
    row: int
    reason: str
    values: Mapping[str, object] = field(default_factory=dict)

    def sentence(self, language: Language | None = None) -> str:
        """File, row and fault in words."""
        language = language or default_language()
        said = text(f"support.fault.{self.reason}", language, **self.values)
        return text("support.at", language, file=self.path.name, row=self.row, said=said)


@dataclass(frozen=True)
class Answers:
    """The answers of a file that may be given, by id; `decisions` are those on all of its rows."""

    path: Path
    by_id: Mapping[str, Answer]
    decisions: Mapping[str, Decision] = field(default_factory=dict)

    def settle(self, asked: Iterable[Asked]) -> tuple[Asked, ...]:
        """Pairs with the ids their answers were merged into, without those whose answer was dropped."""
        led = ((pair, *lead(pair.answer, self.decisions)) for pair in asked)
        return tuple(replace(pair, answer=name) for pair, name, end in led if end != "dropped")


def placeholders_in(written: str) -> tuple[str, ...]:
    """The names of the placeholders in an answer, each once, in their order."""
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(written)))


def read_answers(path: Path, *, pairs: Path | None = None, columns: Mapping[str, str] | None = None) -> Answers:
    """Read a file of approved answers, checked whole; with `pairs`, also against the pairs that name its ids.

    Raises:
        RecordsError: as `open_source`; `support.no_part`; `support.answers_faults` with every fault there is.
    """
    answers, faults = find_faults(path, pairs=pairs, columns=columns)
    raise_faults(faults)
    return answers


def raise_faults(faults: Sequence[Fault]) -> None:
    """Tell all faults of answers, and of what names them, at once, if there are any.

    Raises:
        RecordsError: `support.answers_faults`.
    """
    if faults:
        shown = [f"- {fault.sentence()}" for fault in faults[:_SHOWN]]
        shown += ["- …"] if len(faults) > _SHOWN else []
        files = ", ".join(map(str, dict.fromkeys(fault.path for fault in faults)))
        raise RecordsError("support.answers_faults", file=files, count=len(faults), faults="\n".join(shown))


def find_faults(
    path: Path, *, pairs: Path | None = None, columns: Mapping[str, str] | None = None
) -> tuple[Answers, tuple[Fault, ...]]:
    """The answers of a file as far as they can be used, and all of its faults."""
    account, faults, found = Account(path), list[Fault](), dict[str, Answer]()
    decisions = dict[str, Decision]()
    welcome = ["language", "audience", "valid_from", "valid_to", "decision"]
    source, parts = find_columns(path, ["id", "answer"], welcome, columns)
    for row in rows_of(source, parts, account, texts=()):
        answer, wrong = _answer(row)
        decision = decision_of(row["decision"])
        if decision is None:
            wrong.append(("no_decision", {"given": row["decision"]}))
        elif decision.kind != "keep":
            wrong = [each for each in wrong if each[0] == "no_id"]
        faults += [Fault(path, row.number, reason, values) for reason, values in wrong]
        if answer.id in found:
            faults.append(Fault(path, row.number, "twice", {"id": answer.id, "first": found[answer.id].row}))
        elif answer.id:
            found[answer.id] = answer
            decisions[answer.id] = decision or KEEP
    faults += _led_astray(path, found, decisions)
    faults += [Fault(path, each.row, "unreadable", {"why": each.sentence()}) for each in account.rejected]
    kept = {name: answer for name, answer in found.items() if decisions[name].kind == "keep"}
    answers = Answers(path, kept, decisions)
    if pairs is not None:
        faults += check_answers(answers, read_pairs(pairs).rows, pairs)
    return answers, tuple(faults)


def check_answers(answers: Answers, asked: Sequence[Asked], path: Path) -> list[Fault]:
    """What is wrong with pairs that name answers by their ids: an id that is lacking, two answers for one question.

    An id that is lacking is named once. Pairs that a merge leads astray are no faults beside the merge itself.
    """
    faults, first = list[Fault](), dict[str, tuple[Answer, int]]()
    lacking = Counter(pair.answer for pair in asked if pair.answer not in answers.decisions)
    for pair in asked:
        name, end = lead(pair.answer, answers.decisions)
        if rows := lacking.pop(pair.answer, 0):
            values = {"id": pair.answer, "answers": answers.path.name, "rows": rows}
            faults.append(Fault(path, pair.row, "lacking", values))
        if end != "kept":
            continue
        answer = answers.by_id[name]
        before, row = first.setdefault(plain_question(pair.question), (answer, pair.row))
        if before.id != answer.id and not before.excludes(answer):
            values = {"question": pair.question, "one": before.id, "other": answer.id, "first": row}
            faults.append(Fault(path, pair.row, "two_answers", values))
    return faults


def _led_astray(path: Path, found: Mapping[str, Answer], decisions: Mapping[str, Decision]) -> list[Fault]:
    """Merges into nothing that is kept; those that lead there by way of such a merge are no faults of their own, and a
    circle is one."""
    faults, circles = [], set[str]()
    for name, decision in decisions.items():
        end, what = lead(name, decisions)
        if decision.kind != "merge" or what == "kept" or name in circles:
            continue
        if end != (name if what == "circle" else decision.into):
            continue
        if what == "circle":
            circles |= _round_from(name, decisions)
        faults.append(Fault(path, found[name].row, f"merge_{what}", {"id": name, "into": decision.into, "end": end}))
    return faults


def _round_from(name: str, decisions: Mapping[str, Decision]) -> set[str]:
    """The answers on a circle of merges."""
    passed = set[str]()
    while name not in passed:
        passed.add(name)
        name = decisions[name].into
    return passed


def _answer(row: Row) -> tuple[Answer, list[tuple[str, dict[str, object]]]]:
    written, wrong = row["answer"], list[tuple[str, dict[str, object]]]()
    if not row["id"] or re.search(r"\s", row["id"]):
        wrong.append(("no_id", {"given": row["id"] or "-"}))
    if not written:
        wrong.append(("empty", {}))
    wrong += [("placeholder", {"given": piece}) for piece in odd_braces(written)]
    days: dict[str, date | None] = {}
    for part in ("valid_from", "valid_to"):
        try:
            days[part] = date.fromisoformat(row[part][:10].replace("/", "-")) if row[part] else None
        except ValueError:
            days[part] = None
            wrong.append(("no_date", {"given": row[part]}))
    start, end = days["valid_from"], days["valid_to"]
    if start and end and end < start:
        wrong.append(("backwards", {"start": start, "end": end}))
    language = row["language"].lower() or language_of(written)
    return Answer(row["id"], written, language, row["audience"], start, end, row.number), wrong


def odd_braces(written: str) -> list[str]:
    """Pieces with braces that are no placeholder, so that a customer would be told them as they stand."""
    return [piece for piece in _BRACE.findall(written) if not _PLACEHOLDER.fullmatch(piece)]


def plain_braces(written: str) -> str:
    """An agent's sentence in which braces that are no placeholder are round."""
    return _BRACE.sub(
        lambda match: match[0] if _PLACEHOLDER.fullmatch(match[0]) else match[0].translate(_ROUND), written
    )


def plain_question(question: str) -> str:
    """A question as it is compared with others: letters and digits alone."""
    return re.sub(r"\W+", "", question).casefold()
