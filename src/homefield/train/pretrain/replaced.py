"""Replaced-token detection (Clark et al. 2020, ELECTRA): the backbone tells which tokens a small network made up.

Every token teaches, not only the hidden ones. The small network learns masked language modelling on the side, with the
backbone's own input layer, and is thrown away in the end.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from homefield.backbones.attention import attention_bias
from homefield.backbones.encoder import Block, Encoder
from homefield.train.pretrain.network import work_of_blocks

__all__ = ["ReplacedModel"]

# Of the paper: the weight of the detection, and how much narrower the network that makes tokens up is.
_WEIGHT = 50.0
_NARROWER = 3


class ReplacedModel(nn.Module):
    """Shapes: B sequences, T tokens, D width, V vocabulary, M hidden places."""

    def __init__(self, backbone: Encoder) -> None:
        super().__init__()
        self.backbone = backbone
        shape = backbone.shape
        heads = max(1, shape.heads // _NARROWER)
        width = heads * (shape.width // shape.heads)
        small = replace(shape, width=width, heads=heads, inner=4 * width, norm="pre")
        self.small = small
        self.narrow = nn.Linear(shape.width, width)
        self.blocks = nn.ModuleList(Block(small) for _ in range(shape.layers))
        self.last = nn.LayerNorm(width, eps=1e-5)
        table = shape.embedding_width or shape.width
        self.transform = nn.Linear(width, table)
        self.norm = nn.LayerNorm(table, eps=1e-5)
        self.bias = nn.Parameter(torch.zeros(shape.vocabulary))
        self.detect = nn.Sequential(nn.Linear(shape.width, shape.width), nn.GELU(), nn.Linear(shape.width, 1))

    def initialise(self) -> None:
        """Random weights of everything but the backbone."""
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear) and not name.startswith("backbone."):
                nn.init.normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def make_up(self, seen: Tensor, told: Tensor) -> Tensor:
        """ids [B, T] with hidden tokens to the small network's logits [M, V] at the places to tell."""
        mask = torch.ones_like(told)
        hidden = self.narrow(self.backbone.embed(seen, mask))
        bias = attention_bias(mask, hidden.dtype)
        for block in self.blocks:
            hidden = block(hidden, bias, 0.0)
        chosen = self.last(hidden.flatten(0, 1).index_select(0, told.flatten().nonzero().squeeze(1)))
        return F.linear(self.norm(F.gelu(self.transform(chosen))), self.backbone.words.weight, self.bias)

    def loss(self, ids: Tensor, seen: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        """Sum of both networks' losses over true tokens `ids` [B, T], and the number of hidden places to divide by.

        Cross entropy at the hidden places, and 50 times the mean binary one over all places.
        """
        logits = self.make_up(seen, told)
        truth = ids[told]
        asked = F.cross_entropy(logits.float(), truth, reduction="sum")
        with torch.no_grad():
            # Drawn by Gumbel noise.
            noise = -torch.empty(logits.shape, device=logits.device).exponential_().log()
            made = (logits.float() + noise).argmax(1)
            changed = ids.masked_scatter(told, made)
        mask = torch.ones_like(told)
        found = self.detect(self.backbone(changed, mask)).squeeze(-1)
        other = (changed != ids).float()
        detected = F.binary_cross_entropy_with_logits(found.float(), other, reduction="sum")
        count = len(truth)
        return asked + _WEIGHT * count / ids.numel() * detected, torch.tensor(float(count))

    def surprise(self, ids: Tensor, seen: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        """Sum of the small network's cross entropies at the places to tell, and how many they are."""
        truth = ids[told]
        asked = F.cross_entropy(self.make_up(seen, told).float(), truth, reduction="sum")
        return asked, torch.tensor(float(len(truth)))

    def work_per_token(self, length: float, share: float) -> float:
        """Floating point operations of one token in both networks, forward and backward."""
        shape, small = self.backbone.shape, self.small
        table = shape.embedding_width or shape.width
        told = share * table * (small.width + shape.vocabulary)
        ends = shape.width * small.width + shape.width * (shape.width + 1)
        return work_of_blocks(shape, length) + work_of_blocks(replace(small, grams=0), length) + 6 * (told + ends)
