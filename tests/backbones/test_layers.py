"""HOW decides what is trained and where the network may be cut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from homefield.backbones.catalogue import resolve
from homefield.backbones.encoder import Encoder
from homefield.backbones.how import parse_how
from homefield.backbones.layers import apply_how, gradual_start, layer_rates, thaw
from homefield.backbones.load import load
from homefield.errors import CallError
from homefield.messages import Language
from homefield.workspace import Workspace


def trained(backbone: torch.nn.Module) -> list[str]:
    return [name for name, parameter in backbone.named_parameters() if parameter.requires_grad]


@pytest.mark.parametrize(
    ("how", "cut"),
    [
        ("all", 0),
        ("gradual", 0),
        ("top:1", 3),
        ("top:4", 0),
        ("head", 4),
        ("lora:2", 0),
        ("lora:2@1", 3),
        ("adapter:4", 0),
        ("adapter:4@3", 1),
    ],
)
def test_the_cut_lies_below_everything_trained(small_encoder: Callable[..., Encoder], how: str, cut: int) -> None:
    backbone = small_encoder()
    assert apply_how(backbone, parse_how(how)) == cut
    for layer, group in enumerate(backbone.layer_groups()):
        if layer <= cut and cut > 0:
            assert not any(parameter.requires_grad for _, parameter in group)


def test_all_and_top_train_whole_blocks(small_encoder: Callable[..., Encoder]) -> None:
    whole, upper, head = small_encoder(), small_encoder(), small_encoder()
    apply_how(whole, parse_how("all"))
    apply_how(upper, parse_how("top:2"))
    apply_how(head, parse_how("head"))
    assert len(trained(whole)) == len(list(whole.parameters()))
    assert {name.split(".")[1] for name in trained(upper)} == {"2", "3"}
    assert trained(head) == []


def test_lora_trains_its_factors_alone(small_encoder: Callable[..., Encoder]) -> None:
    backbone = small_encoder()
    apply_how(backbone, parse_how("lora:2@2"))
    names = trained(backbone)
    assert len(names) == 2 * 4 * 2
    assert all("lora_" in name and name.startswith(("blocks.2.", "blocks.3.")) for name in names)


def test_adapters_train_with_their_normalisations(small_encoder: Callable[..., Encoder]) -> None:
    backbone = small_encoder()
    apply_how(backbone, parse_how("adapter:4@1"))
    parts = {name.split(".")[2] for name in trained(backbone)}
    assert parts == {"attention_adapter", "output_adapter", "attention_norm", "output_norm"}
    assert all(name.startswith("blocks.3.") for name in trained(backbone))


def test_more_blocks_than_there_are(small_encoder: Callable[..., Encoder], language: Language) -> None:
    with pytest.raises(CallError) as caught:
        apply_how(small_encoder(), parse_how("top:9"))
    assert caught.value.code == "backbones.how_too_deep"
    expected = {"en": "top:9 asks for more blocks than small has: it has 4.", "zh": "它只有 4 层。"}[language]
    assert expected in caught.value.what(language)


@pytest.mark.parametrize("how", ["lora:8", "top:1", "head", "adapter:8"])
def test_a_fresh_backbone_is_trained_whole(how: str, language: Language, workspace: Workspace) -> None:
    backbone = load(resolve("cnn-text", workspace=workspace), tokenizer_texts=["one", "two"])
    with pytest.raises(CallError) as caught:
        apply_how(backbone, parse_how(how))
    assert caught.value.code == "backbones.how_fresh"
    assert "cnn-text" in caught.value.what(language)
    assert "all" in caught.value.next_step(language)
    assert apply_how(backbone, parse_how("all")) == 0


def test_a_wrapped_network_is_frozen_but_not_cut(
    tmp_path: Path, save_folder: Callable[..., Any], workspace: Workspace
) -> None:
    save_folder(tmp_path / "net", "mobilebert", intra_bottleneck_size=32, embedding_size=16)
    backbone = load(resolve(str(tmp_path / "net"), workspace=workspace))
    assert not backbone.cuttable
    assert apply_how(backbone, parse_how("top:1")) == 0
    assert trained(backbone)
    assert all(".layer.2." in name for name in trained(backbone))
    assert apply_how(backbone, parse_how("head")) == 3
    with pytest.raises(CallError, match="has none"):
        apply_how(backbone, parse_how("adapter:4"))


def test_rates_fall_from_the_top(small_encoder: Callable[..., Encoder]) -> None:
    backbone = small_encoder()
    apply_how(backbone, parse_how("all"))
    rates = layer_rates(backbone, decay=0.5)
    assert [(rate.layer, rate.scale) for rate in rates] == [(0, 0.0625), (1, 0.125), (2, 0.25), (3, 0.5), (4, 1.0)]
    assert sum(len(rate.parameters) for rate in rates) == len(list(backbone.parameters()))
    apply_how(backbone, parse_how("top:1"))
    assert [rate.layer for rate in layer_rates(backbone)] == [4]


def test_gradual_opens_from_the_top_and_ends_with_everything(small_encoder: Callable[..., Encoder]) -> None:
    starts = [gradual_start(4, step / 20) for step in range(21)]
    assert starts[0] == 5
    assert starts == sorted(starts, reverse=True)
    assert set(starts) == {0, 1, 2, 3, 4, 5}
    assert starts[10] == 0
    backbone = small_encoder()
    apply_how(backbone, parse_how("gradual"))
    thaw(backbone, 4)
    assert {name.split(".")[1] for name in trained(backbone)} == {"3"}
    thaw(backbone, 5)
    assert trained(backbone) == []
    thaw(backbone, 0)
    assert len(trained(backbone)) == len(list(backbone.parameters()))


def test_gradual_opens_the_limited_rows_and_not_the_rest(small_encoder: Callable[..., Encoder]) -> None:
    backbone = small_encoder()
    apply_how(backbone, parse_how("gradual"))
    backbone.limit_vocabulary([2, 3, 4])
    thaw(backbone, 3)
    assert "words.rows" not in trained(backbone)
    thaw(backbone, 0)
    assert "words.rows" in trained(backbone)
    assert "words.weight" not in trained(backbone)
