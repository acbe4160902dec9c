"""A whole page in one file: nothing is loaded from anywhere, and the language switch works without a script.

Both languages stand in the document; two radio buttons before the content decide, by CSS alone, which is shown. Every
value goes through Jinja's escaping, so a text from the records can never become markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import count as counter
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from homefield.messages import Language, default_language
from homefield.pages.words import Text, say

__all__ = [
    "Card",
    "Column",
    "Section",
    "cards",
    "columns",
    "disclosure",
    "notice",
    "page",
    "paragraph",
    "section",
    "table",
]

Tone = Literal["plain", "good", "warn", "bad"]


@dataclass(frozen=True)
class Section:
    """A titled part of a page; the page lists its sections in the navigation."""

    title: Text
    body: Markup
    anchor: str
    lead: Text | None = None

    def __html__(self) -> Markup:
        return _render("section.html", section=self)


@dataclass(frozen=True)
class Card:
    """One headline figure: what it is, the figure, and a line that puts it in its place."""

    title: Text
    value: Text
    note: Text | None = None
    tone: Tone = "plain"


@dataclass(frozen=True)
class Column:
    """A table's column. `number` lines figures up at the right; `wide` is running text that may wrap."""

    title: Text
    kind: Literal["text", "number", "wide"] = "text"


def page(
    title: Text,
    body: Sequence[Section | Markup] | Markup,
    *,
    language: Language | None = None,
    lead: Text | None = None,
    kicker: Text | None = None,
    footer: Text | None = None,
) -> str:
    """A whole HTML document that shows `language` first and the other at a click.

    Args:
        title: the heading.
        body: the parts in order; each `Section` also gets an entry in the navigation.
        language: which one is shown first; the process's language when not given.
        lead: one paragraph under the heading that says the most important thing.
        kicker: a few words above the heading, what kind of page it is.
        footer: the closing line.
    """
    language = language or default_language()
    parts = [body] if isinstance(body, Markup) else list(body)
    sections = [part for part in parts if isinstance(part, Section)]
    head = title if isinstance(title, str) else title.in_language(language)
    return str(
        _render(
            "page.html", title=title, head=head, parts=parts, sections=sections, language=language, lead=lead,
            kicker=kicker, footer=footer, style=_style(),
        )
    )  # fmt: skip


def section(title: Text, *parts: Markup | Text, anchor: str, lead: Text | None = None) -> Section:
    """A titled part of a page; `anchor` is its id in the address bar and must be unique on the page."""
    return Section(title, join(parts), anchor, lead)


def cards(items: Sequence[Card]) -> Markup:
    """Headline figures side by side."""
    return _render("cards.html", cards=items)


def table(
    columns: Sequence[Column | Text],
    rows: Sequence[Sequence[Text | Markup]],
    *,
    caption: Text | None = None,
    note: Text | None = None,
) -> Markup:
    """A table. On a narrow screen it scrolls sideways within itself; with running text its rows become cards instead.

    Raises:
        ValueError: a row has another number of cells than there are columns, a defect of the program.
    """
    heads = [column if isinstance(column, Column) else Column(column) for column in columns]
    if any(len(row) != len(heads) for row in rows):
        raise ValueError("a row has another number of cells than the table has columns")
    stacked = any(head.kind == "wide" for head in heads)
    return _render(
        "table.html",
        heads=heads,
        rows=rows,
        caption=caption,
        note=note,
        name=say("pages.table"),
        stacked=stacked,
        named=_named,
    )


def notice(content: Text, tone: Tone = "plain") -> Markup:
    """A sentence that must not be overlooked."""
    return Markup('<p class="notice {}">{}</p>').format(tone, content)


def paragraph(content: Text) -> Markup:
    """Running text."""
    return Markup("<p>{}</p>").format(content)


def disclosure(title: Text, *parts: Markup | Text) -> Markup:
    """Detail that opens at a click (and always in print)."""
    return Markup("<details><summary>{}</summary>{}</details>").format(title, join(parts))


def columns(*parts: Markup) -> Markup:
    """Parts side by side where there is room, one under another where there is not."""
    return Markup('<div class="columns">{}</div>').format(join(parts))


def join(parts: Sequence[Markup | Text]) -> Markup:
    """Parts one after another, escaped where they are not markup already."""
    return Markup("\n").join(parts)


def unique(prefix: str, _counter: counter[int] = counter()) -> str:  # noqa: B008 - one sequence for the process is meant
    """An element id that no other call gets."""
    return f"{prefix}-{next(_counter)}"


def _named(title: Text) -> Markup:
    """A column's title as attributes of its cells, for where the heading is not beside them."""
    en, zh = (title, title) if isinstance(title, str) else (title.en, title.zh)
    return Markup('data-en="{}" data-zh="{}"').format(en, zh)


def breakable(cell: Text | Markup) -> Text | Markup:
    """A cell whose names_joined_with_underscores may be broken after one."""
    if isinstance(cell, Markup) or not isinstance(cell, str) or "_" not in cell:
        return cell
    return Markup("_<wbr>").join(cell.split("_"))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("homefield.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = breakable
    return environment


@cache
def _style() -> Markup:
    return Markup(resources.files("homefield.pages").joinpath("templates", "style.css").read_text(encoding="utf-8"))


def _render(template: str, **values: object) -> Markup:
    return Markup(_environment().get_template(template).render(say=say, **values))
