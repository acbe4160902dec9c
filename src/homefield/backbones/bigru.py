"""`bigru`: a gated recurrent network read in both directions (Cho et al. 2014), trained from scratch.

Beside the recurrences goes the same bag of frequent n-grams as in `cnn-text`, for the same reason.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from homefield.backbones.backbone import Backbone
from homefield.backbones.facts import Facts
from homefield.backbones.ngrams import Ngrams, bag
from homefield.backbones.words import Words

__all__ = ["BiGru", "GruShape"]


@dataclass(frozen=True)
class GruShape:
    """Sizes: token embedding, state of one direction, n-grams kept and their embedding. D is 2 x state + gram."""

    vocabulary: int
    grams: int
    embedding: int = 192
    state: int = 192
    gram: int = 128


class BiGru(Backbone):
    """One block: a recurrence from the left beside one from the right."""

    def __init__(self, facts: Facts, tokenizer: Tokenizer, shape: GruShape) -> None:
        super().__init__(facts, tokenizer)
        self.shape = shape
        self.words = Words(shape.vocabulary, shape.embedding)
        self.grams = Ngrams(shape.grams + 1, shape.gram)
        self.forwards = nn.GRU(shape.embedding, shape.state, batch_first=True)
        self.backwards = nn.GRU(shape.embedding, shape.state, batch_first=True)

    def initialise(self, slots: Tensor) -> None:
        """Random weights, recurrent ones orthogonal (Saxe et al. 2014), and the places of the kept n-grams."""
        nn.init.normal_(self.words.weight, std=0.1)
        self.grams.initialise(slots)
        for gru in (self.forwards, self.backwards):
            nn.init.orthogonal_(cast(Tensor, gru.weight_hh_l0))

    def embed(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Each token's embedding beside the sum of its n-grams': [B, T] to [B, T, E + G], zero at padding."""
        hidden = torch.cat([self.words(ids), self.grams(ids, mask)], dim=2)
        if self.training and self.dropout:
            hidden = F.dropout(hidden, self.dropout)
        return hidden * mask.unsqueeze(-1).to(hidden.dtype)

    def run(self, hidden: Tensor, mask: Tensor, start: int, stop: int | None = None) -> Tensor:
        """Both recurrences: [B, T, E + G] to [B, T, D]."""
        if start >= 1 or stop == 0:
            return hidden
        mirror = _mirror(mask)
        words, grams = hidden[:, :, : self.shape.embedding], hidden[:, :, self.shape.embedding :]
        left, _ = self.forwards(words)
        right, _ = self.backwards(_pick(words, mirror))
        return torch.cat([grams, left, _pick(right, mirror)], dim=2)

    def pool(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """The bag of n-grams beside the maximum over tokens: [B, T, D] to [B, D]."""
        grams, states = hidden[:, :, : self.shape.gram], hidden[:, :, self.shape.gram :]
        # States lie between -1 and 1, so padding never wins a maximum.
        return torch.cat([bag(grams, mask), states.masked_fill(~mask.unsqueeze(-1), -2.0).amax(1)], dim=1)

    def layer_groups(self) -> list[list[tuple[str, nn.Parameter]]]:
        """Embeddings; recurrences."""
        named = self.own_parameters()
        return [
            [(name, p) for name, p in named if name.startswith(("words", "grams"))],
            [(name, p) for name, p in named if not name.startswith(("words", "grams"))],
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
