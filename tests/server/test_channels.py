"""Channels over HTTP, as the programs of the other side call them, and a Chatwoot that is written back to."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from homefield.workspace import Workspace

from ..apps.support.answering import Answering, answering
from ..apps.support.channels.recorded import chatwoot, openai, rasa, signed
from .talking import Talking, talking


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talking]:
    with talking(Workspace(tmp_path_factory.mktemp("channels"))) as made:
        yield made


def test_rasa_calls(shop: Talking) -> None:
    told = shop.client.post("/webhooks/rest/webhook", json=rasa())
    assert told.json() == [{"recipient_id": "test_user", "text": "You can return it within 14 days."}]
    told = shop.client.post("/model/parse", json={"text": "return?", "message_id": "b2831e73"})
    assert told.json()["intent"] == {"name": "returns", "confidence": 0.93}
    assert shop.client.post("/model/parse", json={"text": "😀" * 10}).json()["intent"]["name"] == "nlu_fallback"


def test_an_openai_client_calls(shop: Talking) -> None:
    told = shop.client.post("/v1/chat/completions", json=openai()).json()
    assert told["choices"][0]["message"]["content"] == "You can return it within 14 days."
    told = shop.client.post("/v1/chat/completions", json=openai(model="support/shop")).json()
    assert told["model"] == "support/shop"
    refused = shop.client.post("/v1/chat/completions", json=openai(model="gpt-5"))
    assert (refused.status_code, refused.json()["code"]) == (404, "support.no_such_name")


def test_an_openai_client_streams(shop: Talking) -> None:
    with shop.client.stream("POST", "/v1/chat/completions", json=openai("怎么退货", stream=True)) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        lines = [line.removeprefix("data: ") for line in reply.iter_lines() if line]
    assert lines[-1] == "[DONE]"
    deltas = [json.loads(line)["choices"][0]["delta"] for line in lines[:-1]]
    assert "".join(delta.get("content", "") for delta in deltas) == "14 天内可以退货。"


def test_an_openai_client_finds_the_services_among_the_models_and_may_ask_for_the_usage(shop: Talking) -> None:
    told = shop.client.get("/v1/models").json()
    (service,) = [one for one in told["data"] if one["id"].startswith("support/")]
    assert (service["id"], service["object"]) == ("support/shop", "model")
    assert isinstance(service["created"], int)
    body = openai("怎么退货", model=service["id"], stream=True, stream_options={"include_usage": True})
    with shop.client.stream("POST", "/v1/chat/completions", json=body) as reply:
        lines = [line.removeprefix("data: ") for line in reply.iter_lines() if line]
    last = json.loads(lines[-2])
    assert (last["choices"], last["usage"]["prompt_tokens"], lines[-1]) == ([], 4, "[DONE]")


def test_rasas_session_start_begins_anew_and_counts_as_no_failure(shop: Talking) -> None:
    def said(text: str) -> list[str]:
        told = shop.client.post("/webhooks/rest/webhook", json={"sender": "starts", "message": text})
        return [each["text"] for each in told.json()]

    def rows() -> list[Any]:
        found = shop.client.get("/v1/support/shop/conversations").json()["conversations"]
        return [each for each in found if each["peer"] == "starts"]

    for _ in range(3):
        assert said("/session_start") == []
    assert rows() == []
    assert said("return?") == ["You can return it within 14 days."]
    assert said("blah") == ["Sorry, I do not know that."]
    assert said("/session_start") == []
    assert rows()[0]["state"] == "closed"
    assert said("blah") == ["Sorry, I do not know that."]  # the first failure again
    said("human please")
    assert said("/session_start") == []
    assert rows()[0]["state"] == "waiting"  # a human who has it keeps it
    assert shop.client.post("/webhooks/rest/webhook", json={"message": "/session_start"}).json() == []


def test_a_user_of_an_openai_client_stays_with_the_human(shop: Talking) -> None:
    told = shop.client.post("/v1/chat/completions", json=openai("human please", user="u-9")).json()
    assert told["homefield"]["state"] == "waiting"
    told = shop.client.post("/v1/chat/completions", json=openai("return?", user="u-9")).json()
    assert told["choices"][0]["message"]["content"] == ""


def test_with_several_services_a_channel_says_which(tmp_path: Path) -> None:
    with talking(Workspace(tmp_path), "shop", "bank") as both:
        refused = both.client.post("/webhooks/rest/webhook", json=rasa())
        assert refused.json()["code"] == "support.which"
        assert "shop, bank" in refused.json()["detail"]
        assert both.client.post("/webhooks/rest/webhook?name=bank", json=rasa()).status_code == 200


class TestChatwoot:
    secret = "s-1"

    @pytest.fixture
    def there(self) -> Iterator[Answering]:
        with answering(lambda *_: (200, {"id": 1})) as made:
            yield made

    @pytest.fixture
    def bot(self, there: Answering, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Talking]:
        monkeypatch.setenv("HOMEFIELD_NET_ALLOW", "127.0.0.1")
        (tmp_path / "support").mkdir()
        options = f'[chatwoot]\nurl = "{there.url}"\naccount = 3\ntoken = "t-1"\nsecret = "{self.secret}"\n'
        (tmp_path / "support" / "shop.toml").write_text(options, encoding="utf-8")
        with talking(Workspace(tmp_path)) as made:
            yield made

    def deliver(self, bot: Talking, payload: Any, secret: str = secret) -> int:
        body, headers = signed(payload, secret, int(time.time()))
        return bot.client.post("/webhooks/chatwoot/shop", content=body, headers=headers).status_code

    def test_a_reply_is_posted_once_however_often_it_is_delivered(self, bot: Talking, there: Answering) -> None:
        for _ in range(3):
            assert self.deliver(bot, chatwoot()) == 200
        ((method, path, headers, body),) = there.asked
        assert (method, path) == ("POST", "/api/v1/accounts/3/conversations/13098/messages")
        assert headers["api_access_token"] == "t-1"
        assert body == {"content": "You can return it within 14 days.", "message_type": "outgoing", "private": False}

    def test_a_wish_for_a_human_opens_the_conversation_with_a_note(self, bot: Talking, there: Answering) -> None:
        assert self.deliver(bot, chatwoot("I need a human agent", 5)) == 200
        assert [(path.rpartition("/")[2], body.get("private")) for _, path, _, body in there.asked] == [
            ("messages", False),
            ("messages", True),
            ("toggle_status", None),
        ]
        assert there.asked[-1][3] == {"status": "open"}
        there.asked.clear()
        assert self.deliver(bot, chatwoot("return?", 6, "open")) == 200
        assert there.asked == []  # the bot does not talk over the human

    def test_the_bot_acts_only_while_it_is_pending_and_again_when_it_is_so_again(
        self, bot: Talking, there: Answering
    ) -> None:
        assert self.deliver(bot, chatwoot(number=1, status="open")) == 200
        said = chatwoot(
            "Hello, Li Na here.", 2, "open", message_type="outgoing", sender={"type": "user", "name": "Li Na"}
        )
        assert self.deliver(bot, said) == 200
        assert there.asked == []
        assert self.deliver(bot, chatwoot(number=3)) == 200
        assert len(there.asked) == 1
        (row,) = bot.client.get("/v1/support/shop/conversations").json()["conversations"]
        shown = bot.client.get(f"/v1/support/shop/conversations/{row['id']}").json()["messages"]
        assert [(each["speaker"], each.get("author")) for each in shown] == [
            ("customer", None),
            ("human", "Li Na"),
            ("customer", None),
            ("bot", None),
        ]
        ended = {"event": "conversation_resolved", "id": 13098, "status": "resolved"}
        assert self.deliver(bot, ended) == 200
        assert bot.client.get("/v1/support/shop/conversations").json()["conversations"][0]["state"] == "closed"

    def test_what_chatwoot_did_not_take_is_sent_at_the_next_delivery(self, bot: Talking, there: Answering) -> None:
        there.reply = lambda *_: (500, {})
        assert self.deliver(bot, chatwoot()) == 500  # the one after which Chatwoot delivers again
        there.reply = lambda *_: (200, {})
        there.asked.clear()
        assert self.deliver(bot, chatwoot()) == 200
        assert [body["content"] for *_, body in there.asked] == ["You can return it within 14 days."]

    def test_a_webhook_of_somebody_else_is_refused_before_it_is_read(self, bot: Talking, there: Answering) -> None:
        assert self.deliver(bot, chatwoot(), secret="wrong") == 403
        assert bot.client.post("/webhooks/chatwoot/shop", content=b"{").status_code == 403
        assert bot.client.get("/v1/support/shop/conversations").json() == {"conversations": []}
        assert there.asked == []

    def test_odd_payloads_are_refused_or_left_alone(self, bot: Talking, there: Answering) -> None:
        assert self.deliver(bot, [1]) == 422
        assert self.deliver(bot, {"event": "message_created", "conversation": {"id": {}}}) == 200
        assert self.deliver(bot, {"event": "webwidget_triggered"}) == 200
        assert there.asked == []

    def test_a_service_without_chatwoot_says_so(self, shop: Talking) -> None:
        reply = shop.client.post("/webhooks/chatwoot/shop", json={})
        assert reply.json()["code"] == "support.no_chatwoot"
