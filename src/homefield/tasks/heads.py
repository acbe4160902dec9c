"""Small networks between a backbone's vector and a task's outputs."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

__all__ = ["NumberHead", "VectorHead", "linear_head"]


def linear_head(width: int, size: int, dropout: float) -> nn.Module:
    """Dropout, then one linear layer: `[B, width]` to `[B, size]`; weights drawn from N(0, 0.02), biases zero."""
    linear = nn.Linear(width, size)
    nn.init.normal_(linear.weight, std=0.02)
    nn.init.zeros_(linear.bias)
    return nn.Sequential(nn.Dropout(dropout), linear)


class NumberHead(nn.Module):
    """A linear layer whose output is scaled to the targets: it learns numbers near 0 and puts out real units."""

    def __init__(self, width: int, size: int, dropout: float, centre: float, spread: float) -> None:
        super().__init__()
        self.inner = linear_head(width, size, dropout)
        self.register_buffer("centre", torch.tensor(centre))
        self.register_buffer("spread", torch.tensor(spread))

    def forward(self, vectors: Tensor) -> Tensor:
        """`[B, width]` to `[B, size]` in the targets' units."""
        inner = cast("Tensor", self.inner(vectors))
        return inner * cast("Tensor", self.spread) + cast("Tensor", self.centre)


class VectorHead(nn.Module):
    """A square layer that starts as the identity, then length 1: the backbone's own geometry is where it begins."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.turn = nn.Linear(width, width, bias=False)
        nn.init.eye_(self.turn.weight)

    def forward(self, vectors: Tensor) -> Tensor:
        """`[B, width]` to `[B, width]` of length 1."""
        turned = cast("Tensor", self.turn(self.dropout(vectors)))
        return turned / turned.square().sum(dim=-1, keepdim=True).clamp(min=1e-12).sqrt()
