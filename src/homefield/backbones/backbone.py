"""The contract of every backbone: a stack of blocks over a layer of embeddings that can be cut between any two blocks.

Cutting is the idea: what lies below the cut is the same for every head, so it is computed once and shared.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from homefield.backbones.facts import Facts
from homefield.backbones.words import Words

__all__ = ["Backbone"]


class Backbone(nn.Module, ABC):
    """A network that turns token numbers into hidden states, without a task.

    Shapes: B texts, T tokens, D = `width`, L = `layers`. A mask is True at tokens and False at padding (always on the
    right); padding never changes the states of tokens. Layer 0 is the embeddings, layer k the output of block k.

    Attributes:
        facts: its card. tokenizer: of the `tokenizers` library, neither padding nor truncating.
        cuttable: whether it can be cut at every layer; one that cannot still cuts at layer L.
        adaptable: whether its blocks have places for bottleneck adapters.
        dropout: probability in training, 0 unless set; changes nothing in evaluation.
        pad_id: the token number of padding.
    """

    cuttable: bool = True
    adaptable: bool = False

    def __init__(self, facts: Facts, tokenizer: Tokenizer, *, pad_id: int = 0) -> None:
        super().__init__()
        self.facts = facts
        self.tokenizer = tokenizer
        self.pad_id = pad_id
        self.dropout = 0.0

    @property
    def layers(self) -> int:
        """L, how many blocks."""
        return self.facts.layers

    @property
    def width(self) -> int:
        """D, size of a state of layer L and of a pooled vector."""
        return self.facts.width

    @property
    def max_length(self) -> int:
        """The longest text in tokens."""
        return self.facts.max_length

    @abstractmethod
    def embed(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Layer 0: ids [B, T] long and mask [B, T] bool to states [B, T, E] (E is D except in fresh backbones)."""

    @abstractmethod
    def run(self, hidden: Tensor, mask: Tensor, start: int, stop: int | None = None) -> Tensor:
        """Blocks `start` to `stop` - 1 (to the end when None) over states [B, T, *] of layer `start`."""

    @abstractmethod
    def pool(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """States of layer L [B, T, D] to one vector per text [B, D]."""

    @abstractmethod
    def layer_groups(self) -> list[list[tuple[str, nn.Parameter]]]:
        """Named parameters by layer: entry 0 the embeddings, entry k block k. All of `own_parameters`."""

    @abstractmethod
    def blueprint(self) -> dict[str, Any]:
        """What `load.rebuild` needs, beside tokenizer and weights, to make this backbone again; JSON-ready."""

    def own_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """Named parameters, without the word table's resting rows while the vocabulary is limited."""
        table = self.word_table()
        resting = table.weight if table is not None and table.limited else None
        return [(name, parameter) for name, parameter in self.named_parameters() if parameter is not resting]

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """States of layer L: ids and mask [B, T] to [B, T, D]."""
        return self.reach(ids, mask, self.layers)

    def reach(self, ids: Tensor, mask: Tensor, layer: int) -> Tensor:
        """States of `layer`: ids and mask [B, T] to [B, T, *]."""
        hidden = self.embed(ids, mask)
        return self.run(hidden, mask, 0, layer) if layer else hidden

    def insert_adapters(self, *, rank: int, start: int) -> None:
        """Put bottlenecks of `rank` into the blocks from `start` up; only where `adaptable`."""
        raise NotImplementedError(f"{self.facts.name} has no places for adapters")

    def linear_names(self, start: int) -> list[str]:
        """Names of the linear layers inside the blocks from `start` up."""
        names = {id(p): name for group in self.layer_groups()[start + 1 :] for name, p in group}
        return [
            name
            for name, module in self.named_modules()
            if isinstance(module, nn.Linear) and id(module.weight) in names
        ]

    def word_table(self) -> Words | None:
        """The table of token embeddings, when it can be limited to the tokens in use."""
        return None

    def limit_vocabulary(self, used: Iterable[int]) -> int:
        """Train only the embeddings of the token numbers in `used`; gives how many rows are trained.

        The rest of the table stays as it is and out of the optimiser (for `minilm-en` the table is half of all
        parameters and a company's texts use a tenth of it). Exact: a row without gradient would not move either,
        except by weight decay. `state_dict` gives the whole table all along; `unlimit_vocabulary` ends it.
        Does nothing (and gives 0) while the embeddings are frozen or where there is no such table.
        """
        table = self.word_table()
        return 0 if table is None else table.limit(used)

    def unlimit_vocabulary(self) -> None:
        """Write trained rows back and train the whole table again."""
        if (table := self.word_table()) is not None:
            table.unlimit()

    def content_hash(self, layer: int) -> str:
        """SHA-256 (hexadecimal) of all that decides the states of `layer`: shape, embeddings, blocks below it."""
        blueprint = self.blueprint()
        identity = [blueprint["architecture"], blueprint["shape"], layer]
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode())
        state = self.state_dict()
        above = {name for group in self.layer_groups()[layer + 1 :] for name, _ in group} if self.cuttable else set()
        for name in sorted(state):
            if name not in above:
                tensor = state[name].detach().cpu().contiguous()
                digest.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
                digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
        return digest.hexdigest()


def mean_of_tokens(hidden: Tensor, mask: Tensor) -> Tensor:
    """Mean over tokens: [B, T, D] and mask [B, T] to [B, D] (Reimers and Gurevych 2019, Sentence-BERT)."""
    weights = mask.to(hidden.dtype).unsqueeze(1)
    return torch.bmm(weights, hidden).squeeze(1) / weights.sum(2).clamp(min=1)
