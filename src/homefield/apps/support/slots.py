"""A customer's own data in an answer (order number, date, name) as placeholders; what the company says stays.

A run of digits alone says little: it is an order number when it is long or is called one, and not when it is called a
telephone number or a postcode, carries a currency or a unit, or is a date.
"""

from __future__ import annotations

import re

from homefield.messages import Language, catalogue

__all__ = ["HOURS", "PATTERNS", "UNITS", "called", "impersonal", "only_data", "slotted", "veiled", "wordless"]

UNITS: dict[str, str] = {
    "workday": r"(?:business|working)[ -]days?|个?工作日", "day": r"(?:calendar |natural )?days?|天"
    r"|日(?!期)", "hour": r"hours?|hrs?|个?小时",
    "week": r"weeks?|周|个?星期", "month": r"months?|个月", "year": r"years?|年", "percent": r"%|percent|折",
    "money": r"yuan|euros?|dollars?|元|块钱?", "weight": r"kg|公斤", "length": r"km|公里",
}  # fmt: skip
_CLOCK = r"[0-2]?[0-9][:：][0-5][0-9](?![0-9:])"
# Hours from one time to another are the company's; a single time is a customer's appointment.
HOURS = re.compile(rf"(?<![0-9:])({_CLOCK}) ?(?:to|until|and|-|–|~|到|至) ?({_CLOCK})", re.IGNORECASE)
_MONTHS = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_DATE = re.compile(
    r"[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}|(?:[0-9]{4}年)?[0-9]{1,2}月[0-9]{1,2}[日号]"
    r"|(?<![0-9A-Za-z])20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?![0-9A-Za-z])"
    rf"|\b{_MONTHS} [0-9]{{1,2}}(?:st|nd|rd|th)?\b|\b[0-9]{{1,2}}(?:st|nd|rd|th)? {_MONTHS}\b",
    re.IGNORECASE,
)
_TRACKING = re.compile(
    r"(?P<called>(?:tracking|waybill) (?:number|no\.?|id)(?: is)?[: ]{1,2}|(?:运单|快递单|物流单)号(?:是|为)?[:： ]?)"
    r"[A-Za-z]{0,4}[0-9][A-Za-z0-9-]{5,}",
    re.IGNORECASE,
)
_ORDER = r"[A-Za-z]{1,4}-?[0-9]{4,}|#?[0-9]{6,}"
_NUMBERED = re.compile(
    rf"(?<![A-Za-z0-9.,-])(?:{_ORDER})(?![A-Za-z0-9]|[.,-][0-9])"
    rf"(?! ?(?:{'|'.join(UNITS.values())})(?![a-z]))"
)
_CALLED_ORDER = re.compile(
    r"(?:order|number|\bno\.?|订单|单号|编号)[^0-9A-Za-z]{0,3}(?:is |号|是|为)?\W{0,2}$", re.IGNORECASE
)
_CALLED_OTHER = re.compile(
    r"(?:[¥￥$€£]|phone|call|hotline|fax|postcode|zip(?: code)?"
    r"|电话|热线|手机号?码?|致电|拨打|传真|邮编|邮政编码|验证码)"
    r"[^0-9A-Za-z]{0,3}(?:is |us (?:at|on) |号|是|为)?\W{0,2}$",
    re.IGNORECASE,
)
_SIMPLE: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("phone", re.compile(r"\[手机号\]|\[PHONE\]")),
    ("email", re.compile(r"\[邮箱\]|\[EMAIL\]")),
    ("date", _DATE),
    ("name", re.compile(r"(?:(?<=\bHi )|(?<=\bHello )|(?<=\bDear )|(?<=\bMr )|(?<=\bMs ))[A-Z][a-z]+(?=[,!.])"
    r"|[\u4e00-\u9fff](?=女士|先生)")),
)  # fmt: skip
PATTERNS: dict[str, str] = {
    "order_id": _ORDER,
    "tracking_id": r"[A-Za-z]{0,4}[0-9][A-Za-z0-9-]{5,}",
    "phone": r"\+?[0-9][0-9 -]{5,17}[0-9]",
    "email": r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}",
}
"""What customers write for the values that they know, where nobody says what those look like."""
_LONGEST_TITLE = 80
_PERSONAL = re.compile(
    r"[0-9０-９@\[{]|(?<=[a-z,] )[A-Z][A-Za-z]+"
    r"|\b(?:[Mm]y name|I am|I'm|[Tt]his is|live (?:at|in)|address is)\b"
    r"|联系人|收件人|收货人|我叫|我姓|姓名|地址(?:是|改成|改到|改为|[:：])|小区|大厦|单元"
)
_TIME = re.compile(rf"{HOURS.pattern}|(?<![0-9:]){_CLOCK}", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\{[a-z_]+\}|\[[A-Z]+\]|\[[\u4e00-\u9fff]{2,4}\]")
_CODE = re.compile(r"\W*[A-Za-z]{0,4}[-_]?[0-9][0-9A-Za-z#_./-]*\W*")
_NAMING = re.compile(
    r"(?:my|the|our|it|is|its|this|order|tracking|phone|number|no|mail|email|e-mail|address|here|and|or)\b"
    r"|订单号?|单号|编号|手机号?|电话|邮箱|号码|我的|我|是|的|这个|这是|就是",
    re.IGNORECASE,
)


def called(placeholder: str, language: Language) -> str:
    """What a customer calls the value of a placeholder: those that `slotted` makes have names, others read as they are
    written."""
    known = catalogue(language, "support").get(f"support.value.{placeholder}")
    return known or placeholder.replace("_", " ")


def slotted(answer: str) -> str:
    """`answer` with a customer's own data as placeholders."""
    answer = _TRACKING.sub(lambda match: match["called"] + "{tracking_id}", answer)
    for name, pattern in _SIMPLE:
        answer = pattern.sub(f"{{{name}}}", answer)
    answer = _TIME.sub(lambda match: match.group() if match[1] else "{time}", answer)
    return _NUMBERED.sub(lambda match: "{order_id}" if _is_order(match) else match.group(), answer)


def impersonal(question: str) -> bool:
    """Whether a customer's question can be shown to another: short, without numbers, masked data, names or addresses as
    far as their form tells."""
    return len(question) <= _LONGEST_TITLE and _PERSONAL.search(question) is None


def veiled(question: str) -> str:
    """A customer's question as evidence: what is their own data by its form left out."""
    return re.sub(r"[0-9]{4,}", "…", re.sub(r"\{[a-z_]+\}", "…", slotted(question)))


def only_data(message: str) -> bool:
    """Whether a message holds a piece of personal data or a number, and says nothing besides what that is."""
    rest, found = _PLACEHOLDER.subn(" ", slotted(message))
    return found > 0 and re.search(r"[^\W_]", _NAMING.sub(" ", rest)) is None


def wordless(message: str) -> bool:
    """Whether a message is data or a code alone ("C1"), which is written in no language."""
    return only_data(message) or _CODE.fullmatch(message) is not None


def _is_order(match: re.Match[str]) -> bool:
    before, digits = match.string[: match.start()], sum(character.isdigit() for character in match.group())
    if _CALLED_OTHER.search(before):
        return False
    if match.group()[0] == "#" or _CALLED_ORDER.search(before):
        return True
    return digits >= (6 if match.group()[0].isalpha() else 8)
