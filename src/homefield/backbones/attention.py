"""Attention (Vaswani et al. 2017), by whichever of two ways is faster for the shape and machine at hand."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["attend", "attention_bias"]

# Finite, and exact in every precision: a row that is all padding then gives an average instead of NaN.
_MASKED = -10_000.0


def attention_bias(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """What is added to scores: mask [B, T] bool to [B, 1, 1, T], 0 at tokens and very low at padding."""
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(~mask, _MASKED)[:, None, None, :]


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, dropout: float) -> Tensor:
    """softmax(Q K' / sqrt(d) + bias) V; query, key, value [B, H, T, d], bias [B, 1, 1, T], result [B, H, T, d]."""
    if query.device.type != "cpu":
        return F.scaled_dot_product_attention(query, key, value, attn_mask=bias, dropout_p=dropout)
    scores = torch.matmul(query * query.shape[-1] ** -0.5, key.transpose(-1, -2)) + bias
    shares = torch.softmax(scores, dim=-1)
    if dropout:
        shares = F.dropout(shares, dropout)
    return torch.matmul(shares, value)
