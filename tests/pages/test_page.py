"""A page is one whole file: both languages, nothing from outside, nothing that runs, nothing unescaped."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.messages import Language
from homefield.pages import (
    Axis,
    Bar,
    Both,
    Card,
    Column,
    Mark,
    Series,
    bars,
    cards,
    columns,
    disclosure,
    figure,
    figures,
    heatmap,
    line,
    meter,
    notice,
    page,
    paragraph,
    section,
    table,
)

HOSTILE = "<script>alert('x')</script> & \"quoted\" {{ 7 * 7 }} 中文"
VOID = {"meta", "input", "br", "wbr", "link", "img", "hr"}


class Tree(HTMLParser):
    """Checks that every element that opens is closed, and keeps what it saw."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def whole(language: Language = "en", words: str = "Words") -> str:
    both = Both(words, f"{words}（中）")
    chart = line(
        [Series(both, [0, 1, 2], [1, 2, 3], dots=True, low=[0, 1, 2], high=[2, 3, 4]), Series("b", [0, 2], [3, 1])],
        x=Axis(both),
        y=Axis(words),
        marks=[Mark(words, x=1), Mark(both, y=2), Mark(both, 1, 2)],
        diagonal="muted",
    )
    parts = [
        cards([Card(both, words, both, "good"), Card(words, both)]),
        section(both, notice(both, "warn"), paragraph(words), figures(figure(chart, both, both)), anchor="one"),
        section(words, columns(table([both, Column(words, "number")], [[words, both]], caption=both)), anchor="two"),
        section(
            words,
            bars([Bar(both, 3, words, both), Bar(words, 0, "0")]),
            disclosure(both, meter(0.5)),
            heatmap([[3, 1], [0, 2]], [words, "b"], [words, "b"], name=both),
            table([Column(words, "wide")], [[words]]),
            anchor="three",
            lead=both,
        ),
    ]
    return page(both, parts, language=language, lead=both, kicker=words, footer=both)


def test_every_element_is_closed() -> None:
    assert Tree(whole()).open == []


def test_nothing_is_loaded_from_anywhere_and_nothing_runs() -> None:
    document = whole()
    tree = Tree(document)
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in tree.seen}
    for _, attributes in tree.seen:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith("#")
    assert "http://" not in document
    assert "https://" not in document
    assert "url(" not in document
    assert "@import" not in document


def test_text_from_records_stays_text() -> None:
    tree = Tree(whole(words=HOSTILE))
    assert tree.open == []
    assert "script" not in {tag for tag, _ in tree.seen}
    assert any("{{ 7 * 7 }}" in words for words in tree.words)


@given(st.text(max_size=40))
def test_any_text_gives_a_sound_page(words: str) -> None:
    assert Tree(whole(words=words)).open == []


def test_both_languages_are_there_and_the_chosen_one_is_switched_on(language: Language) -> None:
    document = whole(language)
    assert "Words（中）" in document
    assert document.count('class="l" lang="en"') == document.count('class="l" lang="zh"')
    switched = re.findall(r'id="in-(zh|en)"[^>]* checked', document)
    assert switched == [language]
    assert f'<html lang="{"zh-CN" if language == "zh" else "en"}">' in document


def test_the_switch_can_be_reached_by_keyboard_and_says_what_it_is() -> None:
    switches = [attributes for tag, attributes in Tree(whole()).seen if tag == "input"]
    assert [one["type"] for one in switches] == ["radio", "radio"]
    assert {one["aria-label"] for one in switches} == {"中文", "English"}
    labels = {attributes["for"] for tag, attributes in Tree(whole()).seen if tag == "label"}
    assert labels == {one["id"] for one in switches}


def test_navigation_leads_to_every_section() -> None:
    tree = Tree(whole())
    wanted = [attributes["id"] for tag, attributes in tree.seen if tag == "section"]
    linked = [(attributes["href"] or "").removeprefix("#") for tag, attributes in tree.seen if tag == "a"]
    assert linked == wanted == ["one", "two", "three"]


def test_what_scrolls_can_be_focused_and_has_a_name() -> None:
    scrolling = [a for tag, a in Tree(whole()).seen if tag == "div" and a.get("tabindex") == "0"]
    assert len(scrolling) == 3
    assert all(one.get("aria-label") for one in scrolling)


def test_a_chart_is_named_by_its_title() -> None:
    tree = Tree(whole())
    titles = {attributes.get("id") for tag, attributes in tree.seen if tag == "figcaption"}
    charts = [attributes for tag, attributes in tree.seen if tag == "svg" and attributes.get("role") == "img"]
    assert charts
    assert all(one.get("aria-labelledby") in titles for one in charts)


def test_ids_are_unique() -> None:
    ids = [attributes["id"] for _, attributes in Tree(whole()).seen if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_a_long_name_may_be_broken_after_an_underscore() -> None:
    assert "card_<wbr>not_<wbr>working" in table(["a"], [["card_not_working"]])


def test_a_row_of_the_wrong_length_is_a_defect() -> None:
    with pytest.raises(ValueError, match="another number of cells"):
        table(["a", "b"], [["1"]])
