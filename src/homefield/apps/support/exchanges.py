"""From a dialogue to questions with their best answers.

A customer's turn that says something opens a question; the agent's turns until the next one are its candidates. What
the agent asked for (an order number, which of two) belongs to the question before it; what is said last and asks
nothing ("it worked!") is no question. A greeting or "one moment" is no answer. Of the others the best says enough,
does not ask back, and is followed by thanks or by the end of the dialogue. A dialogue marked as not resolved answers
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from homefield.apps.support.dialogues import Dialogue
from homefield.apps.support.manners import (
    is_asking,
    is_empty_talk,
    is_hold,
    is_question,
    is_thanks,
    small_talk,
    weight,
)
from homefield.apps.support.slots import only_data
from homefield.apps.support.wishes import wants_human

__all__ = ["Exchange", "best_answer", "exchanges"]

_ENOUGH = 12.0  # of weight: a sentence of a dozen Chinese characters or six English words
_LEAST_SCORE = 0.25


@dataclass(frozen=True)
class Exchange:
    """A customer's question and the answer that fits it best; `answer` is empty where it stayed unanswered.

    at: place of the question's turn in its dialogue. score: 0 to 3, how much speaks for the answer. agent: who gave it.
    """

    dialogue: str
    at: int
    question: str
    answer: str
    score: float
    time: str = ""
    agent: str = ""


def exchanges(dialogue: Dialogue) -> tuple[Exchange, ...]:
    """Every question of a dialogue in its order, with its best answer."""
    found = []
    for at, places in _questions(dialogue):
        scored = [(_score(dialogue, place), -place) for place in places]
        score, place = max(scored, default=(0.0, 0))
        answered = score >= _LEAST_SCORE and dialogue.resolved is not False
        question, time = dialogue.turns[at].text, dialogue.turns[at].time or dialogue.time
        if answered:
            answer = dialogue.turns[-place]
            found.append(Exchange(dialogue.id, at, question, answer.text, score, time, answer.agent))
        else:
            found.append(Exchange(dialogue.id, at, question, "", 0.0, time))
    return tuple(found)


def best_answer(dialogue: Dialogue) -> Exchange | None:
    """The exchange of a dialogue that answers best, the earlier one of equals; None where none is answered."""
    answered = [exchange for exchange in exchanges(dialogue) if exchange.answer]
    return max(answered, key=lambda exchange: (exchange.score, -exchange.at), default=None)


def _questions(dialogue: Dialogue) -> Iterator[tuple[int, range]]:
    """Each question's place, and the places where its answer may stand, up to the customer's next matter.

    Of several turns that ask in a row it is the last, unless an earlier one says more.
    """
    turns, opened = dialogue.turns, list[int]()
    for first, after in _runs(dialogue):
        matters = [at for at in range(first, after) if _says_something(turns[at].text)]
        if not matters:
            continue
        asked_back = first > 0 and is_asking(turns[first - 1].text) and not is_empty_talk(turns[first - 1].text)
        if opened and asked_back and not any(is_question(turns[at].text) for at in matters):
            continue
        if opened:
            yield _heaviest(dialogue, opened), range(opened[-1] + 1, first)
        opened = [at for at in matters if not only_data(turns[at].text)]
        if first > 0 and after == len(turns) and _is_remark(dialogue, opened):
            opened = []
    if opened:
        yield _heaviest(dialogue, opened), range(opened[-1] + 1, len(turns))


def _runs(dialogue: Dialogue) -> list[tuple[int, int]]:
    """Where the customer speaks: first place and the one after the last."""
    at, found = 0, []
    for role, together in groupby(dialogue.turns, key=lambda turn: turn.role):
        after = at + len(list(together))
        if role == "customer":
            found.append((at, after))
        at = after
    return found


def _says_something(text: str) -> bool:
    return not (is_empty_talk(text) or small_talk(text) or is_thanks(text) or wants_human(text))


def _is_remark(dialogue: Dialogue, places: list[int]) -> bool:
    """Whether what a customer says last, and nobody replies to, asks nothing."""
    if dialogue.resolved is None:
        return not any(is_question(dialogue.turns[at].text) for at in places)
    return dialogue.resolved


def _heaviest(dialogue: Dialogue, places: list[int]) -> int:
    return max(places, key=lambda at: (weight(dialogue.turns[at].text), at))


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
