"""The sample conversations: natural, of both languages, with the faults that mining is meant to show."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta

from homefield import demo
from homefield.apps.support.answers import read_answers
from homefield.apps.support.dialogues import read_dialogues
from homefield.apps.support.mine import mine
from homefield.data.language import language_of


def test_three_hundred_dialogues_of_two_to_eight_turns_all_of_which_can_be_read() -> None:
    read = read_dialogues(demo.support_dialogues())
    assert len(read.dialogues) == 300
    assert not read.account.rejected
    assert {len(each.turns) for each in read.dialogues} <= set(range(2, 9))


def test_both_languages_are_there_and_some_speak_both() -> None:
    dialogues = read_dialogues(demo.support_dialogues()).dialogues
    spoken = Counter(language_of(" ".join(turn.text for turn in each.turns)) for each in dialogues)
    assert min(spoken["zh"], spoken["en"]) >= 100
    mixed = [
        turn
        for each in dialogues
        for turn in each.turns
        if turn.role == "customer" and re.search(r"[a-z]{2} ?[\u4e00-\u9fff]|[\u4e00-\u9fff] ?[a-z]{3}", turn.text)
    ]
    assert len(mixed) >= 8


def test_time_goes_forward_and_the_log_is_longer_than_a_year() -> None:
    dialogues = read_dialogues(demo.support_dialogues()).dialogues
    for each in dialogues:
        assert [turn.time for turn in each.turns] == sorted(turn.time for turn in each.turns)
    days = [datetime.fromisoformat(each.time) for each in dialogues]
    assert days == sorted(days)
    assert days[-1] - days[0] > timedelta(days=400)


def test_agents_personal_data_and_unresolved_ones_are_there() -> None:
    read = read_dialogues(demo.support_dialogues())
    assert len({turn.agent for each in read.dialogues for turn in each.turns if turn.agent}) == 5
    assert set(read.account.masked) >= {"phone", "email", "id", "card"}
    resolved = Counter(each.resolved for each in read.dialogues)
    assert resolved[False] >= 15
    assert resolved[None] >= 5


def test_mining_finds_the_contradictions_put_in_and_sixty_templates_answer_two_questions_of_five() -> None:
    mined = mine(demo.support_dialogues())
    assert mined.coverage[59] >= 0.4
    assert mined.coverage[-1] >= 0.9
    pairs = {frozenset((each.one.text, each.other.text)) for each in mined.contradictions}
    for number, other, wording in (
        ("7", "14", "签收后{}天内可以无理由退货，商品保持完好、包装齐全就行。"),
        ("7", "14", "You can return it within {} days of delivery, unused and in its original packaging."),
        ("3到5", "7到10", "仓库收到退货后{}个工作日，款项会原路退回。"),
        ("7", "15", "付款后{}天内同款降价可以申请补差价，把订单号发给我们就行。"),
        (
            "15",
            "30",
            "If the price drops within {} days of payment we refund the difference; just send us your order number.",
        ),
    ):
        assert frozenset((wording.format(number), wording.format(other))) in pairs
    kinds = {each.kind for each in mined.contradictions}
    assert kinds == {"number", "yes_no"}


def test_the_approved_answers_are_faultless_pairs_with_days_and_audiences() -> None:
    answers = read_answers(demo.support_answers()).by_id
    assert 60 <= len(answers) <= 75
    both = Counter(name.rpartition(".")[0] for name in answers)
    assert set(both.values()) == {2}
    for name, answer in answers.items():
        assert name.endswith(f".{answer.language}")
        twin = answers[f"{name[:-3]}.{'en' if answer.language == 'zh' else 'zh'}"]
        assert (answer.placeholders, answer.valid_from, answer.audience) == (
            twin.placeholders,
            twin.valid_from,
            twin.audience,
        )
    assert {answer.audience for answer in answers.values()} == {"", "member", "business"}
    assert sum(answer.valid_to is not None for answer in answers.values()) >= 2
    assert answers["order_status.en"].placeholders == ("order_id", "arrival_date")


def test_the_ten_messages_ask_for_every_decision_and_for_answers_that_exist() -> None:
    answers, messages = read_answers(demo.support_answers()).by_id, demo.support_messages()
    assert len(messages) == 10
    assert {message["decision"] for message in messages} == {"answer", "clarify", "handoff", "abstain"}
    assert any(message["history"] for message in messages)
    for message in messages:
        name = message["answer"]
        assert name is None or answers[name].language == message["language"]
        assert message["decision"] != "answer" or name is not None
    asked = {turn.text for each in read_dialogues(demo.support_dialogues()).dialogues for turn in each.turns}
    assert asked.isdisjoint(message["text"] for message in messages if len(message["text"]) > 15)
