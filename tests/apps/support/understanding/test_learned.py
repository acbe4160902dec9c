"""What people teach holds with the next message in every worker, and is kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from homefield.apps.support.assistants import Correction
from homefield.apps.support.replies import Asked
from homefield.apps.support.taught import lessons_of, unteach
from homefield.apps.support.understanding.build import build
from homefield.apps.support.understanding.opened import OpenApplications, open_answerer
from homefield.bundle.registry import Registry, open_registry
from homefield.errors import CallError
from homefield.store.learned import learned_of
from homefield.workspace import Workspace

from .conftest import QUESTIONS, QUICK, Shop


def lesson(question: str, **said: str) -> Correction:
    return Correction(question, "ann", why="it was wrong", **said)


@pytest.fixture
def own(shop: Shop, tmp_path: Path) -> Iterator[tuple[Registry, Registry]]:
    """The shop's registry twice, as two workers have it; what is taught does not reach other tests."""
    shutil.copytree(shop.workspace.root, tmp_path / "workspace")
    workspace = Workspace(tmp_path / "workspace")
    with open_registry(workspace) as one, open_registry(workspace) as other:
        yield one, other


def test_a_correction_holds_with_the_next_message_in_every_worker(own: tuple[Registry, Registry]) -> None:
    one, other = (OpenApplications(each) for each in own)
    asked = Asked("how do i return a lamp")
    assert other.find("shop").reply(asked).answer != "shipping"
    assert one.correct("shop", lesson("How do I return a lamp?", answer="shipping")).answer == "shipping"
    for worker in (one, other):
        reply = worker.find("shop").reply(asked)
        assert (reply.decision, reply.answer, reply.reason) == ("answer", "shipping", "support.why.taught")
    one.correct("shop", lesson("how do i return a lamp", answer="returns"))
    assert other.find("shop").reply(asked).answer == "returns"


def test_a_new_answer_is_given_and_kept_with_who_and_why(own: tuple[Registry, Registry]) -> None:
    one, other = (OpenApplications(each) for each in own)
    name = one.correct("shop", lesson("do you buy old furniture?", text="We buy it for {price} euros.")).answer
    assert name.startswith("learned-")
    reply = other.find("shop").reply(Asked("Do you buy old furniture", variables={"price": "5"}))
    assert (reply.answer, reply.text) == (name, "We buy it for 5 euros.")
    assert other.find("shop").reply(Asked("Do you buy old furniture")).missing == "price"
    # The same text again is the same answer.
    assert one.correct("shop", lesson("old furniture", text="We buy it for {price} euros.")).answer == name
    with own[0].store.read() as transaction:
        kept = learned_of(transaction, "shop")
    assert [(each.question, each.answer, each.by, each.why) for each in kept] == [
        ("do you buy old furniture?", name, "ann", "it was wrong"), ("old furniture", name, "ann", "it was wrong"),
    ]  # fmt: skip


def test_who_only_names_a_thing_is_offered_no_unlikely_answer_that_mentions_it(own: tuple[Registry, Registry]) -> None:
    applications = OpenApplications(own[0])
    said = "积分只能换机票，不能换书架。"
    name = applications.correct("shop", lesson("can my points buy a flight", text=said)).answer
    reply = applications.find("shop").reply(Asked("书架"))
    assert reply.reason == "support.why.brief"
    assert name not in {each.answer for each in reply.choices}


def test_what_is_taught_on_other_matters_takes_nothing_from_what_was_known(own: tuple[Registry, Registry]) -> None:
    applications = OpenApplications(own[0])
    known = [Asked(wording.format("bed")) for wordings in QUESTIONS.values() for wording in wordings]
    before = [applications.find("shop").reply(each) for each in known]
    for question in (
        "is there a cafe",
        "停车场在哪里",
        "who is the boss",
        "are you hiring",
        "有没有食堂",
        "wifi password",
    ):
        applications.correct("shop", lesson(question, text=f"We tell you when you ask: {question}."))
    after = [applications.find("shop").reply(each) for each in known]
    assert [each.answer for each in after] == [each.answer for each in before]
    assert max(one.confidence - two.confidence for one, two in zip(before, after, strict=True)) < 0.05


def test_a_correction_that_is_taken_back_is_given_no_more_by_any_worker(own: tuple[Registry, Registry]) -> None:
    one, other = (OpenApplications(each) for each in own)
    asked = Asked("how do i return a lamp")
    one.correct("shop", lesson("How do I return a lamp?", answer="shipping"))
    one.correct("shop", lesson("how do i return a lamp", text="By post."))
    assert [each.find("shop").reply(asked).text for each in (one, other)] == ["By post."] * 2
    gone = unteach(own[1].store, "shop", 2, by="bo")
    assert (gone.question, gone.withdrawn_by) == ("how do i return a lamp", "bo")
    # What was taught before holds again, until it is taken back, too.
    assert [each.find("shop").reply(asked).answer for each in (one, other)] == ["shipping"] * 2
    unteach(own[0].store, "shop", 1, by="bo")
    for worker in (one, other):
        reply = worker.find("shop").reply(asked)
        assert (reply.answer, reply.reason) != ("shipping", "support.why.taught")
        assert reply.text == "You can return it within 14 days."
    told = [(each.number, each.withdrawn_by) for each in lessons_of(own[0].store, "shop", most=9)]
    assert told == [(2, "bo"), (1, "bo")]
    for number in (0, 3, 10**30):
        with pytest.raises(CallError, match="taught nothing with the number"):
            unteach(own[0].store, "shop", number, by="bo")


def test_a_release_that_was_built_with_a_correction_gives_it_no_more_when_it_is_taken_back(
    own: tuple[Registry, Registry], shop: Shop, tmp_path: Path
) -> None:
    registry, workspace = own[0], Workspace(tmp_path / "workspace")
    workers = OpenApplications(registry)
    workers.correct("shop", lesson("do you buy old furniture", text="We buy it for 5 euros."))
    workers.correct("shop", lesson("how do i return a lamp", answer="shipping"))
    build("shop", workspace=workspace, pairs=shop.pairs, answers=shop.answers, settings=QUICK)
    bought, returned = Asked("do you buy old furniture"), Asked("how do i return a lamp")
    answerer = open_answerer(registry, "shop@2")
    assert (answerer.reply(bought).text, answerer.reply(returned).answer) == ("We buy it for 5 euros.", "shipping")
    for number in (1, 2):
        unteach(registry.store, "shop", number, by="bo")
    answerer = open_answerer(registry, "shop@2")
    assert "5 euros" not in answerer.reply(bought).text
    assert answerer.reply(returned).answer != "shipping"
    # The next release has never heard of it, and what is taught again holds again.
    build("shop", workspace=workspace, pairs=shop.pairs, answers=shop.answers, settings=QUICK)
    answerer = open_answerer(registry, "shop@3")
    assert not any("5 euros" in each.text for each in answerer.contents.answers.values())
    assert not answerer.withdrawn
    workers.correct("shop", lesson("do you buy old furniture", text="We buy it for 5 euros."))
    assert open_answerer(registry, "shop@2").reply(bought).text == "We buy it for 5 euros."


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("怎么下载你们的App", "https://linden.example/app"),
        ("客服邮箱是多少", "help@linden.example"),
        ("do you have WeChat", "我们的微信：linden"),
    ],
)
def test_a_new_answer_is_given_though_it_is_not_in_the_words_of_its_question(
    own: tuple[Registry, Registry], question: str, text: str
) -> None:
    one, other = (OpenApplications(each) for each in own)
    one.correct("shop", lesson(question, text=text))
    for language in ("", "zh" if question[0] > "\u3000" or question[-1] > "\u3000" else "en"):
        assert other.find("shop").reply(Asked(question, language=language)).text == text


@pytest.mark.parametrize(
    ("lesson", "code"),
    [
        (lesson("😀", answer="returns"), "support.empty_lesson"),
        (lesson("how"), "support.answer_or_text"),
        (lesson("how", answer="returns", text="so"), "support.answer_or_text"),
        (lesson("how", answer="nothing"), "support.no_such_answer"),
        (lesson("how", text="Call {Phone Number}"), "support.odd_placeholder"),
        (lesson("how", text="Call {"), "support.odd_placeholder"),
    ],
)
def test_what_cannot_be_learned_is_said(own: tuple[Registry, Registry], lesson: Correction, code: str) -> None:
    with pytest.raises(CallError) as caught:
        OpenApplications(own[0]).correct("shop", lesson)
    assert caught.value.code == code


def test_an_application_that_is_not_there_is_not_found(own: tuple[Registry, Registry]) -> None:
    assert OpenApplications(own[0]).names() == ["shop"]
    with pytest.raises(CallError, match="no customer service named shoe"):
        OpenApplications(own[0]).find("shoe")
