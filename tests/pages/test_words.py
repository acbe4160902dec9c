"""Figures are written one way, and sentences in both languages at once."""

from __future__ import annotations

import math

import pytest

from homefield.pages import Both, count, figure_of, percent, say, seconds


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (count(10_003), "10,003"),
        (count(math.nan), "–"),
        (percent(0.934), "93.4%"),
        (percent(0.02, 0), "2%"),
        (percent(None), "–"),
        (figure_of(1234.5678, 2), "1,234.57"),
        (figure_of(-0.0001), "0.000"),
        (figure_of(math.inf), "–"),
    ],
)
def test_figures(written: str, expected: str) -> None:
    assert written == expected


@pytest.mark.parametrize(
    ("value", "en", "zh"),
    [
        (0.0123, "12.3 ms", "12.3 毫秒"),
        (12.3, "12.3 s", "12.3 秒"),
        (600, "10.0 min", "10.0 分钟"),
        (9000, "2.5 h", "2.5 小时"),
    ],
)
def test_durations_are_said_as_a_person_says_them(value: float, en: str, zh: str) -> None:
    assert seconds(value) == Both(en, zh)


def test_a_sentence_fills_in_a_value_of_its_own_language() -> None:
    both = say("pages.time.seconds", value=Both("one", "一"))
    assert both == Both("one s", "一 秒")
    assert both.in_language("zh") == "一 秒"
