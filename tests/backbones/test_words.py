"""A word table limited to the tokens in use trains as the whole table would."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from homefield.backbones.backbone import Backbone
from homefield.backbones.encoder import Encoder
from homefield.backbones.words import Words

Tokens = Callable[[Backbone], tuple[Tensor, Tensor]]


def table(size: int = 12, width: int = 4) -> Words:
    words = Words(size, width)
    torch.nn.init.normal_(words.weight, generator=torch.Generator().manual_seed(1))
    return words


def train_steps(backbone: Encoder, ids: Tensor, mask: Tensor) -> None:
    trained = [parameter for parameter in backbone.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-2, weight_decay=0.0)
    for _ in range(3):
        optimiser.zero_grad()
        backbone.pool(backbone(ids, mask), mask).square().sum().backward()
        optimiser.step()


def test_training_the_rows_in_use_is_training_the_table(small_encoder: Callable[..., Encoder], tokens: Tokens) -> None:
    whole, limited = small_encoder(), small_encoder()
    ids, mask = tokens(whole)
    used = ids.unique().tolist()
    assert limited.limit_vocabulary(used) == len(used)
    assert sum(p.numel() for p in limited.parameters() if p.requires_grad) < sum(p.numel() for p in whole.parameters())
    train_steps(whole, ids, mask)
    train_steps(limited, ids, mask)
    state = limited.state_dict()
    assert state.keys() == whole.state_dict().keys()
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(state[name], tensor, atol=1e-6, rtol=0, msg=name)
    limited.unlimit_vocabulary()
    torch.testing.assert_close(limited(ids, mask), whole(ids, mask), atol=1e-5, rtol=0)
    assert [name for name, _ in limited.named_parameters()] == [name for name, _ in whole.named_parameters()]


def test_a_token_outside_the_limit_still_has_its_row() -> None:
    words = table()
    expected = words.weight.detach().clone()
    words.limit([3, 5, 5])
    ids = torch.tensor([[3, 7], [5, 0]])
    torch.testing.assert_close(words(ids), expected[ids], atol=0, rtol=0)
    words(ids).sum().backward()
    assert words.rows.grad is not None
    assert words.weight.grad is None
    assert words.rows.grad.abs().sum(1).tolist() == [4.0, 4.0]


def test_the_state_dict_holds_trained_rows_in_their_place() -> None:
    words = table()
    words.limit([2, 4])
    with torch.no_grad():
        words.rows.fill_(9.0)
    state = words.state_dict()
    assert list(state) == ["weight"]
    assert (state["weight"] == 9.0).all(dim=1).nonzero().flatten().tolist() == [2, 4]


def test_loading_a_state_dict_fills_the_limited_rows() -> None:
    words, other = table(), table()
    with torch.no_grad():
        other.weight.add_(1.0)
    words.limit([1, 6])
    words.load_state_dict(other.state_dict())
    ids = torch.tensor([[1, 6, 8]])
    torch.testing.assert_close(words(ids), other(ids), atol=0, rtol=0)
    assert dict(words.named_parameters()).keys() == {"weight", "rows"}


def test_a_frozen_table_is_not_limited() -> None:
    words = table()
    words.weight.requires_grad_(False)
    assert words.limit([1, 2]) == 0
    assert not words.limited


def test_a_second_limit_replaces_the_first() -> None:
    words = table()
    words.limit([1, 2])
    with torch.no_grad():
        words.rows.fill_(5.0)
    assert words.limit([7]) == 1
    assert (words.weight[1:3] == 5.0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_limits_work_in_every_precision(dtype: torch.dtype) -> None:
    words = table().to(dtype)
    words.limit([0, 3])
    assert words(torch.tensor([[0, 3]])).dtype is dtype
    assert words.to(torch.float32).state_dict()["weight"].dtype is torch.float32
