"""How the learning rate goes over a run, and how many steps it has."""

from __future__ import annotations

import math
from typing import Literal

__all__ = ["Shape", "factor", "factor_at"]

Shape = Literal["linear", "cosine", "constant"]


def factor(step: int, total: int, *, warmup: float, shape: Shape) -> float:
    """The learning rate of step `step` (0-based, of `total`) as a share of its peak.

    Rises linearly over the first `warmup` of the steps, then falls to 0 along a line or half a cosine, or stays.
    """
    rise = round(total * warmup)
    if step < rise:
        return (step + 1) / rise
    if shape == "constant":
        return 1.0
    done = (step - rise) / max(1, total - rise)
    return 0.5 * (1 + math.cos(math.pi * done)) if shape == "cosine" else 1.0 - done


def factor_at(share: float, *, warmup: float, shape: Shape) -> float:
    """The learning rate where `share` (0 to 1) of a run is behind, for runs whose steps are not counted beforehand."""
    if share < warmup:
        return share / warmup
    if shape == "constant":
        return 1.0
    done = min(1.0, (share - warmup) / (1 - warmup))
    return 0.5 * (1 + math.cos(math.pi * done)) if shape == "cosine" else 1.0 - done
