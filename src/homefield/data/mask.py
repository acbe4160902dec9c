"""Personal data in a text is replaced by a stable token, the same when preparing and when serving.

Only what can be recognised with confidence is masked: identity numbers must carry a right date and check digit, bank
cards a known first digit and a right Luhn sum. The token is Chinese in a text with Chinese characters (`[手机号]`)
and English elsewhere (`[PHONE]`), so that it reads as a word of the text's own language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import date

__all__ = ["KINDS", "MAYBE_PERSONAL", "TOKENS", "mask_text"]

KINDS: tuple[str, ...] = ("email", "id", "card", "phone", "passport", "plate")
TOKENS: dict[str, tuple[str, str]] = {
    "email": ("[邮箱]", "[EMAIL]"),
    "id": ("[身份证号]", "[ID]"),
    "card": ("[银行卡号]", "[CARD]"),
    "phone": ("[手机号]", "[PHONE]"),
    "passport": ("[护照号]", "[PASSPORT]"),
    "plate": ("[车牌号]", "[PLATE]"),
}
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领"

# A text in which this finds nothing holds nothing to mask (also valid for Polars' regular expressions).
MAYBE_PERSONAL = rf"@|[0-9](?:[ .()-]{{0,2}}[0-9]){{6}}|(?i:passport)|护照|[{_PROVINCES}][A-Za-z]"

_MAYBE = re.compile(MAYBE_PERSONAL)
_HAN = re.compile(r"[\u3400-\u9fff]")
_EMAIL = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}(?![A-Za-z0-9@])"
)
_ID = re.compile(r"(?<![0-9A-Za-z])([1-9][0-9]{5})[ -]?((?:18|19|20)[0-9]{6})[ -]?([0-9]{3}[0-9Xx])(?![0-9A-Za-z])")
_CARD = re.compile(r"(?<![0-9A-Za-z.])(?:[3-6]|9(?=[0-9]{15}))(?:[ -]?[0-9]){13,18}(?![0-9A-Za-z])")
_PHONE = re.compile(
    r"(?<![0-9])(?<![0-9][.])(?:"
    r"(?:(?:\+86|0086|86)[ -]?)?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}"  # mainland mobile
    r"|0[1-9][0-9]{1,2}-[0-9]{7,8}"  # mainland land line
    r"|\(?[2-9][0-9]{2}\)?[ .-][2-9][0-9]{2}[ .-][0-9]{4}"  # North America
    r"|\+[1-9](?:[ ()-]{0,2}[0-9]){8,13}"  # any other country, with its plus
    r")(?![0-9])"
)
_PASSPORT = re.compile(
    r"(?<![0-9A-Za-z])(?:[EeGg][0-9]{8}|[Ee][A-HJ-NP-Za-hj-np-z][0-9]{7}|[DdSsPp][Ee]?[0-9]{7})(?![0-9A-Za-z])"
)
_NAMED_PASSPORT = re.compile(
    r"((?:passport|护照)[^0-9A-Za-z]{0,3}(?:number|no\.?|num|号码|号)?(?:[ ]?(?:is|是|为))?[^0-9A-Za-z]{0,3})"
    r"((?=[A-Za-z]{0,2}[0-9])[A-Za-z]{0,2}[0-9]{6,9})(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_PLATE = re.compile(
    rf"[{_PROVINCES}][A-HJ-NP-Za-hj-np-z][·. -]?(?=[A-Za-z]{{0,5}}[0-9])"
    r"(?:[A-HJ-NP-Za-hj-np-z0-9]{5,6}|[A-HJ-NP-Za-hj-np-z0-9]{4}[挂学警港澳])(?![0-9A-Za-z])"
)
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def mask_text(text: str, kinds: Collection[str] = KINDS) -> tuple[str, tuple[str, ...]]:
    """Replace personal data in a text that is already cleaned.

    Returns the masked text and the kind of every replacement, in the order of `KINDS`.
    """
    if _MAYBE.search(text) is None:
        return text, ()
    chinese = _HAN.search(text) is not None
    found: list[str] = []
    for kind in KINDS:
        if kind in kinds:
            for pattern, accept in _RULES[kind]:
                text = pattern.sub(_replacer(kind, chinese, accept, found), text)
    return text, tuple(found)


def _replacer(
    kind: str, chinese: bool, accept: Callable[[re.Match[str]], bool], found: list[str]
) -> Callable[[re.Match[str]], str]:
    token = TOKENS[kind][0 if chinese else 1]

    def replace(match: re.Match[str]) -> str:
        if not accept(match):
            return match.group()
        found.append(kind)
        # A rule that needs a word before the number ("passport no.") keeps that word.
        kept = match.group(1) if match.re is _NAMED_PASSPORT else ""
        return kept + token

    return replace


def _any(match: re.Match[str]) -> bool:
    del match
    return True


def _right_id(match: re.Match[str]) -> bool:
    """GB 11643-1999: a real birthday and the ISO 7064 MOD 11-2 check character."""
    digits = "".join(match.groups()).upper()
    try:
        date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits, _ID_WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == digits[17]


def _right_card(match: re.Match[str]) -> bool:
    """A Luhn sum (ISO/IEC 7812-1) that is right, over a length that the first digits allow."""
    digits = [int(character) for character in match.group() if character.isdigit()]
    if len(digits) == 14 or (len(digits) == 15 and digits[0] != 3) or len(digits) > 19 or len(set(digits)) == 1:
        return False
    doubled = [digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


_RULES: dict[str, tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], bool]], ...]] = {
    "email": ((_EMAIL, _any),),
    "id": ((_ID, _right_id),),
    "card": ((_CARD, _right_card),),
    "phone": ((_PHONE, _any),),
    "passport": ((_PASSPORT, _any), (_NAMED_PASSPORT, _any)),
    "plate": ((_PLATE, _any),),
}
