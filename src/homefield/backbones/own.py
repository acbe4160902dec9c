"""The folder of a backbone that was pretrained here: config.json, tokenizer.json, model.safetensors and a card.

Weights lie in 16 bits, or the matrices in 8 with one scale a row, which is what keeps a backbone small enough to be
carried; they are float32 again once loaded. The place table of the n-grams is rebuilt from their places.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor

from homefield.backbones.encoder import Encoder, Shape
from homefield.backbones.facts import Facts
from homefield.backbones.folder import read_config
from homefield.backbones.phrases import PLACES
from homefield.errors import CallError
from homefield.files import new_folder, write_file
from homefield.plain import plain

__all__ = ["KIND", "OUTPUT", "Weights", "read_output", "read_own", "write_own"]

KIND = "homefield"
OUTPUT = "masked.safetensors"
Weights = Literal["float32", "float16", "int8"]
_MATRICES = re.compile(r"(words|phrases)\.weight|blocks\..*\.weight")


def write_own(
    backbone: Encoder,
    folder: Path,
    *,
    weights: Weights,
    card: str = "",
    origin: Mapping[str, Any] = MappingProxyType({}),
    output: Mapping[str, Tensor] = MappingProxyType({}),
) -> None:
    """Write `backbone` as a new folder.

    card: README.md. origin: how it was made, for config.json. output: the layer that told hidden tokens, with which
    its pre-training can be continued.
    """
    shape = backbone.shape
    config = {
        "model_type": KIND,
        "num_hidden_layers": shape.layers,
        "hidden_size": shape.width,
        "max_position_embeddings": shape.positions - shape.position_offset,
        "pad_token_id": backbone.pad_id,
        "shape": asdict(shape),
        "origin": dict(origin),
    }
    with new_folder(folder) as partial:
        save_file(_packed(backbone.state_dict(), weights), partial / "model.safetensors")
        backbone.tokenizer.save(str(partial / "tokenizer.json"))
        write_file(partial / "config.json", json.dumps(plain(config), ensure_ascii=False, indent=1, allow_nan=False))
        if card:
            write_file(partial / "README.md", card)
        if output:
            save_file(
                {name: tensor.detach().cpu().half().contiguous() for name, tensor in output.items()}, partial / OUTPUT
            )
        for file in partial.glob("*.safetensors"):
            file.chmod(0o644)  # as the files beside them: whoever may read one may read all


def read_own(folder: Path, facts: Facts, tokenizer: Tokenizer) -> Encoder:
    """The backbone in `folder`, float32.

    Raises:
        CallError: `backbones.bad_config`, `backbones.bad_weights`.
    """
    config = read_config(folder)
    try:
        shape = Shape(**config["shape"])
    except (KeyError, TypeError) as error:
        raise CallError("backbones.bad_config", file=folder / "config.json", fault=error) from error
    file = folder / "model.safetensors"
    try:
        state = _unpacked(load_file(file))
        with torch.device("meta"):
            encoder = Encoder(facts, tokenizer, shape, pad_id=int(config.get("pad_token_id") or 0))
        encoder.load_state_dict(state, assign=True)
    except (SafetensorError, RuntimeError, KeyError) as error:
        raise CallError("backbones.bad_weights", file=file, fault=str(error).split("\n")[0]) from error
    return encoder.eval()


def read_output(folder: Path) -> dict[str, Tensor]:
    """The layer that told hidden tokens, float32, of the backbone in `folder`; empty where it was not kept."""
    file = folder / OUTPUT
    return {name: tensor.float() for name, tensor in load_file(file).items()} if file.is_file() else {}


def _packed(state: Mapping[str, Tensor], weights: Weights) -> dict[str, Tensor]:
    packed: dict[str, Tensor] = {}
    for name, held in state.items():
        tensor = held.detach().cpu().contiguous()
        if name == "phrases.slots":
            places = tensor.nonzero().squeeze(1)
            packed["phrases.places"] = places[tensor[places].argsort()].to(torch.int32)
        elif not tensor.is_floating_point():
            packed[name] = tensor
        elif weights == "int8" and tensor.dim() == 2 and _MATRICES.fullmatch(name):
            # Symmetric, one scale a row; the quantised row is at most half a step from the true one.
            scale = tensor.abs().amax(1, keepdim=True).clamp(min=1e-8) / 127
            packed[name] = (tensor / scale).round().to(torch.int8)
            packed[f"{name}.scale"] = scale.squeeze(1)
        else:
            packed[name] = tensor.float() if weights == "float32" else tensor.half()
    return packed


def _unpacked(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for name, tensor in packed.items():
        if name.endswith(".scale"):
            continue
        if name == "phrases.places":
            state["phrases.slots"] = torch.zeros(PLACES, dtype=torch.int32)
            state["phrases.slots"][tensor.long()] = torch.arange(1, len(tensor) + 1, dtype=torch.int32)
        elif tensor.dtype is torch.int8:
            state[name] = tensor.float() * packed[f"{name}.scale"].float().unsqueeze(1)
        else:
            state[name] = tensor.float() if tensor.is_floating_point() else tensor
    return state
