"""Replies to one message at a time, with one release: no PyTorch, no conversation, safe in several threads."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from homefield.apps.support.answers import Answer, plain_question
from homefield.apps.support.dialogues import Turn as Line
from homefield.apps.support.history import history_text, question_in
from homefield.apps.support.manners import small_talk, tells_of_harm, thing_named
from homefield.apps.support.replies import TALK, Asked, Choice, Decision, Near, Reply, Turn
from homefield.apps.support.slots import called, impersonal, veiled, wordless
from homefield.apps.support.understanding.encoding import Encoder
from homefield.apps.support.understanding.live import SAME, Lessons, with_lessons
from homefield.apps.support.understanding.recall import Found
from homefield.apps.support.understanding.release import Contents
from homefield.apps.support.understanding.weights import chances
from homefield.apps.support.wishes import wants_human
from homefield.data.clean import clean_text
from homefield.data.language import language_of
from homefield.messages import Language, default_language, text
from homefield.store.learned import Learned

__all__ = ["PLAIN", "ReleaseAnswerer", "Thresholds"]

PLAIN = 0.5
"""The chance from which an answer is given where no risk budget was set: likelier right than wrong."""
_LIKELY, _TOGETHER, _CHOICES = 0.1, 0.6, 3  # a choice offered; all that are offered; how many
_HARDLY = 0.01  # of the likeliest answer's chance: less, and one that mentions a thing is not meant by who names it
_NEAREST, _RUNNERS, _CANDIDATES = 3, 3, 10
_TITLES, _TITLE = 30, 80  # questions of an answer looked at for a title; characters of an answer that is its own
_LONGEST = 4_000  # characters of a message that are read: more than anybody asks, less than it costs to read
_BRIEF = "support.why.brief"
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]{0,39})\}")


@dataclass(frozen=True)
class Thresholds:
    """sure: chance from which an answer is given. strange: unknown score from which none is."""

    sure: float
    strange: float

    @classmethod
    def of(cls, manifest: Mapping[str, object]) -> Thresholds:
        """As a release's manifest says."""
        risk, unknown = manifest["risk"], manifest["unknown"]
        assert isinstance(unknown, dict)
        sure = PLAIN
        if isinstance(risk, dict):
            # A budget that no threshold keeps has the threshold null: then nothing is answered automatically.
            sure = float("inf") if risk["threshold"] is None else float(risk["threshold"])
        strange = unknown["threshold"]
        return cls(sure, float("inf") if strange is None else float(strange))


@dataclass(frozen=True)
class _Understood:
    """A message as the release sees it: candidates by chance, the likeliest first, with the answer that this customer
    may be given (None: none may). strange: the unknown score; known: the chance that there is an answer at all."""

    found: Found
    likely: list[tuple[int, float, Answer | None]]
    strange: float
    known: float
    language: Language


@dataclass(frozen=True)
class ReleaseAnswerer:
    """Answers with one release and what was learned since.

    name, version: as replies say it. weights, depth: of the release's manifest. withdrawn: what the release has learned
    and that holds no more. today: which day it is.
    """

    name: str
    version: int
    contents: Contents
    encoder: Encoder
    weights: tuple[float, ...]
    depth: int
    thresholds: Thresholds
    learned: tuple[Learned, ...] = ()
    withdrawn: tuple[Learned, ...] = ()
    today: Callable[[], date] = field(default=date.today)

    @property
    def release(self) -> str:
        """`name@3`."""
        return f"{self.name}@{self.version}"

    @cached_property
    def lessons(self) -> Lessons:
        """The contents, with what was learned since."""
        return with_lessons(self.contents, self.learned, self.encoder, self.withdrawn)

    @cached_property
    def _by_matter(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The places of all questions, those of one matter together, and their matters in that order."""
        matters = self.lessons.contents.recall.matters_of_questions
        order = np.argsort(matters, kind="stable")
        return order, matters[order]

    @cached_property
    def _titles(self) -> dict[int, str]:
        """What was found to title an answer by, matter by matter: to look takes longer than to weigh."""
        return {}

    def reply(self, asked: Asked) -> Reply:
        """What to say to `asked`."""
        said = clean_text(asked.text[:_LONGEST])
        spoken = self._spoken(asked, said)
        asked = replace(asked, history=_without_talk(asked.history))
        if (ruled := _ruled(said)) is not None:
            return self._plain(*ruled, spoken)
        understood = self._understand(asked, said, spoken)
        taught = self._taught(said, understood)
        if taught is not None and (answer := self._fitting(taught, asked, spoken)) is not None:
            return self._answer(answer, 1.0, "support.why.taught", asked, understood)
        if (talk := small_talk(said)) and not self._asked_before(said, understood):
            return self._plain("clarify", TALK, spoken, said=text(f"support.reply.{talk}", spoken))
        return self._decide(asked, understood)

    def _spoken(self, asked: Asked, said: str) -> Language:
        """What the customer is spoken to in: as told, else as written, else as written before, else as the answers
        are; a number or a code is written in no language."""
        told = _plain_language(asked.language)
        written = (said, *(turn.text[:_LONGEST] for turn in reversed(asked.history)))
        for found in (told, *(language_of(each) for each in written if not wordless(each))):
            if found in ("zh", "en"):
                return "zh" if found == "zh" else "en"
        return self._usual

    @cached_property
    def _usual(self) -> Language:
        """The language of all answers, else the workspace's."""
        every = {_plain_language(each.language) for each in self.contents.answers.values()} & {"zh", "en"}
        if len(every) > 1 or not every:
            return default_language()
        return "zh" if "zh" in every else "en"

    def ruled(self, question: str, *, first: bool) -> bool:
        """Whether a message gets no answer however sure one is: it is empty, wants a human, tells of harm, asks
        nothing, or as the first of a conversation only names a thing that several answers speak of."""
        said = clean_text(question[:_LONGEST])
        if _ruled(said) is not None:
            return True
        reason = TALK if small_talk(said) else _BRIEF if first and thing_named(said) else ""
        return bool(reason) and self.reply(Asked(question)).reason == reason

    def answer_for(self, matter: int, asked: Asked) -> Answer | None:
        """The answer of a matter that this customer may be given today; None where none may be."""
        return self._fitting(matter, asked, self._spoken(asked, clean_text(asked.text[:_LONGEST])))

    def _decide(self, asked: Asked, understood: _Understood) -> Reply:
        spoken = understood.language
        if len(named := self._named(asked, understood)) > 1:
            said = text("support.reply.which", spoken, choices=_listed(named))
            return self._plain("clarify", _BRIEF, spoken, understood, said=said, choices=named)
        if understood.strange >= self.thresholds.strange:
            return self._plain("abstain", "support.why.unknown", spoken, understood)
        _, chance, answer = understood.likely[0]
        if chance >= self.thresholds.sure:
            if answer is None:
                return self._plain("handoff", "support.why.not_for_now", spoken, understood)
            return self._answer(answer, chance, "support.why.sure", asked, understood)
        choices = self._choices(understood, _CHOICES)
        offered = tuple(each for each in choices if each.confidence >= _LIKELY)
        if len(offered) > 1 and sum(each.confidence for each in offered) >= _TOGETHER:
            said = text("support.reply.which", spoken, choices=_listed(offered))
            return self._plain("clarify", "support.why.several", spoken, understood, said=said, choices=offered)
        known = understood.known
        if chance * (1.0 if self.contents.unknown.counts else known) < 1.0 - known:  # likelier none than this one
            return self._plain("abstain", "support.why.unknown", spoken, understood)
        promised = np.isfinite(self.thresholds.sure)
        reason = "support.why.unsure" if promised else "support.why.unpromised"
        return self._plain("handoff", reason, spoken, understood)

    def _understand(self, asked: Asked, said: str, spoken: Language) -> _Understood:
        lines = [
            Line("customer" if turn.speaker == "customer" else "agent", clean_text(turn.text[:_LONGEST]))
            for turn in asked.history[-self.depth :]
        ]
        query = history_text([*lines, Line("customer", said)], depth=self.depth) if self.depth else said
        recall = self.lessons.contents.recall
        readings = list(dict.fromkeys((query, question_in(query))))
        vectors = self.encoder.encode(readings)
        found = recall.find(vectors[:1], [query], vectors[-1:])[0]
        unknown = self.contents.unknown
        scores = unknown.score([found], np.array(self.weights))
        chance = chances(found.signs, np.array(self.weights)) * unknown.share(scores)[0]
        order = np.argsort(-chance, kind="stable").tolist()
        likely = [
            (int(found.matters[row]), float(chance[row]), self._fitting(int(found.matters[row]), asked, spoken))
            for row in order
        ]
        return _Understood(found, likely, float(scores[0]), float(unknown.known(scores)[0]), spoken)

    def _named(self, asked: Asked, understood: _Understood) -> tuple[Choice, ...]:
        """What a message could mean that only names a thing ("invoice"): the likeliest answers that speak of it, or
        whose nearest questions do. None for a message that says more, follows others, or was asked before."""
        thing = thing_named(clean_text(asked.text[:_LONGEST]))
        if asked.history or not thing:
            return ()
        edge = r"\b" if thing.isascii() else ""
        names = re.compile(f"{edge}{re.escape(thing)}{edge}", re.IGNORECASE)
        contents = self.lessons.contents
        if self._asked_before(asked.text, understood):
            return ()
        titles: dict[int, str] = {}
        for place in (place for place, _ in understood.found.nearest if names.search(contents.questions[place])):
            matter = int(contents.recall.matters_of_questions[place])
            if not titles.get(matter):
                titles[matter] = question if impersonal(question := contents.questions[place]) else ""
        least = _HARDLY * max((chance for _, chance, _ in understood.likely), default=0.0)
        able = {
            answer.id: titles.get(matter, "")
            for matter, chance, answer in understood.likely
            if answer is not None and (matter in titles or (chance >= least and names.search(answer.text)))
        }
        choices = [each for each in self._choices(understood) if each.answer in able][:_CHOICES]
        return tuple(replace(each, title=able[each.answer] or each.title) for each in choices)

    def _asked_before(self, said: str, understood: _Understood) -> bool:
        """Whether these very words are one of the historical questions."""
        questions = self.lessons.contents.questions
        return plain_question(said) in {plain_question(questions[place]) for place, _ in understood.found.nearest}

    def _taught(self, said: str, understood: _Understood) -> int | None:
        """The matter of the very question that somebody taught, if it is one."""
        if (matter := self.lessons.taught.get(plain_question(said))) is not None:
            return matter
        for place, cosine in understood.found.nearest[:1]:
            if place >= len(self.contents.questions) and cosine >= SAME:
                return int(self.lessons.contents.recall.matters_of_questions[place])
        return None

    def _fitting(self, matter: int, asked: Asked, spoken: Language) -> Answer | None:
        """The answer of a matter that may be given to this customer today."""
        lessons, day = self.lessons, self.today()
        names = lessons.contents.matters[matter].answers
        every = [lessons.contents.answers[name] for name in names if name not in lessons.withdrawn]
        able = [each for each in every if each.valid_on(day) and each.audience in ("", asked.audience)]
        able.sort(key=lambda each: not each.audience)  # what is said to some goes before what is said to all
        if asked.language:
            wanted = _plain_language(asked.language)
            return next((each for each in able if _plain_language(each.language) in (wanted, "other")), None)
        own = [each for each in able if _plain_language(each.language) == spoken]
        return next(iter(own or able), None)

    def _answer(self, answer: Answer, chance: float, reason: str, asked: Asked, understood: _Understood) -> Reply:
        """The template filled from the conversation's variables, or a question for the first that is lacking."""
        spoken, others = understood.language, self._choices(understood, _RUNNERS + 1)
        others = tuple(each for each in others if each.answer != answer.id)[:_RUNNERS]
        near = self._near(understood)
        for name in answer.placeholders:
            if not asked.variables.get(name, "").strip():
                said = text("support.reply.missing", spoken, name=called(name, spoken))
                reason = "support.why.missing"
                return Reply(
                    "clarify", said, answer.id, chance, reason, self.release,
                    runners_up=others, nearest=near, missing=name,
                )  # fmt: skip
        filled = _PLACEHOLDER.sub(lambda match: asked.variables[match[1]], answer.text)
        return Reply("answer", filled, answer.id, chance, reason, self.release, runners_up=others, nearest=near)

    def _plain(
        self,
        decision: Decision,
        reason: str,
        spoken: Language,
        understood: _Understood | None = None,
        *,
        said: str | None = None,
        choices: tuple[Choice, ...] = (),
    ) -> Reply:
        """A reply that gives no answer."""
        said = text(f"support.reply.{decision}", spoken) if said is None else said
        if understood is None:
            return Reply(decision, said, None, 0.0, reason, self.release)
        runners = self._choices(understood, _RUNNERS)
        return Reply(
            decision, said, None, understood.likely[0][1] if understood.likely else 0.0, reason, self.release,
            choices=choices, runners_up=runners, nearest=self._near(understood),
        )  # fmt: skip

    def _choices(self, understood: _Understood, most: int = _CANDIDATES) -> tuple[Choice, ...]:
        """Answers that may be given, likeliest first, each titled by a question that led to it and could be anybody's:
        the nearest one, else another; else by its own words."""
        contents = self.lessons.contents
        matters = contents.recall.matters_of_questions
        titled: dict[int, str] = {}
        for place, _ in understood.found.nearest:
            if impersonal(question := contents.questions[place]):
                titled.setdefault(int(matters[place]), question)
        able = (
            Choice(answer.id, titled.get(matter) or self._title(matter, answer), chance)
            for matter, chance, answer in understood.likely[:_CANDIDATES]
            if answer is not None
        )
        return tuple(islice(able, most))

    def _title(self, matter: int, answer: Answer) -> str:
        title = self._titles.get(matter)
        if title is None:
            order, matters = self._by_matter
            start, stop = np.searchsorted(matters, [matter, matter + 1]).tolist()
            questions = self.lessons.contents.questions
            others = (questions[place] for place in order[start : min(stop, start + _TITLES)].tolist())
            title = self._titles[matter] = next(filter(impersonal, others), "")
        return title or _PLACEHOLDER.sub("…", answer.text)[:_TITLE]

    def _near(self, understood: _Understood) -> tuple[Near, ...]:
        contents = self.lessons.contents
        matters = contents.recall.matters_of_questions
        return tuple(
            Near(veiled(contents.questions[place]), contents.matters[int(matters[place])].id, min(1.0, cosine))
            for place, cosine in understood.found.nearest[:_NEAREST]
        )


def _without_talk(history: Sequence[Turn]) -> tuple[Turn, ...]:
    """The turns without greetings, thanks and the like, and without what was replied to them."""
    kept: list[Turn] = []
    talking = False
    for turn in history:
        if turn.speaker == "customer":
            talking = bool(small_talk(turn.text[:_LONGEST]))
        if not talking:
            kept.append(turn)
    return tuple(kept)


def _ruled(said: str) -> tuple[Decision, str] | None:
    """What is done with a message whatever answers there are, and why."""
    if not re.search(r"\w", said):
        return "abstain", "support.why.empty"
    if wants_human(said):
        return "handoff", "support.why.wish"
    if tells_of_harm(said):
        return "handoff", "support.why.harm"
    return None


def _plain_language(language: str) -> str:
    return re.split(r"[-_]", language.lower())[0]


def _listed(choices: Sequence[Choice]) -> str:
    return "".join(f"\n{number}. {choice.title}" for number, choice in enumerate(choices, start=1))
