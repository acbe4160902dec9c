"""What was learned since a release was made, as answers and questions beside those of the release; and what the
release has learned that was withdrawn since."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from homefield.apps.support.answers import Answer, plain_question
from homefield.apps.support.taught import language_of_lesson
from homefield.apps.support.understanding.encoding import Encoder
from homefield.apps.support.understanding.material import Matter
from homefield.apps.support.understanding.recall import Live
from homefield.apps.support.understanding.release import Contents
from homefield.data.clean import clean_text
from homefield.store.learned import Learned

__all__ = ["SAME", "Lessons", "id_of", "with_lessons"]

SAME = 0.98
"""Cosine from which two questions are the same but for how they are written."""


@dataclass(frozen=True)
class Lessons:
    """A release with what was learned since. contents: with the new answers and questions. taught: plain question ->
    place of its matter. withdrawn: ids of answers that were new when they were taught, and that nobody teaches now."""

    contents: Contents
    taught: Mapping[str, int]
    withdrawn: frozenset[str] = frozenset()


def id_of(text: str) -> str:
    """The id of an answer that was new when it was taught."""
    return f"learned-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def with_lessons(
    contents: Contents, learned: Sequence[Learned], encoder: Encoder, withdrawn: Sequence[Learned] = ()
) -> Lessons:
    """Lay what was learned over the contents of a release. Of two lessons for one question the later one holds.

    withdrawn: lessons that the release itself has learned and that hold no more; its questions like theirs, with the
    same answer, count no more.
    """
    last = {plain_question(each.question) or each.question: each for each in learned}
    answers, matters = dict(contents.answers), list(contents.matters)
    place = {answer: number for number, matter in enumerate(matters) for answer in matter.answers}
    held: list[tuple[str, int]] = []
    for each in last.values():
        if each.answer not in answers:
            if each.text is None:  # an approved answer that this release has not
                continue
            answers[each.answer] = Answer(each.answer, each.text, language_of_lesson(each))
            place[each.answer] = len(matters)
            matters.append(Matter(each.answer, (each.answer,)))
        held.append((clean_text(each.question), place[each.answer]))
    told = {(question, each.answer) for question, each in last.items()}
    gone = [
        (clean_text(each.question), place[each.answer])
        for each in withdrawn
        if each.answer in place and (plain_question(each.question), each.answer) not in told
    ]
    if not held and not gone:
        return Lessons(contents, {})
    texts = [text for text, _ in held]
    numbers = np.array([number for _, number in held], dtype=np.int64)
    recall = contents.recall
    vectors = encoder.encode([*texts, *(text for text, _ in gone)])
    near = recall.questions.search(vectors, 10)
    replaced = {
        int(old)
        for row, (_, number) in enumerate([*held, *gone])
        for old, cosine in zip(near.ids[row].tolist(), near.similarities[row].tolist(), strict=True)
        if cosine >= SAME and (recall.question_matters[old] == number) == (row >= len(held))
    }
    words = recall.lexicon.rows([*texts, *(text for text, _ in gone)])
    live = Live(vectors[: len(texts)], numbers, words[: len(texts)], frozenset(replaced))
    whole = replace(
        contents,
        answers=answers,
        matters=tuple(matters),
        questions=[*contents.questions, *texts],
        recall=recall.with_live(live),
    )
    given = {each.answer for each in last.values()}
    ungiven = frozenset(each.answer for each in withdrawn if each.text is not None and each.answer not in given)
    return Lessons(whole, {plain_question(text): number for text, number in held}, ungiven)
