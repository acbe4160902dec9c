"""From dialogues to a proposal that people edit: templates, what they cover, what contradicts what."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from homefield.apps.support.answers import plain_braces, plain_question
from homefield.apps.support.columns import Account
from homefield.apps.support.dialogues import read_dialogues
from homefield.apps.support.disputes import Disputed, disputed_in
from homefield.apps.support.exchanges import Exchange, exchanges
from homefield.apps.support.manners import is_empty_talk, is_thanks
from homefield.apps.support.period import Period, recent
from homefield.apps.support.templates import Contradiction, Template, contradictions, coverage, templates_of
from homefield.cells import safe_cell
from homefield.files import new_folder

__all__ = ["Mined", "mine", "write_proposal"]

_EXAMPLES = 3


@dataclass(frozen=True)
class Mined:
    """What dialogues hold. small_talk: customers' turns that ask nothing, each once. coverage: see `coverage`.

    disputed: questions with two answers, of which the proposal has one. dialogues: how many of `period`. account: of
    the whole file.
    """

    account: Account
    dialogues: int
    questions: tuple[Exchange, ...]
    templates: tuple[Template, ...]
    contradictions: tuple[Contradiction, ...]
    disputed: tuple[Disputed, ...]
    small_talk: tuple[str, ...]
    coverage: tuple[float, ...]
    period: Period


def mine(path: Path, *, days: int | None = None) -> Mined:
    """Mine a file of dialogues, or the last `days` of it. Raises `RecordsError` as `read_dialogues`."""
    read = read_dialogues(path)
    dialogues, period = recent(read.dialogues, days)
    asked = tuple(exchange for dialogue in dialogues for exchange in exchanges(dialogue))
    templates = templates_of(asked)
    talk = dict.fromkeys(
        turn.text
        for dialogue in dialogues
        for turn in dialogue.turns
        if turn.role == "customer" and (is_empty_talk(turn.text) or is_thanks(turn.text))
    )
    found, disputed = contradictions(templates), disputed_in(templates)
    shares = coverage(templates, len(asked))
    return Mined(read.account, len(dialogues), asked, templates, found, disputed, tuple(talk), shares, period)


def write_proposal(mined: Mined, folder: Path) -> None:
    """Make `folder` with `answers.csv`, `questions.csv`, `put_aside.csv`, `contradictions.csv`, `small_talk.csv` and
    `rejected.csv`.

    The first two pass their check as they are; what a second answer to the same question led to stands in the third.
    All open in Excel as they are; a cell is never run as a formula.
    """
    with new_folder(folder) as made:
        _write(
            made / "answers.csv",
            ["id", "answer", "language", "audience", "count", "examples", "decision"],
            [
                [
                    t.id,
                    plain_braces(t.text),
                    t.language,
                    "",
                    str(t.count),
                    " | ".join(e.question for e in t.exchanges[:_EXAMPLES]),
                    "keep",
                ]
                for t in mined.templates
            ],
        )
        aside = {(each.other.id, plain_question(each.question)) for each in mined.disputed}
        pairs = [
            [e.question, t.id, e.dialogue]
            for t in mined.templates
            for e in t.exchanges
            if (t.id, plain_question(e.question)) not in aside
        ]
        _write(made / "questions.csv", ["question", "answer", "dialogue"], pairs)
        columns = ["question", "kept", "kept_answer", "kept_count", "other", "other_answer", "dialogue"]
        _write(made / "put_aside.csv", columns, [row for each in mined.disputed for row in _aside(each)])
        columns = ["kind", "one", "one_answer", "one_question", "one_dialogue"]
        columns += ["other", "other_answer", "other_question", "other_dialogue"]
        _write(made / "contradictions.csv", columns, [_both(each) for each in mined.contradictions])
        _write(made / "small_talk.csv", ["text"], [[text] for text in mined.small_talk])
        rejected = [[str(each.row), each.sentence()] for each in mined.account.rejected]
        _write(made / "rejected.csv", ["row", "reason"], rejected)


def _aside(each: Disputed) -> list[list[str]]:
    kept = [each.kept.id, each.kept.text, str(each.times)]
    return [[e.question, *kept, each.other.id, e.answer, e.dialogue] for e in each.aside]


def _both(each: Contradiction) -> list[str]:
    sides = ((each.one, each.evidence[0]), (each.other, each.evidence[1]))
    return [each.kind, *(part for t, e in sides for part in (t.id, e.answer, e.question, e.dialogue))]


def _write(path: Path, columns: list[str], rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(columns)
        out.writerows([safe_cell(cell) for cell in row] for row in rows)
