"""From a dialogue to questions with their best answers.

A customer's turn that says something opens a question; the agent's turns until the next one are its candidates. A
greeting or "one moment" is no answer. Of the others the best says enough, does not ask back, and is followed by
thanks or by the end of the dialogue. A dialogue marked as not resolved answers nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from homefield.apps.support.dialogues import Dialogue
from homefield.apps.support.manners import is_asking, is_empty_talk, is_hold, is_thanks, wants_human, weight

__all__ = ["Exchange", "best_answer", "exchanges"]

_ENOUGH = 12.0  # of weight: a sentence of a dozen Chinese characters or six English words
_LEAST_SCORE = 0.25


@dataclass(frozen=True)
class Exchange:
    """A customer's question and the answer that fits it best; `answer` is empty where it stayed unanswered.

    at: place of the question's turn in its dialogue. score: 0 to 3, how much speaks for the answer.
    """

    dialogue: str
    at: int
    question: str
    answer: str
    score: float
    time: str = ""


def exchanges(dialogue: Dialogue) -> tuple[Exchange, ...]:
    """Every question of a dialogue in its order, with its best answer."""
    found = []
    places = [*_questions(dialogue)]
    for number, at in enumerate(places):
        end = places[number + 1] if number + 1 < len(places) else len(dialogue.turns)
        scored = [(_score(dialogue, place), -place) for place in range(at + 1, end)]
        score, place = max(scored, default=(0.0, 0))
        answered = score >= _LEAST_SCORE and dialogue.resolved is not False
        answer = dialogue.turns[-place].text if answered else ""
        question = dialogue.turns[at]
        time = question.time or dialogue.time
        found.append(Exchange(dialogue.id, at, question.text, answer, score if answered else 0.0, time))
    return tuple(found)


def best_answer(dialogue: Dialogue) -> Exchange | None:
    """The exchange of a dialogue that answers best, the earlier one of equals; None where none is answered."""
    answered = [exchange for exchange in exchanges(dialogue) if exchange.answer]
    return max(answered, key=lambda exchange: (exchange.score, -exchange.at), default=None)


def _questions(dialogue: Dialogue) -> Iterator[int]:
    """Places of turns that ask; of several in a row the last, unless an earlier one says more."""
    run: list[int] = []
    for at, turn in enumerate(dialogue.turns):
        if turn.role == "agent":
            if run:
                yield max(run, key=lambda place: (weight(dialogue.turns[place].text), place))
            run = []
        elif not (is_empty_talk(turn.text) or is_thanks(turn.text) or wants_human(turn.text)):
            run.append(at)
    if run:
        yield max(run, key=lambda place: (weight(dialogue.turns[place].text), place))


def _score(dialogue: Dialogue, at: int) -> float:
    turn = dialogue.turns[at]
    if turn.role != "agent" or is_empty_talk(turn.text) or is_hold(turn.text):
        return 0.0
    score = min(1.0, weight(turn.text) / _ENOUGH)
    later = [each for each in dialogue.turns[at + 1 :] if each.role == "customer"]
    if later and is_thanks(later[0].text):
        score += 1.0
    if not later or all(is_empty_talk(each.text) or is_thanks(each.text) for each in later):
        score += 0.5
    if dialogue.resolved:
        score += 0.5
    return score * (0.2 if is_asking(turn.text) else 1.0)
