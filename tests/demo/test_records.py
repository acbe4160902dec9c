"""The sample records: natural, balanced, and faulty in the ways the demo is meant to show."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import Literal

import pytest

from homefield import demo

ENCODING = {"en": "utf-8", "zh": "gb18030"}
OTHER_ENCODING = {"en": "cp1252", "zh": "utf-8"}
Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")


def rows(language: Language) -> list[dict[str, str]]:
    content = demo.records(language).read_bytes().decode(ENCODING[language], "replace")
    return list(csv.DictReader(io.StringIO(content, newline="")))


@pytest.mark.parametrize("language", LANGUAGES)
def test_thirty_intents_with_about_twenty_questions_each(language: Language) -> None:
    counts = Counter(row["intent"] for row in rows(language))
    assert len(counts) == 30
    assert all(18 <= count <= 26 for count in counts.values())


def test_both_languages_have_the_same_intents() -> None:
    assert {row["intent"] for row in rows("en")} == {row["intent"] for row in rows("zh")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_exactly_one_line_is_in_another_encoding(language: Language) -> None:
    def decodes(line: bytes, encoding: str) -> bool:
        try:
            line.decode(encoding)
        except UnicodeDecodeError:
            return False
        return True

    lines = demo.records(language).read_bytes().split(b"\n")
    odd = [line for line in lines if not decodes(line, ENCODING[language])]
    assert len(odd) == 1
    assert decodes(odd[0], OTHER_ENCODING[language])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_faults_of_real_files_are_in(language: Language) -> None:
    found = rows(language)
    texts = [row["question"] for row in found]
    assert texts.count("") == 1
    assert sum(count > 1 for count in Counter(texts).values()) >= 6
    pairs = {(row["question"], row["intent"]) for row in found}
    conflicts = [text for text, count in Counter(text for text, _ in pairs).items() if count > 1]
    assert len(conflicts) == 1
    everything = "\n".join(texts)
    for fault in ("<p>", "&nbsp;", "11010519491231002X", "@example.com", "７７４１"):
        assert fault in everything


@pytest.mark.parametrize("language", LANGUAGES)
def test_dates_cover_half_a_year_so_that_a_split_by_time_makes_sense(language: Language) -> None:
    days = [row["date"] for row in rows(language)]
    assert days == sorted(days)
    assert days[0] < "2025-03-08"
    assert days[-1] > "2025-08-20"


@pytest.mark.parametrize("language", LANGUAGES)
def test_questions_to_ask_are_new_and_one_of_them_fits_no_intent(language: Language) -> None:
    found = rows(language)
    asked = demo.questions(language)
    assert {question["text"] for question in asked}.isdisjoint(row["question"] for row in found)
    expected = [question["intent"] for question in asked]
    assert expected.count(None) == 1
    assert {intent for intent in expected if intent} <= {row["intent"] for row in found}
