"""What varies in an answer. A customer's own (order number, name, date) becomes a placeholder; what the company
promises (7 days, 12 yuan, yes or no) is a fact: two answers that differ in it are not the same answer."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Fact", "Frame", "frame_of", "polarity", "slotted"]

_MONTHS = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_SLOTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("phone", re.compile(r"\[手机号\]|\[PHONE\]")),
    ("email", re.compile(r"\[邮箱\]|\[EMAIL\]")),
    ("tracking_id", re.compile(r"(?:(?<=tracking number )|(?<=运单号)"
    r"|(?<=快递单号))[A-Za-z]{0,4}[0-9][A-Za-z0-9-]{5,}")),
    ("order_id", re.compile(r"(?<![A-Za-z0-9])(?:[A-Za-z]{1,4}-?[0-9]{4,}|#?[0-9]{6,})(?![A-Za-z0-9])")),
    ("date", re.compile(
        rf"[0-9]{{4}}[-/][0-9]{{1,2}}[-/][0-9]{{1,2}}|(?:[0-9]{{4}}年)?[0-9]{{1,2}}月[0-9]{{1,2}}[日号]"
        rf"|\b{_MONTHS} [0-9]{{1,2}}(?:st|nd|rd|th)?\b|\b[0-9]{{1,2}}(?:st|nd|rd|th)? {_MONTHS}\b", re.IGNORECASE)),
    ("time", re.compile(r"(?<![0-9:])[0-2]?[0-9][:：][0-5][0-9](?![0-9:])")),
    ("name", re.compile(r"(?:(?<=\bHi )|(?<=\bHello )|(?<=\bDear )|(?<=\bMr )|(?<=\bMs ))[A-Z][a-z]+(?=[,!.])"
    r"|[\u4e00-\u9fff](?=女士|先生)")),
)  # fmt: skip
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
_UNITS: dict[str, str] = {
    "workday": r"(?:business|working)[ -]days?|个?工作日", "day": r"(?:calendar |natural )?days?|天"
    r"|日(?!期)", "hour": r"hours?|hrs?|个?小时",
    "week": r"weeks?|周|个?星期", "month": r"months?|个月", "year": r"years?|年", "percent": r"%|percent|折",
    "money": r"yuan|euros?|dollars?|元|块钱?", "weight": r"kg|公斤", "length": r"km|公里",
}  # fmt: skip
_NUMBER = r"[0-9]+(?:[.,][0-9]+)*"
_SPELT = "|".join(sorted(_DIGITS, key=len, reverse=True))
_FACT = re.compile(
    rf"(?P<money>[¥￥$€£]) ?(?P<amount>{_NUMBER})|(?P<value>(?<![0-9.])(?:{_NUMBER}|(?<![a-z第])(?:{_SPELT}))"
    rf"(?: ?(?:-|–|~|～|to|到|至) ?(?:{_NUMBER}|(?:{_SPELT})))?)[ -]?(?:"
    + "|".join(f"(?P<u_{name}>{written})" for name, written in _UNITS.items())
    + r")(?![a-z])",
    re.IGNORECASE,
)
_NO = re.compile(
    r"\b(?:no|not|cannot|can'?t|don'?t|doesn'?t|won'?t|unable|unfortunately|isn'?t|aren'?t)\b"
    r"|不(?:能|可以|支持|行|提供|包|含|免|收|需要|会|可)|无法|没有|没办法|暂不|未开通|暂未",
    re.IGNORECASE,
)
_YES = re.compile(
    r"\b(?:yes|of course|certainly|sure|you can|we do|free|included)\b|可以|能(?!否)|支持|会(?=送|帮|给)|免费"
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
    """An answer's wording (`skeleton`, facts as #), its facts, and whether it says yes (1), no (-1) or neither."""

    written: str
    skeleton: str
    facts: frozenset[Fact]
    polarity: int


def slotted(answer: str) -> str:
    """`answer` with a customer's own data as placeholders."""
    for name, pattern in _SLOTS:
        answer = pattern.sub(f"{{{name}}}", answer)
    return answer


def frame_of(answer: str) -> Frame:
    """How an answer is compared with others."""
    written = slotted(answer)
    facts = frozenset(_fact(match) for match in _FACT.finditer(written))
    return Frame(written, _FACT.sub("#", written), facts, polarity(written))


def polarity(answer: str) -> int:
    """1 where an answer says yes, -1 where it says no, 0 where it says neither or where it says both."""
    rest = _NO.sub(" ", answer)
    return int(_YES.search(rest) is not None) - int(rest != answer)


def _fact(match: re.Match[str]) -> Fact:
    if match["money"]:
        return Fact("money", match["amount"])
    unit = next(name for name in _UNITS if match[f"u_{name}"])
    parts = re.split(r" ?(?:-|–|~|～|to|到|至) ?", match["value"].lower())
    return Fact(unit, "-".join(_DIGITS.get(part, part) for part in parts))
