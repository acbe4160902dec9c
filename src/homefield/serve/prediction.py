"""What a model answers for one text: the answer, how sure, what was decided and why, and from which evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from homefield.messages import Language, text

__all__ = ["Candidate", "Evidence", "Prediction", "Reason"]

Reason = Literal["empty", "too_long", "unknown", "unsure", "unreadable"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A label and its calibrated probability."""

    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """A training row near a text. row: 1-based in `source`. similarity: cosine of the two vectors."""

    text: str
    label: str
    source: str
    row: int
    similarity: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model says of one text.

    answers: the label said (several, or none, where a text may have several), with probabilities; empty for a number.
    value, interval: of a number. confidence: probability that the whole answer is right; 1 for a number, which has an
    interval instead. decision, reason: `abstain` says why in `reason`. runners_up: what comes after, likeliest first.
    unknown: how unlike the training texts this one is, 0 to 1; None when the model has no such score. model: which
    model and version said it.
    """

    answers: tuple[Candidate, ...]
    value: float | None
    interval: tuple[float, float] | None
    confidence: float
    decision: Literal["answer", "abstain"]
    reason: Reason | None
    runners_up: tuple[Candidate, ...]
    unknown: float | None
    evidence: tuple[Evidence, ...]
    model: str

    @property
    def label(self) -> str | None:
        """The likeliest label said."""
        return self.answers[0].label if self.answers else None

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label said, likeliest first."""
        return tuple(one.label for one in self.answers)

    def why(self, language: Language) -> str:
        """The reason to abstain as a sentence; empty for an answer."""
        return text(f"serve.reason.{self.reason}", language) if self.reason else ""

    def as_json(self) -> dict[str, Any]:
        """One JSON object; numbers rounded to 6 places."""
        return {
            "label": self.label,
            "labels": [_candidate(one) for one in self.answers],
            "value": self.value,
            "interval": list(self.interval) if self.interval else None,
            "confidence": round(self.confidence, 6),
            "decision": self.decision,
            "reason": self.reason,
            "runners_up": [_candidate(one) for one in self.runners_up],
            "unknown": None if self.unknown is None else round(self.unknown, 6),
            "evidence": [
                {
                    "text": one.text,
                    "label": one.label,
                    "source": one.source,
                    "row": one.row,
                    "similarity": round(one.similarity, 6),
                }
                for one in self.evidence
            ],
            "model": self.model,
        }


def _candidate(one: Candidate) -> dict[str, Any]:
    return {"label": one.label, "confidence": round(one.confidence, 6)}
