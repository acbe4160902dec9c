"""What a run ran on: versions, processor, threads, and which arithmetic was chosen and why."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import homefield
from homefield.train.precision import Precision
from homefield.train.probe import Probe

__all__ = ["describe_environment"]

_PACKAGES = ("torch", "transformers", "peft", "tokenizers", "safetensors", "numpy", "polars")


def describe_environment(found: Probe, precision: Precision, processes: int) -> dict[str, Any]:
    """The environment of this process as entries of run.json."""
    return {
        "environment": {
            "homefield": homefield.__version__,
            "python": platform.python_version(),
            "system": platform.platform(),
            "packages": {name: _version(name) for name in _PACKAGES},
            "probe": found.as_json(),
            "precision": precision.arithmetic,
            "device": str(precision.device),
            "processes": processes,
        }
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
