"""What a customer says that is no question: the wish for a human, the choice of one of the options just offered, that
they do not have what they were asked for, that the reply was not what they meant."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

__all__ = ["chosen_of", "denies", "has_none", "plain", "topic_in", "wants_human"]

# Asking for a person, in the words people use; a question about persons ("客服几点上班") is none.
_ONE = r"(?:个|一个|一下)?"
_PERSON = (
    r"(?:(?:an?|the|your|some)\s+)?(?:(?:real|live|actual|human)\s+)*"
    r"(?:human|person|agent|representative|rep|operator|customer\s+(?:service|support|care))\b"
)
_CHIEF = r"(?:an?|the|your|some)\s+(?:manager|supervisor)\b"
_CALLED = r"(?!电话|热线|邮箱|微信|号|态度|中心|时间)"  # how the desk is reached, rather than to be put through to it
# Wishes that stay wishes whatever else is asked, "转人工，还要等多久".
_PLAIN_WISHES = re.compile(
    rf"(?:转|转接|接|找|要|换|叫)人工{_CALLED}|(?:转|找|要|换|叫|接|让|和|跟){_ONE}(?:真人|活人|人工){_CALLED}"
    rf"|(?<!怎么)(?<!如何)(?<!哪里)(?<!哪儿)(?:转|转接|找|叫|接){_ONE}(?:你们)?的?客服{_CALLED}"
    r"|不(?:想|要)(?:和|跟)(?:机器人|机器)(?:聊|说|谈)"
    rf"|(?:找|要|换|叫){_ONE}(?:你们)?(?:的)?(?:经理|主管|领导)"
    rf"|\b(?:speak|talk|chat)\s+(?:to|with)\s+(?:{_PERSON}|{_CHIEF}|some(?:one|body)\b)"
    rf"|\b(?:connect|transfer|switch|put|pass)\s+(?:me\s+)?(?:through\s+)?(?:over\s+|on\s+)?(?:to|with)\s+{_PERSON}"
    rf"|\b(?:want|need|prefer|give me|get me)\s+(?:{_PERSON}|{_CHIEF})"
    r"|\b(?:human|agent|representative|operator)\s*,?\s*please\b",
    re.IGNORECASE,
)
_WISHES = re.compile(r"人工客服|人工服务|真人客服|真人服务", re.IGNORECASE)
_ALONE = frozenset(
    ("人工", "转人工", "人工客服", "真人", "客服", "human", "agent", "representative", "operator", "real person")
)
_HOURS = re.compile(r"(?:多久|几点|什么时候|时间|上班|下班|工作时间).{0,6}$")
_NOT = re.compile(
    r"(?:不|别|勿|无需|不用|不需要|没)(?:要|想|用|需要)?(?:再)?(?:转|找|接|要)?(?:人工|真人)"
    r"|\b(?:don'?t|do not|no need to|not)\s+(?:want|need|have)?\s*(?:to )?(?:speak|talk|an? (?:human|agent|person))",
    re.IGNORECASE,
)
_NUMBERS = {"一": 1, "二": 2, "两": 2, "三": 3, "first": 1, "second": 2, "third": 3, "one": 1, "two": 2, "three": 3}
_CHOICE = re.compile(
    r"(?:第|选|option |number |no\. ?|#|the )?\s*([1-9一二两三]|first|second|third|one|two|three)"
    r"\s*(?:个|项|条|号|种|one)?[.)）。、!]?",
    re.IGNORECASE,
)
_IT = r"(?:(?:我的|这个|那个|你说的)?(?:(?:订|运|快递|物流)?单号?|订单编号|编号|号码|手机号码?|电话|邮箱)(?:是多少)?)"
_THE = r"(?: (?:it|that|this|one|any|(?:the|my|an?|any) (?:[a-z]+ )?(?:number|id|code|e-?mail|address|phone)))"
_NONE = re.compile(
    rf"(?:不好意思|抱歉)?[,， ]*(?:(?:我|也|都|真的?|还|现在|这边|{_IT})[,， ]*)*"
    rf"(?:不(?:知道|清楚|晓得|记得|太清楚)|记不(?:得|清|住)|忘记?|没有?|找不到|查不到|没找到|没记|丢)(?:了|在哪|在哪里|在哪儿)*"
    rf"{_IT}?[了啊呀呢哦欸诶]*"
    rf"|(?:(?:sorry|no|nope|but)[, ]+)*(?:i )?(?:(?:really |still )?(?:do not|don'?t|can ?not|can'?t|couldn'?t) "
    rf"(?:know|have|remember|find|recall)|(?:have )?(?:forgot(?:ten)?|lost)|never (?:got|had)|have no|no idea|no|none"
    rf"|not sure){_THE}?(?: (?:any ?more|right now|now|sorry))?",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"(?:(?:不|不是|不对|都不是|错|答错|说错|都不对|不行|答非所问|不满意|没有?(?:用|帮助|解决|回答我?)|你[没不][听看]?[懂明]白?"
    r"|我?(?:问的|说的|要的|想问的)?[也都]?不是这[个些样](?:意思|问题)?|我?不是[这那]个意思|我?(?:不是|没)问这个|不是我[要问想]的)"
    r"[了啊呀吧呢的哦嘛]*[,，。!！ ]*)+"
    r"|(?:(?:no|nope|wrong|incorrect|neither|none of (?:these|those|them|the above)"
    r"|(?:(?:it|that|this)(?: is|'s) )?(?:still )?not "
    r"(?:right|it|true|correct|that|this|helpful|what i (?:asked|meant|mean|want|wanted|need)(?: for)?)"
    r"|(?:that|this|it) (?:did not|didn't|does not|doesn't) (?:help|answer (?:my question|it))"
    r"|you (?:did not|didn't|do not|don't) (?:understand|get it)|i (?:did not|didn't) ask (?:for |about )?that)"
    r"(?: me| at all)?[,. !]*)+",
    re.IGNORECASE,
)


def plain(text: str) -> str:
    """A text as it is compared: one width, small letters, no outer punctuation."""
    return unicodedata.normalize("NFKC", text).casefold().strip().strip("。.!！?？~～,， ")


def wants_human(text: str) -> bool:
    """Whether the customer asks for a person."""
    said = plain(text)
    if said in _ALONE:
        return True
    if len(said) > 500 or _NOT.search(said) is not None:
        return False
    if _PLAIN_WISHES.search(said) is not None:
        return True
    return _WISHES.search(said) is not None and _HOURS.search(said) is None


def topic_in(text: str, words: Iterable[str]) -> str | None:
    """The first of the listed words that a text holds; Latin ones as whole words."""
    said = plain(text)
    for word in words:
        wanted = plain(word)
        edge = r"(?<![a-z0-9])" if wanted[:1].isascii() else "", r"(?![a-z0-9])" if wanted[-1:].isascii() else ""
        if wanted and re.search(edge[0] + re.escape(wanted) + edge[1], said):
            return word
    return None


def has_none(text: str) -> bool:
    """Whether a customer who was asked for a number or the like says that they do not have it."""
    said = plain(text)
    return len(said) <= 100 and _NONE.fullmatch(said) is not None


def denies(text: str) -> bool:
    """Whether a customer says no more than that what was just replied is not what they meant."""
    said = plain(text)
    return len(said) <= 60 and _DENIED.fullmatch(said) is not None


def chosen_of(text: str, titles: Sequence[str]) -> int | None:
    """The place of the option that is meant: by its number, or by its own words."""
    said = plain(text)
    for place, title in enumerate(titles):
        if said == plain(title):
            return place
    if (match := _CHOICE.fullmatch(said)) is None:
        return None
    number = _NUMBERS.get(match[1]) or int(match[1])
    return number - 1 if number <= len(titles) else None
