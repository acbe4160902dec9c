"""Attention gives the formula's result and gradient, whichever way it is computed."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from homefield.backbones import attention
from homefield.backbones.attention import attend, attention_bias


def formula(qkv: Tensor, bias: Tensor, heads: int) -> Tensor:
    query, key, value = (part.unflatten(2, (heads, -1)).transpose(1, 2) for part in qkv.chunk(3, dim=2))
    scores = query @ key.transpose(2, 3) / query.shape[3] ** 0.5 + bias
    return (scores.softmax(3) @ value).transpose(1, 2).flatten(2)


def random_inputs(texts: int, length: int, heads: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    qkv = torch.randn(texts, length, 3 * heads * 8, generator=generator)
    lengths = torch.randint(1, length + 1, (texts, 1), generator=generator)
    return qkv, attention_bias(torch.arange(length) < lengths, torch.float32)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 5), st.integers(1, 40), st.sampled_from([1, 2, 4]), st.integers(0, 2**31))
def test_result_and_gradient_are_the_formula(texts: int, length: int, heads: int, seed: int) -> None:
    qkv, bias = random_inputs(texts, length, heads, seed)
    mine, theirs = qkv.clone().requires_grad_(), qkv.clone().requires_grad_()
    found, expected = attend(mine, bias, heads), formula(theirs, bias, heads)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    found.sin().sum().backward()
    expected.sin().sum().backward()
    torch.testing.assert_close(mine.grad, theirs.grad, atol=1e-5, rtol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(attend(qkv, bias, heads), expected, atol=1e-5, rtol=1e-5)


def test_scores_cut_into_pieces_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    qkv, bias = random_inputs(6, 10, 4, seed=1)
    whole = attend(qkv.clone().requires_grad_(), bias, 4)
    monkeypatch.setattr(attention, "_CHUNK", 300)
    leaf = qkv.clone().requires_grad_()
    pieces = attend(leaf, bias, 4)
    torch.testing.assert_close(pieces, whole)
    pieces.sum().backward()
    assert leaf.grad is not None


def test_long_texts_in_full_precision_take_the_fused_kernel() -> None:
    qkv, bias = random_inputs(2, 130, 2, seed=2)
    torch.testing.assert_close(attend(qkv, bias, 2), formula(qkv, bias, 2), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("length", [7, 16, 32, 64])
def test_half_precision_is_near_the_formula(length: int) -> None:
    qkv, bias = random_inputs(3, length, 2, seed=3)
    half = qkv.bfloat16().requires_grad_()
    full = half.detach().float().requires_grad_()
    found, expected = attend(half, bias.bfloat16(), 2), formula(full, bias, 2)
    torch.testing.assert_close(found.float(), expected, atol=0.03, rtol=0.03)
    found.sum().backward()
    expected.sum().backward()
    assert half.grad is not None
    torch.testing.assert_close(half.grad.float(), full.grad, atol=0.05, rtol=0.05)
