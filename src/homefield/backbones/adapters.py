"""Small trained parts inside a frozen backbone: LoRA (Hu et al. 2021, through PEFT), bottlenecks (Houlsby et al. 2019).

LoRA is merged into the weights before anything is shipped; bottlenecks stay, as part of the head.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from homefield.backbones.backbone import Backbone

__all__ = ["insert_bottlenecks", "insert_lora", "merge", "trained_state"]


def insert_bottlenecks(backbone: Backbone, *, rank: int, start: int) -> None:
    """Put two bottlenecks into every block from `start` up; they and those blocks' normalisations are trained."""
    backbone.insert_adapters(rank=rank, start=start)


def insert_lora(backbone: Backbone, *, rank: int, start: int) -> None:
    """Put low-rank updates beside every linear layer of the blocks from `start` up; only they are trained."""
    import peft

    names = backbone.linear_names(start)
    config = peft.LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, bias="none", target_modules=names)
    frozen = {name: parameter.requires_grad for name, parameter in backbone.named_parameters()}
    peft.inject_adapter_in_model(config, backbone)
    for name, parameter in backbone.named_parameters():
        parameter.requires_grad_("lora_" in name or frozen.get(name, False))


@torch.no_grad()
def merge(backbone: Backbone) -> None:
    """Add every LoRA update to the weights it stands beside and take it out; nothing to do without LoRA."""
    parents = [
        (parent, name, child)
        for parent in backbone.modules()
        for name, child in parent.named_children()
        if hasattr(child, "get_base_layer") and hasattr(child, "merge")
    ]
    for parent, name, child in parents:
        lora = cast(Any, child)
        lora.merge(safe_merge=True)
        setattr(parent, name, lora.get_base_layer())


def trained_state(module: nn.Module) -> dict[str, Tensor]:
    """The tensors that are trained, by name: what a checkpoint of a frozen backbone needs."""
    names = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
    state = module.state_dict()
    # A limited word table trains `rows`, which the state dict holds as rows of `weight`.
    names |= {f"{name.removesuffix('rows')}weight" for name in names if name.endswith("words.rows")}
    return {name: tensor for name, tensor in state.items() if name in names}
