"""Text measured in terminal columns: a Chinese character takes two, and a line may end after any of them.

`textwrap` counts characters and looks for spaces, so it would print Chinese help twice as wide as the terminal.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["columns", "pad", "wrap"]

_NEVER_FIRST = set("，。；：、！？）】》”’」』…,.;:!?)]")
_NEVER_LAST = set("（【《“‘「『([")
_PIECES = re.compile(r"\s+|[^\s⺀-鿿　-〿＀-￯]+|.")


def columns(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def pad(text: str, width: int) -> str:
    """`text` followed by spaces up to `width` columns."""
    return text + " " * max(0, width - columns(text))


def wrap(text: str, width: int) -> list[str]:
    """`text` as lines of at most `width` columns (a longer word stands on a line of its own).

    Lines break at spaces and beside Chinese characters, never before a closing mark nor after an opening one.
    """
    lines: list[str] = []
    line = ""
    for piece in _joined(_PIECES.findall(" ".join(text.split()))):
        if line and columns(line) + columns(piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    if line.strip():
        lines.append(line.rstrip())
    return lines


def _joined(pieces: list[str]) -> list[str]:
    """Pieces with closing marks joined to what stands before them and opening marks to what follows."""
    joined: list[str] = []
    for piece in pieces:
        if joined and (piece[0] in _NEVER_FIRST or joined[-1][-1] in _NEVER_LAST):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined
