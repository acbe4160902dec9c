"""What customers wrote in the last days, as the store keeps it, to be asked again of other releases.

The right answer is known where somebody corrected the reply, or where a human replied next: in an approved answer's
own words, values left out. Messages that a human had in hand when they came are not the bot's and are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

from homefield.apps.support.replies import Asked, Turn
from homefield.apps.support.slots import slotted
from homefield.apps.support.understanding.replay import Logged
from homefield.data.clean import clean_text
from homefield.errors import CallError
from homefield.store import Store, conversations, now
from homefield.store.conversations import ConversationRow, MessageRow
from homefield.store.learned import learned_of

__all__ = ["past_messages"]

_EVER = 36_500  # days
_PAGE = 200  # conversations read at once
_TURNS = 500  # messages of one conversation that are looked at: the last ones


def past_messages(store: Store, name: str, *, days: int, history: int = 10) -> list[Logged]:
    """The messages of customers to the application `name`, those of one conversation together, with at most so many
    turns before each. days: 0 takes all that are kept.

    Raises:
        CallError: `support.nothing_said`: there are none, or their texts were not kept.
    """
    since = now() - timedelta(days=min(days or _EVER, _EVER))
    with store.read() as transaction:
        corrected = {each.message: each.answer for each in learned_of(transaction, name) if each.message}
    found: list[Logged] = []
    for row, said in _conversations(store, name, since):
        for place, message in enumerate(said):
            if message.speaker == "customer" and message.heard_by is None and message.text and message.at >= since:
                right = corrected.get(message.id) or _answered_by_human(said[place + 1 :]) or None
                before = [each for each in said[:place] if each.number > _opened(row, message)]
                found.append(Logged(_asked(row, message, before[-history:] if history else []), right, len(found) + 1))
    if not found:
        raise CallError("support.nothing_said", name=name, days=days)
    return found


def _conversations(store: Store, name: str, since: datetime) -> Iterator[tuple[ConversationRow, list[MessageRow]]]:
    """Those in which something was said, the oldest first."""
    after = ""
    while True:
        with store.read() as transaction:
            page = conversations.touched_since(transaction, name, since, after=after, most=_PAGE)
            pairs = [
                (row, conversations.messages_of(transaction, row.id, after=max(0, row.turns - _TURNS), most=_TURNS))
                for row in page
            ]
        yield from pairs
        if len(page) < _PAGE:
            return
        after = page[-1].id


def _opened(row: ConversationRow, message: MessageRow) -> int:
    """The message behind which the conversation was opened, as far as it is known: the last opening alone is."""
    return row.opened if message.number > row.opened else 0


def _asked(row: ConversationRow, message: MessageRow, before: list[MessageRow]) -> Asked:
    turns = tuple(Turn(_speaker(each), each.text) for each in before)
    variables: Mapping[str, str] = MappingProxyType(dict(row.variables))
    return Asked(message.asked, turns, variables, row.language, row.audience)


def _answered_by_human(rest: list[MessageRow]) -> str:
    """What a human replied before the customer wrote again, as an answer would have it; "" where none did."""
    for message in rest:
        if message.speaker == "customer":
            return ""
        if message.speaker == "human":
            return slotted(clean_text(message.text))
    return ""


def _speaker(message: MessageRow) -> Literal["customer", "bot", "human"]:
    return "customer" if message.speaker == "customer" else "bot" if message.speaker == "bot" else "human"
