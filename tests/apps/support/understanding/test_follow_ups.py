"""A service built from dialogues understands a question by what was said before it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

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
