"""LoRA ends as plain weights; bottlenecks begin as nothing and are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from homefield.backbones.adapters import merge, trained_state
from homefield.backbones.backbone import Backbone
from homefield.backbones.catalogue import resolve
from homefield.backbones.encoder import Encoder
from homefield.backbones.how import parse_how
from homefield.backbones.layers import apply_how
from homefield.backbones.load import load, rebuild
from homefield.workspace import Workspace

Tokens = Callable[[Backbone], tuple[Tensor, Tensor]]


def shake(backbone: nn.Module) -> None:
    """Stand in for training: move everything that is trained."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in backbone.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))


@pytest.mark.parametrize("how", ["lora:4", "lora:4@2", "adapter:8", "adapter:8@1"])
def test_what_is_inserted_changes_nothing_at_first(
    small_encoder: Callable[..., Encoder], tokens: Tokens, how: str
) -> None:
    backbone = small_encoder()
    ids, mask = tokens(backbone)
    before = backbone(ids, mask)
    apply_how(backbone, parse_how(how))
    torch.testing.assert_close(backbone(ids, mask), before, atol=1e-6, rtol=0)


def test_merged_lora_is_the_same_network_in_plain_weights(
    small_encoder: Callable[..., Encoder], tokens: Tokens
) -> None:
    backbone, plain = small_encoder(), small_encoder()
    ids, mask = tokens(backbone)
    apply_how(backbone, parse_how("lora:4@2"))
    shake(backbone)
    tuned = backbone(ids, mask).detach()
    assert (tuned - plain(ids, mask)).abs().max() > 0.01
    merge(backbone)
    torch.testing.assert_close(backbone(ids, mask), tuned, atol=1e-5, rtol=0)
    assert backbone.state_dict().keys() == plain.state_dict().keys()
    plain.load_state_dict(backbone.state_dict())
    torch.testing.assert_close(plain(ids, mask), tuned, atol=1e-5, rtol=0)
    merge(backbone)
    torch.testing.assert_close(backbone(ids, mask), tuned, atol=1e-5, rtol=0)


def test_lora_stays_above_the_cut(small_encoder: Callable[..., Encoder], tokens: Tokens) -> None:
    backbone = small_encoder()
    ids, mask = tokens(backbone)
    below = backbone.reach(ids, mask, 2)
    frozen = backbone.content_hash(2)
    apply_how(backbone, parse_how("lora:4@2"))
    shake(backbone)
    torch.testing.assert_close(backbone.reach(ids, mask, 2), below, atol=0, rtol=0)
    merge(backbone)
    assert backbone.content_hash(2) == frozen


def test_lora_in_a_wrapped_network(
    tmp_path: Path, save_folder: Callable[..., Any], workspace: Workspace, tokens: Tokens
) -> None:
    save_folder(tmp_path / "net", "mobilebert", intra_bottleneck_size=32, embedding_size=16)
    backbone = load(resolve(str(tmp_path / "net"), workspace=workspace))
    ids, mask = tokens(backbone)
    apply_how(backbone, parse_how("lora:2@1"))
    shake(backbone)
    tuned = backbone(ids, mask).detach()
    merge(backbone)
    torch.testing.assert_close(backbone(ids, mask), tuned, atol=1e-4, rtol=1e-4)


def test_a_network_with_adapters_is_made_again_from_its_blueprint(
    small_encoder: Callable[..., Encoder], tokens: Tokens
) -> None:
    backbone = small_encoder()
    frozen = backbone.content_hash(3)
    apply_how(backbone, parse_how("adapter:8@1"))
    shake(backbone)
    again = rebuild(backbone.blueprint(), backbone.tokenizer)
    again.load_state_dict(backbone.state_dict())
    ids, mask = tokens(backbone)
    torch.testing.assert_close(again(ids, mask), backbone(ids, mask), atol=0, rtol=0)
    assert backbone.content_hash(3) == frozen


def test_the_trained_part_alone_restores_a_run(small_encoder: Callable[..., Encoder], tokens: Tokens) -> None:
    backbone, again = small_encoder(), small_encoder()
    for each in (backbone, again):
        apply_how(each, parse_how("lora:4@1"))
    shake(backbone)
    part = trained_state(backbone)
    assert sum(tensor.numel() for tensor in part.values()) < 0.1 * sum(p.numel() for p in backbone.parameters())
    again.load_state_dict({**again.state_dict(), **part})
    ids, mask = tokens(backbone)
    torch.testing.assert_close(again(ids, mask), backbone(ids, mask), atol=0, rtol=0)


def test_the_trained_part_of_a_limited_vocabulary_is_the_table(small_encoder: Callable[..., Encoder]) -> None:
    backbone = small_encoder()
    backbone.limit_vocabulary([1, 2])
    assert trained_state(backbone).keys() == backbone.state_dict().keys()


def test_adapters_take_the_precision_of_their_block(small_encoder: Callable[..., Encoder]) -> None:
    backbone = small_encoder().to(torch.bfloat16)
    apply_how(backbone, parse_how("adapter:4"))
    assert {parameter.dtype for parameter in backbone.parameters()} == {torch.bfloat16}
