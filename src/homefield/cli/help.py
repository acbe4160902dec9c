"""A help page: usage, what it is for, arguments, options, examples; Chinese and English, any width."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from homefield.cli.width import columns, pad, wrap
from homefield.messages import catalogue

if TYPE_CHECKING:
    from homefield.cli.face import Face

__all__ = ["HelpPage", "help_page"]

WIDEST = 100  # longer lines are hard to read


@dataclass
class HelpPage:
    """What a page says; sentences are keys under `cli.`."""

    key: str
    usage: str
    arguments: Sequence[tuple[str, str]]
    options: Sequence[tuple[str, str, bool]]
    everywhere: Sequence[tuple[str, str, bool]]
    sections: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)


def help_page(page: HelpPage, face: Face) -> str:
    """The page as text for the width of this terminal."""
    width = min(shutil.get_terminal_size().columns, WIDEST)
    say = face.say
    lines = _usage(page, face, width)
    for paragraph in say(f"help.{page.key}.long").split("\n\n"):
        lines += ["", *wrap(paragraph, width)]
    tables: list[tuple[str, list[tuple[str, str]]]] = []
    for section, verbs in page.sections.items():
        tables.append((say(f"help.section_{section}"), [(name, say(key)) for name, key in verbs]))
    if page.arguments:
        tables.append((say("help.arguments"), [(name, say(key)) for name, key in page.arguments]))
    if page.options:
        tables.append((say("help.options"), [_option(each, face) for each in page.options]))
    tables.append((say("help.everywhere"), [_option(each, face) for each in page.everywhere]))
    for heading, rows in tables:
        lines += ["", _bold(heading), *_two_columns(rows, width)]
    examples = catalogue(face.language, "cli").get(f"cli.help.{page.key}.examples", "")
    if examples:
        lines += ["", _bold(say("help.examples")), *(f"  {line}".rstrip() for line in examples.strip().split("\n"))]
    return "\n".join(lines)


def _usage(page: HelpPage, face: Face, width: int) -> list[str]:
    """The usage line cut between its words, options kept together with their values."""
    start = face.say("help.usage")
    pieces: list[str] = []
    for word in page.usage.split():
        if pieces and pieces[-1].count("[") > pieces[-1].count("]"):
            pieces[-1] += f" {word}"
        else:
            pieces.append(word)
    lines, line = [], start
    for piece in pieces:
        if columns(line) + columns(piece) > width:
            lines.append(line.rstrip())
            line = " " * columns(start)
        line += f"{piece} "
    lines.append(line.rstrip())
    return [_bold(lines[0][: len(start)]) + lines[0][len(start) :], *lines[1:]]


def _option(each: tuple[str, str, bool], face: Face) -> tuple[str, str]:
    name, key, required = each
    return name, face.say(key) + (face.say("help.required") if required else "")


def _two_columns(rows: Sequence[tuple[str, str]], width: int) -> list[str]:
    left = min(max(columns(name) for name, _ in rows), 30) + 2
    lines = []
    for name, sentence in rows:
        wrapped = wrap(sentence, max(width - left - 2, 20))
        if columns(name) + 2 > left:
            lines.append(f"  {name}")
        else:
            lines.append(f"  {pad(name, left)}{wrapped.pop(0) if wrapped else ''}".rstrip())
        lines += [" " * (left + 2) + line for line in wrapped]
    return lines


def _bold(text: str) -> str:
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb":
        return f"\x1b[1m{text}\x1b[0m"
    return text
