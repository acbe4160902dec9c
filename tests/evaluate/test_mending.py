"""Advice names what is wrong, most rows first, and keeps silent when nothing is."""

from __future__ import annotations

from typing import Any

import pytest

from homefield.evaluate.mending import ClassRow, Mend, mending
from homefield.evaluate.mistakes import Confused, Mistake
from homefield.evaluate.significance import Difference
from homefield.evaluate.slices import Slice
from homefield.messages import LANGUAGES, text

FINE: dict[str, Any] = {
    "rows": 1000,
    "numbers": {"ece": 0.01},
    "interval": (0.92, 0.94),
    "difference": Difference(0.02, 0.01, 0.03, 0.001, "mcnemar"),
    "pairs": [],
    "worst": [],
    "classes": [ClassRow(name, 100, 20, 20, 0.9, 0.9, 0.9) for name in "abcd"],
    "parts": [],
}


def advice(**changes: Any) -> list[Mend]:
    return mending(**{**FINE, **changes})


def test_a_good_model_gets_no_advice() -> None:
    assert advice() == []


@pytest.mark.parametrize(
    ("changes", "key", "word"),
    [
        ({"difference": Difference(0.0, -0.01, 0.01, 0.9, "mcnemar")}, "report.mend_baseline", ""),
        ({"pairs": [Confused("a", "b", 5, 4, 40)]}, "report.mend_pair", "a"),
        ({"pairs": [Confused("a", "b", 8, 0, 40)]}, "report.mend_pair_one_way", "b"),
        (
            {"classes": [*FINE["classes"], ClassRow("tiny", 6, 5, 2, 0.5, 0.2, 0.3)]},
            "report.mend_examples",
            "tiny",
        ),
        ({"worst": [Mistake("t", "a", "b", 0.99, "", True, ())] * 3}, "report.mend_labels", "3"),
        ({"parts": [Slice("language", "zh", 300, 0.7, 0.65, 0.75)]}, "report.mend_language", "zh"),
        ({"parts": [Slice("length", "80–300", 300, 0.7, 0.65, 0.75)]}, "report.mend_length", "80–300"),
        ({"numbers": {"ece": 0.09}}, "report.mend_calibration", "9.0"),
        ({"numbers": {"ece": 0.01, "unknown_labels": 12}}, "report.mend_unknown_labels", "12"),
        ({"interval": (0.85, 0.95)}, "report.mend_rows", "10.0"),
    ],
)
def test_each_fault_is_named(changes: dict[str, Any], key: str, word: str) -> None:
    found = advice(**changes)
    assert [one.key for one in found] == [key]
    for language in LANGUAGES:
        assert word in text(found[0].key, language, **found[0].values)


def test_a_few_chance_confusions_and_small_parts_are_no_fault() -> None:
    assert advice(pairs=[Confused("a", "b", 2, 0, 40), Confused("a", "c", 3, 0, 400)]) == []
    assert advice(parts=[Slice("language", "zh", 30, 0.90, 0.80, 0.97)]) == []


def test_the_baseline_comes_first_and_the_rest_by_rows_at_stake() -> None:
    found = advice(
        difference=Difference(-0.02, -0.03, -0.01, 0.001, "mcnemar"),
        pairs=[Confused("a", "b", 5, 4, 40)],
        parts=[Slice("length", "80–300", 300, 0.7, 0.65, 0.75)],
    )
    assert [one.key for one in found] == ["report.mend_baseline", "report.mend_length", "report.mend_pair"]
