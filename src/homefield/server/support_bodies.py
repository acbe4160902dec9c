"""What requests to a customer service hold, as OpenAPI shows it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from homefield.apps.support.conversation.options import LONGEST_VALUE, MOST_VARIABLES, NAME
from homefield.server.bodies import one_of

__all__ = [
    "CompletionsBody",
    "CorrectAnswerBody",
    "HumanBody",
    "MessageBody",
    "ParseBody",
    "RasaBody",
]

_FORBID, _IGNORE = ConfigDict(extra="forbid"), ConfigDict(extra="ignore")
_Name = Annotated[str, StringConstraints(pattern=f"^{NAME}$")]
_Value = Annotated[str, StringConstraints(max_length=LONGEST_VALUE)]


class MessageBody(BaseModel):
    """A customer's message."""

    model_config = _FORBID

    text: str = Field(description="what the customer wrote; what is beyond 100,000 characters is cut off")
    conversation: str | None = Field(
        None, min_length=1, max_length=64, description="the id of a conversation; a new one without it"
    )
    delivery: str | None = Field(None, max_length=200, description="your own id: sent again, it is the same message")
    customer: str | None = Field(None, max_length=200, description="who it is, so that everything can be deleted")
    variables: dict[_Name, _Value] = Field(
        default={}, max_length=MOST_VARIABLES, description="what placeholders are filled from"
    )
    language: str = Field("", pattern=r"^[A-Za-z-]{0,10}$", description="of the reply; the message's own without it")
    audience: str = Field("", max_length=100, description="whose answers may be given beside everybody's")


class HumanBody(BaseModel):
    """What a human writes to the customer."""

    model_config = _FORBID

    text: str = Field(pattern=r"\S", description="not blank")
    by: str | None = Field(None, max_length=100, description="who writes; the key's name when left out")
    delivery: str | None = Field(None, max_length=200, description="your own id: sent again, it is the same message")


class CorrectAnswerBody(BaseModel):
    """What should have been replied: an approved answer, or a new one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=one_of(answer="string", text="string"))

    question: str = Field(min_length=1, max_length=2_000)
    answer: str | None = Field(None, min_length=1, max_length=200, description="the id of an approved answer")
    text: str | None = Field(None, min_length=1, max_length=10_000, description="the text of a new answer")
    by: str | None = Field(None, max_length=200, description="who says so; the key's name when left out")
    why: str = Field("", max_length=2_000)
    language: str = Field("", pattern=r"^[A-Za-z-]{0,10}$")
    message: str | None = Field(None, max_length=64, description="the id of the customer's message")


class RasaBody(BaseModel):
    """As Rasa's REST channel takes it."""

    model_config = _IGNORE

    sender: str | None = Field(None, max_length=200)
    message: str | None = None
    metadata: dict[str, Any] | None = None


class ParseBody(BaseModel):
    """As Rasa's parse interface takes it."""

    model_config = _IGNORE

    text: str
    message_id: str | None = Field(None, max_length=200)


class ChatMessage(BaseModel):
    """One turn of a completion."""

    model_config = _IGNORE

    role: str = Field(max_length=50)
    content: str | list[dict[str, Any]] | None = None


class StreamOptions(BaseModel):
    """What a stream holds beside the reply."""

    model_config = _IGNORE

    include_usage: bool = Field(False, description="the last event before `[DONE]` says how many tokens there were")


class CompletionsBody(BaseModel):
    """As OpenAI's chat completions take it."""

    model_config = _IGNORE

    model: str = Field(max_length=200, description="the customer service, `shop` or `support/shop`")
    messages: list[ChatMessage] = Field(min_length=1, max_length=1_000)
    stream: bool = False
    stream_options: StreamOptions | None = None
    user: str | None = Field(None, min_length=1, max_length=200, description="whose conversation goes on")
    metadata: dict[str, Any] | None = None
