"""Folders as they come: in shards, with an old vocabulary file, of an architecture that is not BERT-shaped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from homefield.backbones.backbone import Backbone
from homefield.backbones.catalogue import resolve
from homefield.backbones.encoder import Encoder
from homefield.backbones.load import load, rebuild
from homefield.backbones.wrapped import Wrapped
from homefield.errors import CallError
from homefield.workspace import Workspace

Tokens = Callable[[Backbone], tuple[Tensor, Tensor]]


def split_in_two(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    parts = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, chosen in parts.items():
        save_file({name: tensors[name] for name in chosen}, folder / file)
    weight_map = {name: file for file, chosen in parts.items() for name in chosen}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}), encoding="utf-8")


def test_weights_in_shards(bert_folder: Path, workspace: Workspace, tokens: Tokens) -> None:
    whole = load(resolve(str(bert_folder), workspace=workspace))
    split_in_two(bert_folder)
    parts = load(resolve(str(bert_folder), workspace=workspace))
    ids, mask = tokens(whole)
    torch.testing.assert_close(parts(ids, mask), whole(ids, mask), atol=0, rtol=0)


def test_a_shard_that_is_missing_is_named(bert_folder: Path, workspace: Workspace) -> None:
    split_in_two(bert_folder)
    (bert_folder / "b.safetensors").unlink()
    with pytest.raises(CallError) as caught:
        resolve(str(bert_folder), workspace=workspace)
    assert "b.safetensors" in caught.value.what("en")


def test_weights_under_a_task_network_are_found(bert_folder: Path, workspace: Workspace, tokens: Tokens) -> None:
    plain = load(resolve(str(bert_folder), workspace=workspace))
    tensors = load_file(bert_folder / "model.safetensors")
    renamed = {f"bert.{n}".replace("LayerNorm.weight", "LayerNorm.gamma"): t for n, t in tensors.items()}
    save_file({**renamed, "cls.predictions.bias": torch.zeros(3)}, bert_folder / "model.safetensors")
    again = load(resolve(str(bert_folder), workspace=workspace))
    ids, mask = tokens(plain)
    torch.testing.assert_close(again(ids, mask), plain(ids, mask), atol=0, rtol=0)


def test_half_precision_weights_become_full(bert_folder: Path, workspace: Workspace) -> None:
    tensors = load_file(bert_folder / "model.safetensors")
    save_file({name: tensor.half() for name, tensor in tensors.items()}, bert_folder / "model.safetensors")
    backbone = load(resolve(str(bert_folder), workspace=workspace))
    assert {parameter.dtype for parameter in backbone.parameters()} == {torch.float32}


def test_an_old_vocabulary_file_is_enough(bert_folder: Path, workspace: Workspace) -> None:
    (bert_folder / "tokenizer.json").unlink()
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "退", "款", "card", "my"]
    (bert_folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    backbone = load(resolve(str(bert_folder), workspace=workspace))
    assert backbone.tokenizer.encode("My card 退款").tokens == ["[CLS]", "my", "card", "退", "款", "[SEP]"]


def test_a_tokenizer_neither_pads_nor_cuts(workspace: Workspace) -> None:
    backbone = load(resolve("minilm-en", workspace=workspace))
    assert len(backbone.tokenizer.encode("card").ids) == 3
    assert len(backbone.tokenizer.encode("card " * 300).ids) == 302


@pytest.mark.parametrize(("told", "pooled"), [(True, "first"), (False, "mean")])
def test_pooling_is_that_of_its_makers(
    bert_folder: Path, workspace: Workspace, tokens: Tokens, told: bool, pooled: str
) -> None:
    (bert_folder / "1_Pooling").mkdir()
    text = json.dumps({"pooling_mode_cls_token": told})
    (bert_folder / "1_Pooling" / "config.json").write_text(text, encoding="utf-8")
    backbone = load(resolve(str(bert_folder), workspace=workspace))
    ids, mask = tokens(backbone)
    hidden = backbone(ids, mask)
    rows = [state[shown].mean(0) if pooled == "mean" else state[0] for state, shown in zip(hidden, mask, strict=True)]
    torch.testing.assert_close(backbone.pool(hidden, mask), torch.stack(rows), atol=1e-6, rtol=1e-5)


@pytest.fixture
def wrapped(tmp_path: Path, save_folder: Callable[..., Any], workspace: Workspace) -> Wrapped:
    save_folder(tmp_path / "net", "qwen3", num_key_value_heads=2, head_dim=8)
    backbone = load(resolve(str(tmp_path / "net"), workspace=workspace))
    assert isinstance(backbone, Wrapped)
    return backbone


def test_any_other_architecture_is_wrapped(wrapped: Wrapped, tokens: Tokens) -> None:
    ids, mask = tokens(wrapped)
    hidden = wrapped(ids, mask)
    assert hidden.shape == (*ids.shape, 32)
    assert torch.equal(wrapped.run(hidden, mask, 3), hidden)
    with pytest.raises(NotImplementedError):
        wrapped.reach(ids, mask, 1)
    assert [bool(group) for group in wrapped.layer_groups()] == [True] * 4
    assert wrapped.limit_vocabulary([1, 2]) == 0


def test_a_wrapped_network_is_made_again_from_its_blueprint(wrapped: Wrapped, tokens: Tokens) -> None:
    blueprint = json.loads(json.dumps(wrapped.blueprint()))
    again = rebuild(blueprint, wrapped.tokenizer)
    again.load_state_dict(wrapped.state_dict())
    ids, mask = tokens(wrapped)
    torch.testing.assert_close(again(ids, mask), wrapped(ids, mask), atol=0, rtol=0)


def test_code_in_a_folder_is_never_run(bert_folder: Path, workspace: Workspace) -> None:
    config = json.loads((bert_folder / "config.json").read_text(encoding="utf-8"))
    config |= {"model_type": "strange", "auto_map": {"AutoModel": "code.Net", "AutoConfig": "code.Config"}}
    (bert_folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (bert_folder / "code.py").write_text("raise SystemExit('ran')", encoding="utf-8")
    with pytest.raises(CallError) as caught:
        load(resolve(str(bert_folder), workspace=workspace))
    assert caught.value.code == "backbones.unknown_kind"
    assert "strange" in caught.value.what("en")
    assert "strange" in caught.value.what("zh")


def test_a_blueprint_of_a_later_version_is_refused(wrapped: Wrapped) -> None:
    with pytest.raises(CallError) as caught:
        rebuild({**wrapped.blueprint(), "architecture": "hologram"}, wrapped.tokenizer)
    assert "hologram" in caught.value.what("en")


def test_a_first_token_state_and_a_mean_are_different_backbones(small_encoder: Callable[..., Encoder]) -> None:
    first, mean = small_encoder(pooling="first"), small_encoder(pooling="mean")
    assert first.content_hash(4) != mean.content_hash(4)


def test_weights_that_a_wrapped_network_lacks_are_named(wrapped: Wrapped, tmp_path: Path, workspace: Workspace) -> None:
    tensors = load_file(tmp_path / "net" / "model.safetensors")
    lost = next(name for name in tensors if "layers.1.mlp" in name)
    kept = {name: tensor for name, tensor in tensors.items() if name != lost}
    save_file(kept, tmp_path / "net" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CallError) as caught:
        load(resolve(str(tmp_path / "net"), workspace=workspace))
    assert caught.value.code == "backbones.bad_weights"
    assert lost.removeprefix("model.") in caught.value.what("en")
