"""Any other architecture of Transformers, as it is: trained whole or by layers, but cut only above its last block."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

from tokenizers import Tokenizer
from torch import Tensor, nn

from homefield.backbones.backbone import Backbone, mean_of_tokens
from homefield.backbones.facts import Facts
from homefield.backbones.folder import read_config
from homefield.backbones.hub import hub_off
from homefield.errors import CallError

__all__ = ["Wrapped", "empty_wrapped", "wrap_folder"]

_BLOCK = re.compile(r"(?:^|\.)(?:layers?|blocks?|h)\.(\d+)\.")


class Wrapped(Backbone):
    """A network of Transformers behind the backbone contract.

    `embed` and `run` below the top cannot be had in general, so it is not cuttable; `reach(..., L)` works.
    """

    cuttable = False

    def __init__(
        self,
        facts: Facts,
        tokenizer: Tokenizer,
        network: nn.Module,
        *,
        pooling: Literal["mean", "first"] = "mean",
        pad_id: int = 0,
    ) -> None:
        super().__init__(facts, tokenizer, pad_id=pad_id)
        self.network = network
        self.config: dict[str, Any] = cast(Any, network).config.to_dict()
        self.pooling = pooling
        for name, parameter in network.named_parameters():
            # A checkpoint's own pooler is computed and not used: it would never get a gradient.
            if name.startswith("pooler"):
                parameter.requires_grad_(False)

    def reach(self, ids: Tensor, mask: Tensor, layer: int) -> Tensor:
        """States of layer L, the only one that can be reached."""
        if layer != self.layers:
            raise NotImplementedError(f"{self.facts.name} cannot be cut at layer {layer}")
        result = self.network(input_ids=ids, attention_mask=mask.long())
        return result.last_hidden_state  # type: ignore[no-any-return]

    def embed(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Not to be had alone."""
        return self.reach(ids, mask, 0)

    def run(self, hidden: Tensor, mask: Tensor, start: int, stop: int | None = None) -> Tensor:
        """Nothing is left to run above layer L."""
        del mask, stop
        if start != self.layers:
            raise NotImplementedError(f"{self.facts.name} cannot be cut at layer {start}")
        return hidden

    def pool(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Mean over tokens, or the first token's state: [B, T, D] to [B, D]."""
        return mean_of_tokens(hidden, mask) if self.pooling == "mean" else hidden[:, 0]

    def layer_groups(self) -> list[list[tuple[str, nn.Parameter]]]:
        """By the block number in a parameter's name; the rest is embeddings before, top after the blocks."""
        groups: list[list[tuple[str, nn.Parameter]]] = [[] for _ in range(self.layers + 1)]
        seen_block = False
        for name, parameter in self.named_parameters():
            if name.startswith("network.pooler"):
                continue
            match = _BLOCK.search(name)
            if match and int(match[1]) < self.layers:
                groups[int(match[1]) + 1].append((name, parameter))
                seen_block = True
            else:
                groups[-1 if seen_block else 0].append((name, parameter))
        return groups

    def blueprint(self) -> dict[str, Any]:
        """Architecture, the network's configuration, facts."""
        return {
            "architecture": "wrapped",
            "shape": {"config": self.config, "pooling": self.pooling},
            "facts": self.facts.as_json(),
            "pad_id": self.pad_id,
        }


def wrap_folder(
    folder: Path, facts: Facts, tokenizer: Tokenizer, *, pooling: Literal["mean", "first"], pad_id: int
) -> Wrapped:
    """The network in `folder`, read by Transformers from safetensors alone, running no code of the folder's.

    Raises:
        CallError: `backbones.unknown_kind`, `backbones.bad_weights`.
    """
    from transformers import CONFIG_MAPPING, MODEL_MAPPING, AutoModel
    from transformers.utils import logging

    kind = read_config(folder)["model_type"]
    if kind not in CONFIG_MAPPING or CONFIG_MAPPING[kind] not in MODEL_MAPPING:
        raise CallError("backbones.unknown_kind", folder=folder, kind=kind)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with hub_off():
            network, told = AutoModel.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                dtype="float32",
                output_loading_info=True,
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise CallError("backbones.bad_weights", file=folder, fault=str(error).split("\n")[0]) from error
    finally:
        logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    # Transformers fills what a checkpoint lacks with random numbers and goes on.
    if lacking := sorted(name for name in told["missing_keys"] if not name.startswith("pooler")):
        raise CallError("backbones.bad_weights", file=folder, fault=lacking[0])
    return Wrapped(facts, tokenizer, network, pooling=pooling, pad_id=pad_id).eval()


def empty_wrapped(facts: Facts, tokenizer: Tokenizer, shape: Mapping[str, Any], *, pad_id: int) -> Wrapped:
    """The same network with random weights, from the blueprint's `shape`."""
    from transformers import AutoConfig, AutoModel

    values = dict(shape["config"])
    config = AutoConfig.for_model(values.pop("model_type"), **values)
    network = AutoModel.from_config(config, trust_remote_code=False)  # type: ignore[no-untyped-call]
    return Wrapped(facts, tokenizer, network, pooling=shape["pooling"], pad_id=pad_id)
