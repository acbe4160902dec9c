"""What people say besides the matter: greetings, thanks, "one moment", small talk.

One idea: take all such phrases out of a message and see how much is left. "Hi, one moment please" leaves nothing;
"Hi, returns are free" leaves the matter. Chinese characters weigh as much as three Latin letters.
"""

from __future__ import annotations

import re

__all__ = [
    "is_asking",
    "is_empty_talk",
    "is_hold",
    "is_question",
    "is_thanks",
    "matter",
    "small_talk",
    "tells_of_harm",
    "thing_named",
    "weight",
]

_GREETING = (
    r"\b(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening|day)|dear (?:customer|sir|madam)"
    r"|welcome(?: to [\w& ]{1,30})?"
    r"|thanks? (?:you )?for (?:contacting|reaching out|your (?:message|patience|question|call))(?: (?:us"
    r"|linden ?& ?co))?"
    r"|(?:how|what) (?:can|may|could) i (?:do for|help|assist)(?: you)?(?: (?:today|with))?|happy to help|there"
    r"|team|everyone)\b"
    r"|(?:您|你)(?:们)?好|亲(?:亲)?(?=[，,。！!~～ ]|$)|哈喽|早上好|上午好|下午好|晚上好|在吗|在么|在不在"
    r"|有人吗|欢迎光临[\w]{0,8}|请问"
    r"|(?:很高兴为您服务|有什么(?:可以|能)(?:帮|为)(?:您|你)?(?:服务)?(?:的)?(?:吗|呢)?)"
    r"|(?:我是)?客服[\w]{0,4}(?:为您服务)?"
)
_HOLD = (
    r"\b(?:(?:just |please )?(?:give me |allow me )?(?:one|a) (?:moment|second|sec|minute|min|mo)(?: please)?"
    r"|bear with me"
    r"|hold on|hang on|please (?:wait|hold)|(?:just )?checking(?: (?:that|this|it))?(?: for you)?(?: now)?"
    r"|let me (?:check|look|see|find out|ask)[\w ,]{0,40}|i(?:'| wi)ll (?:check|look|find out|get back)[\w ,]{0,40}"
    r"|still (?:there|checking|looking))\b"
    r"|(?:请|麻烦)?(?:您)?稍(?:等|候)(?:一下|片刻)?|等(?:一下|一会儿?|我(?:看|查)(?:一下|下)?)|(?:我)?(?:这边"
    r"|这就|马上|先)?(?:帮|给|为)(?:您|你)?(?:查|看|核实|确认|问)(?:一下|下|询)?"
    r"|正在(?:为您|帮您)?(?:查询|核实|处理)(?:中)?|马上(?:回复|处理)?"
)
_THANKS = (
    r"\b(?:(?:many |ok |great |perfect |brilliant )?thanks?(?: you)?(?: (?:so|very) much| a lot| again)?|thx"
    r"|cheers|ty|much appreciated"
    r"|(?:that|this) (?:helps|helped|works|answers it)(?: a lot)?|great help|you'?re a star|appreciate it)\b"
    r"|(?:好的?)?(?:非常|太|多)?感?谢(?:谢|了|您|你|啦)*|谢啦|辛苦(?:了|啦)?|麻烦(?:您|你)?了|多谢|感恩"
)
_SMALL = (
    r"\b(?:ok(?:ay)?|k|yes|yeah|yep|no|nope|sure|great|perfect|cool|nice|lovely|alright|right|fine|good|got it"
    r"|i see|understood|will do"
    r"|bye|goodbye|see you|take care|have a (?:nice|good|great|lovely) (?:day|evening|weekend|one)|you(?:'"
    r"| a)re (?:very )?welcome"
    r"|no (?:problem|worries)|my pleasure|glad (?:i could|to) help|anything else(?: i can (?:help"
    r"|do)[\w ]{0,20})?|is there|and|you too|same to you"
    r"|lol|haha+|so|well|oh|please|are you (?:a )?(?:robot|bot|human|real)|how are you(?: today| doing)?"
    r"|what'?s up|nice weather[\w ]{0,20}"
    r"|tell me a joke|who are you|what'?s your name|sorry|any time)\b"
    r"|好的?(?:呢|哒|吧|哦|嘞)?|嗯+|哦+|噢|行(?:吧|的)?|可以的?(?=[，,。！!~ ]|$)|知道了|明白了?|了解了?|收到"
    r"|没事|没问题|不客气|不用谢|应该的|再见|拜拜|祝您[\w]{0,12}|哈哈+|呵呵"
    r"|还有(?:什么|其他|别的)?[\w]{0,8}(?:帮您|问题)(?:的)?(?:吗|么)?|你是(?:机器人|真人)(?:吗|么|吧)?"
    r"|今天天气[\w]{0,8}|(?:你)?吃(?:饭)?了(?:吗|么|没)|讲个笑话|你叫什么(?:名字)?|对(?:的|了)?|是的|那|啊|吗"
    r"|呢|吧|哈|呀|啦"
)
# Somebody was hurt, or the law is called for: whatever else is asked, no template is the reply to that.
_HARM = re.compile(
    r"\b(?:(?:was|were|is|are|been|got|am|gets?) (?:badly |seriously )?(?:hurt|injured|burn(?:t|ed)|poisoned)"
    r"|(?:hurt|injured|burn(?:t|ed)|poisoned) (?:me|him|her|us|them|my|our)"
    r"|injur(?:y|ies)|ambulance|electric shock|electrocuted|caught fire|is on fire"
    # Things are delivered to a hospital too, and people work in one.
    r"|(?:am|is|are|was|were|been|ended up|landed|still|now) in (?:the )?hospital"
    r"|(?:go|goes|going|gone|went|taken|rushed|brought|admitted|took \w+) (?:straight )?to (?:the )?hospital"
    r"|(?:broke|broken|twisted|sprained|fractured) (?:my|his|her|their|an?) "
    r"(?:leg|arm|foot|ankle|wrist|hand|hip|rib|bone|nose|back)"
    r"|(?:car|traffic|road) (?:accident|crash)|(?:passed out|fainted|unconscious|bleeding|heat ?stroke)"
    r"|suicid(?:e|al)|kill myself|want to die"
    r"|(?:my|a|our) (?:lawyer|solicitor|attorney)|legal action|sue you|take you to court)\b"
    r"|[摔砸夹割烫烧扎压电撞打咬](?:到)?伤|受伤|[摔撞砸压](?:断|骨折)了?|(?:腿|手|胳膊|脚|骨头|肋骨)(?:摔|撞|压)?断了?|骨折|流血|触电|漏电|着火|起火|中毒|住院|医药费|医疗费"
    r"|(?:出|发生|遭遇|遇到)了?车祸|车祸了|撞到?了?(?:个|一个)?(?:人|行人|小孩|老人)了?(?!行道)|撞车了|晕倒|昏倒|昏迷|中暑|被\S{0,6}打了|送医(?!院)|被送[去到进往]?医院|送[去到进]?医院了|进了医院|去了?医院(?:缝|包扎|急诊)|律师(?!楼)|起诉|告你们|自杀|不想活|想死(?!我了|你)|活不下去",
    re.IGNORECASE,
)
_POLITE = re.compile(f"{_HOLD}|{_THANKS}|{_GREETING}|{_SMALL}", re.IGNORECASE)
_HOLDING, _THANKING = re.compile(_HOLD, re.IGNORECASE), re.compile(_THANKS, re.IGNORECASE)
_ASKING = re.compile(
    r"[?？]\s*$|\b(?:could|can|may) (?:you|i have) [\w ,']{0,60}(?:number|name|address|mail|photo)"
    r"|请(?:您)?提供|麻烦(?:您)?(?:提供|发)"
)
_QUESTION = re.compile(
    r"[?？]|\b(?:how|what|when|where|who|why|which|can|could|do|does|did|is|are|will|would|may|should) (?:\w+ )?"
    r"(?:i|you|we|it|they|he|she|the|a|my|your|this|that|there|long|much|many|does|do|is|are)\b"
    r"|吗|呢(?!$)|么(?=$|[，。！!])|多少|多久|怎么|怎样|什么|哪|几[天点个号时岁]|能不能|是不是|有没有|可不可以|行不行?$|不$",
    re.IGNORECASE,
)
# What customers say that asks nothing, by what is said to it; narrower than what a miner may pass over.
_ROBOT = (
    r"\bare you (?:a |an? real )?(?:robot|bot|human|real|person|machine|ai)\b|\bwho are you\b"
    r"|\bis this a (?:bot|robot)\b"
    r"|(?:你|您)是(?:不是)?(?:机器人|真人|人工|谁)|(?:你|您)叫什么(?:名字)?"
)
_HELLO = (
    r"\b(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening|day)|anybody|anyone|somebody|there)\b"
    r"|(?:您|你)(?:们)?好|哈喽|嗨|早上好|上午好|下午好|晚上好|早安|(?:有人)?在(?:吗|么|不在)|有(?:没有)?人(?:在)?|亲(?:亲)?|请问(?:一下)?"
)
_AGREED = (
    r"\b(?:ok(?:ay)?|k|yes|yeah|yep|no|nope|sure|great|perfect|cool|nice|lovely|alright|all right|fine|good|got it"
    r"|i see|understood|will do|bye|goodbye|see you|take care"
    r"|have a (?:nice|good|great|lovely) (?:day|evening|weekend|one)"
    r"|you too|that'?s (?:all|it|fine|great|good)|nothing else|hold on|(?:just )?(?:one|a) (?:moment|second|sec|minute)"
    r"|and|so|well|oh|then|please|for now)\b"
    r"|好(?:的|呢|哒|吧|哦|嘞|滴)*|嗯+|哦+|噢|行(?:吧|的)?|可以(?:的|了)?|知道了|明白了?|了解了?|收到|没事(?:了)?|没问题(?:了)?"
    r"|不客气|不用(?:谢|了)|没有(?:了)?|没了|再见|拜拜|回见|哈哈+|呵呵|对(?:的|了)?|是的|稍等(?:一下)?|等(?:一下|下|会儿?)"
)
_TALK: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (("robot", _ROBOT), ("thanks", _THANKS), ("greeting", _HELLO), ("agreed", _AGREED))
)
_ANY_TALK = re.compile(rf"{'|'.join(pattern.pattern for _, pattern in _TALK)}|[啊吗呢吧哈呀啦么哟]", re.IGNORECASE)
_HAN = re.compile(r"[\u3400-\u9fff]")
_LETTER = re.compile(r"[A-Za-z0-9]")
LEAST = 2.0  # of weight that a matter has: two Chinese characters, six Latin letters
_NAME = 4.0  # of weight that the name of a thing has at most


def weight(text: str) -> float:
    """How much a text says: Chinese characters, and a third of each Latin letter or digit."""
    return len(_HAN.findall(text)) + len(_LETTER.findall(text)) / 3


def matter(text: str) -> str:
    """`text` without what is said besides the matter."""
    return re.sub(r"\s+", " ", _POLITE.sub(" ", text)).strip(" ,.!?~，。！？～、;；:：")


def small_talk(text: str) -> str:
    """What a customer says who asks nothing: `greeting`, `thanks`, `agreed` ("ok", "bye"), `robot` ("are you one?");
    empty where anything else is said."""
    if re.search(r"\w", _ANY_TALK.sub(" ", text)):
        return ""
    return next((name for name, pattern in _TALK if pattern.search(text)), "")


def is_empty_talk(text: str) -> bool:
    """Whether nothing but manners or small talk is left of `text`."""
    return weight(matter(text)) < LEAST


def is_hold(text: str) -> bool:
    """Whether `text` only asks to wait."""
    return _HOLDING.search(text) is not None and weight(matter(text)) < 2 * LEAST


def is_thanks(text: str) -> bool:
    """Whether `text` thanks, and asks no more than that."""
    return _THANKING.search(text) is not None and weight(matter(text)) < 3 * LEAST


def is_asking(text: str) -> bool:
    """Whether `text` ends by asking back."""
    return _ASKING.search(text) is not None


def is_question(text: str) -> bool:
    """Whether `text` is put as a question, with or without a question mark."""
    return _QUESTION.search(text) is not None


def tells_of_harm(text: str) -> bool:
    """Whether a customer tells that somebody was hurt or is in danger, or speaks of lawyers and courts."""
    return _HARM.search(text) is not None


def thing_named(text: str) -> str:
    """The thing that `text` names without asking anything about it ("invoice", "hi, the invoice"); empty where it says
    more than that."""
    thing = re.sub(r"^(?:the|my|an?) | please$", "", matter(text), flags=re.IGNORECASE)
    return thing if LEAST <= weight(thing) <= _NAME and not is_question(text) else ""
