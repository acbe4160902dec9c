"""What to say to one message: the customer's wish first, then the answer, its values filled from declared sources.

Nothing is written here. What the answerer lacks is looked up or asked for; what no source has is never left as a hole.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from homefield.apps.support.conversation.lookups import look_up
from homefield.apps.support.conversation.options import Question, SupportOptions
from homefield.apps.support.conversation.states import Outcome, Standing
from homefield.apps.support.manners import small_talk
from homefield.apps.support.replies import TALK, Answerer, Asked, Reply
from homefield.apps.support.slots import PATTERNS, called, only_data, wordless
from homefield.apps.support.wishes import chosen_of, denies, has_none, topic_in, wants_human
from homefield.data.language import language_of
from homefield.errors import NotAllowed, RemoteError
from homefield.messages import LANGUAGES, Language, default_language, text
from homefield.net import Allowed
from homefield.store.conversations import ConversationRow, MessageRow

__all__ = ["Decided", "Thinker", "Thought", "language_from", "sentence", "settled", "spoken", "taken"]

_VALUES = 8  # placeholders of one answer that are looked up one after the other
_SCANNED = 1_000
_VALUE_WITHIN = 300  # characters of a message in which a value is looked for
# What may be a value in another form than expected: every group has a digit, so that "can I buy 2" is none.
_CODE = re.compile(r"(?=.{1,40}$)(?:[A-Z#]{1,4} )?[A-Za-z#]*[0-9][0-9A-Za-z#_./-]*(?: [0-9][0-9A-Za-z#_./-]*)*")
_IDENTIFIER = re.compile(r"(?=[^0-9]*[0-9])[0-9A-Za-z#_./-]{3,}")


@dataclass(frozen=True)
class Decided(Reply):
    """What the bot would say and why.

    expects: what the customer's next message may be. learns: values that the message itself held. forgets: a variable
    that turned out to be none.
    """

    expects: Mapping[str, Any] | None = None
    learns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    forgets: str = ""

    def outcome(self, asked_before: str) -> Outcome:
        """What that means for who has the conversation. asked_before: the value the bot's last reply asked for."""
        if self.decision == "handoff":
            return "handoff"
        if self.decision == "answer":
            return "answered"
        if self.reason == TALK:
            return "asking"
        return "asking" if self.missing and self.missing != asked_before else "unsure"

    def facts(self) -> dict[str, Any]:
        """What is kept beside the words, plain."""
        return {
            "decision": self.decision,
            "answer": self.answer,
            "confidence": self.confidence,
            "reason": self.reason,
            "release": self.release,
            "missing": self.missing,
            "choices": [vars(each) for each in self.choices],
            "runners_up": [vars(each) for each in self.runners_up],
            "nearest": [vars(each) for each in self.nearest],
        }


@dataclass(frozen=True)
class Thought:
    """A message and what would be said to it; `decided` is None where it was settled before."""

    row: ConversationRow
    message: MessageRow
    decided: Decided | None
    again: bool = False


class Thinker:
    """Turns a message into what is said, by the answerer and the company's options."""

    def __init__(self, answerer: Answerer, options: SupportOptions, allowed: Allowed) -> None:
        self._answerer, self._options, self._allowed = answerer, options, allowed

    def think(self, row: ConversationRow, message: MessageRow, asked: Asked, *, again: bool) -> Thought:
        """What to say to `message`, which means `asked`."""
        if (message.facts or {}).get("lacking"):
            return Thought(row, message, self._hand_over(asked, "support.why.has_none"), again)
        return Thought(row, message, self.decide(message.text, asked), again)

    def decide(self, written: str, asked: Asked) -> Decided:
        """What to say to a message as it was written, which means `asked`."""
        handoff = self._options.handoff
        if wants_human(written):
            return self._hand_over(asked, "support.why.wish")
        if topic_in(written, handoff.words) is not None:
            return self._hand_over(asked, "support.why.topic")
        if asked.history and asked.history[-1].speaker == "bot" and denies(written):
            said = sentence("support.say.denied", asked.language)
            return Decided("clarify", said, None, 0.0, "support.why.denied", self._answerer.release)
        decided = self._filled(asked, written)
        if decided.answer in handoff.answers:
            return self._hand_over(asked, "support.why.topic", decided)
        if decided.decision == "answer" and decided.confidence < handoff.confidence:
            return self._hand_over(asked, "support.why.unsure", decided)
        if decided.decision == "handoff":
            return replace(decided, text=sentence("support.say.handoff", asked.language))
        if decided.choices and decided.decision == "clarify":
            titles = [choice.title for choice in decided.choices]
            return replace(decided, expects={"titles": titles})
        return decided

    def _filled(self, asked: Asked, written: str) -> Decided:
        """The reply with every value that can be had; a value that is lacking is read from the message, else asked
        for."""
        learned = self._corrected(asked, written)
        asked = replace(asked, variables={**asked.variables, **learned})
        return replace(self._with_values(asked, written, learned), learns=learned)

    def _corrected(self, asked: Asked, written: str) -> dict[str, str]:
        """Values of the message that take the place of what the customer told before; what a channel gave stays."""
        before = [turn.text for turn in asked.history if turn.speaker == "customer"]
        found = {
            name: value
            for name in {**PATTERNS, **self._options.ask}
            if (question := self._options.question(name)) is not None
            and _IDENTIFIER.fullmatch(known := asked.variables.get(name, ""))
            and any(known in text for text in before)
            and (value := _told_in(written, question)) is not None
        }
        return {name: value for name, value in found.items() if value != asked.variables[name]}

    def _with_values(self, asked: Asked, written: str, learned: dict[str, str]) -> Decided:
        for _ in range(_VALUES):
            reply = self._answerer.reply(asked)
            if reply.decision != "clarify" or not reply.missing:
                return _as_is(reply)
            source = self._options.sources.get(reply.missing)
            lacking: str | None = reply.missing
            if source is not None:
                lacking = next((name for name in source.wanted if not asked.variables.get(name)), None)
            if lacking is not None:
                question = self._options.question(lacking)
                if question is None:
                    return self._hand_over(asked, "support.why.undeclared", _as_is(reply))
                value = _told_in(written, question)
                if value is None:
                    return self._ask_for(lacking, asked, reply)
                learned[lacking] = value
                asked = replace(asked, variables={**asked.variables, lacking: value})
                continue
            assert source is not None
            try:
                value = look_up(source, asked.variables, self._allowed)
            except (RemoteError, NotAllowed):
                return self._hand_over(asked, "support.why.look_up", _as_is(reply))
            if value is None and source.wanted:
                return self._ask_for(source.wanted[-1], asked, reply, unknown=True)
            if value is None:
                return self._hand_over(asked, "support.why.look_up", _as_is(reply))
            asked = replace(asked, variables={**asked.variables, reply.missing: value})
        return self._hand_over(asked, "support.why.look_up")

    def _ask_for(self, name: str, asked: Asked, reply: Reply, *, unknown: bool = False) -> Decided:
        question = self._options.ask.get(name, Question())
        said = question.zh if spoken(asked.language) == "zh" else question.en
        if not said:
            said = reply.text if name == reply.missing and reply.text else None
        said = said or sentence("support.say.ask", asked.language, name=called(name, spoken(asked.language)))
        if unknown:
            said = sentence("support.say.unknown", asked.language, value=asked.variables[name][:100]) + said
        reason = "support.why.unknown_value" if unknown else "support.why.missing"
        expects = {"name": name, "asked": asked.text}
        decided = replace(_as_is(reply), text=said, missing=name, reason=reason, choices=(), expects=expects)
        return replace(decided, forgets=name if unknown else "")

    def _hand_over(self, asked: Asked, reason: str, before: Decided | None = None) -> Decided:
        said = sentence("support.say.handoff", asked.language)
        decided = before or Decided("handoff", said, None, 0.0, reason, self._answerer.release)
        return replace(decided, decision="handoff", text=said, reason=reason, missing="", choices=(), expects=None)


def settled(
    decided: Decided, standing: Standing, asked_before: str, most_failures: int, language: str
) -> tuple[Decided, Standing]:
    """What is said in the end, and who has the conversation then: one failure too many hands over to a human."""
    outcome = decided.outcome(asked_before)
    after = standing.bot_speaks(outcome, most_failures=most_failures)
    if after.state == "waiting" and outcome != "handoff":
        said = sentence("support.say.handoff", language)
        decided = replace(decided, decision="handoff", text=said, reason="support.why.failures", expects=None)
    return decided, after


def taken(
    written: str, expects: Mapping[str, Any] | None, options: SupportOptions
) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """What a message means after the bot has asked for something, and the value in it: `asked`, the question it belongs
    to, and `lacking`, the value that the customer says they do not have; None where the message is a question of its
    own. A number that is no such value belongs to the question too, and is asked for again."""
    if expects is None:
        return None, {}
    if (titles := expects.get("titles")) is not None:
        place = chosen_of(written, titles)
        return (None if place is None else {"asked": str(titles[place])}), {}
    name, belongs = str(expects["name"]), {"asked": str(expects["asked"])}
    value = None if wants_human(written) else _value_in(written, options.question(name) or Question())
    if value is not None:
        return belongs, {name: value}
    if has_none(written):
        return {**belongs, "lacking": name}, {}
    return (belongs if only_data(written) or _CODE.fullmatch(written.strip()) else None), {}


def _value_in(written: str, question: Question) -> str | None:
    """What the pattern of `question` finds in a message."""
    if question.pattern is None:
        return None
    # The edges keep a long number from being taken for a short one.
    edged = rf"(?<![0-9A-Za-z])(?:{question.pattern})(?![0-9A-Za-z]|[-_/][0-9A-Za-z])"
    written = unicodedata.normalize("NFKC", written[:_VALUE_WITHIN])
    match = re.search(edged, written)
    if match is None and _CODE.fullmatch(written.strip()):  # in groups, as people read numbers out
        match = re.search(edged, written.replace(" ", ""))
    return (match[0].strip() or None) if match else None


def _told_in(written: str, question: Question) -> str | None:
    """The same in a message that was not asked for it: only a number or a code, since a lax pattern finds any word."""
    value = _value_in(written, question)
    return value if value is not None and _IDENTIFIER.fullmatch(value) else None


def language_from(given: str, written: str, values: Iterable[str] = ()) -> str:
    """The language to reply in: the channel's word, else the message's own; empty where neither says one, as an order
    number and "ok" do not. values: that were asked for and found in the message, whose letters are of no language."""
    if given:
        return given[:10]
    if wordless(written) or small_talk(written):
        return ""
    written = written[:_SCANNED]
    for value in values:
        written = written.replace(value, " ")
    found = language_of(written)
    return found if found in LANGUAGES else ""


def spoken(language: str) -> Language:
    """A language that this program speaks: the customer's, else the workspace's."""
    for known in LANGUAGES:
        if language.lower().startswith(known):
            return known
    return default_language()


def sentence(key: str, language: str, **values: object) -> str:
    """A sentence of ours in the customer's language."""
    return text(key, spoken(language), **values)


def _as_is(reply: Reply) -> Decided:
    return Decided(**vars(reply))
