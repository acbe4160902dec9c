"""How good a release is on questions with the right answers, and what its mistakes propose.

Every answer of the release is a candidate for every question. A question whose answer the release does not have is an
unknown input: right is not to answer it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from homefield.apps.support.columns import Account, check_roles, find_columns, neither
from homefield.apps.support.conversation.options import HandoffOptions
from homefield.apps.support.conversation.think import language_from
from homefield.apps.support.dialogues import PARTS, Dialogue, read_dialogues
from homefield.apps.support.exchanges import exchanges
from homefield.apps.support.history import history_text
from homefield.apps.support.pairs import read_intents, read_pairs
from homefield.apps.support.replies import Asked
from homefield.apps.support.slots import slotted
from homefield.apps.support.understanding.answering import ReleaseAnswerer
from homefield.apps.support.understanding.fit import Asking, ask, held_of
from homefield.apps.support.understanding.material import DEPTH
from homefield.apps.support.understanding.splits import Taught
from homefield.apps.support.wishes import topic_in
from homefield.data.language import languages_of
from homefield.errors import RecordsError
from homefield.evaluate.significance import Difference, paired_difference

__all__ = ["Judged", "Proposal", "Question", "Verdict", "Wrong", "judge_release", "kept_as", "read_questions"]

_FEW, _SOME = 3, 10  # historical questions of an answer
_DEPTHS = ((0, 1), (2, 3), (4, 99))  # turns before a question
_SHARE = 0.2  # of an answer's questions that must be taken for the other, both ways, before they are proposed as one


@dataclass(frozen=True)
class Question:
    """What is asked. text: with what was said before. answer: the id or the text of the right one. depth: turns
    before."""

    text: str
    question: str
    answer: str
    depth: int = 0


@dataclass(frozen=True)
class Judged:
    """N questions that were asked of a release. depth: turns before each. right: place of the matter, -1 for an unknown
    input."""

    questions: Sequence[str]
    depth: NDArray[np.int64]
    right: NDArray[np.int64]
    asking: Asking
    automatic: NDArray[np.bool_]

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the likeliest answer is the right one, `[N]`; never for an unknown input."""
        return np.asarray((self.asking.best == self.right) & (self.right >= 0))


@dataclass(frozen=True)
class Proposal:
    """What to change in the records. kind: `merge` two answers, `split` one, `add` examples to one."""

    kind: Literal["merge", "split", "add"]
    answers: tuple[str, ...]
    rows: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Wrong:
    """A question that would be answered wrongly without a human. right: the answer's id, "" where none fits."""

    question: str
    said: str
    right: str


@dataclass(frozen=True)
class Verdict:
    """What was measured. numbers: by name. slices: name of the slice -> its numbers. baseline: words alone, on the same
    rows; difference: to it, in R@1."""

    release: str
    numbers: Mapping[str, Any]
    slices: Mapping[str, Mapping[str, Any]]
    proposals: tuple[Proposal, ...]
    wrong: tuple[Wrong, ...]
    baseline: float | None
    difference: Difference | None
    judged: Judged
    account: Account


def read_questions(
    path: Path, approved: Set[str], columns: Mapping[str, str] | None = None
) -> tuple[Sequence[Question], Account]:
    """Questions with their answers or with their intents, or those of dialogues whose agent gave an approved answer.

    A row whose answer is empty is a question that no answer fits. approved: the texts of such answers.

    Raises:
        CallError: `support.no_such_role`.
        RecordsError: as `find_columns` and `read_dialogues`; `support.no_question_part`, `support.no_rows`.
    """
    check_roles(columns, ("question", "answer", "intent", *PARTS))
    found: Sequence[Question]
    if _has(path, "answer", columns) or _has(path, "intent", columns):
        read_rows = read_pairs if _has(path, "answer", columns) else read_intents
        read = read_rows(path, columns, unanswered=True)
        account, found = read.account, [Question(each.question, each.question, each.answer) for each in read.rows]
    else:
        try:
            dialogues = read_dialogues(path, columns)
        except RecordsError as error:
            raise neither(path, ["answer", "question"], columns, error) from error
        account, found = dialogues.account, _of_dialogues(dialogues.dialogues, approved)
    if not found:
        raise RecordsError("support.no_rows", file=path)
    return found, account


def _has(path: Path, part: str, columns: Mapping[str, str] | None) -> bool:
    try:
        find_columns(path, [part, "question"], given=columns)
    except RecordsError as error:
        if error.code != "support.no_part":
            raise
        return False
    return True


def _of_dialogues(dialogues: Sequence[Dialogue], approved: Set[str]) -> list[Question]:
    """What agents write freely cannot be told right or wrong, so only their approved answers are judged on."""
    return [
        Question(history_text(dialogue.turns[: each.at + 1], depth=DEPTH), each.question, answer, each.at)
        for dialogue in dialogues
        for each in exchanges(dialogue)
        if each.answer and (answer := slotted(each.answer)) in approved
    ]


def judge_release(
    answerer: ReleaseAnswerer,
    path: Path,
    columns: Mapping[str, str] | None = None,
    *,
    handoff: HandoffOptions | None = None,
    beside: Sequence[ReleaseAnswerer] = (),
) -> Verdict:
    """Ask every question of a file, and compare.

    handoff: what the company gives to humans, which is then not automatic. beside: releases that are judged on the same
    rows, so that dialogues are read for their answers too.

    Raises:
        RecordsError: as `read_questions`.
    """
    contents = answerer.lessons.contents
    every = (contents, *(each.lessons.contents for each in beside))
    approved = {answer.text for each in every for answer in each.answers.values()}
    rows, account = read_questions(path, approved, columns)
    right = _right(answerer, rows)
    questions = [row.question for row in rows]
    texts = [row.text if answerer.depth else row.question for row in rows]
    taught = Taught(tuple(texts), tuple(questions), tuple(right.tolist()), tuple(range(len(rows))))
    held = held_of(answerer.encoder, taught)
    asking = ask(contents.recall, contents.unknown, np.array(answerer.weights), held)
    limits = answerer.thresholds
    automatic = (asking.confidence >= limits.sure) & (asking.unknown < limits.strange)
    automatic &= ~np.array([answerer.ruled(row.question, first=not row.depth) for row in rows], dtype=np.bool_)
    automatic &= ~_handed_over(answerer, questions, asking, handoff or HandoffOptions())
    judged = Judged(questions, np.array([row.depth for row in rows]), right, asking, automatic)
    known = right >= 0
    baseline = difference = None
    if known.any():
        nearest = contents.recall.lexicon.nearest([texts[row] for row in np.flatnonzero(known).tolist()])
        plain = contents.recall.question_matters[nearest] == right[known]
        baseline, difference = float(plain.mean()), paired_difference(judged.correct[known], plain)
    numbers = _numbers(judged, np.ones(len(rows), np.bool_), limits.strange)
    return Verdict(
        answerer.release,
        numbers,
        _slices(answerer, judged, limits.strange),
        _proposals(answerer, judged),
        _wrong(answerer, judged),
        baseline,
        difference,
        judged,
        account,
    )


def _handed_over(
    answerer: ReleaseAnswerer, questions: Sequence[str], asking: Asking, handoff: HandoffOptions
) -> NDArray[np.bool_]:
    """Which questions the desk gives to a human although they are answered: by its options, or because the answer is
    not for this customer."""
    given = [
        answerer.answer_for(matter, Asked(question, language=language_from("", question)))
        for matter, question in zip(asking.best.tolist(), questions, strict=True)
    ]
    listed = [answer is None or answer.id in handoff.answers for answer in given]
    worded = [topic_in(question, handoff.words) is not None for question in questions]
    return np.array(listed, np.bool_) | np.array(worded, np.bool_) | (asking.confidence < handoff.confidence)


def _right(answerer: ReleaseAnswerer, rows: Sequence[Question]) -> NDArray[np.int64]:
    """Answers are named by their ids or written out."""
    contents = answerer.lessons.contents
    place = {answer: number for number, matter in enumerate(contents.matters) for answer in matter.answers}
    by_text = {contents.answers[name].text: number for name, number in place.items()}
    return np.array([place.get(row.answer, by_text.get(row.answer, -1)) for row in rows], dtype=np.int64)


def _numbers(judged: Judged, rows: NDArray[np.bool_], strange: float) -> dict[str, Any]:
    known, unknown = rows & (judged.right >= 0), rows & (judged.right < 0)
    rank, kept = judged.asking.rank, judged.asking.unknown < strange
    found: dict[str, Any] = {"rows": int(rows.sum()), "known": int(known.sum()), "unknown": int(unknown.sum())}
    there = known & (rank > 0)
    for most in (1, 5):
        found[f"recall_{most}"] = _share(there & (rank <= most), known)
    reciprocal = np.where(there, 1.0 / np.maximum(rank, 1), 0.0)
    found["mrr"] = float(reciprocal[known].mean()) if known.any() else None
    found["kept"] = _share(kept, known)
    found["kept_right"] = _share(judged.correct, known & kept)
    found["unknown_found"] = _share(~kept, unknown)
    found["unknown_unanswered"] = _share(~judged.automatic, unknown)
    automatic = rows & judged.automatic
    found["automatic"] = _share(automatic, rows)
    found["automatic_wrong"] = _share(~judged.correct, automatic)
    return found


def _share(which: NDArray[np.bool_], among: NDArray[np.bool_]) -> float | None:
    return float(which[among].mean()) if among.any() else None


def _slices(answerer: ReleaseAnswerer, judged: Judged, strange: float) -> dict[str, dict[str, Any]]:
    """By language, by how many historical questions the right answer has, and by turns before the question."""
    import polars as pl

    contents = answerer.lessons.contents
    languages = np.array(languages_of(pl.Series(list(judged.questions), dtype=pl.String)).to_list())
    found = {f"language:{name}": languages == name for name in sorted(set(languages.tolist()))}
    counts = np.bincount(contents.recall.matters_of_questions, minlength=len(contents.matters))
    own = np.where(judged.right >= 0, counts[judged.right], -1)
    found["examples:few"] = (own >= 0) & (own <= _FEW)
    found["examples:some"] = (own > _FEW) & (own <= _SOME)
    found["examples:many"] = own > _SOME
    if judged.depth.any():
        for least, most in _DEPTHS:
            found[f"depth:{least}-{most}"] = (judged.depth >= least) & (judged.depth <= most)
    return {name: _numbers(judged, rows, strange) for name, rows in found.items() if rows.any()}


def _wrong(answerer: ReleaseAnswerer, judged: Judged) -> tuple[Wrong, ...]:
    """The surest first."""
    matters, asking = answerer.lessons.contents.matters, judged.asking
    rows = np.flatnonzero(judged.automatic & ~judged.correct)
    ordered = rows[np.argsort(-asking.confidence[rows], kind="stable")].tolist()
    return tuple(
        Wrong(
            judged.questions[row],
            matters[int(asking.best[row])].id,
            matters[int(judged.right[row])].id if judged.right[row] >= 0 else "",
        )
        for row in ordered
    )


def _proposals(answerer: ReleaseAnswerer, judged: Judged) -> tuple[Proposal, ...]:
    """Two answers taken for each other are one; one mistaken for many has two meanings; one with few examples needs
    more."""
    contents = answerer.lessons.contents
    counts = np.bincount(contents.recall.matters_of_questions, minlength=len(contents.matters))
    wrong = np.flatnonzero((judged.right >= 0) & ~judged.correct)
    pairs = Counter((int(judged.right[row]), int(judged.asking.best[row])) for row in wrong.tolist())
    asked = Counter(judged.right[judged.right >= 0].tolist())
    missed: dict[int, list[int]] = {}
    for row in wrong.tolist():
        missed.setdefault(int(judged.right[row]), []).append(row)
    found, merged = list[Proposal](), set[int]()
    for (one, other), count in pairs.items():
        back = pairs.get((other, one), 0)
        if one < other and back and min(count / asked[one], back / asked[other]) >= _SHARE:
            rows = [row for row in missed[one] if judged.asking.best[row] == other]
            rows += [row for row in missed[other] if judged.asking.best[row] == one]
            found.append(_proposal("merge", (one, other), rows, answerer, judged))
            merged |= {one, other}
    for matter, rows in missed.items():
        others = {int(judged.asking.best[row]) for row in rows}
        if matter in merged:
            continue
        if counts[matter] <= _SOME:
            found.append(_proposal("add", (matter,), rows, answerer, judged))
        elif len(others) >= 3 and len(rows) >= _SHARE * asked[matter]:
            found.append(_proposal("split", (matter,), rows, answerer, judged))
    return tuple(sorted(found, key=lambda each: -each.rows))


def _proposal(
    kind: Literal["merge", "split", "add"],
    matters: tuple[int, ...],
    rows: Sequence[int],
    answerer: ReleaseAnswerer,
    judged: Judged,
) -> Proposal:
    names = tuple(answerer.lessons.contents.matters[matter].id for matter in matters)
    return Proposal(kind, names, len(rows), tuple(judged.questions[row] for row in rows[:5]))


def kept_as(verdict: Verdict) -> dict[str, Any]:
    """One JSON object."""
    return {
        "release": verdict.release,
        **verdict.numbers,
        "baseline": verdict.baseline,
        "difference": None if verdict.difference is None else verdict.difference.as_json(),
        "slices": verdict.slices,
        "proposals": [vars(each) for each in verdict.proposals],
        "wrong": [vars(each) for each in verdict.wrong],
        "rejected": len(verdict.account.rejected),
    }
