"""An answerer by rules, a word to an answer, for tests of what stands around understanding."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

from homefield.apps.support.answers import placeholders_in
from homefield.apps.support.assistants import Correction
from homefield.apps.support.manners import small_talk
from homefield.apps.support.replies import TALK, Asked, Choice, Near, Reply
from homefield.errors import CallError
from homefield.store import now
from homefield.store.learned import Learned

__all__ = ["ANSWERS", "RuleAnswerer", "RuleAssistants"]

ANSWERS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "returns": (("return", "退货"), "You can return it within 14 days.", "14 天内可以退货。"),
    "order-status": (("order", "订单"), "Order {order_id} is {status}.", "订单 {order_id} 的状态：{status}。"),
    "invoice": (("invoice", "发票"), "Invoice for {order_id} is on its way.", "{order_id} 的发票已寄出。"),
    "dispute": (("dispute", "纠纷"), "We look into it.", "我们会处理。"),
    "hours": (("hours", "营业"), "We are open from 9 to 18.", "营业时间为 9 点至 18 点。"),
}


@dataclass
class RuleAnswerer:
    """A word in the text leads to an answer; `which` leads to a choice, `maybe` to an unsure one, else it abstains."""

    release: str = "shop@1"
    learned: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        said, zh = asked.text.casefold(), asked.language.startswith("zh")
        if said in self.learned:
            return self._answer("learned", self.learned[said], 0.99, asked)
        if small_talk(asked.text):
            return Reply("clarify", "好的。" if zh else "All right.", None, 0.0, TALK, self.release)
        for name, (words, english, chinese) in ANSWERS.items():
            if "which" not in said and any(word in said for word in words):
                return self._answer(name, chinese if zh else english, 0.4 if "maybe" in said else 0.93, asked)
        if "which" in said:
            choices = (Choice("returns", "How do I return it?", 0.4), Choice("hours", "Opening hours", 0.35))
            text = "请问是哪一个？" if zh else "Which one do you mean?"
            return Reply("clarify", text, None, 0.4, "support.why.unsure", self.release, choices, choices)
        text = "抱歉，这个我还不知道。" if zh else "Sorry, I do not know that."
        return Reply("abstain", text, None, 0.1, "support.why.unsure", self.release)

    def _answer(self, name: str, template: str, confidence: float, asked: Asked) -> Reply:
        near = (Near(f"about {name}", name, 0.91), Near(f"something on {name}", name, 0.8))
        runners = (Choice("hours", "Opening hours", 0.04),) if name != "hours" else ()
        for missing in placeholders_in(template):
            if not asked.variables.get(missing):
                reason = "support.why.missing"
                text = f"Please give me the {missing}."
                return Reply("clarify", text, name, confidence, reason, self.release, (), runners, near, missing)
        text = re.sub(r"\{([a-z_]+)\}", lambda match: asked.variables[match[1]], template)
        return Reply("answer", text, name, confidence, "support.why.sure", self.release, (), runners, near)


class RuleAssistants:
    """The assistants of a test: by default one, `shop`."""

    def __init__(self, *names: str) -> None:
        self.open = {name: RuleAnswerer(f"{name}@1") for name in names or ("shop",)}
        self.corrections: list[Correction] = []
        self.heard: list[Mapping[str, int]] = []
        self._lock = Lock()

    def names(self) -> Sequence[str]:
        return tuple(self.open)

    def find(self, name: str) -> RuleAnswerer:
        if name not in self.open:
            raise CallError("support.no_such_name", name=name)
        return self.open[name]

    def is_open(self, name: str) -> bool:
        return name in self.open

    def correct(self, name: str, correction: Correction) -> Learned:
        answerer = self.find(name)
        if correction.answer is not None and correction.answer not in ANSWERS:
            raise CallError("support.no_such_answer", id=correction.answer)
        with self._lock:
            self.corrections.append(correction)
            text = correction.text if correction.answer is None else ANSWERS[correction.answer][1]
            answerer.learned[correction.question.casefold()] = str(text)
            return Learned(
                str(len(self.corrections)), name, correction.question, correction.answer or "learned", correction.text,
                correction.language, correction.message, correction.by, correction.why, now(), len(self.corrections),
            )  # fmt: skip

    def hear(self, told: Mapping[str, int]) -> None:
        self.heard.append(told)
