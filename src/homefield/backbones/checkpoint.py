"""Weights of BERT-shaped checkpoints, read from safetensors into an `Encoder`'s names.

BERT, RoBERTa, XLM-RoBERTa, ELECTRA and DistilBERT differ in names, position offset and a projection, not in shape.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file
from torch import Tensor

from homefield.backbones.encoder import Shape
from homefield.backbones.folder import COUNTED_FROM_PADDING, read_config, size_in, weight_files
from homefield.errors import CallError

__all__ = ["read_pooling", "read_weights", "shape_of"]

_BERT_NAMES = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "out": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "output_norm": "output.LayerNorm",
}
_DISTIL_NAMES = {
    "query": "attention.q_lin",
    "key": "attention.k_lin",
    "value": "attention.v_lin",
    "out": "attention.out_lin",
    "attention_norm": "sa_layer_norm",
    "up": "ffn.lin1",
    "down": "ffn.lin2",
    "output_norm": "output_layer_norm",
}
_ACTIVATIONS: dict[str, Literal["gelu", "gelu_tanh", "relu"]] = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
}
_BERT_LIKE = ("bert", "roberta", "xlm-roberta", "camembert", "electra")
_PREFIXES = ("bert.", "roberta.", "electra.", "distilbert.", "model.")


def shape_of(config: Mapping[str, Any], file: Path, pooling: Literal["mean", "first"]) -> Shape | None:
    """The `Encoder` shape that the config.json `file` describes; None when it is not BERT-shaped.

    Raises:
        CallError: `backbones.bad_config`, naming the size that is missing.
    """
    kind = config["model_type"]
    activation = _ACTIVATIONS.get(config.get("activation" if kind == "distilbert" else "hidden_act", "gelu"))
    if config.get("is_decoder") or config.get("position_embedding_type", "absolute") != "absolute":
        return None
    if kind not in (*_BERT_LIKE, "distilbert") or activation is None:
        return None
    size = partial(size_in, config, file)
    return Shape(
        vocabulary=size("vocab_size"),
        width=size("hidden_size", "dim"),
        layers=size("num_hidden_layers", "n_layers"),
        heads=size("num_attention_heads", "n_heads"),
        inner=size("intermediate_size", "hidden_dim"),
        positions=size("max_position_embeddings", default=512),
        types=0 if kind == "distilbert" else size("type_vocab_size", default=2),
        eps=float(config.get("layer_norm_eps", 1e-12)),
        activation=activation,
        position_offset=size("pad_token_id", default=1) + 1 if kind in COUNTED_FROM_PADDING else 0,
        embedding_width=size("embedding_size", default=0) if kind == "electra" else 0,
        pooling=pooling,
    )


def read_pooling(folder: Path) -> Literal["mean", "first"]:
    """How the checkpoint's makers pooled (the Sentence Transformers layout says so); the mean when nothing says."""
    file = folder / "1_Pooling" / "config.json"
    if file.is_file() and json.loads(file.read_text(encoding="utf-8")).get("pooling_mode_cls_token"):
        return "first"
    return "mean"


def read_weights(folder: Path, shape: Shape) -> dict[str, Tensor]:
    """The checkpoint in `folder` under the names of an `Encoder` of this shape, fp32.

    Raises:
        CallError: `backbones.bad_weights`, naming the first weight that is missing.
    """
    raw: dict[str, Tensor] = {}
    for file in weight_files(folder):
        raw.update(load_file(file))
    raw = {_plain(name): tensor for name, tensor in raw.items()}
    distil = read_config(folder)["model_type"] == "distilbert"
    try:
        return {name: tensor.float().contiguous() for name, tensor in _renamed(raw, shape, distil=distil).items()}
    except KeyError as error:
        raise CallError("backbones.bad_weights", file=folder, fault=error.args[0]) from error


def _plain(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


def _renamed(raw: Mapping[str, Tensor], shape: Shape, *, distil: bool) -> dict[str, Tensor]:
    found = {
        "words.weight": raw["embeddings.word_embeddings.weight"],
        "positions": raw["embeddings.position_embeddings.weight"],
        "embedding_norm.weight": raw["embeddings.LayerNorm.weight"],
        "embedding_norm.bias": raw["embeddings.LayerNorm.bias"],
    }
    if shape.types:
        found["types"] = raw["embeddings.token_type_embeddings.weight"]
    names = _DISTIL_NAMES if distil else _BERT_NAMES
    stem = "transformer.layer" if distil else "encoder.layer"
    for part in ("weight", "bias"):
        if shape.embedding_width not in (0, shape.width):
            found[f"widen.{part}"] = raw[f"embeddings_project.{part}"]
        for layer in range(shape.layers):
            pieces = [raw[f"{stem}.{layer}.{names[role]}.{part}"] for role in ("query", "key", "value")]
            found[f"blocks.{layer}.qkv.{part}"] = torch.cat(pieces)
            for role in ("out", "attention_norm", "up", "down", "output_norm"):
                found[f"blocks.{layer}.{role}.{part}"] = raw[f"{stem}.{layer}.{names[role]}.{part}"]
    return found
