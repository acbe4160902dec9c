"""What a customer service is built from, whatever the records look like: answers, and questions that led to them.

Answers that may never be given to the same customer (another audience, other days) can share a question. To the
network they are one *matter*; which of a matter's answers is given is decided when somebody asks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from homefield.apps.support.answers import Answer, Answers, check_answers, plain_question, raise_faults, read_answers
from homefield.apps.support.columns import Account, check_roles
from homefield.apps.support.dialogues import PARTS, Dialogue, read_dialogues
from homefield.apps.support.exchanges import Exchange, exchanges
from homefield.apps.support.history import history_text
from homefield.apps.support.pairs import Asked, Judged, read_intents, read_pairs, read_same
from homefield.apps.support.templates import templates_of
from homefield.apps.support.understanding.approved import approved_for
from homefield.data.clean import clean_text
from homefield.data.language import language_of
from homefield.errors import RecordsError
from homefield.store.learned import Learned

__all__ = ["DEPTH", "Example", "Material", "Matter", "read_material", "with_learned"]

DEPTH = 4
"""Earlier turns that are read beside a question, where the records are dialogues."""


@dataclass(frozen=True)
class Example:
    """A question that led to an answer. text: what the network reads, earlier turns behind the question."""

    text: str
    question: str
    answer: str
    row: int
    dialogue: str = ""


@dataclass(frozen=True)
class Matter:
    """Answers that the same questions lead to; one of them fits a customer. id: that of the first."""

    id: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Material:
    """Everything the records say. depth: earlier turns that belong to a question."""

    answers: Mapping[str, Answer]
    matters: tuple[Matter, ...]
    examples: tuple[Example, ...]
    same: tuple[Judged, ...]
    depth: int
    accounts: tuple[Account, ...]


def read_material(
    *,
    pairs: Path | None = None,
    intents: Path | None = None,
    dialogues: Path | None = None,
    answers: Path | None = None,
    same: Path | None = None,
    columns: Mapping[str, str] | None = None,
) -> Material:
    """Read one of pairs, intents and dialogues, with approved answers and judged pairs where there are any.

    columns: part -> column, of the file of questions.

    Raises:
        CallError: `support.no_such_role`. RecordsError: as the readers; `support.answers_faults`; `support.too_little`.
    """
    check_roles(columns, PARTS if dialogues is not None else ("question", "answer" if pairs else "intent"))
    approved = None if answers is None else read_answers(answers)
    source = pairs or intents or dialogues
    assert source is not None
    if dialogues is not None:
        read = read_dialogues(dialogues, columns)
        known, examples = _from_dialogues(read.dialogues, approved)
        accounts, depth = [read.account], DEPTH
    else:
        asked = read_pairs(source, columns) if pairs else read_intents(source, columns)
        known, examples = _from_rows(asked.rows, approved, asked.account)
        accounts, depth = [asked.account], 0
    judged = None if same is None else read_same(same)
    if judged is not None:
        accounts.append(judged.account)
    matters = _matters(examples, known)
    led = {example.answer for example in examples}
    if (led_to := sum(not led.isdisjoint(matter.answers) for matter in matters)) < 2:
        raise RecordsError("support.too_little", file=source, answers=led_to, questions=len(examples))
    return Material(known, matters, tuple(examples), () if judged is None else judged.rows, depth, tuple(accounts))


def with_learned(material: Material, learned: Sequence[Learned]) -> Material:
    """With what people taught while an earlier release was in use: it goes before what the records say."""
    last = {plain_question(each.question): each for each in learned}
    answers = dict(material.answers)
    taught: dict[str, Example] = {}
    for question, each in last.items():
        if each.answer not in answers and each.text is not None:
            answers[each.answer] = Answer(each.answer, each.text, each.language or language_of(each.text))
        if each.answer in answers:
            text = clean_text(each.question)
            taught[question] = Example(text, text, each.answer, 0, f"learned-{each.id}")
    kept = [
        example
        for example in material.examples
        if (now := taught.get(plain_question(example.text))) is None or now.answer == example.answer
    ]
    examples = (*kept, *taught.values())
    return replace(material, answers=answers, examples=examples, matters=_matters(examples, answers))


def _from_rows(
    rows: Sequence[Asked], approved: Answers | None, account: Account
) -> tuple[Mapping[str, Answer], list[Example]]:
    if approved is not None:
        raise_faults(check_answers(approved, rows, account.path))
        settled = approved.settle(rows)
        return approved.by_id, [Example(row.question, row.question, row.answer, row.row) for row in settled]
    ids = _named(row.answer for row in rows)
    written = {ids[text]: Answer(ids[text], text, language_of(text)) for text in ids}
    # Without approved answers nobody has said which of two answers to a question holds: the one given more often.
    given = Counter((plain_question(row.question), row.answer) for row in rows)
    best: dict[str, tuple[int, str]] = {}
    for (question, answer), count in given.items():
        if count > best.get(question, (0, ""))[0]:
            best[question] = (count, answer)
    examples = []
    for row in rows:
        if row.answer != best[plain_question(row.question)][1]:
            account.reject(row.row, "support.reason.other_answer", question=row.question)
        else:
            examples.append(Example(row.question, row.question, ids[row.answer], row.row))
    return written, examples


def _from_dialogues(
    dialogues: Sequence[Dialogue], approved: Answers | None
) -> tuple[Mapping[str, Answer], list[Example]]:
    """Templates are the answers, unless there are approved ones: those take their place (`approved_for`), and other
    templates are left out."""
    by_name = {dialogue.id: dialogue for dialogue in dialogues}
    templates = templates_of([each for dialogue in dialogues for each in exchanges(dialogue)])
    if approved is None:
        known: Mapping[str, Answer] = {each.id: Answer(each.id, each.text, each.language) for each in templates}
        stands: Mapping[str, tuple[str, ...]] = {each.id: (each.id,) for each in templates}
    else:
        known, stands = approved.by_id, approved_for(templates, approved)
    examples = [
        _told(exchange, by_name[exchange.dialogue], answer)
        for template in templates
        for exchange in template.exchanges
        for answer in stands.get(template.id, ())
    ]
    return known, examples


def _told(exchange: Exchange, dialogue: Dialogue, answer: str) -> Example:
    """A question of a dialogue as the network will see it: with what was said before."""
    text = history_text(dialogue.turns[: exchange.at + 1], depth=DEPTH)
    return Example(text, exchange.question, answer, dialogue.row, exchange.dialogue)


_WORD = re.compile(r"(?:(?![\u3400-\u9fff])[\w.:/-]){1,80}|[\w.:/-]{1,8}")


def _named(texts: object) -> dict[str, str]:
    """An id for each distinct text: the text itself where it is a word, such as an intent, else a number."""
    assert hasattr(texts, "__iter__")
    found: dict[str, str] = {}
    for text in dict.fromkeys(texts):
        found[text] = text if _WORD.fullmatch(text) else f"answer-{len(found) + 1}"
    return found


def _matters(examples: Sequence[Example], answers: Mapping[str, Answer]) -> tuple[Matter, ...]:
    """Answers that share a question and exclude each other together; every approved answer is in one."""
    leader = {name: name for name in answers}

    def top(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    first: dict[str, str] = {}
    for example in examples:
        before = first.setdefault(plain_question(example.text), example.answer)
        if before != example.answer and answers[before].excludes(answers[example.answer]):
            leader[top(example.answer)] = top(before)
    together: dict[str, list[str]] = {}
    for name in answers:
        together.setdefault(top(name), []).append(name)
    return tuple(Matter(names[0], tuple(names)) for names in together.values())
