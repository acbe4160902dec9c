"""Pretrained and fresh networks without a task: catalogue, load, layers, adapters, activation cache.

The names below are imported when first used, so that listing backbones or reading a recipe does not pay for torch.
Three stand in modules of their own name: `load.load`, `encode.encode` and `bring.bring`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homefield.backbones.activations import ActivationCache, activation_cache
    from homefield.backbones.adapters import merge, trained_state
    from homefield.backbones.backbone import Backbone
    from homefield.backbones.catalogue import BackboneSource, Facts, entries, resolve
    from homefield.backbones.encode import Encoded
    from homefield.backbones.how import How, parse_how
    from homefield.backbones.layers import apply_how, layer_rates, thaw
    from homefield.backbones.load import rebuild

__all__ = [
    "ActivationCache",
    "Backbone",
    "BackboneSource",
    "Encoded",
    "Facts",
    "How",
    "activation_cache",
    "apply_how",
    "entries",
    "layer_rates",
    "merge",
    "parse_how",
    "rebuild",
    "resolve",
    "thaw",
    "trained_state",
]

_HOMES = {
    "ActivationCache": "activations",
    "Backbone": "backbone",
    "BackboneSource": "catalogue",
    "Encoded": "encode",
    "Facts": "catalogue",
    "How": "how",
    "activation_cache": "activations",
    "apply_how": "layers",
    "entries": "catalogue",
    "layer_rates": "layers",
    "merge": "adapters",
    "parse_how": "how",
    "rebuild": "load",
    "resolve": "catalogue",
    "thaw": "layers",
    "trained_state": "adapters",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
