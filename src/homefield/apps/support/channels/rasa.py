"""Rasa's REST channel and its parse interface, so that what talks to a Rasa server can talk to this one.

https://rasa.com/docs/reference/channels/your-own-website/ and its HTTP API, `/model/parse`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from homefield.apps.support.channels.contract import scalars
from homefield.apps.support.conversation import Incoming, Said
from homefield.apps.support.replies import Reply

__all__ = ["CHANNEL", "FALLBACK", "RasaRest", "parsed_by_rasa"]

CHANNEL = "rasa"

FALLBACK = "nlu_fallback"
"""The intent that Rasa gives where it understood none."""
_BEGINS = re.compile(r"/(?:session_start|restart)\s*(?:\{.*\})?", re.DOTALL)  # with entities, as Rasa's clients send it


class RasaRest:
    """`{"sender": ..., "message": ...}` to a list of messages, empty where a human has the conversation."""

    def read(self, payload: Mapping[str, Any]) -> Incoming:
        """The message; `metadata` becomes variables, its `message_id` names the delivery."""
        metadata = payload.get("metadata")
        variables = scalars(metadata)
        delivery = variables.pop("message_id", None)
        sender = payload.get("sender") or None  # Rasa gives all who say none one conversation; here each has its own
        return Incoming(
            str(payload.get("message") or ""),
            channel=CHANNEL,
            peer=sender,
            delivery=delivery,
            customer=sender,
            variables=variables,
        )

    def begins(self, payload: Mapping[str, Any]) -> bool:
        """Whether this is no message of the customer: Rasa's clients ask to begin anew."""
        return _BEGINS.fullmatch(str(payload.get("message") or "").strip()) is not None

    def write(self, said: Said) -> list[dict[str, Any]]:
        """The reply, its options as buttons."""
        if said.reply is None:
            return []
        told: dict[str, Any] = {"recipient_id": said.row.peer, "text": said.reply.text}
        titles = [choice["title"] for choice in (said.reply.facts or {}).get("choices", ())]
        if titles:
            told["buttons"] = [{"title": title, "payload": title} for title in titles]
        return [told]


def parsed_by_rasa(asked: str, reply: Reply, message_id: str | None) -> dict[str, Any]:
    """What `/model/parse` tells of a text: the answer's id stands for the intent, the likeliest first."""
    known = reply.decision in ("answer", "clarify") and reply.answer is not None
    first = str(reply.answer) if known else FALLBACK
    others = {each.answer: each.confidence for each in (*reply.choices, *reply.runners_up) if each.answer != first}
    ordered = [(first, reply.confidence), *sorted(others.items(), key=lambda each: -each[1])]
    ranking = [{"name": name, "confidence": confidence} for name, confidence in ordered]
    told = {"text": asked, "intent": ranking[0], "entities": [], "intent_ranking": ranking}
    return told if message_id is None else {**told, "message_id": message_id}
