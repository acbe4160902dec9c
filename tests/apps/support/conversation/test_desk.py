"""One conversation after the other: who replies, what is asked back, when a human takes over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from homefield.apps.support.conversation import Desk, Incoming, Said, SupportOptions
from homefield.apps.support.conversation.options import HandoffOptions, Question
from homefield.apps.support.conversation.summary import note
from homefield.errors import CallError, Refused
from homefield.messages import Language, text
from homefield.operate.forget import forget_customer
from homefield.store import Store, conversations, events, now
from homefield.store.tables import conversations as table

from ..rules import RuleAnswerer

ORDER = {"order_id": Question(pattern=r"\d{8}", zh="订单号是多少？", en="What is your order number?")}


def made(store: Store, **options: object) -> Desk:
    return Desk(store, "shop", RuleAnswerer(), SupportOptions.model_validate(options))


def talk(desk: Desk, *messages: str, **more: object) -> list[Said]:
    return [desk.take(Incoming(text, peer="one", **more)) for text in messages]  # type: ignore[arg-type]


def texts(said: list[Said]) -> list[str | None]:
    return [each.reply.text if each.reply else None for each in said]


def decisions(said: list[Said]) -> list[str | None]:
    return [each.reply.facts["decision"] if each.reply and each.reply.facts else None for each in said]


def age(store: Store, column: str, minutes: float) -> None:
    with store.write() as transaction:
        transaction.execute(update(table).values({column: now() - timedelta(minutes=minutes)}))


class TestReplies:
    def test_an_answer_is_given_and_kept_with_its_reasons(self, store: Store) -> None:
        desk = made(store)
        (said,) = talk(desk, "How do I return this?")
        assert said.reply is not None
        assert said.reply.text == "You can return it within 14 days."
        assert said.reply.replies_to == said.message.id
        assert said.row.state == "bot"
        facts = said.reply.facts
        assert facts is not None
        assert (facts["decision"], facts["answer"], facts["release"]) == ("answer", "returns", "shop@1")
        assert facts["nearest"][0] == {"question": "about returns", "answer": "returns", "similarity": 0.91}

    def test_the_language_follows_the_customer_and_stays_when_a_message_has_none(self, store: Store) -> None:
        said = talk(made(store), "怎么退货", "12345678", "return?")
        assert texts(said) == ["14 天内可以退货。", "抱歉，这个我还不知道。", "You can return it within 14 days."]

    @pytest.mark.parametrize("value", ["li.hua@shop.example", "我的邮箱是li.hua@shop.example", "LD-25082217"])
    def test_a_value_that_was_asked_for_changes_no_language(self, store: Store, value: str) -> None:
        desk = made(store, ask={"order_id": {"pattern": r"[a-z.]+@[a-z.]+|LD-\d+"}, "status": {}})
        said = talk(desk, "怎么开发票", value)
        assert texts(said)[-1] == f"{value.removeprefix('我的邮箱是')} 的发票已寄出。"
        assert said[-1].row.language == "zh"

    def test_the_answerer_sees_the_turns_before_and_the_variables(self, store: Store) -> None:
        desk = made(store)
        talk(desk, "return?", "and hours?", variables={"tier": "gold"})
        asked = desk._thinker._answerer.asked[-1]  # type: ignore[attr-defined]
        assert [(turn.speaker, turn.text) for turn in asked.history] == [
            ("customer", "return?"),
            ("bot", "You can return it within 14 days."),
        ]
        assert asked.variables == {"tier": "gold"}

    def test_the_same_delivery_twice_is_one_message_with_one_reply(self, store: Store) -> None:
        desk = made(store)
        first, second = (desk.take(Incoming("return?", delivery="d1")) for _ in range(2))
        assert (first.again, second.again) == (False, True)
        assert first.reply == second.reply
        assert first.message.id == second.message.id
        with store.read() as transaction:
            assert len(conversations.messages_of(transaction, first.row.id)) == 2

    def test_what_a_killed_worker_heard_is_replied_to_when_it_is_delivered_again(self, store: Store) -> None:
        desk = made(store)
        desk.hear(Incoming("return?", peer="one", delivery="d1"))
        said = desk.take(Incoming("return?", peer="one", delivery="d1"))
        assert said.reply is not None
        assert said.again

    def test_another_application_does_not_see_a_conversation(self, store: Store, language: Language) -> None:
        (said,) = talk(made(store), "return?")
        other = Desk(store, "bank", RuleAnswerer("bank@1"))
        with pytest.raises(CallError) as caught:
            other.take(Incoming("return?", conversation=said.row.id))
        assert caught.value.code == "support.no_such_conversation"
        assert said.row.id in caught.value.what(language)

    @pytest.mark.parametrize(
        "text", ["", " ", "?", "\x00", "\ud800", "x" * 200_000, "😀" * 5_000, "{order_id}", "{{7*7}}", "%s"]
    )
    def test_odd_messages_are_taken_like_any_other(self, store: Store, text: str) -> None:
        (said,) = talk(made(store), text)
        assert said.reply is not None
        assert "49" not in said.reply.text

    def test_a_customers_braces_never_become_a_template(self, store: Store) -> None:
        desk = made(store, ask={"order_id": {"pattern": r"\S+"}, "status": {"pattern": r"\S+"}})
        said = talk(desk, "where is my order", "{secret}", "{order_id}")
        assert texts(said)[-1] == "Order {secret} is {order_id}."


class TestHandOff:
    @pytest.mark.parametrize("wish", ["I want to speak to a human", "转人工"])
    def test_a_wish_for_a_human_is_granted_at_once_and_the_bot_falls_silent(self, store: Store, wish: str) -> None:
        said = talk(made(store), "return?", wish, "return?")
        assert decisions(said) == ["answer", "handoff", None]
        assert [each.row.state for each in said] == ["bot", "waiting", "waiting"]
        assert said[2].message.heard_by == "waiting"

    def test_so_many_failures_in_a_row_hand_over(self, store: Store) -> None:
        said = talk(made(store, handoff={"failures": 2}), "blah", "return?", "blah", "blub")
        assert decisions(said) == ["abstain", "answer", "abstain", "handoff"]
        assert said[-1].row.state == "waiting"
        assert said[-1].reply is not None
        assert said[-1].reply.facts is not None
        assert said[-1].reply.facts["reason"] == "support.why.failures"

    def test_listed_answers_listed_words_and_low_confidence_hand_over(self, store: Store) -> None:
        options = {"answers": ["dispute"], "words": ["律师"], "confidence": 0.5}
        reasons = []
        for place, written in enumerate(("a dispute", "我的律师会联系你们", "maybe return?")):
            (said,) = [made(store, handoff=options).take(Incoming(written, peer=str(place)))]
            assert said.row.state == "waiting"
            assert said.reply is not None
            assert said.reply.facts is not None
            reasons.append(said.reply.facts["reason"])
        assert reasons == ["support.why.topic", "support.why.topic", "support.why.unsure"]

    def test_the_summary_says_what_was_asked_and_tried_without_personal_data(
        self, store: Store, language: Language
    ) -> None:
        desk = made(store, ask=ORDER)
        said = talk(
            desk,
            "return?",
            "My number is 13812345678 and mail a.b@example.com, maybe? Human please",
            variables={"phone": "13812345678", "order_id": "12345678"},
        )
        told = said[-1].row.handoff
        assert told is not None
        assert told["tried"] == ["returns"]
        assert [turn["speaker"] for turn in told["turns"]] == ["customer", "bot"]
        written = note(told, language)
        assert "13812345678" not in written
        assert "example.com" not in written
        assert "12345678" in written
        assert "returns" in written

    @pytest.mark.parametrize(
        "said", ["没有", "不知道", "订单号忘了", "No", "I don't have it", "sorry, I lost the number"]
    )
    def test_who_does_not_have_what_was_asked_for_gets_a_human(self, store: Store, said: str) -> None:
        desk = made(store, ask=ORDER)
        asked = "where is my order" if said.isascii() else "我的订单到哪了"
        *_, last = talk(desk, asked, said)
        assert last.row.state == "waiting"
        assert last.reply is not None
        assert last.reply.facts is not None
        assert last.reply.facts["reason"] == "support.why.has_none"
        assert last.row.handoff is not None
        assert last.row.handoff["asked"] == asked

    def test_who_denies_a_reply_is_asked_to_put_it_another_way_and_then_gets_a_human(
        self, store: Store, language: Language
    ) -> None:
        asked, no = {"zh": ("怎么退货", "不是这个"), "en": ("return?", "that's not it")}[language]
        said = talk(made(store, handoff=HandoffOptions(failures=2)), asked, no, no)
        first, second, third = (each.reply for each in said)
        assert first is not None
        assert second is not None
        assert second.facts is not None
        assert (second.facts["decision"], second.facts["reason"]) == ("clarify", "support.why.denied")
        assert second.text == text("support.say.denied", language)
        assert third is not None
        assert third.text == text("support.say.handoff", language)
        assert said[-1].row.state == "waiting"

    def test_a_no_that_follows_nothing_is_a_message_as_any_other(self, store: Store) -> None:
        (said,) = talk(made(store), "不是")
        assert said.reply is not None
        assert said.reply.facts is not None
        assert said.reply.facts["reason"] != "support.why.denied"

    @pytest.mark.parametrize("said", ["１２３４５６７８", "1234 5678", "订单号是 12345678。", "12345678-谢谢"])
    def test_a_value_is_read_however_it_is_written(self, store: Store, said: str) -> None:
        *_, last = talk(made(store, ask=ORDER), "where is my order", said)
        assert last.row.variables == {"order_id": "12345678"}

    @pytest.mark.parametrize("said", ["12", "AB1", "12345678-99"])
    def test_a_value_in_another_form_is_asked_for_again_and_never_cut(self, store: Store, said: str) -> None:
        desk = made(store, ask=ORDER)
        _, again, last = talk(desk, "where is my order", said, "12345678")
        assert again.reply is not None
        assert again.reply.facts is not None
        assert again.reply.facts["missing"] == "order_id"
        assert last.row.variables == {"order_id": "12345678"}

    def test_a_question_with_a_number_in_it_is_no_value(self, store: Store) -> None:
        *_, last = talk(made(store, ask=ORDER), "where is my order", "can I return 2 of them")
        assert last.message.asked == "can I return 2 of them"

    def test_the_summary_says_what_was_asked_where_the_last_message_was_a_value(
        self, store: Store, language: Language
    ) -> None:
        asked = {"zh": "我的订单到哪了", "en": "where is my order"}[language]
        said = talk(made(store, ask=ORDER), asked, "12345678")
        assert decisions(said) == ["clarify", "handoff"]
        told = said[-1].row.handoff
        assert told is not None
        assert told["asked"] == asked == said[-1].message.asked

    def test_a_human_may_take_over_at_any_time_and_give_it_back(self, store: Store) -> None:
        desk = made(store)
        (first,) = talk(desk, "return?")
        desk.write_as_human(first.row.id, "Hello, I am Li Na.", by="li.na")
        (second,) = talk(desk, "return?")
        assert second.reply is None
        assert second.row.state == "human"
        assert desk.release(first.row.id).state == "bot"
        (third,) = talk(desk, "return?")
        assert decisions([third]) == ["answer"]

    def test_a_human_who_is_silent_for_too_long_loses_it_to_the_bot(self, store: Store) -> None:
        desk = made(store, return_minutes=10)
        (first,) = talk(desk, "return?")
        desk.write_as_human(first.row.id, "One moment.", by="li.na")
        age(store, "human_at", 11)
        (said,) = talk(desk, "return?")
        assert decisions([said]) == ["answer"]
        assert said.row.state == "bot"

    def test_one_who_waits_for_a_human_is_not_given_back_to_the_bot(self, store: Store) -> None:
        desk = made(store, return_minutes=10)
        talk(desk, "转人工")
        (said,) = talk(desk, "return?")
        assert said.row.state == "waiting"

    def test_a_human_who_takes_it_while_the_bot_thinks_keeps_it(self, store: Store) -> None:
        desk = made(store)
        heard = desk.hear(Incoming("return?", peer="one"))
        thought = desk.think(heard)
        desk.write_as_human(heard.row.id, "I am on it.", by="li.na")
        said = desk.say(thought)
        assert said.reply is None
        assert said.message.heard_by == "human"
        with store.read() as transaction:
            speakers = [row.speaker for row in conversations.messages_of(transaction, heard.row.id)]
        assert speakers == ["customer", "human"]

    def test_failures_count_where_the_channel_says_whose_turn_it_is_and_talk_is_none(self, store: Store) -> None:
        said = talk(made(store), "hi", "qwertz", "thanks", "asdf", owner="bot")
        assert decisions(said) == ["clarify", "abstain", "clarify", "handoff"]
        assert [each.row.failures for each in said] == [0, 1, 1, 2]
        assert said[-1].row.state == "waiting"
        desk, messages = made(store), ("hi", "hello", "are you a robot?", "ok", "bye")
        greeted = [desk.take(Incoming(message, peer="two")) for message in messages]
        assert decisions(greeted) == ["clarify"] * 5

    def test_a_new_state_is_told_as_an_event(self, store: Store) -> None:
        desk = made(store)
        talk(desk, "return?", "转人工")
        with store.read() as transaction:
            told = [event.data["state"] for event in events.since(transaction, 0, topics=[conversations.TOPIC])]
        assert told == ["waiting"]


class TestValues:
    def test_a_missing_value_is_asked_for_and_taken_from_the_next_message(self, store: Store) -> None:
        desk = made(store, ask=ORDER, handoff={"failures": 3})
        said = talk(desk, "I want an invoice", "it is 87654321, thanks")
        assert texts(said) == ["What is your order number?", "Invoice for 87654321 is on its way."]
        assert said[0].reply is not None
        assert said[0].reply.facts is not None
        assert said[0].reply.facts["missing"] == "order_id"
        assert said[1].row.variables == {"order_id": "87654321"}
        assert talk(desk, "我要发票")[0].reply.text == "87654321 的发票已寄出。"  # type: ignore[union-attr]

    @pytest.mark.parametrize("written", ["invoice for 87654321 please", "87654321要开发票"])
    def test_a_value_in_the_message_itself_is_not_asked_for_and_stays(self, store: Store, written: str) -> None:
        said = talk(made(store, ask=ORDER), written, "return?")
        assert decisions(said) == ["answer", "answer"]
        assert "87654321" in str(texts(said)[0])
        assert said[1].row.variables == {"order_id": "87654321"}

    @pytest.mark.parametrize("pattern", [r"\S+", ".+", r"\w+"])
    def test_a_lax_pattern_does_not_take_a_word_of_the_message_for_the_value(self, store: Store, pattern: str) -> None:
        said = talk(made(store, ask={"order_id": {"pattern": pattern}}), "I want 2 invoices", "要开2张发票")
        assert decisions(said)[0] == "clarify"
        assert said[0].row.variables == {}
        named = made(store, ask={"name": {"pattern": pattern}})
        said = talk(named, "return?", variables={"name": "李雷"}) + talk(named, "李雷 here", "2025 invoices")
        assert said[-1].row.variables["name"] == "李雷"

    def test_a_number_that_is_no_such_value_is_asked_for_again(self, store: Store) -> None:
        said = talk(made(store, ask=ORDER, handoff={"failures": 3}), "我要发票", "123456789", "12345678")
        assert texts(said) == ["订单号是多少？", "订单号是多少？", "12345678 的发票已寄出。"]
        assert decisions(talk(made(store, ask=ORDER), "开发票", "123456789", "987654321"))[-1] == "handoff"

    def test_a_message_without_any_number_is_a_question_of_its_own(self, store: Store) -> None:
        said = talk(made(store, ask=ORDER, handoff={"failures": 3}), "我要发票", "return?", "12345678")
        assert texts(said)[:2] == ["订单号是多少？", "You can return it within 14 days."]
        assert said[-1].row.variables == {}

    def test_an_order_number_needs_no_declaration_and_is_waited_for(self, store: Store) -> None:
        said = talk(made(store), "invoice please", "ok, one moment", "LD25082217")
        assert texts(said)[::2] == ["Please give me the order_id.", "Invoice for LD25082217 is on its way."]
        assert said[1].row.failures == 0
        declared = made(store, ask={"order_id": {"en": "Which order?"}})
        peer = {"peer": "two"}
        assert declared.take(Incoming("invoice", **peer)).reply.text == "Which order?"  # type: ignore[arg-type,union-attr]
        assert "LD25082218" in str(declared.take(Incoming("LD25082218", **peer)).reply.text)  # type: ignore[arg-type,union-attr]

    def test_what_only_the_company_knows_is_not_asked_of_the_customer(self, store: Store) -> None:
        said = talk(made(store), "where is my order LD25082217")
        assert decisions(said) == ["handoff"]
        assert said[0].reply is not None
        assert said[0].reply.facts is not None
        assert said[0].reply.facts["reason"] == "support.why.undeclared"
        assert said[0].row.handoff is not None
        assert said[0].row.variables == {"order_id": "LD25082217"}

    def test_a_wish_for_a_human_is_no_value(self, store: Store) -> None:
        said = talk(made(store, ask={"order_id": Question(pattern=".+")}), "invoice", "转人工")
        assert decisions(said) == ["clarify", "handoff"]

    def test_an_offered_option_is_chosen_by_its_number(self, store: Store) -> None:
        said = talk(made(store, handoff={"failures": 3}), "which?", "2")
        assert texts(said) == ["Which one do you mean?", "We are open from 9 to 18."]


class TestEnds:
    def test_a_quiet_conversation_is_closed_and_opens_anew_without_its_past(self, store: Store) -> None:
        desk = made(store, idle_minutes=30)
        talk(desk, "invoice", variables={"order_id": "12345678"})
        age(store, "touched_at", 31)
        assert desk.close_idle() == 1
        assert desk.close_idle() == 0
        (said,) = talk(desk, "return?")
        assert (said.row.state, said.row.variables) == ("bot", {})
        assert desk._thinker._answerer.asked[-1].history == ()  # type: ignore[attr-defined]

    def test_it_is_so_when_the_customer_comes_before_anyone_has_looked(self, store: Store) -> None:
        desk = made(store, idle_minutes=30)
        talk(desk, "转人工")
        age(store, "touched_at", 31)
        (said,) = talk(desk, "return?")
        assert said.row.state == "bot"
        assert said.row.handoff is None

    def test_a_closed_one_is_not_released_and_closing_twice_is_closing(self, store: Store, language: Language) -> None:
        desk = made(store)
        (said,) = talk(desk, "return?")
        assert desk.close(said.row.id).state == "closed"
        assert desk.close(said.row.id).state == "closed"
        with pytest.raises(Refused) as caught:
            desk.release(said.row.id)
        assert caught.value.code == "support.closed"
        assert said.row.id in caught.value.what(language)

    def test_texts_go_with_the_end_where_none_are_kept(self, store: Store) -> None:
        desk = Desk(store, "shop", RuleAnswerer(), keep_texts=False)
        (said,) = talk(desk, "return? my mail is a@example.com", variables={"mail": "a@example.com"})
        ended = desk.close(said.row.id)
        assert ended.variables == {}
        with store.read() as transaction:
            assert {row.text for row in conversations.messages_of(transaction, said.row.id)} == {""}

    def test_a_text_goes_once_nobody_looks_at_it_any_more_where_none_are_kept(self, store: Store) -> None:
        desk = Desk(store, "shop", RuleAnswerer(), SupportOptions(history=4), keep_texts=False)
        talk(desk, "return? a@example.com", "hours?", "return?", "which?", "2")
        (said,) = talk(desk, "hours?")

        def kept() -> list[int]:
            with store.read() as transaction:
                return [row.number for row in conversations.messages_of(transaction, said.row.id) if row.text]

        assert kept() == [7, 8, 9, 10, 11, 12]  # the last message and its reply, and the four before it
        assert desk.read(said.row.id)[1][3].facts is not None  # of which answers were tried a human is told
        (handed,) = talk(desk, "转人工")
        assert [turn["text"] for turn in (handed.row.handoff or {})["turns"]].count("") == 0
        talk(desk, "are you there?", "hello?")
        assert kept() == [12, 13, 14, 15, 16]
        desk.write_as_human(said.row.id, "I am.", by="ann")
        assert kept() == [13, 14, 15, 16, 17]
        desk.close(said.row.id)
        assert kept() == []

    def test_texts_stay_where_they_are_kept(self, store: Store) -> None:
        desk = made(store, history=1)
        said = talk(desk, "return?", "hours?", "return?")
        assert all(row.text for row in desk.read(said[-1].row.id)[1])

    def test_everything_of_one_customer_can_be_deleted(self, store: Store) -> None:
        desk = made(store)
        talk(desk, "return?", customer="c-1")
        assert forget_customer(store, "c-1", by="li").counts["conversations"] == 1
        with store.read() as transaction:
            assert conversations.listed(transaction, "shop") == []
