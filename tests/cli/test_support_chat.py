"""Talking in the terminal: the same conversations as over HTTP, in both languages."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from homefield.apps.support import opened
from homefield.messages import Language

from ..apps.support.rules import RuleAssistants
from .conftest import Ran

Run = Callable[..., Ran]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts lines into the standard input; `shop` answers by rules."""
    monkeypatch.setattr(opened, "open_assistants", lambda *_: RuleAssistants())
    return lambda lines: monkeypatch.setattr("sys.stdin", io.StringIO(lines))


def test_each_line_gets_its_reply_with_decision_and_reason(run: Run, typed: Any, language: Language) -> None:
    typed("return?\nwhich?\n2\n\n转人工\nhello\n")
    ran = run("support", "chat", "shop")
    assert ran.code == 0, ran.err
    for wanted in {
        "en": ("You can return it within 14 days.", "[Answered · 93.0 %] The answer is sure",
               "  1. How do I return it?", "We are open from 9 to 18.",
               "[Handed over] The customer asked", "the bot keeps quiet"),
        "zh": ("You can return it within 14 days.", "[已回答 · 93.0 %] 回复足够有把握。",
               "  1. How do I return it?", "We are open from 9 to 18.",
               "[转人工] 客户要求人工服务。", "机器人不再回复"),
    }[language]:  # fmt: skip
        assert wanted in ran.out


def test_a_conversation_goes_on_where_it_was(run: Run, typed: Any) -> None:
    typed("return?\n")
    first = run("--json", "support", "chat", "shop").json
    typed("hours?\n")
    told = run("--json", "support", "chat", "shop", "--conversation", first["conversation"]).json
    assert told["conversation"] == first["conversation"]
    assert told["messages"][0]["reply"]["number"] == 4


def test_an_unknown_name_or_conversation_is_told_before_anything_is_typed(
    run: Run, typed: Any, language: Language
) -> None:
    typed("return?\n")
    ran = run("support", "chat", "none")
    assert ran.code == 2
    assert "none" in ran.err
    ran = run("support", "chat", "shop", "--conversation", "X1")
    assert ran.code == 2
    assert "X1" in ran.err


def test_without_a_line_there_is_nothing_to_tell(run: Run, typed: Any) -> None:
    typed("\n")
    assert run("--json", "support", "chat", "shop").json == {"conversation": None, "messages": []}


def test_ask_goes_on_with_a_conversation_by_the_same_rules(run: Run, typed: Any, language: Language) -> None:
    typed("which?\n")
    begun = run("--json", "support", "chat", "shop").json
    told = run("--json", "support", "ask", "shop", "2", "--conversation", begun["conversation"]).json
    assert told["conversation"] == begun["conversation"]
    assert (told["reply"]["text"], told["reply"]["number"]) == ("We are open from 9 to 18.", 4)
    ran = run("support", "ask", "shop", "return?", "--conversation", begun["conversation"])
    assert ran.code == 0, ran.err
    for wanted in {
        "en": ("You can return it within 14 days.", "shop@1", "conversation"),
        "zh": ("You can return it within 14 days.", "shop@1", "会话"),
    }[language]:
        assert wanted in ran.out
    assert run("support", "ask", "shop", "转人工", "--conversation", begun["conversation"]).code == 0
    ran = run("support", "ask", "shop", "hello?", "--conversation", begun["conversation"])
    assert {"en": "the bot keeps quiet", "zh": "机器人不再回复"}[language] in ran.out
    assert run("--json", "support", "ask", "shop", "hi", "--conversation", begun["conversation"]).json["reply"] is None


def test_ask_names_a_conversation_that_is_not_there(run: Run, typed: Any) -> None:
    typed("")
    ran = run("support", "ask", "shop", "return?", "--conversation", "X1")
    assert ran.code == 2
    assert "X1" in ran.err


def test_replay_wants_a_file_or_days(run: Run, language: Language) -> None:
    for more in ((), ("log.csv", "--days", "3")):
        ran = run("support", "replay", "shop@1", *more)
        assert ran.code == 2
        assert "--days N" in ran.err
