"""`bigru`: a gated recurrent network read in both directions (Cho et al. 2014), trained from scratch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from homefield.backbones.backbone import Backbone
from homefield.backbones.facts import Facts
from homefield.backbones.words import Words

__all__ = ["BiGru", "GruShape"]


@dataclass(frozen=True)
class GruShape:
    """Sizes: embedding, and state of one direction. D is twice the state."""

    vocabulary: int
    embedding: int = 192
    state: int = 192


class BiGru(Backbone):
    """One block: a recurrence from the left beside one from the right."""

    def __init__(self, facts: Facts, tokenizer: Tokenizer, shape: GruShape) -> None:
        super().__init__(facts, tokenizer)
        self.shape = shape
        self.words = Words(shape.vocabulary, shape.embedding)
        self.forwards = nn.GRU(shape.embedding, shape.state, batch_first=True)
        self.backwards = nn.GRU(shape.embedding, shape.state, batch_first=True)

    def initialise(self) -> None:
        """Random weights; recurrent ones orthogonal (Saxe et al. 2014)."""
        nn.init.normal_(self.words.weight, std=0.1)
        for gru in (self.forwards, self.backwards):
            nn.init.orthogonal_(cast(Tensor, gru.weight_hh_l0))

    def embed(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token embeddings: [B, T] to [B, T, E]."""
        del mask
        hidden: Tensor = self.words(ids)
        if self.training and self.dropout:
            hidden = F.dropout(hidden, self.dropout)
        return hidden

    def run(self, hidden: Tensor, mask: Tensor, start: int, stop: int | None = None) -> Tensor:
        """Both recurrences: [B, T, E] to [B, T, D]."""
        if start >= 1 or stop == 0:
            return hidden
        mirror = _mirror(mask)
        left, _ = self.forwards(hidden)
        right, _ = self.backwards(_pick(hidden, mirror))
        return torch.cat([left, _pick(right, mirror)], dim=2) * mask.unsqueeze(-1).to(hidden.dtype)

    def pool(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Maximum over tokens: [B, T, D] to [B, D]."""
        return hidden.masked_fill(~mask.unsqueeze(-1), -2.0).amax(1)

    def layer_groups(self) -> list[list[tuple[str, nn.Parameter]]]:
        """Embeddings; recurrences."""
        named = self.own_parameters()
        return [
            [(name, p) for name, p in named if name.startswith("words")],
            [(name, p) for name, p in named if not name.startswith("words")],
        ]

    def word_table(self) -> Words:
        """The token embeddings."""
        return self.words

    def blueprint(self) -> dict[str, Any]:
        """Architecture, shape, facts."""
        return {
            "architecture": "bigru",
            "shape": asdict(self.shape),
            "facts": self.facts.as_json(),
            "pad_id": self.pad_id,
        }


def _mirror(mask: Tensor) -> Tensor:
    """[B, T] places that turn each text round within its own length; padding stays where it is."""
    places = torch.arange(mask.shape[1], device=mask.device).unsqueeze(0)
    return torch.where(mask, mask.sum(1, keepdim=True) - 1 - places, places)


def _pick(hidden: Tensor, places: Tensor) -> Tensor:
    # Not expand_as: the exporter takes the length of a GRU's output for a constant.
    return hidden.gather(1, places.unsqueeze(-1).expand(-1, -1, hidden.shape[2]))
