"""The own encoder is the network of Transformers, only leaner."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from homefield.backbones.backbone import Backbone
from homefield.backbones.catalogue import resolve
from homefield.backbones.encode import encode
from homefield.backbones.encoder import Encoder
from homefield.backbones.load import load, rebuild
from homefield.workspace import Workspace

Tokens = Callable[[Backbone], tuple[Tensor, Tensor]]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("bert", {}),
        ("bert", {"hidden_act": "relu"}),
        ("bert", {"hidden_act": "gelu_new"}),
        ("roberta", {"pad_token_id": 1}),
        ("xlm-roberta", {"pad_token_id": 1, "type_vocab_size": 1}),
        ("electra", {}),
        ("distilbert", {}),
    ],
)
def test_states_equal_those_of_transformers(
    kind: str,
    changes: dict[str, Any],
    tmp_path: Path,
    save_folder: Callable[..., Any],
    workspace: Workspace,
    tokens: Tokens,
) -> None:
    reference = save_folder(tmp_path / "net", kind, **changes)
    backbone = load(resolve(str(tmp_path / "net"), workspace=workspace))
    assert isinstance(backbone, Encoder)
    ids, mask = tokens(backbone)
    with torch.no_grad():
        expected = reference(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        found = backbone(ids, mask)
    torch.testing.assert_close(found[mask], expected[mask], atol=1e-5, rtol=0)


def test_gradients_equal_those_of_transformers(
    tmp_path: Path, save_folder: Callable[..., Any], workspace: Workspace, tokens: Tokens
) -> None:
    reference = save_folder(tmp_path / "net", "bert")
    backbone = load(resolve(str(tmp_path / "net"), workspace=workspace))
    assert isinstance(backbone, Encoder)
    ids, mask = tokens(backbone)
    backbone.pool(backbone(ids, mask), mask).square().sum().backward()
    states = reference(input_ids=ids, attention_mask=mask.long()).last_hidden_state
    weights = mask.unsqueeze(-1).float()
    ((states * weights).sum(1) / weights.sum(1)).square().sum().backward()
    attention = reference.encoder.layer[0].attention.self
    expected = torch.cat([layer.weight.grad for layer in (attention.query, attention.key, attention.value)])
    torch.testing.assert_close(backbone.blocks[0].qkv.weight.grad, expected, atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(
        backbone.words.weight.grad, reference.embeddings.word_embeddings.weight.grad, atol=2e-5, rtol=1e-4
    )


def test_minilm_is_all_minilm_l6_v2(workspace: Workspace) -> None:
    from transformers import AutoModel

    source = resolve("minilm-en", workspace=workspace)
    backbone = load(source)
    reference = AutoModel.from_pretrained(source.path, local_files_only=True).eval()
    encoded = encode(["Where is my card?", "I was charged twice for one payment.", ""], backbone.tokenizer, 64)
    ids, mask = map(torch.from_numpy, encoded.batch(np.arange(3), pad_id=backbone.pad_id))
    assert ids[0].tolist()[0] == 101
    with torch.no_grad():
        expected = reference(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        found = backbone(ids, mask)
    torch.testing.assert_close(found[mask], expected[mask], atol=1e-5, rtol=0)
    assert (backbone.layers, backbone.width, backbone.max_length, backbone.cuttable) == (6, 384, 512, True)


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("cut", [0, 1, 3, 4])
def test_two_parts_are_the_whole(small_encoder: Callable[..., Encoder], tokens: Tokens, cut: int, norm: str) -> None:
    backbone = small_encoder(norm=norm)
    ids, mask = tokens(backbone)
    below = backbone.reach(ids, mask, cut)
    torch.testing.assert_close(backbone.run(below, mask, cut), backbone(ids, mask), atol=0, rtol=0)


def test_padding_changes_nothing(small_encoder: Callable[..., Encoder], tokens: Tokens) -> None:
    backbone = small_encoder()
    ids, mask = tokens(backbone)
    together = backbone.pool(backbone(ids, mask), mask)
    for row in range(len(ids)):
        length = int(mask[row].sum())
        one, shown = ids[row : row + 1, :length], mask[row : row + 1, :length]
        alone = backbone.pool(backbone(one, shown), shown)
        torch.testing.assert_close(alone[0], together[row], atol=1e-5, rtol=0)


def test_half_precision_stays_near(small_encoder: Callable[..., Encoder], tokens: Tokens) -> None:
    backbone = small_encoder()
    ids, mask = tokens(backbone)
    exact = backbone.pool(backbone(ids, mask), mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states = backbone(ids, mask)
        assert states.dtype is torch.bfloat16
        torch.testing.assert_close(backbone.pool(states, mask).float(), exact, atol=0.08, rtol=0)
    pure = backbone.to(torch.bfloat16)
    torch.testing.assert_close(pure.pool(pure(ids, mask), mask).float(), exact, atol=0.08, rtol=0)


def test_dropout_acts_in_training_alone(small_encoder: Callable[..., Encoder], tokens: Tokens) -> None:
    backbone = small_encoder()
    ids, mask = tokens(backbone)
    backbone.dropout = 0.5
    torch.testing.assert_close(backbone(ids, mask), backbone(ids, mask), atol=0, rtol=0)
    backbone.train()
    assert not torch.equal(backbone(ids, mask), backbone(ids, mask))


def test_every_parameter_is_in_one_layer(small_encoder: Callable[..., Encoder]) -> None:
    backbone = small_encoder(norm="pre")
    groups = backbone.layer_groups()
    names = [name for group in groups for name, _ in group]
    assert len(groups) == 5
    assert sorted(names) == sorted(name for name, _ in backbone.named_parameters())
    assert "final_norm.weight" in dict(groups[-1])


def test_a_blueprint_and_weights_make_the_same_network(small_encoder: Callable[..., Encoder], tokens: Tokens) -> None:
    backbone = small_encoder()
    again = rebuild(backbone.blueprint(), backbone.tokenizer)
    again.load_state_dict(backbone.state_dict())
    ids, mask = tokens(backbone)
    torch.testing.assert_close(again(ids, mask), backbone(ids, mask), atol=0, rtol=0)


def test_the_content_hash_covers_what_lies_below_the_cut(small_encoder: Callable[..., Encoder]) -> None:
    backbone, same = small_encoder(), small_encoder()
    before = backbone.content_hash(2)
    assert before == same.content_hash(2)
    assert before != backbone.content_hash(3)
    with torch.no_grad():
        backbone.blocks[3].up.bias.add_(1)
    assert backbone.content_hash(2) == before
    with torch.no_grad():
        backbone.blocks[1].up.bias.add_(1)
    assert backbone.content_hash(2) != before


def test_fewer_than_every_row_of_a_batch_may_have_tokens(small_encoder: Callable[..., Encoder]) -> None:
    backbone = small_encoder()
    ids = torch.tensor([[2, 5, 6], [0, 0, 0]])
    mask = torch.tensor([[True, True, True], [False, False, False]])
    assert torch.isfinite(backbone.pool(backbone(ids, mask), mask)).all()
