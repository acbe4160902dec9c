"""Agents' answers grouped into templates, what the templates cover, and which of them contradict each other.

Answers alike but for their facts are a family; a family falls into one template for each set of facts and each yes or
no, unless nearly every answer has other facts: then they are looked up (a price, a distance) and become placeholders.
Two templates contradict each other when their questions and wordings are similar, and the same unit has another
number, or one says yes and the other no. Rules and what they cost: docs/decisions/0021-mining-support.md.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.sparse import csr_matrix

from homefield.apps.support.exchanges import Exchange
from homefield.apps.support.facts import Fact, Frame, frame_of, looked_up
from homefield.data.language import language_of
from homefield.data.near import near_groups
from homefield.evaluate.grams import count_grams

__all__ = ["Contradiction", "Template", "contradictions", "coverage", "templates_of"]

_ALIKE = 0.5  # Jaccard similarity of wordings: an agent's own phrasing around the same sentence stays together
# Cosines of n-grams from which on two templates are about the same matter: of their questions and wordings as one
# text, or of the questions where the wordings have something in common. Of the 12 pairs found in the sample shop's
# dialogues (0.35 and more) 11 contradict each other; the next below (0.28) does not. Two that do are missed.
_TOGETHER, _ASKED, _WORDED = 0.32, 0.3, 0.15
# Facts are looked up where a family has 4 sets of them which are half of its answers, or 6 of them: four agents may
# name four periods, but hardly six.
_LOOKED_UP, _LOOKED_UP_SHARE, _SURELY_LOOKED_UP = 4, 0.5, 6
_NAMED_BY = 200  # questions of a template that its id is taken from
_DULL = frozenset((
    "the", "and", "for", "are", "you", "your", "can", "could", "does", "how", "what", "when", "where", "who", "why",
    "which", "with", "have", "has", "had", "will", "would", "this", "that", "was", "were", "from", "there", "any",
    "get", "got", "please", "hello", "just", "not", "but", "they", "them", "its", "out", "all", "one", "yes", "sorry",
    "可以", "怎么", "什么", "多少", "几天", "多久", "哪里", "那个", "这个", "你们", "我们", "我要",
    "就是", "请问", "你好", "您好", "能不能",
    "有没有", "一下", "一个", "时候", "现在", "还是", "还有", "没有", "不是", "需要", "支持", "不好意思",
))  # fmt: skip
_COMPARED = 5_000  # templates looked at for contradictions, those most used


@dataclass(frozen=True)
class Template:
    """A wording agents used, with the exchanges that led to it."""

    id: str
    text: str
    language: str
    frame: Frame
    exchanges: tuple[Exchange, ...]
    family: int

    @property
    def count(self) -> int:
        """How many questions it answered."""
        return len(self.exchanges)


@dataclass(frozen=True)
class Contradiction:
    """Two templates that cannot both be right, and the two questions most alike, one of each."""

    kind: Literal["number", "yes_no"]
    one: Template
    other: Template
    evidence: tuple[Exchange, Exchange]


def templates_of(found: Sequence[Exchange]) -> tuple[Template, ...]:
    """The templates of all answered exchanges, the most used first."""
    answered = [exchange for exchange in found if exchange.answer]
    frames = [frame_of(exchange.answer) for exchange in answered]
    families = near_groups([frame.skeleton for frame in frames], threshold=_ALIKE).tolist()
    frames = _without_looked_up(frames, families)
    together: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for place, (family, frame) in enumerate(zip(families, frames, strict=True)):
        together[family, frame.facts, frame.polarity].append(place)
    made = list[Template]()
    for (family, *_), places in sorted(together.items(), key=lambda item: (-len(item[1]), item[1][0])):
        # The most typical wording is the one used most; of equals the shortest.
        uses = Counter(frames[place].written for place in places)
        written = min(uses, key=lambda text: (-uses[text], len(text), text))
        typical = next(frames[place] for place in places if frames[place].written == written)
        inside = tuple(answered[place] for place in places)
        made.append(Template("", written, language_of(written), typical, inside, int(str(family))))
    return tuple(replace(each, id=name) for each, name in zip(made, _names(made), strict=True))


def _without_looked_up(frames: Sequence[Frame], families: Sequence[int]) -> list[Frame]:
    """`frames`, with placeholders for the facts of the families in which these are looked up."""
    told: dict[int, list[frozenset[Fact]]] = defaultdict(list)
    for family, frame in zip(families, frames, strict=True):
        told[family].append(frame.facts)
    least = {
        family: min(_SURELY_LOOKED_UP, max(_LOOKED_UP, _LOOKED_UP_SHARE * len(facts))) for family, facts in told.items()
    }
    return [
        looked_up(frame) if len(set(told[family])) >= least[family] else frame
        for family, frame in zip(families, frames, strict=True)
    ]


def coverage(templates: Sequence[Template], questions: int) -> tuple[float, ...]:
    """The share of all questions, answered or not, that the 1, 2, ... most used templates answer."""
    return tuple((np.cumsum([template.count for template in templates]) / max(questions, 1)).tolist())


def contradictions(templates: Sequence[Template]) -> tuple[Contradiction, ...]:
    """Pairs of templates that contradict each other, those that concern most questions first."""
    able = [each for each in templates if each.frame.facts or each.frame.polarity][:_COMPARED]
    if len(able) < 2:
        return ()
    found = []
    for one, other in _close(able):
        kind = _differ(one.frame, other.frame)
        if kind is not None and one.language == other.language:
            found.append(Contradiction(kind, one, other, _evidence(one, other)))
    return tuple(sorted(found, key=lambda each: -min(each.one.count, each.other.count)))


def _differ(one: Frame, other: Frame) -> Literal["number", "yes_no"] | None:
    if one.polarity * other.polarity < 0:
        return "yes_no"
    for unit in {fact.unit for fact in one.facts} & {fact.unit for fact in other.facts}:
        if not {f for f in one.facts if f.unit == unit} & {f for f in other.facts if f.unit == unit}:
            return "number"
    ours, theirs = ({(before, fact.unit): fact.value for before, fact in each.told} for each in (one, other))
    if any(ours[key] != theirs[key] for key in ours.keys() & theirs.keys()):
        return "number"
    return None


def _close(templates: Sequence[Template]) -> Iterator[tuple[Template, Template]]:
    """Pairs of templates about the same matter, a block of rows at a time."""
    questions = ["\n".join(exchange.question for exchange in each.exchanges[:50]) for each in templates]
    wordings = [each.frame.skeleton for each in templates]
    asked, worded = _vectors(questions), _vectors(wordings)
    together = _vectors([f"{question}\n{wording}" for question, wording in zip(questions, wordings, strict=True)])
    for start in range(0, len(templates), 500):
        rows = slice(start, start + 500)
        same = (together[rows] @ together.T >= _TOGETHER) + (asked[rows] @ asked.T >= _ASKED).multiply(
            worded[rows] @ worded.T >= _WORDED
        )
        for row, column in zip(*(places.tolist() for places in same.nonzero()), strict=True):
            if start + row < column:
                yield templates[start + row], templates[column]


def _evidence(one: Template, other: Template) -> tuple[Exchange, Exchange]:
    left, right = one.exchanges[:50], other.exchanges[:50]
    vectors = _vectors([exchange.question for exchange in (*left, *right)])
    alike = (vectors[: len(left)] @ vectors[len(left) :].T).toarray()
    row, column = np.unravel_index(int(alike.argmax()), alike.shape)
    return left[int(row)], right[int(column)]


def _vectors(texts: Sequence[str]) -> csr_matrix:
    """TF-IDF of character n-grams, each row of length 1: `[N, F]`."""
    counted = count_grams(texts)
    keys, places = np.unique(counted.keys, return_inverse=True)
    rarity = 1.0 + np.log((1 + counted.texts) / (1 + np.bincount(places, minlength=len(keys))))
    values = (1.0 + np.log(counted.counts)) * rarity[places]
    lengths = np.sqrt(np.bincount(counted.rows, np.square(values), counted.texts))
    return csr_matrix(
        (values / lengths[counted.rows], (counted.rows, places)), shape=(counted.texts, max(len(keys), 1))
    )


def _names(templates: Sequence[Template]) -> list[str]:
    """Ids of two words: frequent in a template's questions or in its wording, rare elsewhere, in its language.

    No two are the same: of equals the later ones carry a number.
    """
    uses = []
    for each in templates:
        asked = [exchange.question for exchange in each.exchanges[:_NAMED_BY]]
        words = Counter(word for question in asked for word in _words(question, each.language))
        words.update({word: (len(asked) + 1) // 2 for word in _words(each.text, each.language)})
        uses.append(words)
    spread, given, names = Counter(word for words in uses for word in words), Counter[str](), []
    for words in uses:
        worth = {word: count * math.log(1 + len(uses) / spread[word]) for word, count in words.items()}
        name = "-".join(sorted(worth, key=lambda word: (-worth[word], word))[:2]) or "answer"
        given[name] += 1
        names.append(name if given[name] == 1 else f"{name}-{given[name]}")
    return names


def _words(written: str, language: str) -> list[str]:
    """The words of a text that may name it, each once."""
    import rjieba

    wanted = r"[\u4e00-\u9fff]{2,}" if language == "zh" else r"[a-z]{3,}"
    cut = rjieba.cut(re.sub(r"\{[a-z_]+\}", " ", written).lower())
    return [word for word in dict.fromkeys(cut) if re.fullmatch(wanted, word) and word not in _DULL]
