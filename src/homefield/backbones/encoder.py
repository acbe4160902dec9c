"""A lean transformer encoder for BERT-shaped checkpoints, the network this project trains most.

Against the one in Transformers: one matrix product for query, key and value; no dropout modules; states stay in the
precision the blocks compute in, so nothing is cast between layers; and it can be cut between any two blocks.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from homefield.backbones.attention import attend, attention_bias
from homefield.backbones.backbone import Backbone, mean_of_tokens
from homefield.backbones.bottleneck import Bottleneck
from homefield.backbones.facts import Facts
from homefield.backbones.phrases import Phrases
from homefield.backbones.words import Words

__all__ = ["Block", "Encoder", "Shape"]


@dataclass(frozen=True)
class Shape:
    """The sizes and choices of an `Encoder`.

    position_offset: rows of the position table before the first position (2 in RoBERTa).
    embedding_width: of the word table when it is narrower than the blocks (ELECTRA), else the same.
    norm: where a block normalises, after the residual sum as in BERT or before each part.
    grams, gram: rows and width of the table of n-grams in the input layer (`phrases.Phrases`); 0 rows for none.
    head_width: of a head, where heads were pruned and what is left is narrower than the blocks; 0: width / heads.
    """

    vocabulary: int
    width: int
    layers: int
    heads: int
    inner: int
    positions: int
    types: int = 2
    eps: float = 1e-12
    activation: Literal["gelu", "gelu_tanh", "relu"] = "gelu"
    position_offset: int = 0
    embedding_width: int = 0
    pooling: Literal["mean", "first"] = "mean"
    norm: Literal["post", "pre"] = "post"
    grams: int = 0
    gram: int = 0
    head_width: int = 0

    @property
    def attended(self) -> int:
        """What all heads of a block hold together."""
        return self.heads * (self.head_width or self.width // self.heads)


class Block(nn.Module):
    """Self-attention and a two-layer perceptron, each with a residual sum and a layer normalisation."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.heads = shape.heads
        self.activation = shape.activation
        self.pre = shape.norm == "pre"
        self.qkv = nn.Linear(width, 3 * shape.attended)
        self.out = nn.Linear(shape.attended, width)
        self.attention_norm = nn.LayerNorm(width, eps=shape.eps)
        self.up = nn.Linear(width, shape.inner)
        self.down = nn.Linear(shape.inner, width)
        self.output_norm = nn.LayerNorm(width, eps=shape.eps)
        # Places where `adapters` puts a bottleneck; nothing is computed while they are empty.
        self.attention_adapter: nn.Module | None = None
        self.output_adapter: nn.Module | None = None

    def insert_adapters(self, rank: int) -> None:
        """Put a bottleneck behind attention and perceptron; they and the normalisations are trained."""
        weight = self.out.weight
        self.attention_adapter = Bottleneck(len(weight), rank).to(weight)
        self.output_adapter = Bottleneck(len(weight), rank).to(weight)
        self.attention_norm.requires_grad_(True)
        self.output_norm.requires_grad_(True)

    def forward(self, hidden: Tensor, bias: Tensor, dropout: float) -> Tensor:
        """hidden [B, T, D] and bias [B, 1, 1, T] to [B, T, D]."""
        if self.pre:
            hidden = hidden + self._attention(self.attention_norm(hidden), bias, dropout)
            return hidden + self._perceptron(self.output_norm(hidden), dropout)
        hidden = self.attention_norm(hidden + self._attention(hidden, bias, dropout))
        normalised: Tensor = self.output_norm(hidden + self._perceptron(hidden, dropout))
        return normalised

    def _attention(self, hidden: Tensor, bias: Tensor, dropout: float) -> Tensor:
        mixed: Tensor = self.out(attend(self.qkv(hidden), bias, self.heads))
        if dropout:
            mixed = F.dropout(mixed, dropout)
        return mixed if self.attention_adapter is None else self.attention_adapter(mixed)

    def _perceptron(self, hidden: Tensor, dropout: float) -> Tensor:
        inner = self.up(hidden)
        if self.activation == "relu":
            inner = F.relu(inner)
        else:
            inner = F.gelu(inner, approximate="tanh" if self.activation == "gelu_tanh" else "none")
        result = self.down(inner)
        if dropout:
            result = F.dropout(result, dropout)
        return result if self.output_adapter is None else self.output_adapter(result)  # type: ignore[no-any-return]


class Encoder(Backbone):
    """A BERT-shaped backbone (Devlin et al. 2019); weights come from `checkpoint.read_weights` or training."""

    adaptable = True

    def __init__(self, facts: Facts, tokenizer: Tokenizer, shape: Shape, *, pad_id: int = 0) -> None:
        super().__init__(facts, tokenizer, pad_id=pad_id)
        self.shape = shape
        self.adapters: tuple[int, int] | None = None
        narrow = shape.embedding_width or shape.width
        self.words = Words(shape.vocabulary, narrow)
        self.positions = nn.Parameter(torch.empty(shape.positions, narrow))
        self.types = nn.Parameter(torch.empty(shape.types, narrow)) if shape.types else None
        self.phrases = Phrases(shape.grams, shape.gram, narrow) if shape.grams else None
        self.embedding_norm = nn.LayerNorm(narrow, eps=shape.eps)
        self.widen = nn.Linear(narrow, shape.width) if narrow != shape.width else None
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.final_norm = nn.LayerNorm(shape.width, eps=shape.eps) if shape.norm == "pre" else None

    @torch.no_grad()
    def initialise(self) -> None:
        """Random weights (Devlin et al. 2019), those before a residual sum smaller with depth (Radford et al. 2019)."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for block in self.blocks:
            assert isinstance(block, Block)
            for linear in (block.out, block.down):
                linear.weight.mul_((2 * self.layers) ** -0.5)
        for table in (self.words.weight, self.positions, self.types):
            if table is not None:
                nn.init.normal_(table, std=0.02)

    def embed(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Sum of word, position, type and n-gram embeddings, normalised: [B, T] to [B, T, D]."""
        start = self.shape.position_offset
        places = self.positions[start : start + ids.shape[1]]
        if self.types is not None:
            places = places + self.types[0]
        hidden: Tensor = self.words(ids) + places
        if self.phrases is not None:
            hidden = hidden + self.phrases(ids, mask)
        hidden = self.embedding_norm(hidden)
        if self.training and self.dropout:
            hidden = F.dropout(hidden, self.dropout)
        if self.widen is not None:
            hidden = self.widen(hidden)
        return hidden

    def run(self, hidden: Tensor, mask: Tensor, start: int, stop: int | None = None) -> Tensor:
        """Blocks `start` to `stop` - 1: [B, T, D] to [B, T, D]."""
        # Under autocast the sums between blocks would otherwise stay in fp32, and every product would cast its input.
        if torch.is_autocast_enabled(hidden.device.type):
            hidden = hidden.to(torch.get_autocast_dtype(hidden.device.type))
        bias = attention_bias(mask, hidden.dtype)
        dropout = self.dropout if self.training else 0.0
        for block in self.blocks[start:stop]:
            hidden = block(hidden, bias, dropout)
        if self.final_norm is not None and start < self.layers and stop in (None, self.layers):
            hidden = self.final_norm(hidden)
        return hidden

    def pool(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Mean over tokens, or the first token's state, as the checkpoint was trained: [B, T, D] to [B, D]."""
        return mean_of_tokens(hidden, mask) if self.shape.pooling == "mean" else hidden[:, 0]

    def layer_groups(self) -> list[list[tuple[str, nn.Parameter]]]:
        """Embeddings, then one entry a block (a last normalisation belongs to the last)."""
        groups: list[list[tuple[str, nn.Parameter]]] = [[] for _ in range(self.layers + 1)]
        for name, parameter in self.own_parameters():
            first, _, rest = name.partition(".")
            if first == "blocks":
                groups[int(rest.partition(".")[0]) + 1].append((name, parameter))
            else:
                groups[-1 if first == "final_norm" else 0].append((name, parameter))
        return groups

    def insert_adapters(self, *, rank: int, start: int) -> None:
        """Put a bottleneck behind attention and perceptron of every block from `start` up."""
        self.adapters = (rank, start)
        for block in self.blocks[start:]:
            assert isinstance(block, Block)
            block.insert_adapters(rank)

    def word_table(self) -> Words:
        """The word embeddings."""
        return self.words

    def blueprint(self) -> dict[str, Any]:
        """Architecture, shape, facts."""
        return {
            "architecture": "encoder",
            # Without what is not used: what names a network by its shape stays as it was.
            "shape": {key: value for key, value in asdict(self.shape).items() if key != "head_width" or value},
            "facts": self.facts.as_json(),
            "pad_id": self.pad_id,
            "adapters": self.adapters,
        }
