"""Which layers are trained: freezing by HOW, layer-wise learning rates, gradual unfreezing."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from homefield.backbones.adapters import insert_bottlenecks, insert_lora
from homefield.backbones.backbone import Backbone
from homefield.backbones.how import How
from homefield.errors import CallError

__all__ = ["LayerRate", "apply_how", "check_how", "gradual_start", "layer_rates", "thaw"]


@dataclass(frozen=True)
class LayerRate:
    """The trained parameters of one layer (0 = embeddings) and what their learning rate is multiplied by."""

    layer: int
    scale: float
    parameters: list[tuple[str, nn.Parameter]]


def check_how(how: How, *, name: str, layers: int, fresh: bool, adaptable: bool) -> None:
    """See that `how` fits a backbone, which need not be loaded.

    Raises:
        CallError: `backbones.how_fresh`, `backbones.how_too_deep`, `backbones.how_no_adapters`.
    """
    if fresh and how.kind not in ("all", "gradual"):
        raise CallError("backbones.how_fresh", how=how, name=name)
    if how.k is not None and how.k > layers:
        raise CallError("backbones.how_too_deep", how=how, name=name, layers=layers)
    if how.kind == "adapter" and not adaptable:
        raise CallError("backbones.how_no_adapters", how=how, name=name)


def apply_how(backbone: Backbone, how: How) -> int:
    """Freeze, and insert adapters, as `how` says; gives the layer the network may be cut at.

    0 means that nothing below can be shared; k that embeddings and blocks below k are frozen, so that their states
    can be computed once. A backbone that is not cuttable gives 0 for everything but `head`.

    Raises:
        CallError: as `check_how`.
    """
    layers = backbone.layers
    adaptable = backbone.adaptable
    check_how(how, name=backbone.facts.name, layers=layers, fresh=backbone.facts.fresh, adaptable=adaptable)
    frozen_to = {"all": 0, "gradual": 0, "head": layers, "top": layers - (how.k or 0)}.get(
        how.kind, 0 if how.k is None else layers - how.k
    )
    adapted = how.kind in ("lora", "adapter")
    for layer, group in enumerate(backbone.layer_groups()):
        # With K = all blocks `top` still leaves the embeddings alone only when a block is left alone too.
        trained = not adapted and (layer > frozen_to or frozen_to == 0)
        for _, parameter in group:
            parameter.requires_grad_(trained)
    if how.kind == "lora":
        insert_lora(backbone, rank=how.rank or 8, start=frozen_to)
    elif how.kind == "adapter":
        insert_bottlenecks(backbone, rank=how.rank or 64, start=frozen_to)
    return frozen_to if backbone.cuttable or frozen_to == layers else 0


def layer_rates(backbone: Backbone, *, decay: float = 1.0) -> list[LayerRate]:
    """Trained parameters by layer, each with `decay` to the power of its distance from the top.

    Discriminative fine-tuning, Howard and Ruder 2018 (they use 1 / 2.6); 1.0 gives every layer the same rate.
    """
    top = backbone.layers
    rates = []
    for layer, group in enumerate(backbone.layer_groups()):
        trained = [(name, parameter) for name, parameter in group if parameter.requires_grad]
        if trained:
            rates.append(LayerRate(layer, decay ** (top - layer), trained))
    return rates


def gradual_start(layers: int, progress: float) -> int:
    """The lowest layer trained at `progress` (0 to 1) of a `gradual` run; `layers` + 1 means the head alone.

    Howard and Ruder 2018 open one more layer each epoch; here the layers open evenly over the first half of the run,
    so that a run of few epochs opens them all.
    """
    opened = int(min(1.0, max(0.0, progress) / 0.5) * (layers + 1))
    return layers + 1 - opened


def thaw(backbone: Backbone, start: int) -> None:
    """Train layers `start` and above and freeze the rest (0 = the embeddings too)."""
    for layer, group in enumerate(backbone.layer_groups()):
        for _, parameter in group:
            parameter.requires_grad_(layer >= start)
