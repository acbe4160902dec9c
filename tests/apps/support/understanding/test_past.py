"""Conversations that the store keeps, asked again: with what was said before, and with what turned out to be right."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from homefield.apps.support.conversation import Desk, Incoming, SupportOptions
from homefield.apps.support.understanding.answering import ReleaseAnswerer, Thresholds
from homefield.apps.support.understanding.opened import open_answerer
from homefield.apps.support.understanding.past import past_messages
from homefield.apps.support.understanding.replay import replay
from homefield.bundle.registry import Registry, open_registry
from homefield.errors import CallError
from homefield.messages import Language
from homefield.store import now
from homefield.store.learned import learn
from homefield.store.tables import conversations, messages
from homefield.workspace import Workspace

from .conftest import Shop

HANDS_OVER = Thresholds(float("inf"), float("inf"))


@pytest.fixture
def own(shop: Shop, tmp_path: Path) -> Iterator[Registry]:
    """The shop's registry, whose conversations no other test sees."""
    shutil.copytree(shop.workspace.root, tmp_path / "workspace")
    with open_registry(Workspace(tmp_path / "workspace")) as opened:
        yield opened


def desk(registry: Registry, answerer: ReleaseAnswerer, *, keep_texts: bool = True) -> Desk:
    return Desk(registry.store, "shop", answerer, SupportOptions(), keep_texts=keep_texts)


def age(registry: Registry, days: float) -> None:
    with registry.store.write() as transaction:
        transaction.execute(update(messages).values(at=now() - timedelta(days=days)))
        transaction.execute(update(conversations).values(touched_at=now() - timedelta(days=days)))


def test_what_a_human_replied_and_what_was_corrected_is_the_right_answer(own: Registry) -> None:
    sure = replace(open_answerer(own, "shop@1"), thresholds=Thresholds(0.0, float("inf")))
    never = replace(sure, thresholds=HANDS_OVER)
    talk = desk(own, never)
    handed = talk.take(Incoming("how do i return a lamp", variables={"state": "sent"}))
    assert handed.row.state == "waiting"
    talk.take(Incoming("anybody there?", conversation=handed.row.id))  # a human's: not the bot's to answer
    talk.write_as_human(handed.row.id, "You can return it within 14 days.", by="ann")
    corrected = talk.take(Incoming("do you ship a sofa abroad"))
    with own.store.write() as transaction:
        learn(transaction, "shop", "do you ship?", "shipping", message=corrected.message.id, by="ann")
    talk.take(Incoming("shipping cost of a chair to France"))

    found = past_messages(own.store, "shop", days=1)
    assert [(each.asked.text, each.right) for each in found] == [
        ("how do i return a lamp", None), ("do you ship a sofa abroad", "shipping"),
        ("shipping cost of a chair to France", None),
    ]  # fmt: skip
    talk.close(handed.row.id)
    # The human spoke before the customer wrote again: only then it is the answer to this message.
    later = talk.take(Incoming("how do i return a table", conversation=handed.row.id))
    talk.write_as_human(later.row.id, "You can return it within 14 days.", by="ann")
    found = past_messages(own.store, "shop", days=1)
    assert [each.right for each in found if each.asked.text == "how do i return a table"] == [
        "You can return it within 14 days."
    ]
    told = replay(never, sure, found)
    assert (told.messages, told.known, told.count("gain")) == (4, 2, 2)
    assert replay(sure, never, found).count("loss") == 2


def test_a_message_is_asked_with_the_turns_before_it_since_the_conversation_was_opened(own: Registry) -> None:
    talk = desk(own, open_answerer(own, "shop@1"))
    first = talk.take(Incoming("how do i return a lamp", audience="members"))
    talk.take(Incoming("do you ship a lamp abroad", conversation=first.row.id))
    talk.close(first.row.id)
    talk.take(Incoming("怎么退货台灯", conversation=first.row.id))
    found = past_messages(own.store, "shop", days=0, history=2)
    assert [[turn.speaker for turn in each.asked.history] for each in found] == [[], ["customer", "bot"], []]
    assert {(each.asked.audience, each.asked.language) for each in found} == {("members", "zh")}


def test_only_messages_of_these_days_count(own: Registry, language: Language) -> None:
    talk = desk(own, open_answerer(own, "shop@1"))
    old = talk.take(Incoming("how do i return a lamp"))
    age(own, 10)
    talk.take(Incoming("do you ship a lamp abroad", conversation=old.row.id))
    assert [each.asked.text for each in past_messages(own.store, "shop", days=3)] == ["do you ship a lamp abroad"]
    assert len(past_messages(own.store, "shop", days=11)) == len(past_messages(own.store, "shop", days=0)) == 2
    assert len(past_messages(own.store, "shop", days=10**12)) == 2
    age(own, 10)
    with pytest.raises(CallError) as caught:
        past_messages(own.store, "shop", days=3)
    assert caught.value.code == "support.nothing_said"
    assert "shop" in caught.value.what(language)
    assert "keep_texts" in caught.value.next_step(language)


def test_what_was_not_kept_cannot_be_asked_again(own: Registry) -> None:
    talk = desk(own, open_answerer(own, "shop@1"), keep_texts=False)
    talk.close(talk.take(Incoming("how do i return a lamp")).row.id)
    with pytest.raises(CallError, match="No customer's message"):
        past_messages(own.store, "shop", days=1)


def test_more_conversations_than_are_read_at_once(own: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homefield.apps.support.understanding.past._PAGE", 2)
    talk = desk(own, open_answerer(own, "shop@1"))
    asked = [f"how do i return {number} lamps" for number in range(5)]
    for text in asked:
        talk.take(Incoming(text))
    assert [each.asked.text for each in past_messages(own.store, "shop", days=1)] == asked
