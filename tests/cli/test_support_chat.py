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
