"""What a company promises in an answer (7 days, 12 yuan, open to 21:00, yes or no) is a fact.

Two answers that differ in a fact are not the same answer. What is a customer's own is a placeholder before that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from homefield.apps.support.slots import HOURS, UNITS, slotted

__all__ = ["Fact", "Frame", "frame_of", "looked_up", "polarity"]

_SPELT_EN = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_DIGITS = {word: str(n) for n, word in enumerate(_SPELT_EN, start=1)}
_DIGITS |= {
    "fourteen": "14",
    "thirty": "30",
    "十四": "14",
    "十五": "15",
    "三十": "30",
    "半": "0.5",
    "两": "2",
    "十": "10",
}
_DIGITS |= {word: str(n) for n, word in enumerate("一二三四五六七八九", start=1)}
_BEFORE = 4  # characters before a fact that say what it is a fact of
_NUMBER = r"[0-9]+(?:[.,][0-9]+)*"
_SPELT = "|".join(sorted(_DIGITS, key=len, reverse=True))
_FACT = re.compile(
    rf"(?P<money>[¥￥$€£]) ?(?P<amount>{_NUMBER})|(?P<value>(?<![0-9.])(?:{_NUMBER}|(?<![a-z第])(?:{_SPELT}))"
    rf"(?: ?(?:-|–|~|～|to|到|至) ?(?:{_NUMBER}|(?:{_SPELT})))?)[ -]?(?:"
    + "|".join(f"(?P<u_{name}>{written})" for name, written in UNITS.items())
    + r")(?![a-z])",
    re.IGNORECASE,
)
_NO = re.compile(
    r"\b(?:no|not|cannot|can'?t|don'?t|doesn'?t|won'?t|unable|unfortunately|isn'?t|aren'?t)\b"
    r"|不(?:能|可以|支持|行|提供|包|含|免|收|需要|会|可)|无法|没有|没办法|暂不|未开通|暂未",
    re.IGNORECASE,
)
_YES = re.compile(
    r"\b(?:yes|of course|certainly|sure|you can|we do|free|included)\b|可以|(?<!只)能(?!否)|支持|会(?=送|帮|给)|免费"
    r"|包邮|包安装|没问题",
    re.IGNORECASE,
)


@dataclass(frozen=True, order=True)
class Fact:
    """A number and what it counts, such as `("day", "7")`."""

    unit: str
    value: str


@dataclass(frozen=True)
class Frame:
    """An answer's wording (`skeleton`, facts as #), its facts, and whether it says yes (1), no (-1) or neither.

    told: each fact after the few characters it follows, which say what it is a fact of.
    """

    written: str
    skeleton: str
    facts: frozenset[Fact]
    polarity: int
    told: frozenset[tuple[str, Fact]] = frozenset()


def frame_of(answer: str) -> Frame:
    """How an answer is compared with others."""
    written = slotted(answer)
    told = {(_before(match), _fact(match)) for match in _FACT.finditer(written)}
    told |= {(_before(match), Fact("hours", "-".join(match.groups()))) for match in HOURS.finditer(written)}
    facts = frozenset(fact for _, fact in told)
    return Frame(written, HOURS.sub("#", _FACT.sub("#", written)), facts, polarity(written), frozenset(told))


def looked_up(frame: Frame) -> Frame:
    """The same answer where facts are looked up each time: each is a placeholder named after its unit."""
    written = HOURS.sub("{hours}", _FACT.sub(lambda match: f"{{{_fact(match).unit}}}", frame.written))
    return Frame(written, frame.skeleton, frozenset(), frame.polarity)


def polarity(answer: str) -> int:
    """1 where an answer says yes, -1 where it says no, 0 where it says neither or where it says both."""
    rest = _NO.sub(" ", answer)
    return int(_YES.search(rest) is not None) - int(rest != answer)


def _before(match: re.Match[str]) -> str:
    return re.sub(r"[\W_]+", "", match.string[: match.start()]).casefold()[-_BEFORE:]


def _fact(match: re.Match[str]) -> Fact:
    if match["money"]:
        return Fact("money", match["amount"])
    unit = next(name for name in UNITS if match[f"u_{name}"])
    parts = re.split(r" ?(?:-|–|~|～|to|到|至) ?", match["value"].lower())
    return Fact(unit, "-".join(_DIGITS.get(part, part) for part in parts))
