"""Conversations with customers and what was said in them; whoever changes one holds its row until the transaction ends.

`hold` makes others that hold the same conversation wait, on both databases, so that what is read in between is what is
written upon. Two rules stand in the tables themselves: a delivery is one message, a message is replied to once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, insert, select, update

from homefield.store import events
from homefield.store.columns import now
from homefield.store.database import Transaction
from homefield.store.ids import is_id, new_id
from homefield.store.tables import conversations, messages
from homefield.store.upsert import insert_or

__all__ = [
    "TOPIC",
    "ConversationRow",
    "MessageRow",
    "add_message",
    "begin",
    "by_peer",
    "change",
    "claim_sending",
    "delivered",
    "forget_texts",
    "forget_texts_before",
    "hold",
    "listed",
    "message",
    "messages_before",
    "messages_of",
    "one",
    "quiet_since",
    "reply_to",
    "settle_quietly",
    "tell",
    "touched_since",
    "unclaim_sending",
]

TOPIC = "conversation"
"""Of the events that tell of a new state, or that a human spoke."""


@dataclass(frozen=True)
class ConversationRow:
    """One conversation. state: `bot`, `waiting`, `human` or `closed`. turns: messages so far; opened: before it was
    last opened."""

    id: str
    application: str
    channel: str
    peer: str
    state: str
    made_at: datetime
    touched_at: datetime
    customer: str | None = None
    failures: int = 0
    language: str = ""
    audience: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    expects: Mapping[str, Any] | None = None
    handoff: Mapping[str, Any] | None = None
    turns: int = 0
    opened: int = 0
    human_at: datetime | None = None


@dataclass(frozen=True)
class MessageRow:
    """One message. speaker: `customer`, `bot` or `human`. number: its place in the conversation, from 1."""

    id: str
    conversation_id: str
    number: int
    speaker: str
    text: str
    at: datetime
    delivery: str | None = None
    replies_to: str | None = None
    heard_by: str | None = None
    facts: Mapping[str, Any] | None = None
    author: str | None = None
    sent_at: datetime | None = None

    @property
    def asked(self) -> str:
        """The question that the message belongs to: its own text, or an earlier one where it gives a value that was
        asked for, or chooses an option."""
        return str((self.facts or {}).get("asked", self.text))


def begin(
    transaction: Transaction, application: str, channel: str, peer: str | None, *, customer: str | None = None
) -> ConversationRow:
    """The conversation that a channel calls `peer`, made when it is new (None: always new), and held."""
    fresh, moment = new_id(), now()
    made = ConversationRow(fresh, application, channel, peer or fresh, "bot", moment, moment, customer)
    place = [conversations.c.application, conversations.c.channel, conversations.c.peer]
    transaction.execute(
        insert_or(transaction, conversations).values(vars(made)).on_conflict_do_nothing(index_elements=place)
    )
    chosen = _called(application, channel, made.peer).with_for_update()
    return ConversationRow(**transaction.execute(chosen).one()._mapping)


def by_peer(transaction: Transaction, application: str, channel: str, peer: str) -> ConversationRow | None:
    """The conversation that a channel calls `peer`, to look at."""
    row = transaction.execute(_called(application, channel, peer)).first()
    return None if row is None else ConversationRow(**row._mapping)


def hold(transaction: Transaction, application: str, conversation_id: str) -> ConversationRow | None:
    """The conversation, which nobody else holds or changes until this transaction ends."""
    return _one(transaction, conversation_id, _named(application, conversation_id).with_for_update())


def one(transaction: Transaction, application: str, conversation_id: str) -> ConversationRow | None:
    """The conversation, to look at."""
    return _one(transaction, conversation_id, _named(application, conversation_id))


def change(transaction: Transaction, held: ConversationRow, **values: Any) -> ConversationRow:
    """Write new values of a conversation that is held; a new state is told as an event, hence last in a transaction."""
    transaction.execute(update(conversations).where(conversations.c.id == held.id).values(values))
    changed = replace(held, **values)
    if changed.state != held.state:
        tell(transaction, changed)
    return changed


def tell(transaction: Transaction, row: ConversationRow) -> None:
    """Append the event that something happened in a conversation."""
    data = {"application": row.application, "conversation": row.id, "state": row.state, "turns": row.turns}
    events.append(transaction, TOPIC, data)


def add_message(
    transaction: Transaction, held: ConversationRow, speaker: str, text: str, **values: Any
) -> tuple[ConversationRow, MessageRow]:
    """Add a message to a conversation that is held; the conversation's new count of turns is not written yet."""
    moment = now()
    made = MessageRow(new_id(), held.id, held.turns + 1, speaker, text, moment, **values)
    transaction.execute(insert(messages).values(vars(made)))
    touched = {"turns": made.number, "touched_at": moment}
    transaction.execute(update(conversations).where(conversations.c.id == held.id).values(touched))
    return replace(held, turns=made.number, touched_at=moment), made


def message(transaction: Transaction, message_id: str) -> MessageRow | None:
    """The message with this id."""
    return _first(transaction, messages.c.id == message_id)


def delivered(transaction: Transaction, conversation_id: str, delivery: str) -> MessageRow | None:
    """The customer's message that came by this delivery before."""
    return _first(transaction, (messages.c.conversation_id == conversation_id) & (messages.c.delivery == delivery))


def reply_to(transaction: Transaction, message_id: str) -> MessageRow | None:
    """What was replied to a message."""
    return _first(transaction, messages.c.replies_to == message_id)


def settle_quietly(transaction: Transaction, message_id: str, state: str) -> None:
    """Note that nothing will be replied to a message, because the conversation was a human's."""
    transaction.execute(update(messages).where(messages.c.id == message_id).values(heard_by=state))


def claim_sending(transaction: Transaction, message_id: str) -> bool:
    """Note that a message is sent now; False when somebody has done so."""
    found = update(messages).where(messages.c.id == message_id, messages.c.sent_at.is_(None)).values(sent_at=now())
    return transaction.execute(found).rowcount == 1


def unclaim_sending(transaction: Transaction, message_id: str) -> None:
    """Note that sending it came to nothing."""
    transaction.execute(update(messages).where(messages.c.id == message_id).values(sent_at=None))


def messages_before(transaction: Transaction, row: ConversationRow, number: int, most: int) -> list[MessageRow]:
    """At most so many messages before the one with that number, since it was last opened, oldest first."""
    chosen = (
        select(messages)
        .where(messages.c.conversation_id == row.id, messages.c.number < number, messages.c.number > row.opened)
        .order_by(messages.c.number.desc())
        .limit(most)
    )
    return [MessageRow(**row._mapping) for row in transaction.execute(chosen)][::-1]


def messages_of(transaction: Transaction, conversation_id: str, *, after: int = 0, most: int = 500) -> list[MessageRow]:
    """The messages behind a number, oldest first."""
    chosen = (
        select(messages)
        .where(messages.c.conversation_id == conversation_id, messages.c.number > after)
        .order_by(messages.c.number)
        .limit(most)
    )
    return [MessageRow(**row._mapping) for row in transaction.execute(chosen)]


def listed(
    transaction: Transaction,
    application: str,
    *,
    states: Sequence[str] = (),
    before: str | None = None,
    most: int = 50,
) -> list[ConversationRow]:
    """Conversations of an application, the newest first. before: those older than this one, to turn pages."""
    chosen = select(conversations).where(conversations.c.application == application)
    if states:
        chosen = chosen.where(conversations.c.state.in_(states))
    if before is not None:
        chosen = chosen.where(conversations.c.id < before)
    chosen = chosen.order_by(conversations.c.id.desc()).limit(most)
    return [ConversationRow(**row._mapping) for row in transaction.execute(chosen)]


def touched_since(
    transaction: Transaction, application: str, moment: datetime, *, after: str, most: int
) -> list[ConversationRow]:
    """Conversations in which something was said since `moment`, in the order of their ids, those behind `after`."""
    chosen = (
        select(conversations)
        .where(
            conversations.c.application == application,
            conversations.c.touched_at >= moment,
            conversations.c.id > after,
        )
        .order_by(conversations.c.id)
        .limit(most)
    )
    return [ConversationRow(**row._mapping) for row in transaction.execute(chosen)]


def quiet_since(transaction: Transaction, application: str, moment: datetime, *, most: int) -> list[ConversationRow]:
    """Open conversations in which nothing was said since `moment`, held; those that others hold are left out."""
    chosen = (
        select(conversations)
        .where(
            conversations.c.application == application,
            conversations.c.state != "closed",
            conversations.c.touched_at < moment,
        )
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return [ConversationRow(**row._mapping) for row in transaction.execute(chosen)]


def forget_texts(transaction: Transaction, conversation_id: str) -> None:
    """Empty what was said in a conversation; that and when somebody spoke stays."""
    transaction.execute(
        update(messages).where(messages.c.conversation_id == conversation_id).values(text="", facts=None)
    )


def forget_texts_before(transaction: Transaction, conversation_id: str, number: int) -> None:
    """Empty what was said before the message with that number; why the bot said something stays for now."""
    earlier = (messages.c.conversation_id == conversation_id) & (messages.c.number < number) & (messages.c.text != "")
    transaction.execute(update(messages).where(earlier, messages.c.speaker == "bot").values(text=""))
    transaction.execute(update(messages).where(earlier, messages.c.speaker != "bot").values(text="", facts=None))


def _named(application: str, conversation_id: str) -> Select[Any]:
    return select(conversations).where(
        conversations.c.application == application, conversations.c.id == conversation_id
    )


def _one(transaction: Transaction, conversation_id: str, chosen: Select[Any]) -> ConversationRow | None:
    """What is chosen by an id that strangers may have written."""
    row = transaction.execute(chosen).first() if is_id(conversation_id) else None
    return None if row is None else ConversationRow(**row._mapping)


def _called(application: str, channel: str, peer: str) -> Select[Any]:
    return select(conversations).where(
        conversations.c.application == application, conversations.c.channel == channel, conversations.c.peer == peer
    )


def _first(transaction: Transaction, condition: Any) -> MessageRow | None:
    row = transaction.execute(select(messages).where(condition)).first()
    return None if row is None else MessageRow(**row._mapping)
