"""How it is learned: recipe, loop, batches, optimiser, checkpoint, distributed, trackers.

The names below are imported when first used, so that reading a recipe does not pay for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homefield.train.check import Checked, check_recipe
    from homefield.train.network import Network, NetworkInfo
    from homefield.train.recipe import Recipe, explain, load_recipe, parse_overrides, write_recipe
    from homefield.train.run import Run, open_run

__all__ = [
    "Checked",
    "Network",
    "NetworkInfo",
    "Recipe",
    "Run",
    "check_recipe",
    "explain",
    "load_recipe",
    "open_run",
    "parse_overrides",
    "write_recipe",
]

_HOMES = {
    "Checked": "check",
    "Network": "network",
    "NetworkInfo": "network",
    "Recipe": "recipe",
    "Run": "run",
    "check_recipe": "check",
    "explain": "recipe",
    "load_recipe": "recipe",
    "open_run": "run",
    "parse_overrides": "recipe",
    "write_recipe": "recipe",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
