"""Customer services over HTTP: messages, what humans do, corrections, and two workers on one database."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from homefield.workspace import Workspace

from ..postgresql import PostgreSQL
from .conftest import make_key, wait_until_ready
from .talking import Talking, talking


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talking]:
    root = tmp_path_factory.mktemp("talking")
    (root / "support").mkdir()
    (root / "support" / "shop.toml").write_text('[handoff]\nwords = ["lawyer"]\n', encoding="utf-8")
    with talking(Workspace(root)) as made:
        yield made


def post(shop: Talking, path: str, **body: Any) -> Any:
    reply = shop.client.post(path, json=body)
    assert reply.status_code < 300, reply.text
    return reply.json()


def ask(shop: Talking, text: str, **body: Any) -> Any:
    return post(shop, "/v1/support/shop/messages", text=text, **body)


def test_the_customer_services_are_listed(shop: Talking) -> None:
    assert shop.client.get("/v1/support").json() == {"support": ["shop"]}


def test_a_message_is_replied_to_with_reasons_in_the_readers_language(shop: Talking) -> None:
    told = ask(shop, "How do I return it?")
    reply = told["reply"]
    assert (told["state"], reply["decision"], reply["answer"]) == ("bot", "answer", "returns")
    assert reply["text"] == "You can return it within 14 days."
    assert reply["why"] == "The answer is sure enough."
    assert reply["nearest"][0]["question"] == "about returns"
    assert reply["runners_up"][0]["answer"] == "hours"
    reply = shop.client.post(
        "/v1/support/shop/messages", json={"text": "怎么退货"}, headers={"accept-language": "zh"}
    ).json()["reply"]
    assert (reply["text"], reply["why"]) == ("14 天内可以退货。", "回复足够有把握。")


def test_a_conversation_goes_on_from_bot_to_human_and_back(shop: Talking) -> None:
    told = ask(shop, "return?", customer="c-1")
    there = f"/v1/support/shop/conversations/{told['conversation']}"
    told = ask(shop, "human please", conversation=told["conversation"])
    assert (told["state"], told["reply"]["decision"]) == ("waiting", "handoff")
    assert ask(shop, "hello?", conversation=told["conversation"])["reply"] is None
    shown = shop.client.get(there).json()
    assert shown["handoff"]["why"] == "The customer asked for a person."
    assert shown["handoff"]["tried"] == ["returns"]
    assert shown["messages"][0]["asked"] == "return?"
    assert [each["speaker"] for each in shown["messages"]] == ["customer", "bot", "customer", "bot", "customer"]
    assert post(shop, f"{there}/messages", text="Here I am.", by="li.na")["author"] == "li.na"
    words = shop.client.get(f"{there}/messages", params={"after": 5}).json()
    assert words["state"] == "human"
    assert words["messages"] == [{"number": 6, "speaker": "human", "text": "Here I am."}]
    waiting = shop.client.get("/v1/support/shop/conversations", params={"state": "waiting,human"}).json()
    assert [each["id"] for each in waiting["conversations"]] == [told["conversation"]]
    assert post(shop, f"{there}/return")["state"] == "bot"
    assert ask(shop, "return?", conversation=told["conversation"])["reply"]["decision"] == "answer"
    assert post(shop, f"{there}/close")["state"] == "closed"
    refused = shop.client.post(f"{there}/return")
    assert (refused.status_code, refused.json()["code"]) == (409, "support.closed")


def test_a_file_of_options_that_was_broken_leaves_the_last_good_ones_in_force(
    shop: Talking, caplog: pytest.LogCaptureFixture
) -> None:
    assert ask(shop, "my lawyer will write")["state"] == "waiting"
    file = shop.workspace.root / "support" / "shop.toml"
    before = file.read_text(encoding="utf-8")
    file.write_text("[handoff]\nfailures = 0\nwrods = []\n", encoding="utf-8")
    try:
        for _ in range(3):
            assert ask(shop, "my lawyer will write")["state"] == "waiting"
        (logged,) = [each for each in caplog.records if each.getMessage() == "options"]
        assert logged.levelname == "ERROR"
        assert logged.facts["last_good_in_force"] is True  # type: ignore[attr-defined]
        ready = shop.client.get("/readyz", headers={"accept-language": "zh"})
        assert (ready.status_code, ready.json()["ready"]) == (200, True)
        (warning,) = ready.json()["warnings"]
        assert warning["code"] == "support.bad_options"
        assert "handoff.wrods：没有这一项" in warning["what"]
    finally:
        file.write_text(before.replace("lawyer", "notary"), encoding="utf-8")
    assert ask(shop, "my notary will write")["state"] == "waiting"
    assert shop.client.get("/readyz").json()["warnings"] == []
    file.write_text(before, encoding="utf-8")


def test_without_options_that_were_ever_good_a_message_is_to_come_again(tmp_path: Path) -> None:
    (tmp_path / "support").mkdir()
    file = tmp_path / "support" / "shop.toml"
    file.write_text("foo = 1\n", encoding="utf-8")
    with talking(Workspace(tmp_path)) as made:
        wait_until_ready(made.client)
        assert made.client.get("/readyz").json()["warnings"][0]["code"] == "support.bad_options"
        for path, body in (
            ("/v1/support/shop/messages", {"text": "hi"}),
            ("/webhooks/rest/webhook", {"sender": "a", "message": "hi"}),
            ("/v1/chat/completions", {"model": "shop", "messages": [{"role": "user", "content": "hi"}]}),
            ("/webhooks/chatwoot/shop", {}),
        ):
            reply = made.client.post(path, json=body)
            assert (reply.status_code, reply.json()["code"]) == (500, "support.bad_options"), path
            assert "support/shop.toml" in reply.json()["detail"]
            assert "foo" in reply.json()["detail"]
            assert str(tmp_path) not in reply.text
        file.unlink()
        assert ask(made, "return?")["reply"]["decision"] == "answer"


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("none/messages", {"text": "hi"}, 404, "support.no_such_name"),
        ("shop/messages", {"text": "hi", "conversation": "0" * 26}, 404, "support.no_such_conversation"),
        ("shop/messages", {"text": "hi", "conversation": "../../etc"}, 404, "support.no_such_conversation"),
        ("shop/messages", {"text": "hi", "conversation": ""}, 422, "server.bad_body"),
        ("shop/conversations/x/messages", {"text": ""}, 422, "server.bad_body"),
        ("shop/conversations/x/messages", {"text": " \u3000\n"}, 422, "server.bad_body"),
        ("Bad Name/messages", {"text": "hi"}, 422, "bundle.bad_name"),
        ("shop/messages", {}, 422, "server.bad_body"),
        ("shop/messages", {"text": "hi", "variables": {"Bad Name": "1"}}, 422, "server.bad_body"),
        ("shop/messages", {"text": "hi", "language": "{zh}"}, 422, "server.bad_body"),
        ("shop/corrections", {"question": "hi"}, 422, "support.answer_or_text"),
        ("shop/corrections", {"question": "hi", "answer": "a", "text": "b"}, 422, "support.answer_or_text"),
        ("shop/corrections", {"question": "hi", "answer": "nothing"}, 404, "support.no_such_answer"),
        ("none/corrections", {"question": "hi", "text": "b"}, 404, "support.no_such_name"),
    ],
)
def test_what_is_wrong_is_said(shop: Talking, path: str, body: dict[str, Any], status: int, code: str) -> None:
    reply = shop.client.post(f"/v1/support/{path}", json=body)
    assert (reply.status_code, reply.json()["code"]) == (status, code)


def test_what_is_wrong_in_a_body_is_said_key_by_key_in_the_readers_language(shop: Talking) -> None:
    body = {"text": 5, "txet": "hi", "variables": {"Bad Name": "1"}, "language": "{zh}", "conversation": ""}
    said = {
        language: shop.client.post(f"/v1/support/shop/messages?lang={language}", json=body).json()
        for language in ("zh", "en")
    }
    assert sorted(said["en"]["faults"]) == [
        "conversation: at least 1 characters were expected",
        "language: it does not match ^[A-Za-z-]{0,10}$",
        "text: a text in quotation marks was expected",
        "txet: there is no such key; did you mean text?",
        "variables.Bad Name.[key]: it does not match ^[a-z][a-z0-9_]{0,39}$",
    ]
    assert "text：应填用引号括起的文本" in said["zh"]["faults"]
    assert "没有这一项；是否想写 text？" in said["zh"]["detail"]
    broken = shop.client.post("/v1/support/shop/messages?lang=zh", content=b'{"text": ')
    assert "不是 JSON" in broken.json()["detail"]
    odd = shop.client.get("/v1/support/shop/conversations?limit=x&lang=zh")
    assert odd.json()["faults"] == ["query.limit：应填整数"]


@pytest.mark.parametrize(
    "path",
    [
        "conversations/%00",
        "conversations/%ff%fe",
        "conversations/x/messages?after=-5",
        "conversations?before=%00",
        "conversations?before=x",
        "conversations?state=none",
        "conversations?limit=x",
    ],
)
def test_odd_addresses_are_refused(shop: Talking, path: str) -> None:
    assert shop.client.get(f"/v1/support/shop/{path}").status_code in (404, 422)


def test_numbers_beyond_any_are_bounded(shop: Talking) -> None:
    there = f"/v1/support/shop/conversations/{ask(shop, 'return?')['conversation']}/messages"
    assert shop.client.get(there, params={"after": 10**30}).json()["messages"] == []
    assert len(shop.client.get(there, params={"after": -(10**30)}).json()["messages"]) == 2
    assert shop.client.get("/v1/support/shop/conversations", params={"limit": -(10**30)}).status_code == 200


@pytest.mark.parametrize(
    "text", ["", "?", "\u0000", "😀" * 1_000, "x" * 100_000, "{card}", "${jndi:ldap://x}", "ignore all"]
)
def test_odd_messages_get_a_reply(shop: Talking, text: str) -> None:
    assert ask(shop, text)["reply"]["decision"] in ("answer", "abstain")


def test_a_correction_works_on_the_next_message_and_says_who_and_why(shop: Talking) -> None:
    assert ask(shop, "Do you ship to Mars?")["reply"]["decision"] == "abstain"
    told = post(
        shop, "/v1/support/shop/corrections", question="Do you ship to Mars?", text="Not yet.", why="asked often"
    )
    assert told["answer"] == "learned"
    assert ask(shop, "do you ship to mars?")["reply"]["text"] == "Not yet."
    kept = shop.assistants.corrections[-1]
    assert (kept.by, kept.why) == ("local", "asked often")


def test_the_same_delivery_at_the_same_moment_is_answered_once(shop: Talking) -> None:
    def deliver(_: int) -> Any:
        with httpx.Client(base_url=shop.url, timeout=30) as client:
            body = {"text": "return?"}
            return client.post("/v1/support/shop/messages", json=body, headers={"idempotency-key": "same"}).json()

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(deliver, range(16)))
    assert len({(each["conversation"], each["message"], each["reply"]["id"]) for each in told}) == 1
    assert sum(not each["again"] for each in told) == 1


def test_an_empty_delivery_names_none(shop: Talking) -> None:
    first, second = (ask(shop, "return?", delivery="") for _ in range(2))
    assert first["conversation"] != second["conversation"]
    assert not second["again"]
    headers = {"idempotency-key": ""}
    for _ in range(2):
        reply = shop.client.post("/v1/support/shop/messages", json={"text": "hours?"}, headers=headers).json()
        assert reply["conversation"] not in (first["conversation"], second["conversation"])
    there = f"/v1/support/shop/conversations/{first['conversation']}/messages"
    written = [post(shop, there, text="Here I am.", delivery="")["number"] for _ in range(2)]
    assert written == [3, 4]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_two_workers_that_get_the_same_deliveries_reply_once(
    database: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database == "postgresql":
        server: PostgreSQL = request.getfixturevalue("postgresql")
        monkeypatch.setenv("HOMEFIELD_DATABASE", server.database())
    workspace = Workspace(tmp_path)
    with talking(workspace) as one, talking(workspace) as other:
        first = ask(one, "hello")["conversation"]

        def deliver(place: int) -> Any:
            worker = (one, other)[place % 2]
            if place == 21:
                path = f"/v1/support/shop/conversations/{first}/messages"
                return post(worker, path, text="I take over.") and None
            return ask(worker, "return?", conversation=first, delivery=str(place // 2))

        with ThreadPoolExecutor(6) as pool:
            told = [each for each in pool.map(deliver, range(40)) if each]
        said = one.client.get(f"/v1/support/shop/conversations/{first}").json()["messages"]
        replies: dict[str, set[str | None]] = {}
        for each in told:
            replies.setdefault(each["message"], set()).add(each["reply"] and each["reply"]["id"])
        assert len(replies) == 20
        assert all(len(each) == 1 for each in replies.values())
        taken = next(each["number"] for each in said if each["speaker"] == "human")
        assert all(each["number"] < taken for each in said if each["speaker"] == "bot")
        # A correction made at one worker is heard of by the other before it answers anything.
        assert other.assistants.heard


def test_who_may_what(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    asker, agent = make_key(workspace, "predict"), make_key(workspace, "records", "predict")
    with talking(workspace) as shop:
        assert shop.client.post("/v1/support/shop/messages", json={"text": "hi"}).status_code == 401
        for_asker, for_agent = ({"authorization": f"Bearer {key}"} for key in (asker, agent))
        reply = shop.client.post("/v1/support/shop/messages", json={"text": "return?"}, headers=for_asker)
        there = f"/v1/support/shop/conversations/{reply.json()['conversation']}"
        assert shop.client.get(f"{there}/messages", headers=for_asker).status_code == 200
        assert shop.client.get(there, headers=for_asker).status_code == 403
        assert shop.client.post(f"{there}/messages", json={"text": "x"}, headers=for_asker).status_code == 403
        assert shop.client.post(f"{there}/messages", json={"text": "x"}, headers=for_agent).status_code == 201
        body = {"question": "q", "text": "t"}
        there = "/v1/support/shop/corrections"
        assert shop.client.post(there, json=body, headers=for_agent).status_code == 403
        assert shop.client.get(there, headers=for_agent).status_code == 403
        assert shop.client.delete(f"{there}/1", headers=for_agent).status_code == 403
        assert shop.client.get("/").status_code == 200
