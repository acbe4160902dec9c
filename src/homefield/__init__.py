"""Homefield turns the records a company already has into AI applications it owns.

    >>> import homefield
    >>> dataset = homefield.prepare("questions.csv", "data")
    >>> run = homefield.finetune(data="data", out="run")
    >>> model = homefield.export(run, "model")
    >>> homefield.load("model").predict(["Where is my parcel?"])
    >>> homefield.support.build("shop", pairs="questions.csv", answers="answers.csv")

The names below are imported when first used: `import homefield` alone costs nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homefield import support
    from homefield.api import (
        add_backbone,
        challenge,
        compare,
        compress,
        evaluate,
        export,
        finetune,
        forget,
        load,
        open_dataset,
        open_run,
        predict,
        prepare,
        pretrain,
        promote,
        rollback,
    )  # fmt: skip
    from homefield.errors import HomefieldError

__all__ = [
    "HomefieldError",
    "__version__",
    "add_backbone",
    "challenge",
    "compare",
    "compress",
    "evaluate",
    "export",
    "finetune",
    "forget",
    "load",
    "open_dataset",
    "open_run",
    "predict",
    "prepare",
    "pretrain",
    "promote",
    "rollback",
    "support",
]

__version__ = "0.1.0"


class _Homefield(ModuleType):
    """The module, whose `evaluate` stays the function when the floor `homefield.evaluate` is imported beside it."""

    @property
    def evaluate(self) -> object:
        """Judge a model: `homefield.api.evaluate`."""
        return import_module("homefield.api").evaluate

    @evaluate.setter
    def evaluate(self, floor: ModuleType) -> None:
        """Leave the floor where `from homefield.evaluate import ...` finds it: among the imported modules."""


sys.modules[__name__].__class__ = _Homefield


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "support":
        return import_module("homefield.support")
    return getattr(import_module("homefield.errors" if name == "HomefieldError" else "homefield.api"), name)


def __dir__() -> list[str]:
    return __all__
