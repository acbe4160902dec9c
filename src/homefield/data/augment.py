"""Text augmentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["augment"]


def augment(texts: Sequence[str], *, shares: Mapping[str, float], variants: int, seed: int) -> list[list[str]]:
    """Variants of each text."""
    raise NotImplementedError
