"""Values looked up over HTTP: quoted, within limits, and never a hole in what is said."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.apps.support.conversation import Desk, Incoming, SupportOptions
from homefield.apps.support.conversation.lookups import look_up, pointed, url_of
from homefield.apps.support.conversation.options import Source
from homefield.errors import HomefieldError, RemoteError
from homefield.messages import Language
from homefield.net import Allowed
from homefield.store import Store

from ..answering import Answering, answering
from ..rules import RuleAnswerer

LOCAL = Allowed.parse(["127.0.0.1"])


def orders(method: str, path: str) -> tuple[int, Any]:
    number = path.removeprefix("/orders/")
    known = {"12345678": {"order": {"status": "shipped"}}, "11111111": {"order": {"status": None}}}
    if number == "99999999":
        return 500, {}
    return (200, known[number]) if number in known else (404, {"error": "none"})


def desk(store: Store, there: Answering, **handoff: Any) -> Desk:
    options = {
        "hosts": ["127.0.0.1"],
        "handoff": handoff,
        "ask": {"order_id": {"pattern": r"\d{8}", "zh": "订单号是多少？", "en": "Your order number?"}},
        "sources": {"status": {"url": f"{there.url}/orders/{{order_id}}", "pointer": "/order/status", "seconds": 2}},
    }
    return Desk(store, "shop", RuleAnswerer(), SupportOptions.model_validate(options), allowed=LOCAL)


def say(desk: Desk, *texts: str) -> list[str]:
    return [str((desk.take(Incoming(text, peer="one")).reply or pytest.fail(text)).text) for text in texts]


def test_the_value_is_asked_for_looked_up_and_told(store: Store) -> None:
    with answering(orders) as there:
        said = say(desk(store, there), "where is my order", "12345678")
        assert said == ["Your order number?", "Order 12345678 is shipped."]
        assert [path for _, path, _, _ in there.asked] == ["/orders/12345678"]


def test_a_value_in_the_message_itself_is_looked_up_in_the_place_of_one_told_before(store: Store) -> None:
    with answering(orders) as there:
        shop = desk(store, there, failures=3)
        said = say(shop, "where is my order 12345678", "and my order 87654321?", "where is my order?")
    assert said[:2] == ["Order 12345678 is shipped.", "I found nothing for “87654321”. Your order number?"]
    assert said[2] == "Your order number?"
    assert [path for _, path, _, _ in there.asked] == ["/orders/12345678", "/orders/87654321"]


def test_a_value_that_the_channel_gave_is_not_replaced_by_what_the_customer_writes(store: Store) -> None:
    with answering(orders) as there:
        incoming = Incoming("where is my order 87654321", peer="one", variables={"order_id": "12345678"})
        said = desk(store, there).take(incoming)
    assert said.reply is not None
    assert said.reply.text == "Order 12345678 is shipped."


def test_what_was_looked_up_is_looked_up_again_for_the_next_question(store: Store) -> None:
    with answering(orders) as there:
        shop = desk(store, there)
        say(shop, "where is my order", "12345678", "and my order now?")
        assert len(there.asked) == 2
        assert shop.take(Incoming("return?", peer="one")).row.variables == {"order_id": "12345678"}


def test_a_value_that_nobody_knows_is_asked_for_again(store: Store) -> None:
    with answering(orders) as there:
        said = say(desk(store, there, failures=3), "where is my order", "87654321", "12345678")
    assert said[1] == "I found nothing for “87654321”. Your order number?"
    assert said[2] == "Order 12345678 is shipped."


def test_what_cannot_be_looked_up_goes_to_a_human(store: Store) -> None:
    with answering(orders) as there:
        said = desk(store, there).take(Incoming("order 1", peer="one", variables={"order_id": "99999999"}))
        assert said.row.state == "waiting"
        assert said.reply is not None
        assert said.reply.facts is not None
        assert said.reply.facts["reason"] == "support.why.look_up"
        said = desk(store, there).take(Incoming("order 1", peer="two", variables={"order_id": "11111111"}))
        assert said.row.state == "bot"


@given(st.text(max_size=30))
def test_a_value_stays_within_its_place_in_the_url(value: str) -> None:
    source = Source(url="https://shop.example/orders/{order_id}/x?l={lang}", pointer="")
    value = value.encode("utf-8", "replace").decode()
    url = url_of(source, {"order_id": value, "lang": "{order_id}"})
    if url is None:
        assert not value.strip(". ")
        return
    path, _, query = url.removeprefix("https://shop.example/orders/").partition("?")
    assert path.count("/") == 1
    assert unquote(path.removesuffix("/x")) == value
    assert query == "l=%7Border_id%7D"
    assert "#" not in url


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    ),
    st.text(),
)
def test_a_pointer_leads_somewhere_or_nowhere(document: Any, pointer: str) -> None:
    pointed(document, f"/{pointer}")


def test_pointers_are_those_of_the_standard() -> None:
    document = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "m~n": 8}
    assert pointed(document, "") == document
    assert pointed(document, "/foo/1") == "baz"
    assert pointed(document, "/") == 0
    assert pointed(document, "/a~1b") == 1
    assert pointed(document, "/m~0n") == 8
    assert pointed(document, "/foo/2") is None
    assert pointed(document, "/foo/-") is None


class TestSources:
    @pytest.mark.parametrize(
        ("status", "body", "found"),
        [
            (200, {"v": 7}, "7"),
            (200, {"v": " x "}, "x"),
            (200, {"v": True}, None),
            (200, {"v": [1]}, None),
            (404, {}, None),
        ],
    )
    def test_words_and_numbers_are_values(self, status: int, body: Any, found: str | None) -> None:
        with answering(lambda *_: (status, body)) as there:
            assert look_up(Source(url=f"{there.url}/v", pointer="/v"), {}, LOCAL) == found

    @pytest.mark.parametrize(("status", "body"), [(500, {}), (200, b"<html>"), (302, {})])
    def test_anything_else_is_a_failure(self, status: int, body: Any, language: Language) -> None:
        with answering(lambda *_: (status, body)) as there:
            with pytest.raises(RemoteError) as caught:
                look_up(Source(url=f"{there.url}/v", pointer="/v"), {}, LOCAL)
            assert caught.value.what(language)
            assert len(there.asked) == 1  # a redirect is not followed

    def test_a_secret_header_comes_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with answering(lambda *_: (200, {"v": 1})) as there:
            source = Source(url=f"{there.url}/v", pointer="/v", headers={"Authorization": "env:SHOP_TOKEN"})
            with pytest.raises(HomefieldError) as caught:
                look_up(source, {}, LOCAL)
            assert caught.value.code == "support.no_secret"
            monkeypatch.setenv("SHOP_TOKEN", "Bearer secret")
            assert look_up(source, {}, LOCAL) == "1"
            assert there.asked[0][2]["authorization"] == "Bearer secret"

    def test_a_private_address_is_refused_unless_it_is_allowed(self) -> None:
        with answering(lambda *_: (200, {"v": 1})) as there, pytest.raises(HomefieldError) as caught:
            look_up(Source(url=f"{there.url}/v", pointer="/v"), {}, Allowed())
        assert caught.value.code == "net.refused_address"
