"""What requests and replies hold, as OpenAPI shows it. Bodies are parsed straight from their bytes."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from starlette.requests import Request

from homefield.errors import CallError
from homefield.faults import Faulty, faults_in
from homefield.server.limits import check_depth

__all__ = [
    "CorrectionBody",
    "EmbeddingsBody",
    "InferBody",
    "JobBody",
    "KeyBody",
    "PredictBody",
    "PredictReply",
    "PromoteBody",
    "RollbackBody",
    "UploadBody",
    "one_of",
    "parsed",
]

Body = TypeVar("Body", bound=BaseModel)
_FORBID = ConfigDict(extra="forbid")


def one_of(**kinds: str) -> dict[str, Any]:
    """What JSON Schema says of members of which exactly one is given, with a value of the kind named."""
    return {"oneOf": [{"required": [name], "properties": {name: {"type": kind}}} for name, kind in kinds.items()]}


class PredictBody(BaseModel):
    """One text or many, and what is wanted of each."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=one_of(text="string", texts="array"))

    text: str | None = Field(None, description="one text")
    texts: list[str] | None = Field(None, description="several texts")
    others: list[str] | None = Field(None, description="of a model that compares: the other text of each pair")
    evidence: int = Field(3, ge=0, le=50, description="nearest training rows for each answer")
    top: int = Field(3, ge=0, le=50, description="runners-up at most")
    customer: str | None = Field(
        None, max_length=200, description="whom the texts are from, so that they can be deleted"
    )
    lane: Literal["interactive", "bulk"] | None = Field(None, description="bulk waits for interactive calls")
    timeout: float | None = Field(None, gt=0, le=3600, description="seconds after which no answer is wanted")

    @model_validator(mode="after")
    def _one_or_many(self) -> PredictBody:
        if (self.text is None) == (self.texts is None):
            raise PydanticCustomError("text_or_texts", "give `text` or `texts`, one of them")
        if self.others is not None and len(self.others) != len(self.asked):
            raise PydanticCustomError("as_many_others", "give as many `others` as texts")
        return self

    @property
    def asked(self) -> list[str]:
        """The texts."""
        return [self.text] if self.text is not None else self.texts or []


class Candidate(BaseModel):
    """A label and its calibrated probability."""

    label: str
    confidence: float


class Evidence(BaseModel):
    """A training row near the text."""

    text: str
    label: str
    source: str
    row: int
    similarity: float


class PredictionReply(BaseModel):
    """What was said of one text."""

    id: str = Field(description="to correct it by")
    label: str | None
    labels: list[Candidate]
    value: float | None
    interval: list[float] | None
    confidence: float
    decision: Literal["answer", "abstain"]
    reason: str | None
    why: str = Field(description="the reason as a sentence")
    runners_up: list[Candidate]
    unknown: float | None
    evidence: list[Evidence]
    model: str


class PredictReply(BaseModel):
    """What was said of each text, in order."""

    model: str
    version: int
    predictions: list[PredictionReply]


class InferInput(BaseModel):
    """One tensor of the Open Inference Protocol."""

    name: str
    shape: list[int] = Field(max_length=4)
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] = Field(default={})


class InferBody(BaseModel):
    """A request of the Open Inference Protocol."""

    id: str | None = Field(None, max_length=200)
    inputs: list[InferInput] = Field(min_length=1, max_length=8)
    outputs: list[dict[str, Any]] | None = None
    parameters: dict[str, Any] = Field(default={})


class EmbeddingsBody(BaseModel):
    """As OpenAI's: texts to vectors."""

    model_config = ConfigDict(extra="ignore")

    model: str
    input: str | list[str]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(None, ge=1)
    user: str | None = None


class CorrectionBody(BaseModel):
    """What would have been right."""

    model_config = _FORBID

    prediction: str = Field(max_length=64, description="the id of the prediction that is corrected")
    answer: str | float | list[str] = Field(description="the right label, labels or number")
    by: str | None = Field(None, max_length=200, description="who says so; the key's name when left out")
    why: str | None = Field(None, max_length=2_000)
    once: str | None = Field(None, max_length=200, description="your own id: sent again, it is kept once")


class KeyBody(BaseModel):
    """A key to sign in with."""

    model_config = _FORBID

    key: str = Field(max_length=200)


class UploadBody(BaseModel):
    """A file that will come in chunks."""

    model_config = _FORBID

    name: str = Field(max_length=255)
    size: int | None = Field(None, ge=0, lt=1 << 53)
    media_type: str | None = Field(None, max_length=200)


class JobBody(BaseModel):
    """A long operation to be done."""

    model_config = _FORBID

    kind: str = Field(max_length=50, description="prepare, finetune, export, evaluate, ...")
    arguments: dict[str, Any] = Field(
        default={}, description="as the kind takes them: uploads by id; datasets, runs and models by name"
    )
    schedule: str | None = Field(None, max_length=100, description="`every 6h`, or the five fields of cron")
    once: str | None = Field(None, max_length=200, description="your own id: sent again, the first job is given")


class PromoteBody(BaseModel):
    """A version to put into use, and what to judge it on."""

    model_config = _FORBID

    version: int = Field(ge=1, lt=1 << 31)
    rows: str = Field(max_length=100, description="the id of an upload, or the name of a dataset (its test split)")
    columns: dict[str, str] | None = Field(None, description="of an upload: role to column")
    force: bool = Field(False, description="against the gate; needs `why`, and the scope `admin`")
    why: str | None = Field(None, max_length=2_000)


class RollbackBody(BaseModel):
    """Why the version before is put back."""

    model_config = _FORBID

    why: str | None = Field(None, max_length=2_000)


async def parsed(request: Request, kind: type[Body]) -> Body:
    """The body of a request.

    Raises:
        CallError: `server.wrong_type`, `server.bad_body` with every fault, `server.too_deep`, `server.too_large`.
    """
    given = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if given != "application/json" and not given.endswith("+json"):
        raise CallError("server.wrong_type", got=given[:100], wanted="application/json")
    body = await request.body()
    check_depth(body)
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise Faulty("server.bad_body", faults_in(error, {"": kind}, own="server.body")) from error
