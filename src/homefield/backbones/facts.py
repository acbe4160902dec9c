"""What is known of a backbone before it is loaded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Facts"]


@dataclass(frozen=True)
class Facts:
    """A backbone's card.

    width: size D of a hidden state and of a pooled vector. max_length: longest text, in tokens.
    languages: ISO 639-1 codes it was trained on; empty means unknown, or any for a fresh one.
    parameters: how many numbers it holds; 0 for a fresh one, whose vocabulary depends on the records.
    fresh: True when it has no pretraining, so that freezing any of it makes no sense.
    learning_rate: where a search would start (AdamW, batch 64).
    """

    name: str
    layers: int
    width: int
    max_length: int
    languages: tuple[str, ...] = ()
    parameters: int = 0
    licence: str = ""
    source: str = ""
    fresh: bool = False
    learning_rate: float = 2e-4

    def as_json(self) -> dict[str, Any]:
        """The card as one JSON object."""
        return {**asdict(self), "languages": list(self.languages)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Facts:
        """The card that `as_json` gave."""
        return cls(**{**values, "languages": tuple(values["languages"])})
