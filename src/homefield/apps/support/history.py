"""The last turns of a dialogue as one text for the encoder: the current question first, then earlier turns.

The question stands first because a text that is too long is cut at its end. A turn too long for what is left is left
out with everything before it, so that a shorter budget always gives a beginning of the longer one's text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from homefield.apps.support.dialogues import Turn

__all__ = ["AGENT", "CUSTOMER", "history_text", "is_topic_change", "question_in"]

CUSTOMER, AGENT = " <c> ", " <a> "
_CHANGE = re.compile(
    r"^\W*(?:(?:one )?(?:another|other|different|new) (?:question|thing|matter|topic)|by the way|btw"
    r"|something else|also,|separately"
    r"|(?:另外|还有(?:一个|个)?(?:问题|事)|换个(?:问题|话题)|再问(?:一下|个)|顺便(?:问|说)|对了|别的问题))",
    re.IGNORECASE,
)
_CORRECTION = re.compile(
    r"^\W*(?:no,? |sorry,? )?(?:not (?:that|the)\b|i (?:mean|meant|was asking)\b|wrong\b|不对|错了|搞错|弄错"
    r"|我(?:说|问|指)的(?:不)?是|我是(?:说|问|指))",
    re.IGNORECASE,
)
_EARLIER = re.compile(f"{re.escape(CUSTOMER)}|{re.escape(AGENT)}")


def history_text(turns: Sequence[Turn], *, depth: int = 4, characters: int = 600) -> str:
    """`turns` up to the current question, which is the last of them, as one text of at most `characters`.

    depth: how many earlier turns may follow the question; none follow where it announces another topic, and none that
    was said before a customer announced one or said that something else was meant.
    """
    if not turns:
        return ""
    text = _plain(turns[-1].text)[:characters]
    if is_topic_change(turns[-1].text):
        return text
    for turn in reversed(turns[max(0, len(turns) - 1 - depth) : -1]):
        piece = (CUSTOMER if turn.role == "customer" else AGENT) + _plain(turn.text)
        if len(text) + len(piece) > characters:
            break
        text += piece
        if turn.role == "customer" and (is_topic_change(turn.text) or _CORRECTION.search(turn.text)):
            break
    return text


def question_in(text: str) -> str:
    """The question of a text that `history_text` made."""
    return _EARLIER.split(text, 1)[0]


def is_topic_change(text: str) -> bool:
    """Whether a message announces that it is about something else."""
    return _CHANGE.search(text) is not None


def _plain(text: str) -> str:
    """A turn's own text can never look like a marker."""
    return re.sub(r"<(?=[ca]>)", "‹", text).strip()
