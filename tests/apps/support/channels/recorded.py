"""Requests and replies as the other side's documentation gives them, shortened to what matters."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
from typing import Any

__all__ = ["CHATWOOT_MESSAGE", "chatwoot", "openai", "rasa", "signed"]

# https://developers.chatwoot.com: `message_created`, as an agent bot gets it.
CHATWOOT_MESSAGE: dict[str, Any] = {
    "event": "message_created",
    "id": 77287,
    "content": "How do I return it?",
    "content_type": "text",
    "content_attributes": {},
    "created_at": "2026-07-10T15:36:22.262Z",
    "message_type": "incoming",
    "private": False,
    "source_id": None,
    "sender": {"id": 52870, "name": "patient-field-274", "email": None, "type": "contact", "identifier": None},
    "inbox": {"id": 58, "name": "Website"},
    "account": {"id": 3, "name": "Shop"},
    "conversation": {
        "id": 13098,
        "inbox_id": 58,
        "channel": "Channel::WebWidget",
        "status": "pending",
        "can_reply": True,
        "contact_inbox": {"id": 62117, "contact_id": 52870, "inbox_id": 58, "source_id": "96e55744"},
        "custom_attributes": {"order_id": "12345678", "vip": True, "tags": ["a"]},
        "additional_attributes": {"browser": {"browser_name": "Chrome"}, "referer": "https://shop.example/"},
        "messages": [],
        "labels": [],
        "meta": {"sender": {"id": 52870, "name": "patient-field-274"}, "assignee": None, "hmac_verified": False},
    },
}


def chatwoot(
    text: str = "How do I return it?", number: int = 1, status: str = "pending", **changes: Any
) -> dict[str, Any]:
    """The recorded message with another text, id and status of its conversation."""
    made = copy.deepcopy(CHATWOOT_MESSAGE)
    made |= {"content": text, "id": number, **changes}
    made["conversation"]["status"] = status
    return made


def signed(payload: Any, secret: str, at: int) -> tuple[bytes, dict[str, str]]:
    """A body and the headers with which Chatwoot signs it: HMAC-SHA256 of `TIMESTAMP.BODY`."""
    body = json.dumps(payload).encode()
    sign = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"x-chatwoot-timestamp": str(at), "x-chatwoot-signature": f"sha256={sign}"}
    return body, {**headers, "x-chatwoot-delivery": "d", "content-type": "application/json"}


def rasa(text: str = "How do I return it?", **more: Any) -> dict[str, Any]:
    """https://rasa.com/docs/reference/channels/your-own-website/"""
    return {"sender": "test_user", "message": text, **more}


def openai(text: str = "How do I return it?", **more: Any) -> dict[str, Any]:
    """https://platform.openai.com/docs/api-reference/chat/create"""
    messages = [
        {"role": "developer", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Hello!"},
        {"role": "assistant", "content": "Hello there, how may I assist you today?"},
        {"role": "user", "content": [{"type": "text", "text": text}]},
    ]
    return {"model": "shop", "messages": messages, "temperature": 0.2, **more}
