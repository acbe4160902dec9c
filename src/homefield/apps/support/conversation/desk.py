"""Where messages come in and replies go out: what is heard, thought and said, so that exactly one party speaks.

A message is heard in one transaction, thought about outside of any, and replied to in another, which looks again who
has the conversation: where a human has taken it meanwhile, the bot keeps quiet. What was heard and not replied to,
because a worker was killed, is replied to when it is delivered again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Literal

from homefield.apps.support.conversation.alone import LONGEST
from homefield.apps.support.conversation.options import SupportOptions
from homefield.apps.support.conversation.states import Standing, State
from homefield.apps.support.conversation.summary import summary
from homefield.apps.support.conversation.think import Thinker, Thought, language_from, settled, taken
from homefield.apps.support.manners import small_talk
from homefield.apps.support.replies import TALK, Answerer, Asked, Turn
from homefield.errors import CallError, Refused
from homefield.net import Allowed
from homefield.store import Store, Transaction, conversations, now
from homefield.store.columns import writable
from homefield.store.conversations import ConversationRow, MessageRow

__all__ = ["LONGEST", "Desk", "Heard", "Incoming", "Said", "Thought"]


@dataclass(frozen=True)
class Incoming:
    """A customer's message as a channel brings it.

    peer: what the channel calls the conversation; conversation: our own id instead. delivery: the channel's id of the
    message; the same one again is the same message. owner: who has it as far as the channel decides that. history:
    turns before it, from a channel that keeps them itself.
    """

    text: str
    channel: str = "api"
    peer: str | None = None
    conversation: str | None = None
    delivery: str | None = None
    customer: str | None = None
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    language: str = ""
    audience: str = ""
    owner: Literal["", "bot", "human"] = ""
    history: tuple[Turn, ...] | None = None


@dataclass(frozen=True)
class Heard:
    """A message that is kept. asked: what to think about; None when it is settled, by `reply` or by silence."""

    row: ConversationRow
    message: MessageRow
    asked: Asked | None
    before: tuple[MessageRow, ...] = ()
    reply: MessageRow | None = None
    again: bool = False


@dataclass(frozen=True)
class Said:
    """What came of a message. reply: None when a human has the conversation. again: it had been delivered before."""

    row: ConversationRow
    message: MessageRow
    reply: MessageRow | None
    again: bool = False


class Desk:
    """The conversations of one application; safe to use from several threads and processes.

    Args:
        store: where they are kept.
        name: the application.
        answerer: understands one message.
        options: what the company decides.
        allowed: what look-ups may reach although it is not public.
        keep_texts: whether what was said stays; if not, only what the bot or a human who takes over looks at does, and
            that until the conversation is closed.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        answerer: Answerer,
        options: SupportOptions | None = None,
        *,
        allowed: Allowed | None = None,
        keep_texts: bool = True,
    ) -> None:
        self.store, self.name, self.options = store, name, options or SupportOptions()
        self._thinker = Thinker(answerer, self.options, allowed or Allowed())
        self._keep_texts = keep_texts

    def take(self, incoming: Incoming) -> Said:
        """Hear a message, think, and say what there is to say.

        Raises:
            CallError: `support.no_such_conversation`. MachineError: the store does not answer. As the answerer.
        """
        return self.say(self.think(self.hear(incoming)))

    def hear(self, incoming: Incoming) -> Heard:
        """Keep a message, and say who has the conversation now.

        Raises:
            CallError: `support.no_such_conversation`.
        """
        # An empty id names nothing: two messages that came with one are not the same.
        incoming = replace(incoming, text=writable(incoming.text[:LONGEST]), delivery=incoming.delivery or None)
        with self.store.write() as transaction:
            row = self._held(transaction, incoming)
            before = conversations.delivered(transaction, row.id, incoming.delivery) if incoming.delivery else None
            if before is not None:
                return self._heard_before(transaction, row, before, incoming)
            changes = self._opening(transaction, row, incoming)
            opened = replace(row, **changes)
            bot = Standing(_state(opened)).bot_may_speak
            facts, values = taken(incoming.text, opened.expects if bot else None, self.options)
            language = language_from(incoming.language, incoming.text, values.values())
            _, message = conversations.add_message(
                transaction,
                row,
                "customer",
                incoming.text,
                delivery=incoming.delivery,
                heard_by=None if bot else opened.state,
                facts=facts,
            )
            changes |= {
                "variables": {**opened.variables, **incoming.variables, **values},
                "language": language or row.language,
                "audience": incoming.audience or row.audience,
                "expects": None if bot and not small_talk(incoming.text) else opened.expects,
            }
            if not bot:
                self._forget_behind(transaction, message)
            row = conversations.change(transaction, replace(row, turns=message.number), **changes)
            if not bot:
                conversations.tell(transaction, row)
            return self._to_think(transaction, row, message, incoming)

    def think(self, heard: Heard) -> Thought:
        """Find out what to say; nothing is written, and it may take its time."""
        if heard.asked is None:
            return Thought(heard.row, heard.message, None, again=heard.again)
        return self._thinker.think(heard.row, heard.message, heard.asked, again=heard.again)

    def say(self, thought: Thought) -> Said:
        """Reply, if the bot still has the conversation and nobody has replied to this message."""
        with self.store.write() as transaction:
            row = conversations.hold(transaction, self.name, thought.row.id)
            message = conversations.message(transaction, thought.message.id)
            if row is None or message is None:  # deleted meanwhile
                return Said(thought.row, thought.message, None, thought.again)
            reply = conversations.reply_to(transaction, message.id)
            if reply is not None or message.heard_by is not None or thought.decided is None:
                return Said(row, message, reply, thought.again)
            standing = Standing(_state(row), row.failures)
            if not standing.bot_may_speak:
                conversations.settle_quietly(transaction, message.id, row.state)
                return Said(row, replace(message, heard_by=row.state), None, thought.again)
            return self._reply(transaction, row, message, standing, thought)

    def write_as_human(self, conversation: str, text: str, *, by: str, delivery: str | None = None) -> MessageRow:
        """A human speaks: the conversation is theirs from now on.

        Raises:
            CallError: `support.no_such_conversation`.
        """
        with self.store.write() as transaction:
            row = self._one(transaction, conversation)
            if delivery and (before := conversations.delivered(transaction, row.id, delivery)) is not None:
                return before
            row, message = conversations.add_message(
                transaction, row, "human", text[:LONGEST], author=by, delivery=delivery or None
            )
            self._forget_behind(transaction, message)
            standing = Standing(_state(row), row.failures).human_speaks()
            changed = conversations.change(
                transaction, row, state=standing.state, failures=0, expects=None, human_at=message.at
            )
            if changed.state == row.state:
                conversations.tell(transaction, changed)
            return message

    def handoff_told(self, conversation: str) -> None:
        """Note that the channel knows that a human is wanted.

        Raises:
            CallError: `support.no_such_conversation`.
        """
        with self.store.write() as transaction:
            row = self._one(transaction, conversation)
            if row.handoff is not None:
                conversations.change(transaction, row, handoff={**row.handoff, "told": True})

    def known(self, channel: str, peer: str) -> str | None:
        """The id of the conversation that a channel calls `peer`; None when there is none."""
        with self.store.read() as transaction:
            row = conversations.by_peer(transaction, self.name, channel, peer)
            return None if row is None else row.id

    def read(self, conversation: str, *, after: int = 0) -> tuple[ConversationRow, list[MessageRow]]:
        """A conversation and its messages behind a number, to look at.

        Raises:
            CallError: `support.no_such_conversation`.
        """
        with self.store.read() as transaction:
            row = conversations.one(transaction, self.name, conversation)
            if row is None:
                raise CallError("support.no_such_conversation", id=conversation[:100], name=self.name)
            return row, conversations.messages_of(transaction, row.id, after=after)

    def release(self, conversation: str) -> ConversationRow:
        """Give a conversation back to the bot.

        Raises:
            CallError: `support.no_such_conversation`. Refused: `support.closed`.
        """
        with self.store.write() as transaction:
            row = self._one(transaction, conversation)
            standing = Standing(_state(row), row.failures).released()
            if standing.state == "closed":
                raise Refused("support.closed", id=row.id)
            return conversations.change(transaction, row, state=standing.state, failures=0, handoff=None)

    def close(self, conversation: str) -> ConversationRow:
        """End a conversation; one that has ended stays so.

        Raises:
            CallError: `support.no_such_conversation`.
        """
        with self.store.write() as transaction:
            return self._end(transaction, self._one(transaction, conversation))

    def begin_anew(self, channel: str, peer: str) -> None:
        """End what the bot has with `peer`, whose next message begins anew; what a human has goes on."""
        if (known := self.known(channel, peer)) is not None:
            with self.store.write() as transaction:
                row = self._one(transaction, known)
                if Standing(_state(row)).bot_may_speak:
                    self._end(transaction, row)

    def close_idle(self, *, most: int = 200) -> int:
        """End the conversations that are quiet for too long; how many those were, `most` at a time."""
        with self.store.write() as transaction:
            quiet = conversations.quiet_since(transaction, self.name, now() - self._idle, most=most)
            for row in quiet:
                self._end(transaction, row)
        if quiet and not self._keep_texts:
            self.store.scrub()
        return len(quiet)

    @property
    def _idle(self) -> timedelta:
        return timedelta(minutes=self.options.idle_minutes)

    def _one(self, transaction: Transaction, conversation: str) -> ConversationRow:
        row = conversations.hold(transaction, self.name, conversation)
        if row is None:
            raise CallError("support.no_such_conversation", id=conversation[:100], name=self.name)
        return row

    def _held(self, transaction: Transaction, incoming: Incoming) -> ConversationRow:
        if incoming.conversation is not None:
            return self._one(transaction, incoming.conversation)
        peer = incoming.peer
        if peer is None and incoming.delivery is not None:
            peer = f"delivery {incoming.delivery}"  # sent again, it is the same conversation
        return conversations.begin(transaction, self.name, incoming.channel, peer, customer=incoming.customer)

    def _opening(self, transaction: Transaction, row: ConversationRow, incoming: Incoming) -> dict[str, Any]:
        """What changes in a conversation because the customer speaks now."""
        state = _state(row)
        if row.turns and now() - row.touched_at > self._idle and state != "closed":
            self._forget(transaction, row)
            state = Standing(state).ended().state
        standing = Standing(state, row.failures)
        if incoming.owner == "human":
            standing = standing.human_speaks()
        elif incoming.owner == "bot" and not _untold(row):
            standing = standing.released()
        patience = timedelta(minutes=self.options.return_minutes)
        gone = not incoming.owner and row.human_at is not None and now() - row.human_at > patience
        standing = standing.customer_speaks(human_gone=gone)
        changes: dict[str, Any] = {"state": standing.state, "failures": standing.failures}
        if state == "closed":
            changes |= {"opened": row.turns, "variables": {}, "human_at": None}
        if standing.bot_may_speak and row.state != "bot":
            changes |= {"handoff": None, "expects": None}
        if incoming.customer and row.customer is None:
            changes["customer"] = incoming.customer
        return changes

    def _heard_before(
        self, transaction: Transaction, row: ConversationRow, message: MessageRow, incoming: Incoming
    ) -> Heard:
        reply = conversations.reply_to(transaction, message.id)
        if reply is not None or message.heard_by is not None or message.speaker != "customer":
            return Heard(row, message, None, reply=reply, again=True)
        return replace(self._to_think(transaction, row, message, incoming), again=True)

    def _to_think(
        self, transaction: Transaction, row: ConversationRow, message: MessageRow, incoming: Incoming
    ) -> Heard:
        if message.heard_by is not None:
            return Heard(row, message, None)
        before = conversations.messages_before(transaction, row, message.number, self.options.history)
        turns = tuple(Turn(_speaker(each), each.text) for each in before)
        history = turns if incoming.history is None else incoming.history
        asked = Asked(message.asked, history, MappingProxyType(dict(row.variables)), row.language, row.audience)
        return Heard(row, message, asked, tuple(before))

    def _reply(
        self,
        transaction: Transaction,
        row: ConversationRow,
        message: MessageRow,
        standing: Standing,
        thought: Thought,
    ) -> Said:
        assert thought.decided is not None
        before = conversations.messages_before(transaction, row, message.number, 2 * self.options.history)
        last = next((each.facts for each in reversed(before) if each.speaker == "bot"), None) or {}
        asked_before, most = str(last.get("missing", "")), self.options.handoff.failures
        decided, after = settled(thought.decided, standing, asked_before, most, row.language)
        row, reply = conversations.add_message(
            transaction, row, "bot", decided.text, replies_to=message.id, facts=decided.facts()
        )
        changes: dict[str, Any] = {"state": after.state, "failures": after.failures, "expects": decided.expects}
        if decided.reason == TALK:
            changes["expects"] = row.expects  # "ok, one moment" does not take back what was asked for
        variables = {**row.variables, **decided.learns}
        variables.pop(decided.forgets, None)
        changes["variables"] = variables
        if after.state == "waiting":
            changes["handoff"] = summary(before, message.asked, decided.reason, variables, decided.answer)
        self._forget_behind(transaction, message)
        return Said(conversations.change(transaction, row, **changes), message, reply, thought.again)

    def _end(self, transaction: Transaction, row: ConversationRow) -> ConversationRow:
        if row.state == "closed":
            return row
        self._forget(transaction, row)
        forgotten: dict[str, Any] = {} if self._keep_texts else {"handoff": None, "variables": {}}
        ended = Standing(_state(row)).ended()
        return conversations.change(transaction, row, state=ended.state, failures=0, expects=None, **forgotten)

    def _forget_behind(self, transaction: Transaction, message: MessageRow) -> None:
        """Empty what is so far behind a message that nobody looks at it any more."""
        if not self._keep_texts and (number := message.number - self.options.history) > 1:
            conversations.forget_texts_before(transaction, message.conversation_id, number)

    def _forget(self, transaction: Transaction, row: ConversationRow) -> None:
        if not self._keep_texts:
            conversations.forget_texts(transaction, row.id)


def _untold(row: ConversationRow) -> bool:
    """Whether the channel does not know yet that a human is wanted."""
    return row.state == "waiting" and not (row.handoff or {}).get("told")


def _state(row: ConversationRow) -> State:
    state: State = row.state  # type: ignore[assignment]
    return state


def _speaker(row: MessageRow) -> Literal["customer", "bot", "human"]:
    speaker: Literal["customer", "bot", "human"] = row.speaker  # type: ignore[assignment]
    return speaker
