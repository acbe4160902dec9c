"""Chatwoot's agent bot: it acts while a conversation is pending, and hands over by opening it.

A webhook proves where it comes from by its signature (Chatwoot 4.13 and newer: HMAC-SHA256 of `TIMESTAMP.BODY`), or by
a token in its address. What is said is written back over Chatwoot's own interface, since it reads no replies.
https://developers.chatwoot.com and https://github.com/chatwoot/chatwoot/pull/13892
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from homefield.apps.support.channels.contract import scalars
from homefield.apps.support.conversation import Incoming, Said
from homefield.apps.support.conversation.options import ChatwootOptions, secret_of
from homefield.apps.support.conversation.summary import note
from homefield.apps.support.conversation.think import spoken
from homefield.errors import NotAllowed

__all__ = ["CHANNEL", "Call", "Chatwoot", "HumanWord"]

CHANNEL = "chatwoot"
_OLD = 300  # seconds after which a signed request may be a copy of another
_INCOMING, _OUTGOING = ("incoming", 0), ("outgoing", 1)


@dataclass(frozen=True)
class Call:
    """A request to Chatwoot: JSON posted to `path` of its interface."""

    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class HumanWord:
    """A human wrote to the customer in Chatwoot."""

    peer: str
    text: str
    by: str
    delivery: str


class Chatwoot:
    """One account."""

    def __init__(self, options: ChatwootOptions) -> None:
        self._options = options

    def check(self, headers: Mapping[str, str], body: bytes, token: str, *, now: float) -> None:
        """See that a webhook comes from Chatwoot.

        Raises:
            NotAllowed: `support.bad_signature`. CallError: `support.no_secret`.
        """
        if self._options.secret is not None:
            self._check_signature(secret_of(self._options.secret), headers, body, now)
            return
        wanted = secret_of(self._options.webhook_token or "")
        if not hmac.compare_digest(token.encode("utf-8", "replace"), wanted.encode()):
            raise NotAllowed("support.bad_signature", why="token")

    @staticmethod
    def _check_signature(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> None:
        sent = headers.get("x-chatwoot-timestamp", "")
        if not (sent.isascii() and sent.isdigit() and len(sent) < 12 and abs(now - int(sent)) <= _OLD):
            raise NotAllowed("support.bad_signature", why=f"X-Chatwoot-Timestamp: {sent[:20] or '-'}")
        signed = hmac.new(secret.encode(), f"{sent}.".encode() + body, hashlib.sha256).hexdigest()
        given = headers.get("x-chatwoot-signature", "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), f"sha256={signed}".encode()):
            raise NotAllowed("support.bad_signature", why="X-Chatwoot-Signature")

    def read(self, payload: Mapping[str, Any]) -> Incoming | None:
        """A customer's message of this account; whether the bot or a human has it is what its status says."""
        conversation = self._conversation(payload)
        if conversation is None or payload.get("message_type") not in _INCOMING or payload.get("private"):
            return None
        sender = payload.get("sender")
        sender = sender if isinstance(sender, Mapping) else {}
        return Incoming(
            str(payload.get("content") or ""),
            channel=CHANNEL,
            peer=str(conversation["id"]),
            delivery=f"message {payload.get('id')}",
            customer=str(sender.get("identifier") or sender.get("id") or "") or None,
            variables=scalars(conversation.get("custom_attributes")),
            owner="bot" if conversation.get("status") == "pending" else "human",
        )

    def human_word(self, payload: Mapping[str, Any]) -> HumanWord | None:
        """What a human wrote to the customer, so that the bot knows of it when it has the conversation again."""
        conversation, sender = self._conversation(payload), payload.get("sender")
        if conversation is None or payload.get("message_type") not in _OUTGOING or payload.get("private"):
            return None
        if not isinstance(sender, Mapping) or str(sender.get("type", "")).lower() != "user":
            return None
        said, name = str(payload.get("content") or ""), str(sender.get("name") or "agent")[:100]
        return HumanWord(str(conversation["id"]), said, name, f"message {payload.get('id')}")

    def ended(self, payload: Mapping[str, Any]) -> str | None:
        """What Chatwoot calls the conversation that was resolved just now."""
        if payload.get("event") not in ("conversation_resolved", "conversation_status_changed"):
            return None
        return str(payload["id"]) if payload.get("status") == "resolved" and payload.get("id") is not None else None

    def write(self, said: Said) -> Call | None:
        """The reply to be posted."""
        if said.reply is None:
            return None
        body = {"content": said.reply.text, "message_type": "outgoing", "private": False}
        return Call(f"conversations/{said.row.peer}/messages", body)

    def opening(self, said: Said) -> list[Call]:
        """What gives the conversation to a human, as long as it was not done: a private note, and opening it."""
        handoff = said.row.handoff
        if said.row.state != "waiting" or handoff is None or handoff.get("told"):
            return []
        summary = note(handoff, spoken(said.row.language))
        path, body = f"conversations/{said.row.peer}", {"content": summary, "message_type": "outgoing", "private": True}
        return [Call(f"{path}/messages", body), Call(f"{path}/toggle_status", {"status": "open"})]

    def address(self, call: Call) -> tuple[str, dict[str, str]]:
        """The URL and the headers of a call.

        Raises:
            CallError: `support.no_secret`.
        """
        root = self._options.url.rstrip("/")
        headers = {"api_access_token": secret_of(self._options.token), "content-type": "application/json"}
        return f"{root}/api/v1/accounts/{self._options.account}/{call.path}", headers

    def _conversation(self, payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The conversation that a new message of this account belongs to."""
        conversation, account = payload.get("conversation"), payload.get("account")
        if payload.get("event") != "message_created" or not isinstance(conversation, Mapping):
            return None
        number = conversation.get("id")
        if not isinstance(number, int) or isinstance(number, bool):
            return None
        if not isinstance(account, Mapping) or account.get("id") != self._options.account:
            return None
        return conversation
