"""Which turns ask, and which answer belongs to them."""

from __future__ import annotations

import pytest

from homefield.apps.support.dialogues import Dialogue, Turn
from homefield.apps.support.exchanges import exchanges


def asked(*texts: str, resolved: bool | None = True) -> list[tuple[str, str]]:
    turns = tuple(Turn("customer" if at % 2 == 0 else "agent", text) for at, text in enumerate(texts))
    return [(each.question, each.answer) for each in exchanges(Dialogue("1", turns, resolved))]


def test_what_the_agent_asked_for_belongs_to_the_question_before_it() -> None:
    found = asked(
        "洗完沙发套缩水了", "请问是多少度洗的？", "六十度洗的", "沙发套要用30度以下冷水轻柔机洗，不要烘干。", "哦好的"
    )
    assert found == [("洗完沙发套缩水了", "沙发套要用30度以下冷水轻柔机洗，不要烘干。")]


def test_a_new_question_after_the_agent_asked_back_is_a_question_of_its_own() -> None:
    found = asked(
        "My lamp is broken",
        "Could you send us a photo?",
        "How long is the warranty?",
        "It is one year for lamps.",
        "ok",
    )
    assert [question for question, _ in found] == ["My lamp is broken", "How long is the warranty?"]


def test_an_order_number_alone_is_no_question_and_what_follows_is_no_answer_to_the_one_before() -> None:
    rule = "If the price drops within 15 days we refund the difference; just send us your order number."
    found = asked("The chair is cheaper now", rule, "LD24071602", "Thank you, it is on its way back to you.", "thanks!")
    assert found == [("The chair is cheaper now", rule)]


@pytest.mark.parametrize(("resolved", "questions"), [(True, 1), (None, 1), (False, 2)])
def test_a_remark_at_the_end_is_no_question_unless_the_dialogue_was_not_resolved(
    resolved: bool | None, questions: int
) -> None:
    found = asked("The door is stuck", "Turn the screw on the hinge a little.", "It worked, amazing", resolved=resolved)
    assert len(found) == questions


def test_a_question_nobody_answered_counts() -> None:
    assert asked("Do you ship to Vienna?", resolved=None) == [("Do you ship to Vienna?", "")]
    last = asked("Is it in stock?", "It is, in green and in beige.", "And do you ship to Vienna?", resolved=None)
    assert last[-1] == ("And do you ship to Vienna?", "")
