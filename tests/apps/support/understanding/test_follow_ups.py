"""A service built from dialogues understands a question by what was said before it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from homefield.apps.support.dialogues import Turn as Line
from homefield.apps.support.history import history_text, question_in
from homefield.apps.support.replies import Asked, Turn
from homefield.apps.support.understanding.answering import ReleaseAnswerer, Thresholds
from homefield.apps.support.understanding.build import build
from homefield.apps.support.understanding.opened import open_answerer
from homefield.bundle.registry import open_registry
from homefield.workspace import Workspace

from .conftest import QUICK, THINGS

TOPICS = {
    "shipping": ("what does shipping a {} cost", "Shipping costs 9 euros.", "Shipping abroad costs 25 euros."),
    "returns": ("how do i return the {}", "Returns are free within 14 days.", "Returns from abroad cost 12 euros."),
}
FOLLOW_UP = "and from abroad or to abroad?"


@pytest.fixture(scope="module")
def answerer(tmp_path_factory: pytest.TempPathFactory) -> ReleaseAnswerer:
    folder = tmp_path_factory.mktemp("dialogues")
    lines = []
    for asked, first, second in TOPICS.values():
        for thing in THINGS:
            said = [asked.format(thing), first, FOLLOW_UP, second, "thanks"]
            roles = ("customer", "agent", "customer", "agent", "customer")
            lines.append({"turns": [{"role": r, "text": s} for r, s in zip(roles, said, strict=True)]})
    file = folder / "dialogues.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    workspace = Workspace(folder / "workspace")
    build("desk", workspace=workspace, dialogues=file, settings=QUICK)
    with open_registry(workspace) as registry:
        return replace(open_answerer(registry, "desk"), thresholds=Thresholds(0.0, float("inf")))


@pytest.mark.parametrize("topic", sorted(TOPICS))
@pytest.mark.parametrize("thing", ["bed", "lamp"])
def test_the_same_follow_up_has_another_answer_after_another_question(
    answerer: ReleaseAnswerer, topic: str, thing: str
) -> None:
    asked, first, second = TOPICS[topic]
    before = (Turn("customer", asked.format(thing)), Turn("bot", first))
    assert answerer.reply(Asked(FOLLOW_UP, history=before)).text == second


def test_the_first_question_is_answered_without_any_history(answerer: ReleaseAnswerer) -> None:
    for asked, first, _ in TOPICS.values():
        assert answerer.reply(Asked(asked.format("bed"))).text == first


def test_another_topic_leaves_what_was_said_before_aside(answerer: ReleaseAnswerer) -> None:
    asked, first, _ = TOPICS["shipping"]
    before = (Turn("customer", asked.format("bed")), Turn("human", first))
    said = "Another question: how do i return the bed"
    assert answerer.reply(Asked(said, history=before)).text == TOPICS["returns"][1]


def test_what_was_said_before_a_correction_is_left_aside() -> None:
    turns = [
        Line("customer", "do you ship to Japan"), Line("agent", "Yes, to Japan."),
        Line("customer", "I meant to Graz"), Line("agent", "That too."), Line("customer", "how long does it take"),
    ]  # fmt: skip
    assert history_text(turns) == "how long does it take <a> That too. <c> I meant to Graz"
    # The correction itself is understood by what it corrects.
    assert history_text(turns[:3]) == "I meant to Graz <a> Yes, to Japan. <c> do you ship to Japan"
    assert question_in(history_text(turns)) == "how long does it take"


@pytest.mark.parametrize(
    "said", ["我说的是寄到北京", "不对，我问的是另一单", "Another question: and to Graz?", "换个问题，寄到格拉茨"]
)
def test_corrections_and_new_topics_are_known_in_both_languages(said: str) -> None:
    turns = [Line("customer", "one"), Line("customer", said), Line("customer", "two")]
    assert history_text(turns) == f"two <c> {said}"


@pytest.mark.parametrize("said", ["no thanks", "这是你们的问题，不是吗", "not yet", "我是会员"])
def test_what_only_sounds_like_a_correction_is_none(said: str) -> None:
    turns = [Line("customer", "one"), Line("customer", said), Line("customer", "two")]
    assert history_text(turns) == f"two <c> {said} <c> one"
