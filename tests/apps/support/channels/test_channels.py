"""Every adapter by one suite, then each by what its own side expects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.apps.support.channels.chatwoot import Chatwoot
from homefield.apps.support.channels.completions import Completions
from homefield.apps.support.channels.contract import Adapter
from homefield.apps.support.channels.rasa import FALLBACK, RasaRest, parsed_by_rasa
from homefield.apps.support.conversation import Desk, Said
from homefield.apps.support.conversation.options import ChatwootOptions
from homefield.apps.support.replies import Asked, Choice, Reply
from homefield.errors import CallError, NotAllowed
from homefield.messages import Language
from homefield.store import Store, connect, now
from homefield.store.conversations import ConversationRow, MessageRow
from homefield.store.schema import upgrade

from ..rules import RuleAnswerer
from .recorded import chatwoot, openai, rasa, signed

OPTIONS = ChatwootOptions(url="https://chat.example/", account=3, token="t-1", secret="s-1")
ADAPTERS: dict[str, tuple[Adapter, Any]] = {
    "rasa": (RasaRest(), rasa),
    "chatwoot": (Chatwoot(OPTIONS), chatwoot),
    "openai": (Completions("shop"), lambda text: openai(text, user="u-1")),
}
each_adapter = pytest.mark.parametrize("name", ADAPTERS)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with connect("sqlite:///kept.db", tmp_path) as opened:
        upgrade(opened)
        yield opened


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store, "shop", RuleAnswerer())


def through(desk: Desk, name: str, text: str) -> str:
    """What the other side is told, as JSON text."""
    adapter, payload = ADAPTERS[name]
    incoming = adapter.read(payload(text))
    assert incoming is not None
    written = adapter.write(desk.take(incoming))
    return json.dumps(written if not hasattr(written, "body") else written.body)


class TestEvery:
    @each_adapter
    def test_a_question_in_and_its_answer_out(self, desk: Desk, name: str) -> None:
        assert "You can return it within 14 days." in through(desk, name, "How do I return it?")

    @each_adapter
    def test_nothing_is_said_while_a_human_has_it(self, desk: Desk, name: str) -> None:
        adapter, payload = ADAPTERS[name]
        incoming = adapter.read(payload("hello"))
        assert incoming is not None
        said = desk.take(incoming)
        desk.write_as_human(said.row.id, "Li Na here.", by="li.na")
        if name == "chatwoot":  # there the channel itself says who has it
            incoming = adapter.read(chatwoot("return?", 2, "open"))
        else:
            incoming = adapter.read(payload("return?"))
        assert incoming is not None
        said = desk.take(incoming)
        assert said.reply is None
        assert "14 days" not in json.dumps(adapter.write(said))

    @each_adapter
    def test_a_format_keeps_one_conversation_per_peer(self, desk: Desk, name: str) -> None:
        adapter, payload = ADAPTERS[name]
        ids = set()
        for text in ("return?", "hours?"):
            incoming = adapter.read(payload(text))
            assert incoming is not None
            ids.add(desk.hear(incoming).row.id)
        assert len(ids) == 1

    @each_adapter
    @given(text=st.text(max_size=50))
    def test_any_text_is_taken_as_it_is(self, name: str, text: str) -> None:
        adapter, payload = ADAPTERS[name]
        incoming = adapter.read(payload(text))
        assert incoming is not None
        assert incoming.text == text


class TestRasa:
    def test_the_reply_is_a_list_of_messages(self, desk: Desk) -> None:
        said = desk.take(RasaRest().read(rasa()))
        assert RasaRest().write(said) == [{"recipient_id": "test_user", "text": "You can return it within 14 days."}]

    def test_options_are_buttons(self, desk: Desk) -> None:
        (told,) = RasaRest().write(desk.take(RasaRest().read(rasa("which?"))))
        assert told["buttons"][0] == {"title": "How do I return it?", "payload": "How do I return it?"}

    def test_metadata_are_variables_and_name_the_delivery(self) -> None:
        metadata = {"order_id": 12345678, "message_id": "m-1", "nested": {"a": 1}, "flag": True}
        incoming = RasaRest().read(rasa(metadata=metadata))
        assert incoming.variables == {"order_id": "12345678"}
        assert incoming.delivery == "m-1"

    def test_parse_ranks_answers_as_intents(self) -> None:
        told = parsed_by_rasa("return?", RuleAnswerer().reply(Asked("return?")), "m-1")
        assert told["intent"] == {"name": "returns", "confidence": 0.93}
        assert [one["name"] for one in told["intent_ranking"]] == ["returns", "hours"]
        assert (told["text"], told["entities"], told["message_id"]) == ("return?", [], "m-1")

    def test_what_is_not_known_is_the_fallback(self) -> None:
        told = parsed_by_rasa("blah", RuleAnswerer().reply(Asked("blah")), None)
        assert told["intent"]["name"] == FALLBACK
        told = parsed_by_rasa("which", RuleAnswerer().reply(Asked("which")), None)
        assert [one["name"] for one in told["intent_ranking"]] == [FALLBACK, "returns", "hours"]

    def test_intents_are_ranked_by_confidence_and_the_first_is_the_one_told(self) -> None:
        choices = (Choice("returns", "How do I return it?", 0.2), Choice("hours", "Opening hours", 0.1))
        likelier = (Choice("invoice", "Where is my invoice?", 0.5), Choice("returns", "How do I return it?", 0.2))
        reply = Reply("clarify", "Which?", None, 0.5, "support.why.brief", "shop@1", choices, likelier)
        told = parsed_by_rasa("it", reply, None)
        assert [one["name"] for one in told["intent_ranking"]] == [FALLBACK, "invoice", "returns", "hours"]
        confidences = [one["confidence"] for one in told["intent_ranking"]]
        assert confidences == sorted(confidences, reverse=True)
        assert told["intent"] == told["intent_ranking"][0]

    @pytest.mark.parametrize(
        ("text", "begins"),
        [
            ("/session_start", True),
            (' /session_start{"carrier": "web"}', True),
            ("/restart", True),
            ("/sessions", False),
        ],
    )
    def test_rasas_own_words_to_begin_are_no_message(self, text: str, begins: bool) -> None:
        assert RasaRest().begins(rasa(text)) is begins


class TestCompletions:
    def test_earlier_turns_are_history_and_instructions_are_not_obeyed(self) -> None:
        incoming = Completions("shop").read(openai("return?"))
        assert incoming.history is not None
        assert [(turn.speaker, turn.text[:5]) for turn in incoming.history] == [("customer", "Hello"), ("bot", "Hello")]
        assert incoming.text == "return?"

    def test_a_completion_has_the_documented_shape(self, desk: Desk) -> None:
        adapter = Completions("shop")
        told = adapter.write(desk.take(adapter.read(openai("return?"))))
        assert told["object"] == "chat.completion"
        assert told["id"].startswith("chatcmpl-")
        (choice,) = told["choices"]
        assert choice["message"] == {
            "role": "assistant",
            "content": "You can return it within 14 days.",
            "refusal": None,
        }
        assert choice["finish_reason"] == "stop"
        assert told["usage"]["total_tokens"] == told["usage"]["prompt_tokens"] + told["usage"]["completion_tokens"]
        assert told["homefield"]["decision"] == "answer"

    @staticmethod
    def said(text: str) -> Said:
        row = ConversationRow("0" * 26, "shop", "openai", "u-1", "bot", now(), now())
        asked = MessageRow("1" * 26, row.id, 1, "customer", "hello", now())
        return Said(row, asked, MessageRow("2" * 26, row.id, 2, "bot", text, now()))

    def test_a_chinese_reply_comes_character_by_character_and_is_counted_so(self) -> None:
        text = "您可以在 14 天内退货。\n运费由 Linden 承担 。"
        told = [
            json.loads(event.removeprefix("data: ")) for event in list(Completions("shop").stream(self.said(text)))[:-1]
        ]
        deltas = [one["choices"][0]["delta"].get("content", "") for one in told]
        assert deltas[1:6] == ["您", "可", "以", "在 ", "14 "]
        assert "".join(deltas) == text
        assert Completions("shop").write(self.said(text))["usage"]["completion_tokens"] == len(deltas) - 2

    def test_a_stream_ends_with_its_usage_where_that_is_wanted(self) -> None:
        said = self.said("You can return it.")
        events = list(Completions("shop", usage=True).stream(said))
        assert events[-1] == "data: [DONE]\n\n"
        told = [json.loads(event.removeprefix("data: ")) for event in events[:-1]]
        assert told[-1]["choices"] == []
        assert told[-1]["usage"] == {"prompt_tokens": 1, "completion_tokens": 4, "total_tokens": 5}
        assert told[-1]["object"] == "chat.completion.chunk"
        assert {one["usage"] for one in told[:-1]} == {None}
        assert told[-2]["choices"][0]["finish_reason"] == "stop"
        assert "usage" not in "".join(Completions("shop").stream(said))

    @given(
        text=st.text(max_size=80) | st.text(st.characters(min_codepoint=0x4DF0, max_codepoint=0x4E20) | st.just(" "))
    )
    def test_a_stream_adds_up_to_the_reply(self, text: str) -> None:
        said = self.said(text)
        events = list(Completions("shop").stream(said))
        assert events[-1] == "data: [DONE]\n\n"
        told = [json.loads(event.removeprefix("data: ")) for event in events[:-1]]
        assert {one["object"] for one in told} == {"chat.completion.chunk"}
        assert told[0]["choices"][0]["delta"]["role"] == "assistant"
        assert "".join(one["choices"][0]["delta"].get("content", "") for one in told) == text
        assert [one["choices"][0]["finish_reason"] for one in told[-2:]] == [None, "stop"]

    def test_without_a_users_message_there_is_nothing_to_answer(self, language: Language) -> None:
        with pytest.raises(CallError) as caught:
            Completions("shop").read({"messages": [{"role": "system", "content": "obey"}]})
        assert caught.value.code == "support.no_message"
        assert "user" in caught.value.next_step(language)


class TestChatwoot:
    def test_a_signature_is_of_the_time_and_the_body(self) -> None:
        body, headers = signed(chatwoot(), "s-1", 1_000_000)
        Chatwoot(OPTIONS).check(headers, body, "", now=1_000_010)

    @pytest.mark.parametrize(
        "change",
        [
            {"x-chatwoot-signature": "sha256=00"},
            {"x-chatwoot-signature": "ü"},
            {"x-chatwoot-timestamp": "1000001"},
            {"x-chatwoot-timestamp": "-1"},
            {"x-chatwoot-timestamp": ""},
        ],
    )
    def test_another_signature_or_time_is_refused(self, change: dict[str, str], language: Language) -> None:
        body, headers = signed(chatwoot(), "s-1", 1_000_000)
        with pytest.raises(NotAllowed) as caught:
            Chatwoot(OPTIONS).check({**headers, **change}, body, "", now=1_000_010)
        assert "X-Chatwoot" in caught.value.what(language)

    def test_an_old_request_or_another_body_is_refused(self) -> None:
        body, headers = signed(chatwoot(), "s-1", 1_000_000)
        for wrong, moment in ((body, 1_000_301), (body + b" ", 1_000_000)):
            with pytest.raises(NotAllowed):
                Chatwoot(OPTIONS).check(headers, wrong, "", now=moment)

    def test_without_signatures_a_token_in_the_address_is_wanted(self) -> None:
        options = ChatwootOptions(url="https://chat.example", account=3, token="t", webhook_token="w-1")
        Chatwoot(options).check({}, b"", "w-1", now=0)
        for token in ("", "w-2", "ü"):
            with pytest.raises(NotAllowed):
                Chatwoot(options).check({}, b"", token, now=0)

    @pytest.mark.parametrize(
        "payload",
        [
            {},
            {"event": "message_created"},
            chatwoot(message_type="outgoing"),
            chatwoot(private=True),
            chatwoot(account={"id": 4}),
            chatwoot(conversation={"id": "../../1"}),
            chatwoot(event="message_updated"),
        ],
    )
    def test_what_is_no_customers_message_of_this_account_is_left_alone(self, payload: dict[str, Any]) -> None:
        assert Chatwoot(OPTIONS).read(payload) is None

    def test_a_message_brings_its_attributes_and_who_has_it(self) -> None:
        incoming = Chatwoot(OPTIONS).read(chatwoot())
        assert incoming is not None
        assert (incoming.peer, incoming.delivery, incoming.owner) == ("13098", "message 1", "bot")
        assert incoming.variables == {"order_id": "12345678"}
        incoming = Chatwoot(OPTIONS).read(chatwoot(status="open"))
        assert incoming is not None
        assert incoming.owner == "human"

    def test_a_handoff_is_a_note_and_opening_once(self, desk: Desk) -> None:
        adapter = Chatwoot(OPTIONS)
        incoming = adapter.read(chatwoot("human please"))
        assert incoming is not None
        said = desk.take(incoming)
        note, opening = adapter.opening(said)
        assert note.body["private"] is True
        assert "asked for a person" in note.body["content"]
        assert (opening.path, opening.body) == ("conversations/13098/toggle_status", {"status": "open"})
        desk.handoff_told(said.row.id)
        assert adapter.opening(desk.take(incoming)) == []
        url, headers = adapter.address(opening)
        assert url == "https://chat.example/api/v1/accounts/3/conversations/13098/toggle_status"
        assert headers["api_access_token"] == "t-1"

    def test_a_pending_conversation_stays_a_humans_until_chatwoot_was_told(self, desk: Desk) -> None:
        adapter = Chatwoot(OPTIONS)
        for number, (text, state) in enumerate((("human please", "waiting"), ("return?", "waiting"))):
            incoming = adapter.read(chatwoot(text, number))
            assert incoming is not None
            said = desk.take(incoming)
            assert said.row.state == state
        desk.handoff_told(said.row.id)
        incoming = adapter.read(chatwoot("return?", 9))
        assert incoming is not None
        assert desk.take(incoming).row.state == "bot"  # an agent made it pending again
