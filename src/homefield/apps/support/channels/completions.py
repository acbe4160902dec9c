"""OpenAI's chat completions: whoever can talk to a language model can talk to an application, whole or as a stream.

The other side keeps the turns and sends them each time. Without `user` each call is a conversation of its own; with it
the conversation goes on, so that a human who has taken it keeps it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from homefield.apps.support.channels.contract import scalars
from homefield.apps.support.conversation import Incoming, Said
from homefield.apps.support.replies import Turn
from homefield.errors import CallError

__all__ = ["Completions"]

_SPEAKERS: dict[str, Literal["customer", "bot"]] = {"user": "customer", "assistant": "bot"}
# Chinese is written without spaces: each of its characters is a piece, as about each is a token of a language model.
_HAN = r"\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_PIECE = re.compile(rf"[{_HAN}]\s*|[^\s{_HAN}]+\s*|\s+")
_TURNS = 100
_OBJECT = "chat.completion"


class Completions:
    """model: what the caller named, said back to them. delivery: the caller's `Idempotency-Key`, where there is one.
    usage: whether a stream ends with what it took."""

    def __init__(self, model: str, delivery: str | None = None, *, usage: bool = False) -> None:
        self._model, self._delivery, self._usage = model, delivery, usage

    def read(self, payload: Mapping[str, Any]) -> Incoming:
        """The last message of a user; those before it are the history. What a system message says is not obeyed.

        Raises:
            CallError: `support.no_message`.
        """
        turns = [(each.get("role"), _text(each.get("content"))) for each in payload.get("messages") or ()]
        last = max((place for place, (role, _) in enumerate(turns) if role == "user"), default=-1)
        if last < 0:
            raise CallError("support.no_message")
        history = [Turn(_SPEAKERS[role], said) for role, said in turns[:last] if role in _SPEAKERS]
        user = payload.get("user")
        return Incoming(
            turns[last][1],
            channel="openai",
            peer=user,
            delivery=self._delivery,
            customer=user,
            variables=scalars(payload.get("metadata")),
            history=tuple(history[-_TURNS:]),
        )

    def write(self, said: Said) -> dict[str, Any]:
        """One completion; what Homefield knows beside the text stands under `homefield`."""
        told = "" if said.reply is None else said.reply.text
        message = {"role": "assistant", "content": told, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return {**self._head(said, _OBJECT), "choices": [choice], "usage": _usage(said), "homefield": _facts(said)}

    def stream(self, said: Said) -> Iterator[str]:
        """The same as server-sent events, a word or a Chinese character at a time, `[DONE]` at the end."""
        head = self._head(said, f"{_OBJECT}.chunk")
        if self._usage:  # as OpenAI has it: null in every event but one more, which has no choices
            head["usage"] = None
        pieces = [] if said.reply is None else _PIECE.findall(said.reply.text)
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, *({"content": each} for each in pieces)]
        for delta in deltas:
            yield _event({**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]})
        end = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
        yield _event({**head, "choices": [end], "homefield": _facts(said)})
        if self._usage:
            yield _event({**head, "choices": [], "usage": _usage(said)})
        yield "data: [DONE]\n\n"

    def _head(self, said: Said, kind: str) -> dict[str, Any]:
        made = int(said.message.at.timestamp())
        return {"id": f"chatcmpl-{said.message.id}", "object": kind, "created": made, "model": self._model}


def _facts(said: Said) -> dict[str, Any]:
    known = {} if said.reply is None else dict(said.reply.facts or {})
    wanted = ("decision", "answer", "confidence", "reason", "release")
    return {"conversation": said.row.id, "state": said.row.state, **{name: known.get(name) for name in wanted}}


def _text(content: Any) -> str:
    """A message's text: a string, or the texts among its parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(
        str(part.get("text", "")) for part in parts if isinstance(part, dict) and part.get("type") == "text"
    )


def _usage(said: Said) -> dict[str, int]:
    asked, replied = _tokens(said.message.text), 0 if said.reply is None else _tokens(said.reply.text)
    return {"prompt_tokens": asked, "completion_tokens": replied, "total_tokens": asked + replied}


def _tokens(written: str) -> int:
    return len(_PIECE.findall(written))


def _event(told: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(told, ensure_ascii=False)}\n\n"
