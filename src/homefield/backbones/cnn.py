"""`cnn-text`: convolutions of several widths over token embeddings (Kim 2014), trained from scratch.

Beside the filters, which see order, goes a bag of embeddings of frequent n-grams (fastText, Joulin et al. 2017),
which learns single words faster than filters do; on Chinese it is the larger part of what such a network knows.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from homefield.backbones.backbone import Backbone
from homefield.backbones.facts import Facts
from homefield.backbones.ngrams import Ngrams, bag
from homefield.backbones.words import Words

__all__ = ["CnnShape", "CnnText"]


@dataclass(frozen=True)
class CnnShape:
    """Sizes: token embedding, filters of each width, n-grams kept and their embedding. D is filters x widths + gram."""

    vocabulary: int
    grams: int
    embedding: int = 192
    filters: int = 192
    widths: tuple[int, ...] = (2, 3, 4)
    gram: int = 128

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> CnnShape:
        """The shape a blueprint holds."""
        return cls(**{**values, "widths": tuple(values["widths"])})


class CnnText(Backbone):
    """One block: every width's filters, beside the n-grams that start at the token."""

    def __init__(self, facts: Facts, tokenizer: Tokenizer, shape: CnnShape) -> None:
        super().__init__(facts, tokenizer)
        self.shape = shape
        self.words = Words(shape.vocabulary, shape.embedding)
        self.grams = Ngrams(shape.grams + 1, shape.gram)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(shape.embedding, shape.filters, width, padding=0) for width in shape.widths
        )

    def initialise(self, slots: Tensor) -> None:
        """Random weights, and the places of the kept n-grams (`ngrams.find_ngrams`)."""
        nn.init.normal_(self.words.weight, std=0.1)
        self.grams.initialise(slots)

    def embed(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Each token's embedding beside the sum of its n-grams': [B, T] to [B, T, E + G], zero at padding."""
        hidden = torch.cat([self.words(ids), self.grams(ids, mask)], dim=2)
        if self.training and self.dropout:
            hidden = F.dropout(hidden, self.dropout)
        return hidden * mask.unsqueeze(-1).to(hidden.dtype)

    def run(self, hidden: Tensor, mask: Tensor, start: int, stop: int | None = None) -> Tensor:
        """The convolutions, each output at its window's middle: [B, T, E + G] to [B, T, D], zero at padding."""
        if start >= 1 or stop == 0:
            return hidden
        columns = hidden[:, :, : self.shape.embedding].transpose(1, 2)
        found = [hidden[:, :, self.shape.embedding :]]
        for width, convolution in zip(self.shape.widths, self.convolutions, strict=True):
            before = (width - 1) // 2
            found.append(F.relu(convolution(F.pad(columns, (before, width - 1 - before)))).transpose(1, 2))
        return torch.cat(found, dim=2) * mask.unsqueeze(-1).to(hidden.dtype)

    def pool(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """The bag of n-grams beside the maximum of every filter: [B, T, D] to [B, D]."""
        grams, filters = hidden[:, :, : self.shape.gram], hidden[:, :, self.shape.gram :]
        # Filters are rectified and padding is zero, so padding never wins a maximum.
        return torch.cat([bag(grams, mask), filters.amax(1)], dim=1)

    def layer_groups(self) -> list[list[tuple[str, nn.Parameter]]]:
        """Embeddings; convolutions."""
        named = self.own_parameters()
        return [
            [(name, p) for name, p in named if not name.startswith("convolutions")],
            [(name, p) for name, p in named if name.startswith("convolutions")],
        ]

    def word_table(self) -> Words:
        """The token embeddings."""
        return self.words

    def blueprint(self) -> dict[str, Any]:
        """Architecture, shape, facts."""
        return {
            "architecture": "cnn-text",
            "shape": {**asdict(self.shape), "widths": list(self.shape.widths)},
            "facts": self.facts.as_json(),
            "pad_id": self.pad_id,
        }
