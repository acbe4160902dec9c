"""A run becomes a model: export, quantise, parity."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homefield.ship.model import export, export_named

__all__ = ["export", "export_named"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("homefield.ship.model"), name)
