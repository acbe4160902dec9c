"""What is a wish for a human and what only speaks of one; which option is meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.apps.support.conversation.think import language_from
from homefield.apps.support.wishes import chosen_of, denies, has_none, topic_in, wants_human


@pytest.mark.parametrize(
    "said",
    [
        "转人工", "人工", "人工客服！", "我要找人工客服", "帮我接人工", "能不能让真人来",
        "我不想和机器人聊", "给我转个真人",
        "human", "Agent!", "I want to speak to a human", "can I talk to a real person please", "get me an agent",
        "please transfer me to a human agent", "Could you connect me with a live representative?", "human please",
        "找你们经理", "叫主管来", "let me talk to someone",
        "I need a real person", "let me talk with your manager",
        "转人工，还要等多久", "我要转人工，都等了这么长时间", "找客服", "帮我转客服吧", "叫客服来",
        "can i speak with customer service", "get me your manager", "I want to talk to customer support",
    ],
)  # fmt: skip
def test_a_wish_for_a_human_is_understood(said: str) -> None:
    assert wants_human(said)


@pytest.mark.parametrize(
    "said",
    [
        "", "?", "人工客服几点上班", "不用转人工", "我不要人工", "人工智能是什么", "退货",
        "客服态度很好", "真人同款有货吗", "人工服务时间", "怎么找客服", "找客服电话", "人工客服什么时候上班",
        "how good is your customer service", "the manager said no",
        "is this made by human hands?", "what are the agent fees", "I don't want to talk to a human",
        "a person ordered twice", "the human rights book", "where is my order",
    ],
)  # fmt: skip
def test_what_only_speaks_of_humans_is_no_wish(said: str) -> None:
    assert not wants_human(said)


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("1", 0), ("2.", 1), ("第二个", 1), ("选一", 0), ("the first one", 0), ("Option 2", 1), ("opening HOURS", 1),
        ("２", 1),
        ("3", None), ("12", None), ("I have 2 orders", None), ("", None),
    ],
)  # fmt: skip
def test_an_option_is_chosen_by_number_or_by_its_words(said: str, place: int | None) -> None:
    assert chosen_of(said, ["How do I return it?", "Opening hours"]) == place


def test_a_listed_word_is_found_as_a_word() -> None:
    assert topic_in("我要投诉你们", ["lawyer", "投诉"]) == "投诉"
    assert topic_in("My LAWYER will write", ["lawyer"]) == "lawyer"
    assert topic_in("lawyers", ["lawyer"]) is None
    assert topic_in("anything", ["", "  "]) is None


@given(st.text(max_size=300))
def test_nothing_a_customer_writes_breaks_it(said: str) -> None:
    assert wants_human(said) in (True, False)
    assert topic_in(said, ["投诉", "lawyer"]) in (None, "投诉", "lawyer")
    assert chosen_of(said, ["a", "b"]) in (None, 0, 1)


@pytest.mark.parametrize(
    ("channel", "written", "expected"),
    [
        ("", "我的订单到哪儿了？", "zh"),
        ("", "where is my order?", "en"),
        ("", "LD24070418", ""),
        ("", "订单号LD24070418", ""),
        ("", "C1", ""),
        ("", "A4?", ""),
        ("", "refund", "en"),
        ("zh-CN", "where is my order?", "zh-CN"),
    ],
)
def test_a_number_says_no_language(channel: str, written: str, expected: str) -> None:
    assert language_from(channel, written) == expected


@pytest.mark.parametrize(
    "said",
    [
        "没有", "没有。", "不知道", "我不知道啊", "忘了", "忘记了", "找不到了", "我没有订单号", "订单号忘了", "no",
        "I don't know", "don't have one", "I lost it", "sorry, I forgot", "no idea", "I can't find my order number",
    ],
)  # fmt: skip
def test_who_does_not_have_a_value_says_so(said: str) -> None:
    assert has_none(said)


@pytest.mark.parametrize(
    "said",
    [
        "没有收到货", "还没有发货吗", "不知道怎么退货", "忘了密码怎么办", "算了，怎么退货", "订单号在哪看",
        "没有发票能退吗", "", "no refund yet", "I don't know how to return it", "I lost my password, what now?",
        "I don't have a lift", "LD25082217",
    ],
)  # fmt: skip
def test_a_question_or_a_value_is_no_such_word(said: str) -> None:
    assert not has_none(said)


@pytest.mark.parametrize(
    "said",
    [
        "不是", "不对", "不是这个", "不对，不是这个意思", "答非所问", "我问的不是这个", "都不是", "你没听懂", "没有用",
        "没回答我", "不是啊", "No", "no, that's not it", "wrong!", "none of these", "that is not what I asked",
        "That didn't help", "you don't understand",
    ],
)  # fmt: skip
def test_a_reply_that_was_not_meant_is_denied(said: str) -> None:
    assert denies(said)


@pytest.mark.parametrize(
    "said",
    [
        "不是正品怎么办", "不对的尺码能换吗", "没有收到货", "不能退吗", "没有发票", "不要了", "", "No refund yet",
        "not delivered", "wrong size, can I change it?", "it does not work without a plug", "是的", "不客气",
    ],
)  # fmt: skip
def test_a_question_that_begins_so_is_no_denial(said: str) -> None:
    assert not denies(said)
