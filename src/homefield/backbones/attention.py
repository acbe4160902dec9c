"""Attention (Vaswani et al. 2017), by whichever way is fastest for the shape and machine at hand.

On a processor scores are kept as [keys, queries] and normalised over keys, their first dimension: PyTorch's softmax
then works on whole vectors of queries whatever the length, where over the last dimension it falls to one number at a
time unless the length is a multiple of 32. `benchmarks/backbone_step.py` compares the ways.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["attend", "attention_bias"]

# Finite, and exact in every precision: a row that is all padding then gives an average instead of NaN.
_MASKED = -10_000.0

# Scores worked on at once, for each thread: about what a core's cache of 1 MB holds. At 64 texts x 128 tokens, bf16,
# forward and backward take 67 ms so and 92 ms over all scores at once (one core, AMD EPYC 9004).
_CHUNK = 1 << 19

# In fp32, from this length on, the fused kernel of PyTorch is faster: 134 ms against 200 at 64 x 128, but 40 against 36
# at 64 x 64. In bf16 it never is: 255 against 67 at 64 x 128, 43 against 2.4 at 64 x 16.
_FUSED_FROM = 96


def attention_bias(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """What is added to scores: mask [B, T] bool to [B, 1, 1, T], 0 at tokens and very low at padding."""
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(~mask, _MASKED)[:, None, None, :]


def attend(qkv: Tensor, bias: Tensor, heads: int) -> Tensor:
    """softmax(Q K' / sqrt(d) + bias) V for every head: qkv [B, T, 3 D] and bias [B, 1, 1, T] to [B, T, D]."""
    if torch.compiler.is_exporting():
        return _plain(qkv, bias, heads)
    if qkv.device.type != "cpu" or (qkv.dtype is torch.float32 and qkv.shape[1] >= _FUSED_FROM):
        query, key, value = _by_head(qkv, heads).unbind(0)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return mixed.transpose(1, 2).flatten(2)
    if torch.is_grad_enabled() and qkv.requires_grad:
        return cast(Tensor, _Attention.apply(qkv, bias, heads))  # type: ignore[no-untyped-call]
    return _forward(qkv, bias, heads)[0]


def _plain(qkv: Tensor, bias: Tensor, heads: int) -> Tensor:
    """The formula in the operators that ONNX Runtime knows how to fuse and quantise.

    Split before the heads are parted: it moves one dimension fast, but the five of `_by_head` at once one number at a
    time, which was a third of an int8 minilm-en's time on 32 texts.
    """
    parted = (part.view(part.shape[0], part.shape[1], heads, -1) for part in qkv.chunk(3, dim=2))
    query, key, value = (part.transpose(1, 2) for part in parted)
    scores = torch.matmul(query, key.transpose(-1, -2)) * query.shape[-1] ** -0.5 + bias
    return torch.matmul(torch.softmax(scores, dim=-1), value).transpose(1, 2).flatten(2)


def _forward(qkv: Tensor, bias: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """The result [B, T, D]; query, key and value [3, B H, T, d]; shares [B H, T keys, T queries]."""
    texts, length, _ = qkv.shape
    parts = _by_head(qkv, heads).contiguous().flatten(1, 2)
    column = bias.to(qkv.dtype).expand(texts, heads, 1, length).reshape(-1, length, 1)
    shares = qkv.new_empty(texts * heads, length, length)
    mixed = torch.empty_like(parts[0])
    scale = parts.shape[-1] ** -0.5
    for piece in _pieces(shares):
        query, key, value = parts[:, piece].unbind(0)
        scores = torch.baddbmm(column[piece], key, query.transpose(1, 2), alpha=scale)
        shares[piece] = torch.softmax(scores, dim=1, dtype=_softmax_type(shares))
        torch.bmm(shares[piece].transpose(1, 2), value, out=mixed[piece])
    return mixed.view(texts, heads, length, -1).transpose(1, 2).flatten(2), parts, shares


def _backward(grad: Tensor, parts: Tensor, shares: Tensor, heads: int) -> Tensor:
    """The gradient of qkv [B, T, 3 D] from that of the result [B, T, D]."""
    texts, length, _ = grad.shape
    grad = grad.view(texts, length, heads, -1).transpose(1, 2).reshape(texts * heads, length, -1)
    found = torch.empty_like(parts)
    wide = _softmax_type(shares)
    scale = parts.shape[-1] ** -0.5
    for piece in _pieces(shares):
        query, key, value = parts[:, piece].unbind(0)
        share = shares[piece]
        torch.bmm(share, grad[piece], out=found[2, piece])
        through = torch.bmm(value, grad[piece].transpose(1, 2)).to(wide)
        # Of the softmax: s (g - sum over keys of s g).
        inner = torch.ops.aten._softmax_backward_data(through, share.to(wide), 1, wide)
        inner = inner.mul_(scale).to(grad.dtype)
        torch.bmm(inner.transpose(1, 2), key, out=found[0, piece])
        torch.bmm(inner, query, out=found[1, piece])
    return found.view(3, texts, heads, length, -1).permute(1, 3, 0, 2, 4).reshape(texts, length, -1)


def _by_head(qkv: Tensor, heads: int) -> Tensor:
    """[B, T, 3 D] to [3, B, H, T, d]."""
    return qkv.view(qkv.shape[0], qkv.shape[1], 3, heads, -1).permute(2, 0, 3, 1, 4)


def _softmax_type(shares: Tensor) -> torch.dtype:
    """bf16 is a whole vector at multiples of 32 only: at 32, forward and backward take 0.8 ms against 0.9 in fp32 and
    its casts, at 31 4.5 against 2.2."""
    return shares.dtype if shares.shape[1] % 32 == 0 else torch.float32


def _pieces(shares: Tensor) -> list[slice]:
    """Ranges of the first dimension that stay in the cache."""
    size = max(1, _CHUNK * torch.get_num_threads() // max(1, shares.shape[1] * shares.shape[2]))
    return [slice(start, start + size) for start in range(0, len(shares), size)]


class _Attention(torch.autograd.Function):
    """`_forward` with its gradient written out: fewer copies than autograd makes of the same formula."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, bias: Tensor, heads: int) -> Tensor:
        mixed, parts, shares = _forward(qkv, bias, heads)
        ctx.save_for_backward(parts, shares)
        ctx.heads = heads
        return mixed

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        parts, shares = ctx.saved_tensors
        return _backward(grad, parts, shares, ctx.heads), None, None
